"""Trials: a process works on a storage and is killed, again and again on what the last one left."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zodb_conformance.crashes import disk, ledger, recording
from zodb_conformance.crashes.child import Request
from zodb_conformance.crashes.judging import Examined, examine, go_on
from zodb_conformance.crashes.killing import Life, live
from zodb_conformance.crashes.ledger import Book, Line, of_lines
from zodb_conformance.crashes.points import Change, Delay, Moment, Point, is_of_server
from zodb_conformance.crashes.recording import Operation
from zodb_conformance.plan import Plan
from zodb_conformance.targets.base import Target

STEPS = 24
"""How many steps a stream has."""

HITS = ("begin", "stored", "voted", "finishing", "told", "finished", "packing", "marking")
"""The moments of which some are met in most steps."""


@dataclass(frozen=True)
class Place:
    """Where one storage is worked on: the folder of the storage, the ledger, and what is recorded
    beside it.
    """

    folder: Path

    @property
    def storage(self) -> Path:
        """The folder of the storage."""
        return self.folder / "storage"

    @property
    def ledger(self) -> Path:
        """The file of the ledger."""
        return self.folder / "ledger"

    @property
    def halted(self) -> Path:
        """The file that says that a process has halted."""
        return self.folder / "halted"

    @property
    def record(self) -> Path:
        """The file of what the recorder saw."""
        return self.folder / "record"

    def make(self) -> Place:
        """Make it anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.storage.mkdir(parents=True)
        return self


@dataclass(frozen=True)
class Recorded:
    """A whole run of a stream.

    folder      of the storage
    lines       of the ledger
    operations  what was done to files, empty where that could not be recorded
    reason      why not, "" where it could
    seconds     how long it took from the first opening on, roughly
    error       why it did not come to its end, "" where it did
    """

    folder: Path
    lines: tuple[Line, ...]
    operations: tuple[Operation, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    error: str = ""


@dataclass
class Trials:
    """Trials of one stream on storages of one target.

    plan     names the target
    target   the same, in this process
    folder   where all the folders are made
    seed     of the stream
    waiting  is called while a process is waited for
    """

    plan: Plan
    target: Target
    folder: Path
    seed: int
    waiting: Callable[[], None]
    _number: int = field(default=0, init=False)

    def place(self) -> Place:
        """A new place."""
        self._number += 1
        return Place(self.folder / str(self._number)).make()

    def opener(self, place: Place) -> Callable[[], Any]:
        """What opens the storage of a place."""
        storage = self.target.storage
        assert storage is not None, "its capabilities say that it can be opened alone"
        return lambda: storage.open(place.storage)

    @property
    def serves(self) -> bool:
        """Whether there is a server that can be killed."""
        return self.target.storage is not None and self.target.storage.crash is not None

    @property
    def capabilities(self) -> frozenset[str]:
        """What the storage can do."""
        return self.target.capabilities

    def record(self) -> Recorded:
        """Run the stream from its beginning to its end."""
        place, reason = self.place(), recording.reason_why_not()
        if not reason and self.serves:
            reason = "its files are those of a server"
        variables = {}
        if not reason:
            variables = recording.environment(
                place.storage, marks=place.ledger, record=place.record
            )
        begun = time.monotonic()
        life = self._live(place, variables, upto=STEPS)
        seconds = (time.monotonic() - begun) / 2
        lines = tuple(ledger.read(place.ledger))
        error = of_lines(lines).error
        if life.status and not error:
            error = f"the process ended with status {life.status}: {life.output.strip()}"
        if reason or error:
            return Recorded(place.storage, lines, (), reason, seconds, error)
        operations = tuple(recording.read(place.record))
        held = disk.held_in(place.storage)
        shutil.rmtree(place.folder)
        if image_of(operations, place.storage) != held:
            reason = "what it does to its files could not be followed"
            return Recorded(place.storage, lines, (), reason, seconds)
        return Recorded(place.storage, lines, operations, "", seconds)

    def _live(
        self,
        place: Place,
        variables: Mapping[str, str],
        *,
        upto: int,
        point: Point | None = None,
    ) -> Life:
        storage = self.target.storage
        assert storage is not None
        request = Request(self.plan, str(place.storage), str(place.ledger), self.seed, upto)
        after, kill = None, None
        if isinstance(point, Moment):
            request = replace(request, step=point.step, moment=point.event)
        elif isinstance(point, Delay):
            after = point.seconds
        if point is not None and is_of_server(point) and (crash := storage.crash) is not None:
            kill = lambda: crash(place.storage)  # noqa: E731  # it is one
            if isinstance(point, Moment):
                place.halted.unlink(missing_ok=True)
                request = replace(request, halted=str(place.halted))
        return live(request, variables, after=after, kill=kill, waiting=self.waiting)

    def kill(self, place: Place, point: Point) -> Life:
        """Have a process work in a place until it is killed at a point, or comes to its end."""
        book = Book(place.ledger)
        upto = max(STEPS, book.ledger.step + STEPS // 3)
        book.close()
        variables = {}
        if isinstance(point, Change):
            variables = recording.environment(
                place.storage, marks=place.ledger, kill_at=point.number
            )
        return self._live(place, variables, upto=upto, point=point)

    def examine(self, place: Place) -> Examined:
        """Look at what a kill left in a place."""
        known = of_lines(ledger.read(place.ledger))
        return examine(self.opener(place), known.told(), known.oids(), self.capabilities)

    def go_on(self, place: Place, examined: Examined, lines: Iterable[Line] = ()) -> Examined:
        """Commit once more in a place where a crash left what it should.

        lines: what is known of the place and is not in its ledger
        """
        book = Book(place.ledger, lines)
        try:
            return go_on(self.opener(place), book, examined, self.capabilities, self.waiting)
        finally:
            book.close()

    def next_point(self, place: Place, dice: random.Random, *, recorded: bool) -> Point:
        """A point in the next life: while the storage is opened, or in one of the first steps."""
        step = of_lines(ledger.read(place.ledger)).step
        if recorded and dice.random() < 0.6:
            return Change(dice.randint(1, 60), "", "", "")
        server = self.serves and dice.random() < 0.5
        return Moment(step + dice.randint(1, 5), "", dice.choice(HITS), server)


def image_of(operations: tuple[Operation, ...], folder: Path) -> dict[str, bytes | None]:
    """What is below a folder after all operations."""
    found = disk.Disk(folder)
    for operation in operations:
        found.do(operation)
    return found.image("all", disk.everything)
