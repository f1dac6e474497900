"""Everything that a run found out, before it is told to anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor.lanes import Fall, Learnt


@dataclass(frozen=True)
class TargetInfo:
    """What the target says of itself.

    level         what it supplies: "storage" or "connection"
    database      what stands between the storage and the program: whose `DB`
    packages      versions of the packages it is made of
    capabilities  which of the declarable capabilities it declares
    unknown       the capabilities of which it says nothing
    lacking       those without which it can be tried, because it or its plain storage lacks them
    unsuited      the clauses that it can't be held against, nor its plain storage
    baseline      the target that shows what that `DB` does over a right storage; "" where none does
    in_edition    whether it was opened for the edition of the run; where it does not know editions,
                  it is run as it is, and judged by that edition
    """

    name: str
    level: str = ""
    database: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    capabilities: dict[str, bool] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    unsuited: list[str] = field(default_factory=list)
    baseline: str = ""
    in_edition: bool = True


@dataclass(frozen=True)
class Candidate:
    """A deviation to confirm.

    reproduced  whether it was shown again already; None where that is not known
    why         as of a `Finding`
    hasty       as of a `Fall`
    longer      the fall as it was seen, where this is a shortened one
    """

    deviation: Deviation
    reproduced: bool | None = None
    output: str = ""
    why: str = ""
    hasty: bool = False
    longer: Fall | None = None


@dataclass(frozen=True)
class Finding:
    """A deviation, and what became of it when it was done again.

    reproduced  whether the suite could show it again; None where the run was stopped before that,
                or had no time for one that repeats the error of another
    shown       whether its plain script shows it; None where there is none, or it was not run
    also        further checks that found the same clause broken
    output      the end of what the target printed, where it took the process down, and else of what
                its plain script printed, where that tells of an error
    why         why a clause of the connection level counts against a storage; "" elsewhere
    """

    deviation: Deviation
    reproduced: bool | None
    shown: bool | None = None
    also: tuple[str, ...] = ()
    output: str = ""
    why: str = ""

    @property
    def flaky(self) -> bool:
        """Whether it was seen, and could not be shown again."""
        return self.reproduced is False


@dataclass(frozen=True)
class KnownResult:
    """What became of an entry of the known-deviations file.

    failed  whether its witness still fails; None where the run was stopped before that
    stale   whether the entry is out of date, and fails the run
    """

    clause: str
    situation: str
    reason: str
    failed: bool | None
    stale: bool


@dataclass
class Findings:
    """Everything that a run found out.

    unusable     why the target could not be exercised, "" where it could
    output       what the target printed then
    remembered   how many failures of earlier runs were replayed, and how many of them still show
    replayed     the files of those failures
    interrupted  whether the person ended the run
    excused      the clauses that the connection level breaks by itself, and in what words; they
                 don't count against the storage under it
    slow         the clauses that were kept away from because a step was taken to hang that is only
                 slow, and in what words
    """

    plan: Plan
    target: TargetInfo
    checks: tuple[str, ...] = ()
    learnt: Learnt = field(default_factory=Learnt)
    findings: list[Finding] = field(default_factory=list)
    known: list[KnownResult] = field(default_factory=list)
    remembered: tuple[int, int] = (0, 0)
    replayed: list[Path] = field(default_factory=list)
    unusable: str = ""
    output: str = ""
    interrupted: bool = False
    excused: dict[str, str] = field(default_factory=dict)
    slow: dict[str, str] = field(default_factory=dict)
    elapsed: float = 0.0
