"""What one run is asked to do: the plain data that the command line, the supervisor and its
children exchange.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

SMOKE = "smoke"
"""The name of the first check: it shows that the target can be exercised at all."""

INTERFACE = "examples.storage.interface"
"""The name of the check of which methods a storage has, and how they can be called."""

SEED = 1
"""The seed where none is given: a gate that was green stays green until something changes."""

BUDGET_ENDED = "the budget ended"
"""How the note of a check begins that had no time for all its scripts."""

WORK_FAILED = "the work that was to be interrupted failed"
"""What the note of a check says where the target failed in work that nothing has disturbed."""

NOT_DONE = "not done"
"""How the note of a check begins that was left out, because the target fell too often before."""


BACKWARDS, LATE = "backwards", "late"

VARIANTS = ("", BACKWARDS, LATE)
"""How the storage that stands for a right one may behave, since what connections do wrong may show
with one of these only: databases take part in a commit in the order in which they were opened, and
conflicts are told when something is stored; the databases come the other way round; or conflicts
are told in the vote.
"""


@dataclass(frozen=True)
class Profile:
    """How much work a run does.

    budget    seconds in which all checks are to be done: the generated ones have what is left when
              the others are done, or a third of it where that is more
    scripts   how many scripts each walk and machine draws at most
    steps     how many steps a script has at most
    hang      seconds without a step after which the target is taken to hang
    kills     how many processes are killed where the storage has to survive that
    """

    budget: float
    scripts: int
    steps: int
    hang: float
    kills: int


PROFILES = {
    "quick": Profile(budget=35, scripts=400, steps=60, hang=10, kills=15),
    "ci": Profile(budget=500, scripts=2000, steps=100, hang=20, kills=60),
    "deep": Profile(budget=7200, scripts=20000, steps=200, hang=60, kills=300),
}


@dataclass(frozen=True)
class Plan:
    """One run, as asked for.  It travels as JSON between processes.

    target     a registered name, ``package.module:name``, or "" for the default
    zconfig    path of a ZConfig file, or ""
    uri        a zodburi address, or ""
    database   ``package.module:name`` of a database factory, or ""
    second     the target on which every database after the first is opened, named as `target` is,
               or "" for the same
    level      whose faults count: "storage", "connection" or "all"; "" for what suits the target
    edition    the name of an edition
    profile    the name of a profile
    budget     seconds; overrides the profile's
    seed       fixes the scripts
    kills      how many processes are killed in crashes; overrides the profile's
    only       globs of clause ids; empty means all
    checks     globs of check names; empty means all
    avoid      ids of clauses and names of situations that generated scripts keep away from
    skip       names of checks that are done already
    found      the capabilities of the target that were found by trying
    baseline   do it over the storage that stands for a right one, in place of the target's own
    variant    in which of the `VARIANTS` of that
    """

    target: str = ""
    zconfig: str = ""
    uri: str = ""
    database: str = ""
    second: str = ""
    level: str = "all"
    edition: str = "current"
    profile: str = "quick"
    budget: float | None = None
    seed: int = 0
    kills: int | None = None
    only: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    baseline: bool = False
    variant: str = ""

    def wants(self, clause: str) -> bool:
        """Whether a verdict on the clause is asked for."""
        return not self.only or any(fnmatchcase(clause, pattern) for pattern in self.only)

    def just(self, *, only: tuple[str, ...] = (), checks: tuple[str, ...] = ()) -> Plan:
        """The plan of doing so much again, whatever is avoided or done already."""
        return replace(self, only=only, checks=checks, avoid=(), skip=())

    @property
    def seconds(self) -> float:
        """How long the generated checks may take together."""
        return PROFILES[self.profile].budget if self.budget is None else self.budget

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**fields)
