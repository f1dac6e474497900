"""Phrases that several forms of the report share."""

from __future__ import annotations

from itertools import islice, takewhile
from pathlib import Path

from zodb_conformance.reports.model import Capability, Report
from zodb_conformance.stacks import place

EDITION_TEXTS = {
    "2005-06-10": "the first chapter on references across databases",
    "2005-06-16": "the state that followed it, for one day",
    "2005-06-17": "the chapter that followed",
    "2006-08-16": "the interface with versions, mvcc and synch",
    "current": "today's rules",
}
"""What the editions are, by name."""


MOST_CALLS = 3
"""How many calls are shown of the stack of a target that fell or failed."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 clause", "2 clauses"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def how_long(seconds: float) -> str:
    """A duration: "9.4 s", "2 min 5 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def plain(text: str) -> str:
    """A text that a target had a part in, with everything written out that is no plain sign.

    It may hold what moves a terminal's cursor, what XML forbids, or half a character.
    """
    return "".join(
        sign if sign.isprintable() or sign in "\n\t" else repr(sign)[1:-1] for sign in text
    )


def calls(output: str) -> list[str]:
    """The innermost calls of a target that fell or failed, as far as they lie in files."""
    in_files = takewhile(lambda frame: not frame.file.startswith("<"), place(output))
    return [
        f"{frame.function} in {_place(frame.file)}, line {frame.line}"
        for frame in islice(in_files, MOST_CALLS)
    ]


def _place(file: str) -> str:
    """A path as short as it can be understood: within its package, or from where we are."""
    installed = file.rpartition("/site-packages/")[2]
    return installed if installed != file else file.removeprefix(f"{Path.cwd()}/")


def headline(report: Report) -> tuple[str, str]:
    """The outcome of a run: one short sentence, and one that says how much stands behind it."""
    name = plain(report.target.name)
    checked = sum(report.count(verdict) for verdict in ("holds", "deviates", "known"))
    of_all = f"{counted(checked, 'clause')} checked" + (report.scope and f" ({report.scope})")
    unreached = report.count("not-reached")
    gap = f", {unreached} not reached" if unreached else ""
    match report.verdict:
        case "unusable":
            if report.broken:
                return "The suite failed", report.message
            return f"{name} could not be exercised", plain(report.message)
        case "interrupted":
            found = counted(len(report.deviations), "deviation")
            return "The run was interrupted", f"{of_all}{gap}, {found} found until then."
        case "deviates":
            return f"{name} deviates", f"{_broken(report)}; {of_all}{gap}."
    allowed = len(report.deviations) + len(report.flaky)
    but = f"; {counted(allowed, 'deviation')} that it may have" if allowed else ""
    known = report.count("known")
    waived = f"; {counted(known, 'deviation')} known and waived" if known else ""
    return f"{name} conforms", f"{of_all}{gap}{but}{waived}."


def excused(report: Report) -> str:
    """What does not count because the connections do it by themselves, in one sentence."""
    number = counted(len(report.excused), "clause is", "clauses are")
    them = "it" if len(report.excused) == 1 else "them"
    database = plain(report.target.database)
    return f"{number} broken by {database} whatever the storage; only --level all counts {them}"


def left_open(report: Report) -> str:
    """Of which capabilities it is not known whether the target has them, and how much depends on
    that, in a sentence; "" where nothing does.
    """
    unknown = {
        each.name: report.left_out(each.name) for each in report.capabilities if each.unknown
    }
    waiting = [name for name, number in unknown.items() if number]
    if not waiting:
        return ""
    left_out = counted(sum(unknown.values()), "clause")
    return f"nothing tells whether it has {', '.join(waiting)}: {left_out} left out"


def repeated(report: Report) -> str:
    """How many of the clauses that are broken only repeat an error, in a sentence."""
    number = len(report.deviations) - len(report.leading)
    repeat = "repeats" if number == 1 else "repeat"
    return f"{number} of the {len(report.deviations)} deviations only {repeat} the error of another"


def through_connections(report: Report) -> str:
    """What stands between that which a storage does by itself and what is seen through connections,
    in a sentence.
    """
    return (
        f"So much for the storage by itself. What follows was seen through {report.target.database}"
        " over it, and may be due to the same."
    )


def borne_out(entry: Capability) -> str:
    """What the clauses about a capability say, those that need it or those on who lacks it."""
    match entry.declared, entry.verified:
        case _, None:
            return "not tested in this run"
        case True, True:
            return "it is there"
        case True, _:
            return "it is not as it should be"
        case _, True:
            return "it is refused as it should be"
    return "it is not refused as it should be"


def edition(report: Report) -> str:
    """The edition by which a target was judged, what that is, and whether the target knows it."""
    name = report.plan.edition
    told = f"{name}, {EDITION_TEXTS[name]}"
    if report.target.in_edition:
        return told
    target = plain(report.target.name)
    return f"{told}; {target} can't be opened for it: it was run as it is, and judged by that"


def _broken(report: Report) -> str:
    broken = {told.finding.deviation.clause for told in report.deviations if told.counts}
    others = sum(not told.counts for told in report.deviations)
    flaky = sum(told.counts for told in report.flaky)
    whole = counted(len(broken), "clause") + " that it must obey" * (not report.strict)
    parts = [f"it breaks {whole}"] if broken else []
    if others:
        parts.append(counted(others, "other"))
    if flaky:
        parts.append(f"{counted(flaky, 'failure')} could not be shown again")
    return ", ".join(parts)
