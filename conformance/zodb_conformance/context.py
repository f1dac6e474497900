"""What the checks of one run share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zodb_conformance.plan import PROFILES, Plan, Profile
from zodb_conformance.results import Recorder
from zodb_conformance.targets.base import Target

LEAST = 1 / 3
"""The part of the budget that generated checks have at least, however long the others took."""


@dataclass
class Context:
    """One run in one process.

    plan      what was asked for
    target    what it is asked of
    recorder  who is told what happens
    end       when the generated checks have to end, in seconds of the monotonic clock: when the
              budget is spent, or a part of it since the first of them began
    deadline  when the one that is under way has to
    """

    plan: Plan
    target: Target
    recorder: Recorder
    end: float = field(init=False)
    deadline: float = field(init=False)
    _generating: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.end = self.deadline = time.monotonic() + self.plan.seconds

    def allot(self, checks: int) -> None:
        """Give the generated check that begins an equal share of the time that is left, so that on
        a slow target the last of them come to their turn as well.

        checks  how many there are still, this one included
        """
        now = time.monotonic()
        if not self._generating:
            self._generating = True
            self.end = max(self.end, now + LEAST * self.plan.seconds)
        self.deadline = now + max(self.end - now, 0.0) / checks

    @property
    def profile(self) -> Profile:
        """How much work there is to do."""
        return PROFILES[self.plan.profile]
