"""What a child is doing right now, in a mapped file that outlives the child.

The child writes it for every step, so it is laid out for cheap writing: eight-byte numbers first,
then a counter a clause, then the name of the check, then the steps of the current script,
appended one after another.  Whatever kills the child, the pages of the file stay, and the
supervisor reads in which step it was.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zodb_conformance.results import Deviation, Step
from zodb_conformance.supervisor.journal import Journal

BEAT, SCRIPTS, STEPS, USED, LOST, CHECK, OVER, FOUND, FIRST = range(9)
HEADER = 16
"""How many eight-byte numbers the header has room for."""

CHECK_ROOM = 512
SCRIPT_ROOM = 1 << 20
BETWEEN_WORDS, BETWEEN_STEPS = "\x1f", "\x1e"


def create(path: Path, clauses: int) -> None:
    """Make the file of a board for so many clauses, all of it zero."""
    with path.open("wb") as file:
        file.truncate(_counters_end(clauses) + CHECK_ROOM + SCRIPT_ROOM)


def _counters_end(clauses: int) -> int:
    return 8 * (HEADER + clauses)


class Board:
    """The recorder of a child: the current step in shared memory, what was learnt in the journal.

    path     a file that `create` made
    clauses  the ids of all clauses, in the order of the counters
    journal  where deviations and finished checks go
    """

    def __init__(self, path: Path, clauses: Sequence[str], journal: Journal) -> None:
        with path.open("r+b") as file:
            self._map = memoryview(mmap.mmap(file.fileno(), 0))
        end = _counters_end(len(clauses))
        self._head = self._map[: 8 * HEADER].cast("Q")
        self._counters = self._map[8 * HEADER : end].cast("Q")
        self._check = self._map[end : end + CHECK_ROOM]
        self._text = self._map[end + CHECK_ROOM :]
        self._index = {clause: number for number, clause in enumerate(clauses)}
        self._journal = journal
        self._used = 0
        self._steps = 0

    def _begin(self, check: str) -> None:
        self._head[CHECK] = 0
        name = check.encode()[:CHECK_ROOM]
        self._check[: len(name)] = name
        self._head[CHECK] = len(name)
        self._forget_script()

    def _forget_script(self) -> None:
        self._head[USED] = self._head[LOST] = 0
        self._used = 0

    def check(self, name: str) -> None:
        """The check called `name` begins."""
        self._begin(name)
        self._head[BEAT] += 1

    def script(self) -> None:
        """A script begins, on a fresh database."""
        self._forget_script()
        self._head[SCRIPTS] += 1
        self._head[BEAT] += 1

    def step(self, step: Step) -> None:
        """The step is about to be performed on the target (which may hang or crash in it)."""
        head = self._head
        text = (BETWEEN_WORDS.join(step) + BETWEEN_STEPS).encode("utf-8", "surrogatepass")
        end = self._used + len(text)
        if end <= SCRIPT_ROOM:
            self._text[self._used : end] = text
            # The text comes first, the length after it: who dies in between has not begun the step.
            self._used = head[USED] = end
        else:
            head[LOST] = 1
        self._steps += 1
        head[STEPS] = self._steps
        head[BEAT] += 1

    def exercised(self, clauses: Iterable[str]) -> None:
        """What these clauses say has just been compared with the target."""
        counters, index = self._counters, self._index
        try:
            for clause in clauses:
                counters[index[clause]] += 1
        except KeyError as error:
            raise LookupError(f"no clause is called {error}, and yet it was checked") from error
        self._head[BEAT] += 1

    def noticed(self, deviation: Deviation) -> None:
        """The target deviates, which is told again when its script is short."""
        self._journal.write("noticed", deviation=deviation.to_json())
        self._head[BEAT] += 1

    def deviation(self, deviation: Deviation) -> None:
        """The target deviates."""
        self._journal.write("deviation", deviation=deviation.to_json())
        if not self._head[FOUND]:
            self._head[FIRST] = self._index.get(deviation.clause, -1) + 1
        self._head[FOUND] += 1
        self._head[BEAT] += 1

    def done(self, name: str, note: str = "") -> None:
        """The check called `name` is complete."""
        self._journal.write("done", check=name, note=note)
        self._begin("")
        self._head[BEAT] += 1

    def over(self) -> None:
        """Everything that was asked for is done; what happens from here on, nobody waits for."""
        self._head[OVER] = 1


@dataclass(frozen=True)
class Glance:
    """What a board said at one moment.

    beat     changes with everything that the child notes; a child whose beat stands still hangs
    scripts, steps   how many have begun
    found    how many deviations
    first    the clause from which the first of them is, "" before that
    check    the check that is being done, "" between two of them
    script   the steps of the current script, the last one being performed
    whole    False where the script was too long to be noted in full
    counts   how often each clause was compared with the target, clauses never reached left out
    """

    beat: int = 0
    scripts: int = 0
    steps: int = 0
    found: int = 0
    first: str = ""
    check: str = ""
    script: tuple[Step, ...] = ()
    whole: bool = True
    counts: dict[str, int] = field(default_factory=dict)


class View:
    """The supervisor's side of a board."""

    def __init__(self, path: Path, clauses: Sequence[str]) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._clauses = clauses

    @property
    def beat(self) -> int:
        """A number that changes with everything that the child notes."""
        return self._number(BEAT)

    @property
    def over(self) -> bool:
        """Whether the child did everything that it was asked to do."""
        return bool(self._number(OVER))

    def _number(self, place: int) -> int:
        return int.from_bytes(self._map[8 * place : 8 * (place + 1)], sys.byteorder)

    def glance(self) -> Glance:
        """Everything that the board says now."""
        end = _counters_end(len(self._clauses))
        with (
            memoryview(self._map) as everything,
            everything[:end] as part,
            part.cast("Q") as numbers,
        ):
            head = numbers[:HEADER].tolist()
            counts = zip(self._clauses, numbers[HEADER:].tolist(), strict=True)
        text_start = end + CHECK_ROOM
        text = self._map[text_start : text_start + head[USED]].decode("utf-8", "surrogatepass")
        return Glance(
            beat=head[BEAT],
            scripts=head[SCRIPTS],
            steps=head[STEPS],
            found=head[FOUND],
            first=self._clauses[head[FIRST] - 1] if head[FIRST] else "",
            check=self._map[end : end + head[CHECK]].decode(errors="replace"),
            script=tuple(
                tuple(step.split(BETWEEN_WORDS)) for step in text.split(BETWEEN_STEPS)[:-1]
            ),
            whole=not head[LOST],
            counts={clause: count for clause, count in counts if count},
        )

    def close(self) -> None:
        """Give the mapping back."""
        self._map.close()
