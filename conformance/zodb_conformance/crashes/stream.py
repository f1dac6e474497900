"""The stream of work: commits, transactions that are given up, undos, packs, reopenings.

Which step comes next follows from a seed, the number of the step, and what is known of the storage;
so the same seed gives the same work on every storage, and a process that takes over after a crash
goes on as its predecessor would have.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import NamedTuple

from zodb_conformance.crashes.ledger import Ledger

SIZES = (0, 0, 200, 3_000, 9_000, 40_000)
"""How many characters the values of objects have, roughly."""

MOST = 12
"""How many objects the root leads to at most."""

WEIGHTS = {"commit": 12, "given up": 2, "given up after the vote": 2, "undo": 2, "pack": 2}
"""How often each kind of steps comes, where it can; and now and then the storage is reopened."""

BETWEEN_PACKS = 3
"""How many transactions there are at least between two packs, and before the first."""

REOPENING = 9
"""One of so many steps opens the storage again."""


class Step(NamedTuple):
    """One step.

    number    from 0
    kind      commit, given up, given up after the vote, undo, pack, reopen
    changed   oids of objects that get a new value
    dropped   oids of objects to which the root does not lead any more
    values    those values, and those of new objects behind them
    blobs     how many of the new ones, the first, are blobs
    """

    number: int
    kind: str
    changed: tuple[bytes, ...] = ()
    dropped: tuple[bytes, ...] = ()
    values: tuple[str, ...] = ()
    blobs: int = 0


def step_of(seed: int, number: int, ledger: Ledger, capabilities: Collection[str]) -> Step:
    """The step that comes next.

    capabilities  those of the storage; without "undo", "pack" and "blobs" there is none of these
    """
    dice = random.Random(f"{seed} {number}")
    if number and number % REOPENING == 0:
        return Step(number, "reopen")
    kinds = [
        kind
        for kind in WEIGHTS
        if not (kind == "undo" and ("undo" not in capabilities or not can_undo(ledger)))
        and not (kind == "pack" and ("pack" not in capabilities or not can_pack(ledger)))
    ]
    kind = dice.choices(kinds, [WEIGHTS[kind] for kind in kinds])[0] if number else "commit"
    if kind in ("undo", "pack"):
        return Step(number, kind)
    step = commit_of(dice, number, kind, ledger)
    new = len(step.values) - len(step.changed)
    return step._replace(blobs=dice.randint(0, new) if "blobs" in capabilities else 0)


def commit_of(dice: random.Random, number: int, kind: str, ledger: Ledger) -> Step:
    """A step that stores the root, some objects that there are, and some new ones."""
    leads = list(ledger.leads)
    dice.shuffle(leads)
    dropped = leads[: dice.choice((0, 0, 1, 2))] if len(leads) > MOST // 3 else []
    kept = leads[len(dropped) :]
    changed = kept[: dice.randrange(4)]
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


def can_pack(ledger: Ledger) -> bool:
    """Whether a few transactions were finished since the last pack."""
    return len(ledger.finished) >= ledger.packed + BETWEEN_PACKS
