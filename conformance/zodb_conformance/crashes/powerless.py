"""Power failures, without one: what a disk would still hold is worked out from what was recorded.

The storage is opened on that, and has to show what it had told up to then.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from zodb_conformance.crashes.disk import Change, Disk, Keep, Names, nothing
from zodb_conformance.crashes.judging import Loss
from zodb_conformance.crashes.ledger import Ledger, Line
from zodb_conformance.crashes.recording import Operation

LEFT: tuple[tuple[Loss, Names], ...] = (
    ("unsynced", "journal"),
    ("unsynced", "all"),
    ("new", "journal"),
    ("new", "all"),
    ("some", "all"),
    ("names", "folders"),
)
"""What is tried at each point: what is lost, and which names are kept."""

YOUNG: tuple[Loss, ...] = ("new", "names")
"""The losses of a storage that has only just been made; of others it is taken that what was written
when they were made is on the disk by now.
"""

WORDS = {
    "journal": "nothing that was not synced is on the disk",
    "all": "the names of files are on the disk, and no content that was not synced",
    "folders": "names are on the disk only where their folder was synced",
}
"""What is lost, in words."""


@dataclass(frozen=True)
class Failure:
    """What the disk holds when the power fails at some point.

    number  how many operations there were before
    loss, names  what is lost
    image   what there is left
    lines   of the ledger up to then
    last    what was done last
    """

    number: int
    loss: Loss
    names: Names
    image: dict[str, bytes | None]
    lines: tuple[Line, ...]
    last: str

    @property
    def words(self) -> str:
        """What is lost, in words."""
        if self.loss == "some":
            return "some pages that were not synced are on the disk, and some are not"
        made = " (and the storage has only just been made)" if self.loss in YOUNG else ""
        return WORDS[self.names] + made


def failures(
    operations: tuple[Operation, ...],
    lines: tuple[Line, ...],
    folder: Path,
    points: set[int],
    dice: random.Random,
) -> Iterator[Failure]:
    """What is left by power failures behind those operations whose numbers are given, each only
    where it differs from what was left before.
    """
    ledger, seen, told = Ledger(), set[bytes](), 0
    disk, young = Disk(folder), Disk(folder)
    for number, operation in enumerate(operations):
        if operation.kind == "mark":
            if ledger.step < 0 <= lines[told].get("step", -1):
                disk.settle()
            ledger.take(lines[told])
            told += 1
        else:
            disk.do(operation)
            young.do(operation)
        if number not in points:
            continue
        for loss, names in LEFT:
            held = young if loss in YOUNG else disk
            image = held.image(names, _some(dice) if loss == "some" else nothing)
            mark = _mark(image, ledger, loss)
            if mark not in seen:
                seen.add(mark)
                last = f"{ledger.kind or 'opening'}, behind {ledger.event!r}"
                yield Failure(number, loss, names, image, lines[:told], last)


def _some(dice: random.Random) -> Keep:
    def keep(_: Change) -> bool:
        return dice.random() < 0.5

    return keep


def _mark(image: dict[str, bytes | None], ledger: Ledger, loss: Loss) -> bytes:
    """What tells two failures apart: what is left, and what it is compared with."""
    told = ledger.told()
    known = len(told.finished), len(told.refused), told.doubtful is None, told.packed
    digest = blake2b(repr((known, loss)).encode())
    for name in sorted(image):
        content = image[name]
        digest.update(name.encode() + b"\0" + (b"" if content is None else content) + b"\0")
    return digest.digest()
