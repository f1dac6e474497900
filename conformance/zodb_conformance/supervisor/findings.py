"""Everything that a run found out, before it is told to anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor.lanes import Learnt


@dataclass(frozen=True)
class TargetInfo:
    """What the target says of itself.

    level         the level at which it was run
    database      what stands between the storage and the program: whose `DB`
    packages      versions of the packages it is made of
    capabilities  which of the declarable capabilities it declares
    """

    name: str
    level: str = ""
    database: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    capabilities: dict[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A deviation, and what became of it when it was done again.

    reproduced  whether the suite could show it again; None where the run was stopped before that
    shown       whether its plain script shows it; None where there is none, or it was not run
    also        further checks that found the same clause broken
    output      the end of what the target printed, where it took the process down
    """

    deviation: Deviation
    reproduced: bool | None
    shown: bool | None = None
    also: tuple[str, ...] = ()
    output: str = ""

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
    elapsed: float = 0.0
