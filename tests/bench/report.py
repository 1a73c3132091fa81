#!/usr/bin/env python3
"""How long a browser takes to open the report of a run with 100,000 reads, and how large it is.

One program reads one byte a hundred thousand times. The report is opened by headless Chromium, which
lays it out, runs its script and takes a picture; an empty page is opened in turn, and its time is
taken off: what is left is the report's. Prints the median and the range of the rounds.

Usage: tests/bench/report.py [BUNDLE]      (BELLJAR_BENCH_ROUNDS rounds; needs chromium)
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
BELLJAR = os.environ.get("BELLJAR_BIN", str(TARGET / "release/belljar"))
ROUNDS = int(os.environ.get("BELLJAR_BENCH_ROUNDS", "5"))
READS = 100_000
COMMAND = f'dd if="$0/Downloads/viewer.bin" of=/dev/null bs=1 count={READS}'


def opened(page, folder):
    """Seconds from the start of the browser to its end."""
    profile = folder / "profile"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command += [f"--user-data-dir={profile}", "--window-size=1200,4000"]
    command += [f"--screenshot={folder}/picture.png", f"file://{page}"]
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        bundle = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else folder / "bundle"
        if not bundle.exists():
            run = [BELLJAR, "run", "contractor-laptop", "--seed", "7", "--out", str(bundle)]
            subprocess.run([*run, "--", "sh", "-c", COMMAND, "{scan}"], capture_output=True)
        verdict = json.loads((bundle / "verdict.json").read_text())
        reads = verdict["reads"]["count"]
        if reads < READS:
            sys.exit(f"the run has {reads} reads only")
        empty = folder / "empty.html"
        empty.write_text("<!doctype html><title>empty</title>")
        page = bundle / "report.html"
        opened(empty, folder)
        took, base = [], []
        for turn in range(ROUNDS):
            base.append(opened(empty, folder))
            took.append(opened(page, folder))
            print(f"round {turn + 1}: empty {base[-1]:.2f} s, report {took[-1]:.2f} s", file=sys.stderr)
        over = [one - other for one, other in zip(took, base)]
        size = page.stat().st_size
        load = os.getloadavg()[0]
        print(
            f"report of {reads:,} reads: {size:,} bytes; opens in {statistics.median(over):.2f} s "
            f"({min(over):.2f}–{max(over):.2f}) beyond an empty page ({statistics.median(base):.2f} s); "
            f"{ROUNDS} rounds, load {load:.1f}"
        )


main()
