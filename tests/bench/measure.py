"""What every benchmark needs: processor time of a whole process tree, runs of belljar phase by
phase, pairs taken alternately, medians.

Processor time comes from a cgroup of the benchmark's own (v1 cpuacct or v2), so that it counts every
process of the tree, whoever reaps it. Cannot see: what the kernel does for the tree in its own
threads (writing back to disk).
"""

import atexit
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import signal
import sys
import tempfile
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
BELLJAR = os.environ.get("BELLJAR_BIN", str(TARGET / "release/belljar"))
# Ended from outside it ends as by Ctrl-C, and takes along what it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
ROUNDS = int(os.environ.get("BELLJAR_BENCH_ROUNDS", "5"))


class Group:
    """A cgroup that only accounts."""

    def __init__(self):
        one, two = pathlib.Path("/sys/fs/cgroup/cpuacct"), pathlib.Path("/sys/fs/cgroup")
        self.first = one.is_dir()
        if not self.first and not (two / "cgroup.controllers").exists():
            sys.exit("needs cgroup v1 cpuacct or cgroup v2")
        self.path = (one if self.first else two) / f"belljar-bench-{os.getpid()}-{time.monotonic_ns()}"
        self.path.mkdir()

    def seconds(self):
        if self.first:
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        stat = (self.path / "cpu.stat").read_text().split()
        return int(stat[stat.index("usage_usec") + 1]) / 1e6

    def start(self, command, **options):
        procs = self.path / "cgroup.procs"

        def join():
            procs.write_text(str(os.getpid()))

        return subprocess.Popen(command, preexec_fn=join, **options)

    def close(self):
        for _ in range(200):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.01)


class Took:
    """Wall and processor seconds."""

    def __init__(self, wall, cpu, out=b""):
        self.wall, self.cpu, self.out = wall, cpu, out


def bare(command, codes=(0, 1), **options):
    """Runs a command outside."""
    group = Group()
    began = time.monotonic()
    options.setdefault("stderr", subprocess.DEVNULL)
    process = group.start(command, stdout=subprocess.PIPE, **options)
    out = process.communicate()[0]
    took = Took(time.monotonic() - began, group.seconds(), out)
    group.close()
    if process.returncode not in codes:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return took


class Run:
    """A run of belljar that has ended."""

    def __init__(self):
        self.wall, self.cpu, self.resident = {}, {}, {}
        self.code = None
        self.bundle = None

    def record(self):
        with open(self.bundle / "record.jsonl", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def verdict(self):
        return json.loads((self.bundle / "verdict.json").read_text())

    def scan_seconds(self):
        """Wall seconds of the step `scan`, by belljar's clock."""
        ends = [o["event"] for o in self.record() if o["event"]["kind"] == "step-ended"]
        return ends[0]["millis"] / 1000

    def output(self, label="stdout"):
        for line in self.record():
            event = line["event"]
            if event["kind"] == "payload" and event["label"] == label:
                return (self.bundle / "payloads" / event["payload"]["sha256"]).read_bytes()
        return b""


def jar(folder, scenario, component, seed=1, codes=(0,), conclude=True):
    """Runs a scenario and component, given as text, and follows its phases. Without `conclude` it
    is ended when the component has, and there is no verdict."""
    work = pathlib.Path(tempfile.mkdtemp(dir=folder))
    (work / "scenario.toml").write_text(scenario)
    (work / "component.toml").write_text(component)
    run = Run()
    run.bundle = work / "bundle"
    group = Group()
    began = time.monotonic()
    command = [BELLJAR, "run", "scenario.toml", "--component", "component.toml"]
    command += ["--seed", str(seed), "--out", "bundle"]
    process = group.start(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    phase, entered, used = "start", began, 0.0
    place, rest = 0, b""

    def enter(name):
        nonlocal phase, entered, used
        now, cpu = time.monotonic(), group.seconds()
        run.wall[phase], run.cpu[phase] = now - entered, cpu - used
        phase, entered, used = name, now, cpu

    # A benchmark that is broken off leaves nothing running.
    atexit.register(process.kill)
    while process.poll() is None:
        # The record is written out at every change of phase, and last of all its line.
        try:
            with open(run.bundle / "record.jsonl", "rb") as record:
                record.seek(place)
                fresh = record.read()
        except OSError:
            fresh = b""
        place += len(fresh)
        *lines, rest = (rest + fresh).split(b"\n")
        for line in lines:
            if b'"kind":"phase"' in line[:200]:
                enter(json.loads(line)["event"]["name"])
                if phase == "concluding" and not conclude:
                    process.kill()
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            resident = int(status.split("VmRSS:")[1].split()[0]) * 1024
            run.resident[phase] = max(run.resident.get(phase, 0), resident)
        except (OSError, IndexError):
            pass
        time.sleep(0.004)
    enter("end")
    reader.join()
    group.close()
    run.code = process.returncode
    if conclude and run.code not in codes:
        sys.exit(f"belljar ended with {run.code}:\n{errors[0].decode()}")
    return run


def median(values):
    return statistics.median(values)


def spread(values):
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def ratio(ours, theirs):
    """Ratios pair by pair: both were taken in the same round."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def say(text):
    print(text, flush=True)


def scenario_header(name, **limits):
    limits = {"time": "20m", "memory": "4 GiB", "record": "4 GiB", **limits}
    lines = "\n".join(f'{key} = "{value}"' for key, value in limits.items())
    return (
        f'name = "{name}"\nquestion = "What does it cost?"\nscan = ["{{home}}"]\n\n'
        f"[identity]\nuser = \"bench\"\n\n[limits]\n{lines}\n"
    )


SCAN = '\n[[steps]]\nrun = "scan"\ntimeout = "15m"\n'


class Folder:
    """A temporary folder, in memory where BELLJAR_BENCH_DIR names such a place."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("BELLJAR_BENCH_DIR")))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def plant(folder, scenario, seed=1):
    """Writes the same world to a folder, and reads it once so that it is in memory."""
    (folder / "plant.toml").write_text(scenario)
    world = folder / "world"
    command = [BELLJAR, "plant", str(world), "--scenario", str(folder / "plant.toml")]
    subprocess.run([*command, "--seed", str(seed)], check=True, stdout=subprocess.DEVNULL)
    home = world / "home/bench"
    subprocess.run(["grep", "-r", "-c", "-F", "zzzz", str(home)], stdout=subprocess.DEVNULL)
    return home


def keep(run):
    """Removes a bundle whose figures have been taken."""
    shutil.rmtree(run.bundle.parent, ignore_errors=True)
