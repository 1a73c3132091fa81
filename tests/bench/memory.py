#!/usr/bin/env python3
"""Resident memory of belljar for a world of 20,000 files and 1 GiB, all of it read."""

from measure import *

WORLD = scenario_header("bench-memory") + """
[[decoys]]
path = "{home}/files/text-{n}.txt"
kind = "text"
count = 20000
size = "53688 B"
""" + SCAN

COMPONENT = """name = "reader"
vendor = "GNU"
version = "as installed"
files = ["/usr/bin/grep"]

[commands.scan]
argv = ["/usr/bin/grep", "-r", "-c", "-F", "no text has this in it", "{scan}"]
exit = [0, 1]
"""


def main():
    with Folder() as folder:
        most = []
        for turn in range(min(ROUNDS, 3)):
            run = jar(folder, WORLD, COMPONENT, conclude=False)
            phases = ", ".join(
                f"{name} {size / 1e6:.0f} MB in {run.wall[name]:.1f} s" for name, size in run.resident.items()
            )
            most.append(run.resident["running"] / 1e6)
            say(f"round {turn + 1}: most resident memory of belljar by phase: {phases}")
            keep(run)
        say(f"20,000 files, 1 GiB: while the component runs {spread(most)} MB")


main()
