"""The points at which a process is killed, or the power fails: chosen so that few of them come to
many different places.

A whole run of the stream is recorded first.  It tells which moments its steps reach, and which
changes of files there are between them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import zip_longest
from pathlib import PurePath
from typing import NamedTuple, TypeVar

from zodb_conformance.crashes.ledger import Line
from zodb_conformance.crashes.recording import Operation

Item = TypeVar("Item")


class Moment(NamedTuple):
    """A moment in a step, at which the process kills itself, or its server is killed.

    step, kind  the number of the step, and its sort where it is known
    event       what has just been written into the ledger
    server      whether it is the server that is killed
    """

    step: int
    kind: str
    event: str
    server: bool = False

    def __str__(self) -> str:
        kind = f" ({self.kind})" if self.kind else ""
        whom = "the server is killed at " if self.server else ""
        return f"{whom}step {self.step}{kind}, at {self.event!r}"


class Change(NamedTuple):
    """A change of a file, before which the process is killed.

    number       as the recorder counts them
    kind, event  the sort of the step, and the last event before it
    what         what is about to be done, "" where that is not known
    """

    number: int
    kind: str
    event: str
    what: str

    def __str__(self) -> str:
        if not self.what:
            return f"change {self.number} of a file"
        return f"{self.kind or 'opening'}, behind {self.event!r}, before {self.what}"


class Delay(NamedTuple):
    """A time after the storage was opened, in seconds.

    server  whether it is the server that is killed
    """

    seconds: float
    server: bool = False

    def __str__(self) -> str:
        whom = "the server is killed " if self.server else ""
        return f"{whom}after {self.seconds * 1000:.0f} ms"


Point = Moment | Change | Delay


def is_of_server(point: Point) -> bool:
    """Whether it is the server that is killed there."""
    return not isinstance(point, Change) and point.server


def moments(lines: Iterable[Line]) -> list[Moment]:
    """The moments that the steps of a run reached."""
    step, kind, found = -1, "", []
    for line in lines:
        step, kind = line.get("step", step), line.get("kind", kind)
        found.append(Moment(step, kind, line["event"]))
    return found


def changes(operations: Iterable[Operation], lines: Sequence[Line]) -> list[Change]:
    """The changes of files in a run, in order.

    lines: of the ledger, one for each mark among the operations
    """
    kind, event, found = "", "", []
    names: dict[int, str] = {}
    coming = iter(lines)
    for each in operations:
        if each.kind == "mark":
            line = next(coming)
            kind, event = line.get("kind", kind), line["event"]
        elif each.kind == "open":
            names[each.descriptor] = PurePath(each.payload.decode(errors="replace")).name
        if each.is_change:
            found.append(Change(each.number, kind, event, _told(each, names)))
    return found


def _told(operation: Operation, names: dict[int, str]) -> str:
    if operation.descriptor in names:
        done = "make" if operation.kind == "open" else operation.kind
        return f"{done} {names[operation.descriptor]}"
    paths = operation.payload.decode(errors="replace").split("\0")
    return " ".join([operation.kind, *(PurePath(path).name for path in paths)])


def spread(
    items: Iterable[Item],
    sort: Callable[[Item], Hashable],
    dice: random.Random,
    rank: Callable[[Item], int] = lambda _: 0,
) -> list[Item]:
    """The items in an order in which every sort of them comes early: those of a lower rank before
    the others, and of equal ones the rarest.
    """
    sorts: dict[Hashable, list[Item]] = {}
    for item in items:
        sorts.setdefault(sort(item), []).append(item)
    for group in sorts.values():
        dice.shuffle(group)
    groups = sorted(sorts.values(), key=lambda group: (rank(group[0]), len(group)))
    rounds = zip_longest(*groups)
    return [item for each in rounds for item in each if item is not None]


def of_moment(moment: Moment) -> Hashable:
    """The sort of a moment; for those that come first it is enough to come once."""
    return moment.event if moment.event in TURNS else (moment.kind, moment.event)


def rank_of_moment(moment: Moment) -> int:
    """Where it is just being decided whether something counts comes first."""
    return TURNS.index(moment.event) if moment.event in TURNS else len(TURNS)


TURNS = ("finished", "voted", "marking", "told", "packed")
"""The moments that come first, in this order."""


def of_change(change: Change) -> Hashable:
    """The sort of a change; for those that come first it is enough to come once."""
    what = " ".join("*" if is_made_up(word) else word for word in change.what.split())
    return (change.kind, what) if rank_of_change(change) else what


def is_made_up(word: str) -> bool:
    """Whether a name of a file is one of many: that of a blob, or of a temporary file."""
    return word.startswith("tmp") or any(sign.isdigit() for sign in word)


def rank_of_change(change: Change) -> int:
    """Changes of names come first: what a file holds changes little by little, its name at once."""
    return next((n for n, kinds in enumerate(RANKS) if change.what.startswith(kinds)), len(RANKS))


RANKS = (("rename", "link"), ("unlink",))
"""The changes that come first, and those that come then."""


def mixed(*kinds: Sequence[Point]) -> list[Point]:
    """Points of several kinds, one of each kind in turn."""
    return [point for turn in zip_longest(*kinds) for point in turn if point is not None]
