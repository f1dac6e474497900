"""What GitHub shows of a run: annotations, and the summary of a job."""

from __future__ import annotations

from zodb_conformance.reports.model import Report
from zodb_conformance.reports.words import edition, excused, headline, plain

ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY_ESCAPES = {**ESCAPES, ":": "%3A", ",": "%2C"}


def annotation_lines(report: Report) -> list[str]:
    """The lines that GitHub turns into annotations, where they are printed in one of its jobs."""
    lines = []
    for told in (*report.deviations, *report.flaky):
        found = told.finding.deviation
        path = report.folder / (told.script_file or told.witness)
        text = f"{told.message}. Run it again: {told.python or told.replay}"
        lines.append(_line("error" if told.counts else "warning", found.clause, text, str(path)))
    lines += [
        _line(
            "error", entry.clause, "This known deviation does not fail any more: remove the entry."
        )
        for entry in report.stale
    ]
    if report.verdict == "unusable":
        lines.append(_line("error", "zodb-conformance", report.message))
    return lines


def _line(kind: str, title: str, text: str, path: str = "") -> str:
    properties = [f"title={_escaped(title or 'no clause', PROPERTY_ESCAPES)}"]
    if path:
        properties.append(f"file={_escaped(path, PROPERTY_ESCAPES)}")
    return f"::{kind} {','.join(properties)}::{_escaped(text, ESCAPES)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(sign, sign) for sign in plain(text))


def job_summary(report: Report) -> str:
    """A run as Markdown, for the page of the job."""
    title, lead = headline(report)
    lines = [f"### {title}", "", lead, ""]
    told = [*report.deviations, *report.flaky]
    if told:
        lines += ["| clause | level | what is wrong | run it again |", "|---|---|---|---|"]
    for entry in told:
        found = entry.finding.deviation
        level = entry.clause.level.value if entry.clause else "MUST"
        words = plain(entry.message).replace("|", "\\|").replace("\n", " ")
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
