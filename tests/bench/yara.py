#!/usr/bin/env python3
"""yara over one archive of 45 MB, which it maps, in the jar against outside and under strace.

Each page that it touches is a request of its own and is forgotten again, so that a second reading is
seen too.
"""

from measure import *

WORLD = scenario_header("bench-yara") + """
[[decoys]]
path = "{home}/backup.zip"
kind = "zip"
size = "45 MB"
members = [{ path = "notes.txt", kind = "text", size = "1 MiB" }]
""".replace("45 MB", "45000000 B") + SCAN

RULE = 'rule Nothing { strings: $a = "no archive has this in it" condition: $a }\n'
COMPONENT = f"""name = "yara"
vendor = "VirusTotal"
version = "as installed"
files = ["/usr/bin/yara"]

[commands.scan]
argv = ["/usr/bin/yara", "--recursive", "/var/lib/belljar-db/bench.yar", "{{scan}}"]
exit = [0]

[[provisions]]
path = "/var/lib/belljar-db/bench.yar"
text = '''
{RULE}'''
"""


def main():
    with Folder() as folder:
        home = plant(folder, WORLD)
        (folder / "bench.yar").write_text(RULE)
        command = ["/usr/bin/yara", "--recursive", str(folder / "bench.yar"), str(home)]
        strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=%file,read,mmap"]
        walls = {"bare": [], "jar": [], "strace": []}
        rows = {"bare": [], "jar": [], "strace": []}
        for turn in range(ROUNDS):
            plain = bare(command)
            run = jar(folder, WORLD, COMPONENT, conclude=False)
            traced = bare([*strace, *command])
            pages = [
                o["event"]["act"] for o in run.record()
                if o["event"].get("act", {}).get("precision") == "page"
            ]
            for name, cpu, wall in (
                ("bare", plain.cpu, plain.wall),
                ("jar", run.cpu["running"], run.scan_seconds()),
                ("strace", traced.cpu, traced.wall),
            ):
                rows[name].append(cpu)
                walls[name].append(wall)
            say(f"round {turn + 1}: wall bare {plain.wall:.2f} s, jar {walls['jar'][-1]:.2f} s, "
                f"strace {traced.wall:.2f} s (it sees one mmap); the record has {len(pages)} reads by "
                f"the page, {sum(act['returned'] for act in pages)} bytes")
            keep(run)
        say(f"yara, 45 MB by mmap: wall jar/bare {spread(ratio(walls['jar'], walls['bare']))}, "
            f"strace/bare {spread(ratio(walls['strace'], walls['bare']))}; "
            f"CPU jar/bare {spread(ratio(rows['jar'], rows['bare']))}")


main()
