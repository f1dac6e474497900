"""The stream of work: commits, transactions that are given up, undos, packs, deletions,
transactions that are restored as if another storage had them, reopenings.

Which step comes next follows from a seed, the number of the step, and what is known of the storage;
so the same seed gives the same work on every storage, and a process that takes over after a crash
goes on as its predecessor would have.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import NamedTuple

from zodb_spec.crash import BLOB, ROOT

from zodb_conformance.crashes.ledger import Ledger

SIZES = (0, 0, 200, 3_000, 9_000, 40_000)
"""How many characters the values of objects have, roughly."""

MOST = 12
"""How many objects the root leads to at most."""

WEIGHTS = {
    "commit": 12,
    "given up": 1,
    "given up after the vote": 2,
    "undo": 3,
    "pack": 3,
    "delete": 2,
    "restore": 2,
}
"""How often each kind of steps comes, where it can; and now and then the storage is reopened."""

FIRST = 4
"""How many times as often a kind comes as long as it has not come: a stream is short."""

BETWEEN_PACKS = 3
"""How many transactions there are at least between two packs, and before the first."""

REOPENING = 9
"""One of so many steps opens the storage again."""


class Step(NamedTuple):
    """One step.

    number    from 0
    kind      commit, given up, given up after the vote, undo, pack, delete, restore, reopen
    changed   oids of objects that get a new value
    dropped   oids of objects to which the root does not lead any more
    values    those values, and those of new objects behind them
    blobs     how many of the new ones, the first, are blobs
    deleted   the object that is deleted, to which the root did not lead any more
    """

    number: int
    kind: str
    changed: tuple[bytes, ...] = ()
    dropped: tuple[bytes, ...] = ()
    values: tuple[str, ...] = ()
    blobs: int = 0
    deleted: bytes = b""


def step_of(seed: int, number: int, ledger: Ledger, capabilities: Collection[str]) -> Step:
    """The step that comes next.

    capabilities  those of the storage: what it can't do does not come
    """
    dice = random.Random(f"{seed} {number}")
    if number and number % REOPENING == 0:
        return Step(number, "reopen")
    kinds = [kind for kind in WEIGHTS if can_be(kind, ledger, capabilities)]
    weights = [WEIGHTS[kind] * (1 if kind in ledger.kinds else FIRST) for kind in kinds]
    kind = dice.choices(kinds, weights)[0] if number else "commit"
    if kind in ("undo", "pack"):
        return Step(number, kind)
    if kind == "delete":
        return Step(number, kind, deleted=dice.choice(deletable(ledger)))
    blobs = "blob-restoring" if kind == "restore" else "blobs"
    step = commit_of(dice, number, kind, ledger, blobs=blobs in capabilities)
    new = len(step.values) - len(step.changed)
    return step._replace(blobs=dice.randint(0, new) if blobs in capabilities else 0)


def can_be(kind: str, ledger: Ledger, capabilities: Collection[str]) -> bool:
    """Whether a sort of step can come next."""
    match kind:
        case "undo":
            return "undo" in capabilities and can_undo(ledger)
        case "pack":
            return "pack" in capabilities and can_pack(ledger)
        case "delete":
            return "deletion" in capabilities and bool(deletable(ledger))
        case "restore":
            return "restoring" in capabilities
    return True


def commit_of(dice: random.Random, number: int, kind: str, ledger: Ledger, *, blobs: bool) -> Step:
    """A step that stores the root, some objects that there are, and some new ones.

    blobs: whether blobs can be among those that there are
    """
    leads = list(ledger.leads)
    dice.shuffle(leads)
    dropped = leads[: dice.choice((0, 0, 1, 2))] if len(leads) > MOST // 3 else []
    kept = leads[len(dropped) :]
    changed = kept[: dice.randrange(4)]
    if not blobs:
        held = ledger.current()
        changed = [oid for oid in changed if (held[oid] or ("",))[0] != BLOB]
    new = dice.randint(0 if kept else 1, 2) if len(kept) < MOST else 0
    return Step(
        number,
        kind,
        tuple(changed),
        tuple(dropped),
        tuple(value_of(dice, f"{number}.{place}") for place in range(len(changed) + new)),
    )


def value_of(dice: random.Random, name: str) -> str:
    """A value that no other transaction stores; long ones hold their name at many places."""
    size = dice.choice(SIZES)
    return f"{name} " * max(1, round(size * dice.uniform(0.5, 1.5) / (len(name) + 1)))


def can_undo(ledger: Ledger) -> bool:
    """Whether the last transaction can be undone: a commit after the last pack, not the first."""
    finished = ledger.finished
    return len(finished) > max(1, ledger.packed) and finished[-1].kind == "commit"


def deletable(ledger: Ledger) -> list[bytes]:
    """The objects to which the root does not lead any more, and which no pack has removed."""
    there = {oid for oid, known in ledger.current().items() if known is not None}
    return sorted(there - {ROOT, *ledger.leads} - ledger.garbage)


def can_pack(ledger: Ledger) -> bool:
    """Whether a few transactions were finished since the last pack."""
    return len(ledger.finished) >= ledger.packed + BETWEEN_PACKS
