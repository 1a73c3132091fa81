#!/usr/bin/env python3
"""Start to end of `/bin/true`: a jar without world and wire against bubblewrap; then the phases of a
whole run of the library's main scenario.

The jar's figure holds what bubblewrap does not do: two nested user namespaces, layers over /usr that
are compared at the end, limits, a filter that is watched, and the look from inside.
"""

from measure import *

BUBBLEWRAP = ["bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--ro-bind", "/lib", "/lib"]
BUBBLEWRAP += ["--ro-bind-try", "/lib64", "/lib64", "--ro-bind", "/bin", "/bin", "--proc", "/proc"]
BUBBLEWRAP += ["--dev", "/dev", "--tmpfs", "/tmp", "/bin/true"]


def main():
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "-p", "belljar-sandbox", "--example", "jar_demo"],
        cwd=REPOSITORY, check=True,
    )
    demo = [str(TARGET / "release/examples/jar_demo"), "--quiet", "/bin/true"]
    walls = {"bwrap": [], "jar": []}
    for _ in range(ROUNDS * 6):
        walls["bwrap"].append(bare(BUBBLEWRAP).wall)
        walls["jar"].append(bare(demo).wall)
    say(f"/bin/true: bubblewrap {median(walls['bwrap']) * 1000:.1f} ms, "
        f"jar {median(walls['jar']) * 1000:.1f} ms, "
        f"jar/bubblewrap {spread(ratio(walls['jar'], walls['bwrap']))}")
    scenario = (REPOSITORY / "scenarios/library/contractor-laptop.toml").read_text()
    component = (REPOSITORY / "scenarios/components/clamscan.toml").read_text()
    with Folder() as folder:
        runs = [jar(folder, scenario, component) for _ in range(ROUNDS)]
        names = list(runs[0].wall)
        listed = ", ".join(f"{n} {median([r.wall[n] for r in runs]):.2f} s" for n in names)
        say(f"contractor-laptop with clamscan, medians of the phases: {listed}; "
            f"in all {median([sum(r.wall.values()) for r in runs]):.2f} s "
            f"(one second of it is the scenario's own waiting)")


main()
