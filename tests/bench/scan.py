#!/usr/bin/env python3
"""A scan of 20,000 files of 8 KiB in the jar against outside, and outside under strace.

The scanner is `grep -r -c -F` of Debian's grep: it lists, opens, stats, reads and closes each file
and computes next to nothing, so that almost all of the time is the price of reading. Worst case: the
files outside are in the page cache of the host.
"""

from measure import *

WORLD = scenario_header("bench-scan") + """
[[decoys]]
path = "{home}/files/text-{n}.txt"
kind = "text"
count = 20000
size = "8 KiB"
""" + SCAN

PATTERN = "no text has this in it"
GREP = ["/usr/bin/grep", "-r", "-c", "-F", PATTERN]
COMPONENT = f"""name = "grep"
vendor = "GNU"
version = "as installed"
files = ["/usr/bin/grep"]

[commands.scan]
argv = ["/usr/bin/grep", "-r", "-c", "-F", "{PATTERN}", "{{scan}}"]
exit = [0, 1]
"""


def main():
    with Folder() as folder:
        home = plant(folder, WORLD)
        strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=%file,read"]
        rows = {"bare": [], "jar": [], "strace": []}
        walls = {"bare": [], "jar": [], "strace": []}
        for turn in range(ROUNDS):
            plain = bare([*GREP, str(home)])
            run = jar(folder, WORLD, COMPONENT, conclude=False)
            traced = bare([*strace, *GREP, str(home)])
            rows["bare"].append(plain.cpu)
            rows["jar"].append(run.cpu["running"])
            rows["strace"].append(traced.cpu)
            walls["bare"].append(plain.wall)
            walls["jar"].append(run.scan_seconds())
            walls["strace"].append(traced.wall)
            reads = [o for o in run.record() if o["event"].get("act", {}).get("op") == "read"]
            named = sum(1 for o in reads if "native" in o["actor"])
            phases = ", ".join(f"{name} {took:.2f}" for name, took in run.wall.items())
            say(f"round {turn + 1}: wall bare {plain.wall:.2f} s, jar {walls['jar'][-1]:.2f} s, "
                f"strace {traced.wall:.2f} s; {named} reads recorded with their process; "
                f"phases of the run in seconds: {phases}")
            keep(run)
        say(f"20,000 x 8 KiB, grep: wall jar/bare {spread(ratio(walls['jar'], walls['bare']))}, "
            f"strace/bare {spread(ratio(walls['strace'], walls['bare']))}")
        say(f"CPU: jar/bare {spread(ratio(rows['jar'], rows['bare']))}, "
            f"strace/bare {spread(ratio(rows['strace'], rows['bare']))}")


main()
