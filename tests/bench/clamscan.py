#!/usr/bin/env python3
"""clamscan in the jar against clamscan outside, and outside under strace: processor time.

World: 2,000 files, about 51 MB: texts, source, documents, archives. In the jar everything is counted
that the tree uses while the component runs: clamscan, the world's door, the watcher, the record.
"""

from measure import *

WORLD = scenario_header("bench-clamscan") + """
[[decoys]]
path = "{home}/a/text-{n}.txt"
kind = "text"
count = 800
size = "12 KiB"

[[decoys]]
path = "{home}/b"
kind = "source-tree"
count = 800
size = "12 MiB"

[[decoys]]
path = "{home}/c/doc-{n}.docx"
kind = "docx"
count = 150
size = "60 KiB"

[[decoys]]
path = "{home}/d/report-{n}.pdf"
kind = "pdf"
count = 100
size = "120 KiB"

[[decoys]]
path = "{home}/e/blob-{n}.bin"
kind = "binary"
count = 145
size = "50 KiB"
""" + "".join(
    f"""
[[decoys]]
path = "{{home}}/f/sample-{n}.com"
kind = "sample"
"""
    for n in range(5)
) + SCAN

SCANNER = ["/usr/bin/clamscan", "--recursive", "--infected"]


def signatures():
    """652 signatures that nothing has, and the sample's."""
    import random

    draw = random.Random(652)
    lines = [f"Bench-{n}:0:*:{draw.randbytes(24).hex()}" for n in range(652)]
    return "\n".join(lines) + "\n"


COMPONENT = """name = "clamscan"
vendor = "Cisco Talos"
version = "as installed"
files = ["/usr/bin/clamscan"]
detection = '^(?P<path>/.*): (?P<name>.+) FOUND$'

[commands.scan]
argv = ["/usr/bin/clamscan", "--recursive", "--infected", "--database=/var/lib/belljar-db", "{scan}"]
exit = [0, 1]

[[provisions]]
path = "/var/lib/belljar-db/bench.ndb"
text = '''
SIGNATURESEICAR-Test:0:*:{eicar-hex}
'''
""".replace("SIGNATURES", signatures())


def main():
    with Folder() as folder:
        home = plant(folder, WORLD)
        database = folder / "db"
        database.mkdir()
        # Outside, the sample's own signature is put together at run time.
        sample = next(home.glob("f/*.com")).read_bytes()
        (database / "bench.ndb").write_text(f"{signatures()}EICAR-Test:0:*:{sample[:68].hex()}\n")
        command = [*SCANNER, f"--database={database}", str(home)]
        strace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=%file,read,pread64"]
        rows = {"bare": [], "jar": [], "strace": []}
        walls = {"bare": [], "jar": [], "strace": []}
        for turn in range(ROUNDS):
            plain = bare(command)
            run = jar(folder, WORLD, COMPONENT, conclude=False)
            traced = bare([*strace, *command])
            found = plain.out.count(b"FOUND"), run.output().count(b"FOUND")
            if found != (5, 5):
                sys.exit(f"detections differ: {found}")
            for name, cpu, wall in (
                ("bare", plain.cpu, plain.wall),
                ("jar", run.cpu["running"], run.scan_seconds()),
                ("strace", traced.cpu, traced.wall),
            ):
                rows[name].append(cpu)
                walls[name].append(wall)
            phases = ", ".join(f"{name} {took:.2f}" for name, took in run.wall.items())
            say(f"round {turn + 1}: bare {plain.cpu:.2f} s, jar {run.cpu['running']:.2f} s, "
                f"strace {traced.cpu:.2f} s of processor time; phases of the run in seconds: {phases}")
            keep(run)
        say(f"clamscan, 2,000 files: CPU jar/bare {spread(ratio(rows['jar'], rows['bare']))}, "
            f"strace/bare {spread(ratio(rows['strace'], rows['bare']))}")
        say(f"wall: jar/bare {spread(ratio(walls['jar'], walls['bare']))}, "
            f"strace/bare {spread(ratio(walls['strace'], walls['bare']))}")


main()
