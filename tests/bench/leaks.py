#!/usr/bin/env python3
"""Writes what the leak benchmark found into docs/leaks.md, between "## Figures" and "## Waiting".

    belljar bench leaks --seed 2026 --format json > leaks.json
    tests/bench/leaks.py leaks.json "on what, how busy, when"
"""

import json
import pathlib
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/leaks.md"


def share(row, percent=True):
    """`count of of`, with the percentage."""
    text = f"{row['count']} of {row['of']}"
    return f"{text} ({100 * row['count'] / row['of']:.1f} %)" if percent and row["of"] else text


def table(head, rows):
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def listed(cases):
    """Cases with why they are listed."""
    return "\n".join(f"- `{case['id']}`: {case['why']}" for case in cases)


def figures(report, circumstances):
    """The figures, by all axes, and what was missed or told wrongly."""
    total, leaking = report["total"], report["leaking"]
    innocent = report["negative"]
    summary = [
        ("leaks found", f"{share(total['found'])}; {100 * report['recall-open']:.1f} % of those that content can show"),
        ("innocent cases with a finding", f"{report['false_positives']} of {innocent}"),
        ("precision", f"{100 * report['precision']:.1f} %"),
    ]
    for axis in ["decoy", "range", "class", "chain", "destination", "process"]:
        summary.append((f"right {axis}", share(total[axis])))
    summary += [
        ("what is hidden is within the ceiling", share(report["within-ceiling"], False)),
        ("grep", f"{report['rivals']['grep']} of {leaking}"),
        ("table of plain encodings", f"{report['rivals']['table']} of {leaking}"),
        ("ways to read that the jar must refuse", share(report["refused"], False) + " refused"),
        ("not carried out", str(len(report["failed"]))),
    ]
    parts = [
        "## Figures",
        f"{report['cases']} of {report['set']} cases: `belljar bench leaks --seed {report['seed']}`, optimised "
        f"build, {report['runs']} runs, {report['jobs']} at a time, {report['seconds']:.0f} s, {circumstances}. "
        "Written by `tests/bench/leaks.py`.",
        table(["", ""], summary),
    ]
    for axis, rows in report["axes"].items():
        parts.append(f"### By {axis.replace('-', ' ')}")
        head = [axis, "found", "right decoy, range, destination and process"]
        parts.append(table(head, [(k, share(v["found"], False), share(v["right"], False)) for k, v in rows.items()]))
    parts.append("### Innocent cases")
    parts.append(table(["kind", "clean"], [(k, share(v, False)) for k, v in report["negatives"].items()]))
    for title, key in [
        ("Missed", "missed-cases"),
        ("Found where nothing leaves", "false-cases"),
        ("Told wrongly", "wrong-cases"),
        ("Above the ceiling", "above-ceiling"),
        ("Not carried out", "failed"),
    ]:
        if report[key]:
            parts += [f"## {title}", listed(report[key])]
    return "\n\n".join(parts) + "\n\n"


def main():
    """Replaces the section of the page."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    page = PAGE.read_text()
    begin, end = page.index("## Figures"), page.index("## Waiting")
    PAGE.write_text(page[:begin] + figures(report, sys.argv[2]) + page[end:])


main()
