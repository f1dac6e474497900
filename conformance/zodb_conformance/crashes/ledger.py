"""The ledger: what the program knows of its storage, line by line as it comes to know it.

A line is written before and after each call that matters, into a file that survives the process.
To read the lines is to know, after a crash, what the storage had told; and another process goes on
from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from zodb_spec.crash import ROOT, UNKNOWN, Told, Written, current

Line = Mapping[str, Any]
"""One line of the ledger: an event, and what there is to be known of it.

begin     a transaction begins: its `step`, its `kind`, what it leaves of each object (`records`),
          what its `blobs` hold, and the objects that the root leads to behind it (`leads`)
voted, finishing, told (with its `tid`), finished (likewise), refused   what becomes of it
packing, packed   a pack begins, and has returned
settled   after a crash: whether the transaction that was in doubt was `kept`, and its `tid`
opened, closing, closed   the storage; other events are moments of which nothing follows
failed    the program could not go on: the `error`
"""

DONE = ("finished", "refused", "settled")


class Entry(NamedTuple):
    """A transaction of the ledger.

    kind     what sort of step it was
    written  what it leaves
    leads    the oids that the root leads to behind it
    """

    kind: str
    written: Written
    leads: tuple[bytes, ...]


@dataclass
class Ledger:
    """What follows from the lines so far.

    step      the number of the last step that was begun, -1 where none was
    event     the last event
    kind      of the last step
    kinds     of all steps that were begun
    finished  the transactions that are finished, in order
    open      the one that has begun and whose end is not known, with how far it came
    refused   those that were given up
    packed    how many were finished when the last pack began
    garbage   oids that the root did not lead to when some pack began
    error     why the program could not go on, "" where it could, or where another one does
    """

    step: int = -1
    event: str = ""
    kind: str = ""
    kinds: set[str] = field(default_factory=set)
    finished: list[Entry] = field(default_factory=list)
    open: Entry | None = None
    refused: list[Written] = field(default_factory=list)
    packed: int = 0
    garbage: frozenset[bytes] = frozenset()
    error: str = ""
    _is_doubtful: bool = False

    def take(self, line: Line) -> None:
        """Add a line."""
        self.event = line["event"]
        self.step = line.get("step", self.step)
        self.kind = line.get("kind", self.kind)
        self.kinds.add(self.kind)
        match self.event:
            case "begin":
                records = {bytes.fromhex(oid): value for oid, value in line["records"].items()}
                leads = tuple(map(bytes.fromhex, line["leads"]))
                blobs = {bytes.fromhex(oid): held for oid, held in line.get("blobs", {}).items()}
                self.open = Entry(line["kind"], Written(UNKNOWN, records, blobs), leads)
                self._is_doubtful = False
            case "finishing":
                self._is_doubtful = True
            case "told" | "finished":
                self._learn(bytes.fromhex(line["tid"]))
            case "packing":
                self.packed = len(self.finished)
                self.garbage |= self.oids() - {ROOT, *self.leads}
            case "opened":  # whoever failed before, somebody is at work again
                self.error = ""
            case "failed":
                self.error = line["error"]
        if self.event in DONE:
            self._end(line)

    def _learn(self, tid: bytes) -> None:
        assert self.open is not None
        self.open = self.open._replace(written=self.open.written._replace(tid=tid))

    def _end(self, line: Line) -> None:
        if self.event == "settled" and line["kept"]:
            self._learn(bytes.fromhex(line["tid"]))
        if self.open is not None:
            if self.event == "finished" or line.get("kept"):
                self.finished.append(self.open)
            else:
                self.refused.append(self.open.written)
        self.open = None

    @property
    def leads(self) -> tuple[bytes, ...]:
        """The oids that the root leads to."""
        return self.finished[-1].leads if self.finished else ()

    def oids(self) -> frozenset[bytes]:
        """All oids of which the program knows."""
        written = [entry.written for entry in self.finished] + self.refused
        if self.open is not None:
            written.append(self.open.written)
        return frozenset(oid for each in written for oid in each.records)

    def told(self) -> Told:
        """What the storage has told, if there is a crash now."""
        refused, doubtful = list(self.refused), None
        if self.open is not None and self._is_doubtful:
            doubtful = self.open.written
        elif self.open is not None:
            refused.append(self.open.written)
        return Told(
            tuple(entry.written for entry in self.finished),
            doubtful,
            tuple(refused),
            self.packed,
            self.garbage,
        )

    def current(self) -> dict[bytes, tuple[str, bytes] | None]:
        """By oid, what is current after all that is finished: the value and its tid."""
        return current(entry.written for entry in self.finished)


def of_lines(lines: Iterable[Line]) -> Ledger:
    """The ledger that lines make."""
    ledger = Ledger()
    for line in lines:
        ledger.take(line)
    return ledger


def read(path: Path) -> list[Line]:
    """The lines of a ledger's file; none where it was not begun.  One that is not whole does not
    count: who wrote it was killed, or is still writing.
    """
    if not path.exists():
        return []
    return [json.loads(line) for line in _whole(path.read_bytes()).splitlines()]


def _whole(content: bytes) -> bytes:
    """The lines that were written to their end."""
    return content[: content.rfind(b"\n") + 1]


class Book:
    """A ledger that is written to a file, line by line.

    path   the file; lines that it has already count
    lines  what is known beside: they are not written
    """

    def __init__(self, path: Path, lines: Iterable[Line] = ()) -> None:
        self.ledger = of_lines([*lines, *read(path)])
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.truncate(path, len(_whole(path.read_bytes())))

    def write(self, event: str, **more: Any) -> None:
        """Add a line: the file has it before this returns, whatever becomes of the process."""
        line = {"event": event, **more}
        os.write(self._file, json.dumps(line).encode("ascii") + b"\n")
        self.ledger.take(line)

    def settle(self, *, kept: bool, tid: bytes = b"") -> None:
        """Say what became of the transaction that was open when there was a crash, if there is
        one.
        """
        if self.ledger.open is not None:
            self.write("settled", kept=kept, tid=tid.hex())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
