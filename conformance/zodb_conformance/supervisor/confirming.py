"""Confirming: every deviation is done again before it is told, the first of each sort."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from zodb_conformance.plan import INTERFACE
from zodb_conformance.results import Deviation
from zodb_conformance.stacks import failures
from zodb_conformance.supervisor.evidence import reproduces, shown
from zodb_conformance.supervisor.falls import deviation_of
from zodb_conformance.supervisor.findings import Candidate, Finding, Findings
from zodb_conformance.supervisor.lanes import side_by_side
from zodb_conformance.supervisor.layer import ALONE
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.repeating import leaders

MOST_MORE = 6
"""How many processes are waited for at most, beside those that work, because they hang."""

BY_ITSELF = (*ALONE, "walk.storage", "machine.storage", "crashes")
"""How the names of the checks begin that see a storage by itself: what they find is told first."""

FOR_REPETITIONS = 0.5
"""Of the time for the checks, how much it may take to do deviations again before those are left as
they are that only repeat the error of another.
"""

SLOW = (
    "{observed} once, after a hang elsewhere, and was kept away from it; tried again, it returned"
)
"""What is said of a clause in whose step the target was only slow."""

CANDIDATES = 3
"""How many deviations from one clause are tried, until one of them shows again."""


def confirm(nursery: Nursery, findings: Findings, candidates: Sequence[Candidate]) -> None:
    """Do every deviation again, the shortest of each clause first, and run its plain script.

    They are tried roughly in the order in which they are told, but for hangs, which begin first.
    Those that repeat the error of another wait until that has shown again; and they are told as
    they were seen where all that has taken long.
    """
    end = time.monotonic() + FOR_REPETITIONS * nursery.plan.seconds
    order = {check: number for number, check in enumerate(findings.checks)}

    def sort(item: Candidate) -> tuple[str, str]:
        return item.deviation.clause, item.deviation.kind

    def key(item: Candidate) -> tuple[Any, ...]:
        found = item.deviation
        return *sort(item), len(found.trace), order.get(found.check, len(order)), found.script

    groups = [list(group) for _, group in groupby(sorted(candidates, key=key), key=sort)]
    stated = {clause: number for number, clause in enumerate(nursery.clauses)}

    def rank(group: Sequence[Candidate]) -> tuple[bool, bool, bool, int]:
        found = group[0].deviation
        lacks = found.check == INTERFACE
        by_itself = found.check.startswith(BY_ITSELF)
        return not by_itself, not lacks, found.kind == "deviation", stated.get(found.clause, -1)

    groups.sort(key=rank)
    firsts = leaders([group[0] for group in groups])
    found: dict[int, Finding] = {}

    def find(number: int) -> None:
        first = found.get(firsts[number])
        if first is not None and first.reproduced and time.monotonic() >= end:
            found[number] = as_seen(groups[number])
        else:
            found[number] = finding_of(nursery, groups[number])

    numbers = range(len(groups))
    # One that hangs waits for no other: the rest would be waiting for it in the end.
    hanging = [number for number in numbers if groups[number][0].deviation.kind == "hang"]
    early = hanging + [n for n in numbers if firsts[n] == n and n not in hanging]
    try:
        for part in early, [number for number in numbers if number not in early]:
            side_by_side(find, part, beside(groups[number][0].deviation for number in part))
    finally:
        # Where the target can't be opened any more, the rest is told as it was seen.
        told = [found.get(number) or as_seen(group) for number, group in enumerate(groups)]
        for finding, group in sorted(
            zip(told, groups, strict=True), key=lambda pair: pair[0].deviation.clause
        ):
            if finding.flaky and all(item.hasty for item in group):
                found_slow = finding.deviation
                findings.slow[found_slow.clause] = SLOW.format(observed=found_slow.observed)
            else:
                findings.findings.append(finding)


def beside(found: Iterable[Deviation]) -> int:
    """How many processes more there may be for some deviations: what hangs takes long, and no
    processor.  Where that begins first, nothing waits for it.
    """
    return min(sum(each.kind == "hang" for each in found), MOST_MORE)


def finding_of(nursery: Nursery, group: Sequence[Candidate]) -> Finding:
    """What is reported of several deviations of one sort from one clause: the first that shows
    again.
    """
    tried = []
    for item in group[:CANDIDATES]:
        tried.append(done_again(nursery, item))
        if tried[-1].flaky and item.longer is not None:
            # A step that was only slow may have passed for a hang while it was shortened.
            told = deviation_of(nursery, item.longer)
            longer = replace(item, deviation=told, output=item.longer.output)
            tried.append(done_again(nursery, longer))
        if not tried[-1].flaky:
            break
    best = tried[0] if tried[-1].flaky else tried[-1]
    return replace(best, also=others(group, best.deviation))


def done_again(nursery: Nursery, item: Candidate) -> Finding:
    """What becomes of one deviation when it is done again; as it was seen where the run is
    stopped.
    """
    reproduced, seen = item.reproduced, None
    if nursery.stop.is_set():
        return Finding(item.deviation, reproduced, output=item.output, why=item.why)
    if item.deviation.witness:
        seen = shown(nursery, item.deviation)
    if reproduced is None:
        reproduced = True if seen and seen.shows else reproduces(nursery, item.deviation)
    output = item.output
    if not output and seen and seen.shows and failures(seen.output):
        output = seen.output
    shows = seen.shows if seen else None
    return Finding(item.deviation, reproduced, shows, output=output, why=item.why)


def as_seen(group: Sequence[Candidate]) -> Finding:
    """What is reported of deviations that are not done again: the first, as it was seen."""
    seen = group[0]
    also = others(group, seen.deviation)
    return Finding(seen.deviation, seen.reproduced, also=also, output=seen.output, why=seen.why)


def others(group: Sequence[Candidate], told: Deviation) -> tuple[str, ...]:
    """The checks that found the same as the one that is told."""
    also = dict.fromkeys(item.deviation.check for item in group)
    also.pop(told.check, None)
    return tuple(also)
