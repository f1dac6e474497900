"""The end of a run on a terminal: what is wrong, why, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from zodb_conformance.reports.excerpt import excerpt
from zodb_conformance.reports.model import Chapter, Overall, Report, Told, Verdict
from zodb_conformance.reports.words import (
    calls,
    counted,
    edition,
    excused,
    headline,
    how_long,
    left_open,
    plain,
    repeated,
    through_connections,
)

STYLES: dict[Verdict, str] = {
    "holds": "green",
    "deviates": "bold red",
    "known": "magenta",
    "not-reached": "yellow",
    "not-applicable": "bright_black",
}
MARKS: dict[Overall, tuple[str, str]] = {
    "conforms": ("✓", "bold green"),
    "deviates": ("✗", "bold red"),
    "unusable": ("!", "bold red"),
    "interrupted": ("…", "bold yellow"),
}
MOST_WHOLE = 12
"""Of how many chapters there is a line each where nothing is wrong in them, but in others."""

BAR = 24
"""The width of the bar of a chapter."""

MOST_LINES = 12
"""How many lines at the end of a trace are shown, beside those that bind their names."""

NOT_SHOWN = "the plain script made for it did not show it by itself, so none is given"

MOST_TOLD = 3
"""How many deviations are told in full."""

MOST_BRIEF = 12
"""How many more are told briefly; the others are named, and told in the report."""

MOST_SIGNS = 400
"""How long the sentence may be that says briefly what is wrong."""

MOST_NAMED = 4
"""How many of the clauses are named that repeat the error of another."""

MOST_MISSED = 8
"""How many clauses without a verdict are named."""

SYNTAX = Syntax("", "python", theme="ansi_dark", background_color="default")


def summary(report: Report, console: Console) -> None:
    """Print everything that a person needs to know first, the most important thing last."""
    console.print()
    if report.verdict != "unusable":
        console.print(table_of_chapters(report))
        console.print()
    told = [*report.leading, *report.flaky]
    for number, entry in enumerate(told):
        if number and told[number - 1].by_itself and not entry.by_itself and entry.counts:
            through = through_connections(report)
            console.print(Padding(Text(through, "dim"), (0, 2, 1, 2)))
        if number < MOST_TOLD:
            finding(entry, console, report.repeating(entry))
        elif number < MOST_TOLD + MOST_BRIEF or entry.finding.flaky:
            _briefly(entry, console, report.repeating(entry))
        else:
            console.print(Padding(_title(entry), (0, 0, 0, 2)))
    if len(told) > MOST_TOLD + MOST_BRIEF:
        console.print()
    for stale in report.stale:
        text = "  is a known deviation, and its witness does not fail any more: remove the entry.\n"
        console.print(Text.assemble((f"  {stale.clause}", "bold red"), text))
    for error in report.broken:
        _end_of(error, console)
    if report.verdict == "unusable" and report.output and not told:
        console.print(Text("  What was printed last:", "dim"))
        _end_of(report.output, console)
    _outcome(report, console)


def _briefly(told: Told, console: Console, repeating: Sequence[Told]) -> None:
    console.print(Padding(_title(told), (0, 0, 0, 2)))
    if told.clause:
        console.print(Padding(Text(told.clause.summary.replace("`", "")), (0, 2, 0, 4)))
    where = "".join(f", in {call}" for call in calls(told.finding.output)[:1])
    message = plain(told.message)
    cut = message if len(message) <= MOST_SIGNS else f"{message[:MOST_SIGNS]}…"
    console.print(Padding(Text(cut + where), (0, 2, 0, 4)))
    if repeating:
        console.print(Padding(Text(_repeated(repeating), "dim"), (0, 2, 0, 4)))
    console.print(Text(f"    {told.python or told.replay}\n", "cyan"), soft_wrap=True)


def _repeated(repeating: Sequence[Told]) -> str:
    named = [told.finding.deviation.clause or "no clause" for told in repeating[:MOST_NAMED]]
    more = ", ..." if len(repeating) > MOST_NAMED else ""
    number = counted(len(repeating), "further clause")
    return f"the same error in {number}: {', '.join(named)}{more}"


def _end_of(text: str, console: Console) -> None:
    lines = plain(text).strip().splitlines()
    cut = ["..."] if len(lines) > MOST_LINES else []
    for each in [*cut, *lines[-MOST_LINES:], ""]:
        console.print(Text(f"    {each}", "dim"), soft_wrap=True)


def _outcome(report: Report, console: Console) -> None:
    mark, style = MARKS[report.verdict]
    title, lead = headline(report)
    console.print(Text.assemble((f"{mark} {title}", style), f"  {lead}"))
    if report.stale and report.verdict == "conforms":
        console.print("  The run fails all the same: the known-deviations file is out of date.")
    for shortfall in report.shortfalls:
        console.print(Text(f"  The run fails all the same. {plain(shortfall)}", "red"))
    unreached = [row.id for row in report.rows if row.verdict == "not-reached" and not row.flaky]
    if unreached and report.verdict in ("conforms", "deviates"):
        more = ", ..." if len(unreached) > MOST_MISSED else ""
        line(console, "missed", ", ".join(unreached[:MOST_MISSED]) + more)
        if report.given_up:
            number = counted(report.given_up, "check was", "checks were")
            line(console, "", f"{number} not done, since the target hung or crashed too often")
        if report.was_cut:
            line(console, "", "there was no time for all scripts: --budget gives it more")
    if report.plan.edition != "current":
        line(console, "edition", edition(report))
    if waiting := left_open(report):
        line(console, "unknown", waiting)
    if report.excused:
        line(console, "excused", excused(report))
    if len(report.leading) < len(report.deviations):
        line(console, "causes", repeated(report))
        line(console, "", f"begin with {report.leading[0].finding.deviation.clause}, told first")
    done = f"{counted(report.scripts, 'script')}, {counted(report.steps, 'step')}"
    work = f"{done} in {how_long(report.elapsed)}; seed {report.plan.seed}, {report.plan.profile}"
    line(console, "work", work)
    line(console, "report", str(report.folder / "report.html"))
    line(console, "again", report.command)


def line(console: Console, word: str, rest: str) -> None:
    """A word and something to copy, which therefore is never wrapped."""
    console.print(Text.assemble((f"  {word:<8}", "dim"), plain(rest)), soft_wrap=True)


def finding(told: Told, console: Console, repeating: Sequence[Told] = ()) -> None:
    """Print one deviation, as much of it as helps at first sight.

    repeating  those that show the same error
    """
    parts: list[RenderableType] = [_title(told)]
    if told.clause:
        parts.append(Text(told.clause.summary.replace("`", "")))
    parts.append(_facts(told))
    if told.finding.deviation.trace:
        parts.append(Padding(trace(told), (0, 0, 0, 2)))
    console.print(Padding(Group(*parts), (0, 2, 0, 2)))
    see_it = NOT_SHOWN if told.finding.shown is False else told.python
    for word, rest in (("see it", see_it), ("replay", told.replay)):
        if rest:
            style = "" if rest == NOT_SHOWN else "cyan"
            console.print(Text.assemble((f"  {word:<11}", "dim"), (rest, style)), soft_wrap=True)
    if repeating:
        console.print(Padding(Text(_repeated(repeating), "dim"), (0, 2, 0, 2)))
    console.print()


def _title(told: Told) -> Text:
    found = told.finding.deviation
    kind = "flaky" if told.finding.flaky else found.kind
    notes = [told.clause.level.value] if told.clause else []
    if kind != "deviation":
        notes.append(kind)
    if not told.counts:
        notes.append("does not fail the run")
    style = "bold yellow" if told.finding.flaky or not told.counts else "bold red"
    return Text.assemble((found.clause or "no clause", style), "  ", (", ".join(notes), "dim"))


def _facts(told: Told) -> RenderableType:
    found = told.finding.deviation
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=9)
    table.add_column(overflow="fold")
    table.add_row("expected", Text(plain(found.expected)))
    table.add_row("observed", Text(plain(found.observed), "red"))
    word = "where"
    for call in calls(told.finding.output):
        table.add_row(word, Text(plain(call)))
        word = ""
    if told.origin:
        table.add_row("", Text(plain(told.origin), "dim"))
    if told.finding.why:
        table.add_row("", Text(plain(told.finding.why)))
    if told.finding.flaky:
        table.add_row("", Text("seen once, and not again when it was replayed", "yellow"))
    return table


def trace(told: Told) -> RenderableType:
    """The lines of the trace that help at first sight, numbered, the two that matter marked."""
    found = told.finding.deviation
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", justify="right", width=4)
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True)
    before = 0
    for number in excerpt(found.trace, MOST_LINES):
        if number > before + 1:
            left_out = f"({counted(number - before - 1, 'line')} left out)"
            table.add_row("", Text(left_out, "dim"), "")
        before = number
        notes = []
        if number == found.established_at:
            notes.append("established")
        if number == found.noticed_at:
            notes.append("noticed" if found.kind == "deviation" else found.kind)
        coloured = SYNTAX.highlight(plain(found.trace[number - 1]))
        coloured.rstrip()
        coloured.no_wrap, coloured.overflow = False, "fold"
        note = Text("← " + ", ".join(notes), "red") if notes else Text()
        table.add_row(str(number) if found.noticed_at else "", coloured, note)
    return table


def table_of_chapters(report: Report) -> Table:
    """The chapters with their verdicts; where something is wrong, those in which something is."""
    table = Table.grid(padding=(0, 2))
    table.add_column(overflow="ellipsis", no_wrap=True, max_width=40)
    table.add_column(width=BAR)
    table.add_column(justify="right", no_wrap=True)
    applying = [chapter for chapter in report.chapters if chapter.applicable]
    whole = [chapter for chapter in applying if chapter.count("holds") == chapter.applicable]
    if report.verdict != "conforms" and len(whole) > MOST_WHOLE:
        rows = tuple(row for chapter in whole for row in chapter.rows)
        others = Chapter("", f"{len(whole)} further chapters", rows)
        applying = [*(chapter for chapter in applying if chapter not in whole), others]
    for chapter in applying:
        held = chapter.count("holds")
        style = "" if held == chapter.applicable else STYLES[worst(chapter)]
        missed = chapter.count("not-reached")
        rest = f", {missed} not reached" if missed else ""
        number = Text(f"{held} of {chapter.applicable} hold{rest}", style or "dim")
        title = re.split("[:,]", chapter.title)[0].replace("`", "")
        table.add_row(Text(f"  {title}", style), bar(chapter), number)
    return table


def worst(chapter: Chapter) -> Verdict:
    """The verdict of a chapter that a reader should see first."""
    order: tuple[Verdict, ...] = ("deviates", "not-reached", "known")
    return next((verdict for verdict in order if chapter.count(verdict)), "holds")


def bar(chapter: Chapter) -> Text:
    """The verdicts of a chapter as a bar; every verdict that occurs is seen."""
    order: tuple[Verdict, ...] = ("deviates", "known", "not-reached", "holds")
    counts = {verdict: number for verdict in order if (number := chapter.count(verdict))}
    widths = {
        verdict: max(1, BAR * number // sum(counts.values())) for verdict, number in counts.items()
    }
    widest = max(widths, key=lambda verdict: widths[verdict])
    widths[widest] += BAR - sum(widths.values())
    return Text.assemble(*(("━" * width, STYLES[verdict]) for verdict, width in widths.items()))
