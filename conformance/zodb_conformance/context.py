"""What the checks of one run share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from zodb_conformance.plan import PROFILES, Plan, Profile
from zodb_conformance.results import Recorder
from zodb_conformance.targets.base import Target


@dataclass
class Context:
    """One run in one process.

    plan      what was asked for
    target    what it is asked of
    recorder  who is told what happens
    deadline  when the generated checks have to end, in seconds of the monotonic clock
    """

    plan: Plan
    target: Target
    recorder: Recorder
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.plan.seconds

    @property
    def profile(self) -> Profile:
        """How much work there is to do."""
        return PROFILES[self.plan.profile]
