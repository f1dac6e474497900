"""What a run learns: the deviations it found and how often each clause was compared with the
target.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

Step = tuple[str, ...]
"""One step of a script, every argument resolved to a name or a word: ``("set", "thing1", "a",
"one")``.
"""


@dataclass(frozen=True)
class Deviation:
    """One way in which the target breaks one clause.

    clause        the clause that the verdict falls on: the one that established the fact that
                  turned out wrong
    check         the check that found it
    expected      what the specification allows, in words
    observed      what the target did, in words
    noticed       where it showed: the clause or the operation
    established_at, noticed_at   numbers of the steps in the trace (from 1), where there is a trace
    trace         the lines of Python that lead to it, as they were performed
    script        the same as resolved steps, for replay; empty where the check is done again as a
                  whole: after a fall in an example or a story, or in a script too long to be noted
    witness       a whole Python script that shows the deviation without the suite ("" where none
                  could be made)
    kind          "deviation", "hang", "crash" or "flaky"
    confirmed     whether what the target has left was looked at twice, and was wrong both times, so
                  that it counts also where it can't be brought about again at will
    """

    clause: str
    check: str
    expected: str
    observed: str
    noticed: str = ""
    established_at: int | None = None
    noticed_at: int | None = None
    trace: tuple[str, ...] = ()
    script: tuple[Step, ...] = ()
    witness: str = ""
    kind: str = "deviation"
    confirmed: bool = False

    @property
    def message(self) -> str:
        """One sentence for tables: what was expected and what was seen."""
        return f"expected {self.expected}; {self.observed}"

    def to_json(self) -> dict[str, Any]:
        """The deviation as JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Deviation:
        """The deviation that `to_json` wrote."""
        data = dict(
            data, trace=tuple(data["trace"]), script=tuple(tuple(step) for step in data["script"])
        )
        return cls(**data)


class Recorder(Protocol):
    """Where the checks write what they do, while they do it.

    A recorder must be cheap: `step` and `exercised` are called for every step of every script.
    """

    def check(self, name: str) -> None:
        """The check called `name` begins."""

    def script(self) -> None:
        """A script begins, on a fresh database."""

    def step(self, step: Step) -> None:
        """The step is about to be performed on the target (which may hang or crash in it)."""

    def exercised(self, clauses: Iterable[str]) -> None:
        """What these clauses say has just been compared with the target; an id may come several
        times.
        """

    def noticed(self, deviation: Deviation) -> None:
        """The target deviates; `deviation` says so again, unless the process ends before it: when
        the script is as short as it can be.
        """

    def deviation(self, deviation: Deviation) -> None:
        """The target deviates."""

    def done(self, name: str, note: str = "") -> None:
        """The check called `name` is complete; `note` says what it could not do and why."""


@dataclass
class Tally:
    """A recorder that keeps everything in memory: for checks that run in one process."""

    counts: dict[str, int] = field(default_factory=dict)
    deviations: list[Deviation] = field(default_factory=list)
    finished: dict[str, str] = field(default_factory=dict)
    scripts: int = 0
    steps: int = 0

    def check(self, name: str) -> None:
        """Take no notice: what is kept is kept for all checks together."""

    def script(self) -> None:
        """Count a script."""
        self.scripts += 1

    def step(self, step: Step) -> None:
        """Count a step."""
        self.steps += 1

    def exercised(self, clauses: Iterable[str]) -> None:
        """Count the clauses."""
        counts = self.counts
        for clause in clauses:
            counts[clause] = counts.get(clause, 0) + 1

    def noticed(self, deviation: Deviation) -> None:
        """Take no notice: whoever asks this recorder asks in the process that tells it again."""

    def deviation(self, deviation: Deviation) -> None:
        """Keep the deviation."""
        self.deviations.append(deviation)

    def done(self, name: str, note: str = "") -> None:
        """Keep the note."""
        self.finished[name] = note


class Quiet(Tally):
    """A recorder for replays.

    It passes the steps on, so that a fall in one of them is seen, and keeps the rest to itself.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.script = recorder.script  # type: ignore[method-assign]
        self.step = recorder.step  # type: ignore[method-assign]
