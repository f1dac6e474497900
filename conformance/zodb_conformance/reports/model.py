"""The report as data: what every form of it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zodb_spec.clause import Clause

from zodb_conformance.plan import BUDGET_ENDED, NOT_DONE, WORK_FAILED, Plan
from zodb_conformance.supervisor.findings import Finding, KnownResult, TargetInfo

SCHEMA = 1
"""The version of the schema of `report.json`; it changes when a key goes or changes its meaning."""

Verdict = Literal["holds", "deviates", "known", "not-applicable", "not-reached"]
Overall = Literal["conforms", "deviates", "unusable", "interrupted"]

VERDICTS: dict[Verdict, str] = {
    "holds": "It was compared with the target, and nothing was found.",
    "deviates": "The target breaks it; the failure was seen a second time before it was reported.",
    "known": "The target breaks it, as the known-deviations file says.",
    "not-applicable": "It says nothing of this target: the message says why.",
    "not-reached": "There is no verdict: nothing that was done compared it with the target.",
}
"""The verdicts on a clause, and what each means."""

STATUS: dict[Overall, int] = {"conforms": 0, "deviates": 1, "unusable": 3, "interrupted": 130}
"""The exit status of each outcome of a run."""


NOT_SELECTED = "not selected by --only"
"""Why a clause does not apply that a run was not to be about."""


def not_declared(capability: str) -> str:
    """Why a clause does not apply that needs a capability which the target does not declare."""
    return f"the target does not declare the capability {capability}"


@dataclass(frozen=True)
class Row:
    """What is said of one clause.

    summary  the first paragraph of its text
    text     the whole of it
    kind     how it is executed: step, law, example or text
    checks   how often it was compared with the target
    message  what is wrong, or why there is no verdict; None where it holds
    witness  path of the recorded failure, relative to the report; None where there is none
    flaky    whether it was seen to be broken, and could not be shown again
    """

    id: str
    chapter: str
    level: str
    kind: str
    summary: str
    text: str
    verdict: Verdict
    checks: int
    message: str | None = None
    witness: str | None = None
    flaky: bool = False

    def to_json(self) -> dict[str, Any]:
        """The row as it stands in `report.json`."""
        row = {
            "level": self.level,
            "verdict": self.verdict,
            "checks": self.checks,
            "message": self.message,
            "witness": self.witness,
            "chapter": self.chapter,
        }
        return {**row, "flaky": True} if self.flaky else row


@dataclass(frozen=True)
class Told:
    """A finding as it is told.

    clause   the clause that is broken, None where no clause stands for it
    counts   whether it fails the run
    name     the name of its files in `witnesses`, without extension
    replay   the command that runs the recorded failure again
    python   the command that runs the plain script, "" where there is none that shows it
    origin   where it was established and where it was noticed, in a sentence; "" where unknown
    repeats  the finding told before that shows the same error; None where none does
    """

    finding: Finding
    clause: Clause | None
    counts: bool
    name: str
    replay: str
    python: str
    origin: str
    repeats: Told | None = None

    @property
    def by_itself(self) -> bool:
        """Whether it was seen in a storage by itself, with nothing above it."""
        return self.clause is not None and self.clause.part == "storage"

    @property
    def message(self) -> str:
        """What is wrong, and why it counts where that is not plain, in a sentence for tables."""
        parts = [self.finding.deviation.message, self.finding.why]
        if self.repeats and self.repeats.clause:
            parts.append(f"the same error as of {self.repeats.clause.id}")
        return "; ".join(filter(None, parts))

    @property
    def witness(self) -> str:
        """The path of the recorded failure, relative to the report."""
        return f"witnesses/{self.name}.json"

    @property
    def script_file(self) -> str | None:
        """The path of the plain script, relative to the report; None where none shows it."""
        return f"witnesses/{self.name}.py" if self.python else None

    def to_json(self) -> dict[str, Any]:
        """The finding as it stands in `report.json`."""
        deviation = self.finding.deviation.to_json()
        del deviation["witness"]
        return {
            **deviation,
            "message": self.finding.deviation.message,
            "why": self.finding.why or None,
            "flaky": self.finding.flaky,
            "reproduced": self.finding.reproduced,
            "also": list(self.finding.also),
            "output": self.finding.output,
            "repeats": self.repeats.name if self.repeats else None,
            "witness": self.witness,
            "script_file": self.script_file,
            "commands": {"replay": self.replay, "python": self.python or None},
        }


@dataclass(frozen=True)
class Capability:
    """A capability: whether the target declares it, whether what was tested bears out that it has
    it or lacks it, and whether the target says nothing of it.
    """

    name: str
    declared: bool
    verified: bool | None
    unknown: bool


@dataclass(frozen=True)
class Chapter:
    """A chapter of the specification with its rows."""

    name: str
    title: str
    rows: tuple[Row, ...]

    @property
    def applicable(self) -> int:
        """How many of its clauses apply."""
        return len(self.rows) - self.count("not-applicable")

    def count(self, verdict: Verdict) -> int:
        """How many of its clauses have the verdict."""
        return sum(row.verdict == verdict for row in self.rows)


@dataclass(frozen=True)
class Report:
    """Everything that a run tells.

    message   why the target could not be exercised, or what else is to be mended; "" where nothing
    excused   the clauses that the connections break whatever the storage, where it alone counts
    deviations, flaky   what was found, apart
    notes     what checks could not do, by the name of the check
    command   the command line that does this run again
    folder    where the report is written, as the person named it
    """

    verdict: Overall
    message: str
    plan: Plan
    strict: bool
    target: TargetInfo
    python: str
    ended_at: str
    elapsed: float
    scripts: int
    steps: int
    chapters: tuple[Chapter, ...]
    capabilities: tuple[Capability, ...]
    excused: tuple[str, ...]
    deviations: tuple[Told, ...]
    flaky: tuple[Told, ...]
    known: tuple[KnownResult, ...]
    remembered: tuple[int, int]
    notes: dict[str, str]
    broken: tuple[str, ...]
    output: str
    command: str
    folder: Path

    @property
    def rows(self) -> tuple[Row, ...]:
        """All clauses, in the order of the chapters."""
        return tuple(row for chapter in self.chapters for row in chapter.rows)

    def count(self, verdict: Verdict) -> int:
        """How many clauses have the verdict."""
        return sum(chapter.count(verdict) for chapter in self.chapters)

    def left_out(self, capability: str) -> int:
        """How many clauses do not apply because the target does not declare a capability."""
        reason = not_declared(capability)
        return sum(row.message == reason for row in self.rows)

    @property
    def leading(self) -> tuple[Told, ...]:
        """The deviations that do not show the same error as one told before."""
        return tuple(told for told in self.deviations if told.repeats is None)

    def repeating(self, leader: Told) -> tuple[Told, ...]:
        """The deviations that show the same error as that one, which is told before them."""
        return tuple(told for told in self.deviations if told.repeats is leader)

    @property
    def scope(self) -> str:
        """What the run was limited to, in words; "" where it was about everything."""
        level = self.plan.level
        parts = [f"level {level}"] if level not in ("", "all") else []
        parts += ["only " + ", ".join(self.plan.only)] if self.plan.only else []
        return ", ".join(parts)

    @property
    def stale(self) -> tuple[KnownResult, ...]:
        """The entries of the known-deviations file that are out of date."""
        return tuple(entry for entry in self.known if entry.stale)

    @property
    def was_cut(self) -> bool:
        """Whether the budget ended before all scripts were done."""
        return any(note.startswith(BUDGET_ENDED) for note in self.notes.values())

    @property
    def given_up(self) -> int:
        """How many checks were not done, because the target had fallen too often."""
        return sum(note.startswith(NOT_DONE) for note in self.notes.values())

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """Why the run says less than it seems to, each in a sentence: a gate that is green for
        these reasons would guard nothing.
        """
        if self.verdict not in ("conforms", "deviates"):
            return ()
        found = [
            f"The check {check} could not be done: {note[note.index(WORK_FAILED) :]}."
            for check, note in self.notes.items()
            if WORK_FAILED in note
        ]
        if all(row.verdict == "not-applicable" for row in self.rows):
            found.append("Nothing was checked: no clause that was asked for is about this target.")
        return tuple(found)

    @property
    def status(self) -> int:
        """The exit status: that of the verdict, and 1 where the known-deviations file is out of
        date, or something falls short.
        """
        return STATUS[self.verdict] or int(bool(self.stale or self.shortfalls))

    def to_json(self) -> dict[str, Any]:
        """The report as `report.json` holds it."""
        plan, target = self.plan, self.target
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "target": {
                "name": target.name,
                "level": target.level,
                "database": target.database,
                "packages": target.packages,
                "in_edition": target.in_edition,
            },
            "level": plan.level or "all",
            "only": list(plan.only),
            "excused": list(self.excused),
            "edition": plan.edition,
            "profile": plan.profile,
            "seed": plan.seed,
            "python": self.python,
            "elapsed_s": round(self.elapsed, 2),
            "examples": self.scripts,
            "steps": self.steps,
            "capabilities": {
                entry.name: {
                    "declared": entry.declared,
                    "unknown": entry.unknown,
                    "verified": entry.verified,
                }
                for entry in self.capabilities
            },
            "clauses": {row.id: row.to_json() for row in self.rows},
            "message": self.message or None,
            "exit_status": self.status,
            "strict": self.strict,
            "ended_at": self.ended_at,
            "command": self.command,
            "deviations": [told.to_json() for told in (*self.deviations, *self.flaky)],
            "known": [vars(entry) for entry in self.known],
            "remembered": {"replayed": self.remembered[0], "failing": self.remembered[1]},
            "checks": self.notes,
            "suite_errors": list(self.broken),
            "output": self.output,
        }
