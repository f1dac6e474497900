"""All the children of a run: what they have in common, how far they are together, and how they
are stopped.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from typing import Any

from zodb_conformance.plan import PROFILES, Plan
from zodb_conformance.results import Step
from zodb_conformance.supervisor.board import Glance, View
from zodb_conformance.supervisor.process import Child, Ended, Limits
from zodb_conformance.supervisor.request import RUNNER, Mode, Request

START = 60.0
"""Seconds until a child must have begun: imports, and the start of a server."""

SHORT_HANG = 0.25
"""The part of the silence after which a step is taken to hang, where it is tried only whether it
still does.
"""

SHORTEST_HANG = 2.0
"""Seconds that it is at least, where the whole silence is no shorter: machines have moments."""


@dataclass(frozen=True)
class Status:
    """How far a run is.

    clauses     how many clauses were compared with the target
    scripts, steps   how many were begun, tries of shrinking and of witnesses left out
    deviations  how many were found, not yet sorted
    check       the checks that are being done
    asked       how many clauses may come to be compared
    first       the clause from which the first deviation is that was noticed, "" before that
    """

    clauses: int = 0
    scripts: int = 0
    steps: int = 0
    deviations: int = 0
    check: str = ""
    asked: int = 0
    first: str = ""


@dataclass
class Nursery:
    """Starts children for one plan, from any thread, and knows those that live.

    plan     what the person asked for
    clauses  the ids of all clauses
    runner   the module that the children import
    limits   how long a child may be silent; by default as the profile says
    stop     set it, and every child ends
    asked    the clauses that the run is about, by default all: those are counted as reached
    """

    plan: Plan
    clauses: tuple[str, ...]
    runner: str = RUNNER
    limits: Limits | None = None
    stop: Flag = field(default_factory=Flag)
    asked: frozenset[str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _living: list[View] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _scripts: int = 0
    _steps: int = 0
    _found: int = 0
    _first: str = ""

    @property
    def patience(self) -> Limits:
        """How long a child may be silent."""
        return self.limits or Limits(START, PROFILES[self.plan.profile].hang)

    @property
    def short_patience(self) -> Limits:
        """The same where many tries are made of something that is known to hang."""
        return replace(
            self.patience,
            hang=max(min(SHORTEST_HANG, self.patience.hang), SHORT_HANG * self.patience.hang),
        )

    def run(
        self,
        mode: Mode,
        plan: Plan | None = None,
        *,
        limits: Limits | None = None,
        stop: Flag | None = None,
        **more: Any,
    ) -> Ended:
        """Start a child, wait for its end, and give what it left.

        plan    the child's plan; by default that of the run
        stop    what ends the child; by default what ends the run
        more    further fields of the request
        """
        request = Request(mode, plan or self.plan, self.clauses, runner=self.runner, **more)
        counted = mode in ("smoke", "checks")
        with Child(request, limits or self.patience) as child:
            if counted:
                with self._lock:
                    self._living.append(child.view)
            try:
                ended = child.wait(stop or self.stop)
            finally:
                if counted:
                    with self._lock:
                        self._living.remove(child.view)
                        self._add(child.view.glance())
        return ended

    def replay(self, script: Sequence[Step], limits: Limits | None = None, **more: Any) -> Ended:
        """Do a script again, in a child of its own, avoiding nothing."""
        return self.run("replay", self.plan.just(), limits=limits, script=tuple(script), **more)

    def _add(self, glance: Glance) -> None:
        self._counts.update(glance.counts)
        self._scripts += glance.scripts
        self._steps += glance.steps
        self._found += glance.found
        self._first = self._first or glance.first

    def status(self) -> Status:
        """How far the run is."""
        with self._lock:
            glances = [view.glance() for view in self._living]
            reached = set(self._counts).union(*(glance.counts for glance in glances))
            self._first = next(filter(None, [self._first, *(each.first for each in glances)]), "")
            asked = frozenset(self.clauses) if self.asked is None else self.asked
            return Status(
                clauses=len(reached & asked),
                scripts=self._scripts + sum(glance.scripts for glance in glances),
                steps=self._steps + sum(glance.steps for glance in glances),
                deviations=self._found + sum(glance.found for glance in glances),
                check=", ".join(glance.check for glance in glances if glance.check),
                asked=len(asked),
                first=self._first,
            )
