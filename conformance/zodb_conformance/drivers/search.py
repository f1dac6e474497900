"""The search: scripts go in, deviations come out, each judged with full footprints and shrunk.

A clause that deviated is reported once; after that the search keeps away from the situations that
the clause names, where one of them led there, so that it goes on behind what it found.  A clause
that deviates again and again is kept away from as a whole.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

from zodb_spec.clause import Part, clauses
from zodb_spec.operation import operations
from zodb_spec.script import makes_sense
from zodb_spec.situations import situations

from zodb_conformance.context import Context
from zodb_conformance.performing import perform
from zodb_conformance.plan import VARIANTS, Plan
from zodb_conformance.results import Quiet, Step
from zodb_conformance.scripts import Finding, Source, beginning, resolved
from zodb_conformance.shrinking import shrink
from zodb_conformance.targets import Target, over_baseline
from zodb_conformance.telling import deviation_of

TOLERATED = 3
"""How often a clause may deviate before the search keeps away from it as a whole."""

REPLAYS = 3
"""How often a contradiction is replayed before it is called flaky."""


class Search:
    """The state of one check that performs scripts (see the module's text)."""

    def __init__(self, context: Context, check: str, part: Part = "connection") -> None:
        self.context, self.check, self.part = context, check, part
        self.plan, self.target, self.recorder = context.plan, context.target, context.recorder
        self.profile = context.profile
        self.seed = crc32(f"{self.plan.seed}/{check}".encode())
        self.avoided: set[str] = set(self.plan.avoid)
        self.baselines = baselines_of(self.plan, self.target)
        self.found: Counter[tuple[str, bool]] = Counter()

    def time_is_up(self) -> bool:
        """Whether the budget is spent."""
        return time.monotonic() > self.context.deadline

    def try_script(
        self, sources: Iterable[Source], *, footprint: bool = True, lawful: bool = False
    ) -> Finding | None:
        """Perform a script; a contradiction is judged, shrunk and reported here, and given back as
        it was judged.
        """
        finding = perform(
            self.target,
            sources,
            self.recorder,
            footprint=footprint,
            lawful=lawful,
            avoid=self.avoids,
            part=self.part,
        )
        if finding is not None:
            return self.judge(finding)
        return None

    def judge(self, finding: Finding) -> Finding | None:
        """Perform a contradiction again with full footprints, and report it where it is new.

        Where it shows without footprints alone, since to look at everything heals it, it is judged
        without them.
        """
        for footprint in (True, False):
            judged = self._again(finding.script, footprint)
            if judged is not None:
                break
        else:
            self._report_flaky(finding)
            return None
        clause = judged.mismatch.clause
        # What the connections break by themselves must not hide what the storage breaks.
        sort = clause, self._breaks_the_baseline(clause, judged.script)
        self.found[sort] += 1
        if self.found[sort] == 1 and self.plan.wants(clause):
            # To shorten it takes long, and neither an interrupt nor a crash is to lose it.
            self.recorder.noticed(deviation_of(judged, self.check, self.target))
            shortest = self._shortest(judged, footprint)
            self.recorder.deviation(deviation_of(shortest, self.check, self.target))
            self._keep_away(shortest)
        elif self.found[sort] >= TOLERATED:
            self.avoided.add(clause)
        return judged

    def _breaks_the_baseline(self, clause: str, script: Sequence[Step]) -> bool:
        """Whether a script shows the same on the baseline, where there is one, in some variant."""
        stated = clauses().get(clause)
        if stated is not None and stated.binds == "storage":
            return False
        if self.part == "storage":
            return False
        found = (perform(one, resolved(script), Quiet(self.recorder)) for one in self.baselines)
        return any(each is not None and each.mismatch.clause == clause for each in found)

    def avoids(self, world: Any, step: Step) -> bool:
        """Whether a step leads to what the search keeps away from."""
        if not self.avoided:
            return False
        known = situations() if self.part == "connection" else {}
        if any(name in known and known[name](world, step) for name in self.avoided):
            return True
        outcomes, trace = operations(self.part)[step[0]].outcomes(world, step[1:])
        for name in self.avoided:
            if name in known:
                continue
            clause = clauses().get(name)
            refuses = clause is not None and bool(clause.error)
            if any(outcome.clause == name for outcome in outcomes) or (
                name in trace and not refuses
            ):
                return True
        return False

    def _performed(self, script: Sequence[Step], footprint: bool) -> Finding | None:
        """What comes of a script when it is performed once more."""
        quiet = Quiet(self.recorder)
        return perform(self.target, resolved(script), quiet, footprint=footprint, part=self.part)

    def _again(self, script: Sequence[Step], footprint: bool) -> Finding | None:
        for _ in range(REPLAYS):
            found = self._performed(script, footprint)
            if found is not None:
                return found
        return None

    def _shortest(self, finding: Finding, footprint: bool) -> Finding:
        best, clause = finding, finding.mismatch.clause
        excused = self._breaks_the_baseline(clause, finding.script)

        def fails(script: Sequence[Step]) -> bool:
            nonlocal best
            found = self._performed(script, footprint)
            if found is None or found.mismatch.clause != clause:
                return False
            if not excused and self._breaks_the_baseline(clause, script):
                return False
            best = found
            return True

        shrink(finding.script, fails)
        return best

    def _keep_away(self, finding: Finding) -> None:
        clause = clauses().get(finding.mismatch.clause)
        if clause is None:
            return
        world = beginning(self.target, self.part)
        for step, number in zip(finding.script, finding.numbers, strict=True):
            world = world._replace(step=number)
            if not makes_sense(world, step):
                continue
            for name in clause.situations:
                if situations()[name](world, step):
                    self.avoided.add(name)
            outcomes, _ = operations(self.part)[step[0]].outcomes(world, step[1:])
            world = outcomes[0].world

    def _report_flaky(self, finding: Finding) -> None:
        if self.plan.wants(finding.mismatch.clause):
            told = deviation_of(finding, self.check, self.target)
            self.recorder.deviation(replace(told, kind="flaky"))


def baselines_of(plan: Plan, target: Target) -> tuple[Target, ...]:
    """What a target is compared with where only the faults of its storage count: its baseline, in
    each of its variants.
    """
    if plan.level != "storage" or plan.baseline or not target.baseline:
        return ()
    return tuple(over_baseline(target, variant) for variant in VARIANTS)
