"""What GitHub shows of a run: annotations, and the summary of a job."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from zodb_conformance.reports.model import Report, Told
from zodb_conformance.reports.words import edition, excused, headline, plain
from zodb_conformance.stacks import place

ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY_ESCAPES = {**ESCAPES, ":": "%3A", ",": "%2C"}


def annotation_lines(report: Report) -> list[str]:
    """The lines that GitHub turns into annotations, where they are printed in one of its jobs."""
    lines = []
    for told in in_order(report):
        found = told.finding.deviation
        text = f"{_sentences(told)}. Run it again: {told.python or told.replay}"
        kind = "error" if told.counts else "warning"
        lines.append(_line(kind, found.clause, text, *where(told, report.folder)))
    lines += [
        _line(
            "error", entry.clause, "This known deviation does not fail any more: remove the entry."
        )
        for entry in report.stale
    ]
    lines += [_line("error", "zodb-conformance", each) for each in report.shortfalls]
    if report.verdict == "unusable":
        lines.append(_line("error", "zodb-conformance", report.message))
    return lines


def in_order(report: Report) -> list[Told]:
    """What was found, those first that repeat no error: of many annotations only ten are shown."""
    return [*sorted(report.deviations, key=lambda told: bool(told.repeats)), *report.flaky]


def where(told: Told, folder: Path) -> tuple[str, int]:
    """The file and the line to which a finding is tied: those of the target, where it failed and
    where that lies in the folder of the project; else the script that shows it.
    """
    for frame in place(told.finding.output):
        with suppress(ValueError):
            return str(Path(frame.file).relative_to(Path.cwd())), frame.line
    return str(folder / (told.script_file or told.witness)), 1


def _sentences(told: Told) -> str:
    """What the clause says, and how it is broken; without the last full stop."""
    summary = f"{told.clause.summary} " if told.clause else ""
    return f"{summary}{told.message[:1].upper()}{told.message[1:]}"


def _line(kind: str, title: str, text: str, path: str = "", line: int = 1) -> str:
    properties = [f"title={_escaped(title or 'no clause', PROPERTY_ESCAPES)}"]
    if path:
        properties += [f"file={_escaped(path, PROPERTY_ESCAPES)}", f"line={line}"]
    return f"::{kind} {','.join(properties)}::{_escaped(text, ESCAPES)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(sign, sign) for sign in plain(text))


def job_summary(report: Report) -> str:
    """A run as Markdown, for the page of the job."""
    title, lead = headline(report)
    lines = [f"### {title}", "", lead, ""]
    told = in_order(report)
    if told:
        lines += ["| clause | level | what is wrong | run it again |", "|---|---|---|---|"]
    for entry in told:
        found = entry.finding.deviation
        level = entry.clause.level.value if entry.clause else "MUST"
        words = plain(_sentences(entry)).replace("|", "\\|").replace("\n", " ")
        kind = (
            "flaky: "
            if entry.finding.flaky
            else ""
            if found.kind == "deviation"
            else f"{found.kind}: "
        )
        lines.append(
            f"| `{found.clause}` | {level} | {kind}{words} | `{entry.python or entry.replay}` |"
        )
    if report.plan.edition != "current":
        lines += ["", f"Edition {edition(report)}."]
    if report.excused:
        lines += ["", f"{excused(report)}."]
    return "\n".join([*lines, "", f"`{report.command}`", ""])
