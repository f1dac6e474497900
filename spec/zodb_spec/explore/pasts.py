"""The small worlds of transactions that are undone, and of databases that are packed."""

from __future__ import annotations

from zodb_spec.explore.bounds import Bounds
from zodb_spec.explore.small import ENDS, SmallWorld, held, words

PASTS: dict[str, SmallWorld[Bounds]] = {
    "undo": SmallWorld(
        "Transactions that change one object, and are undone, or find that something was",
        held("Thing", "one"),
        Bounds(
            ("set", "undo", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one none", back="0 1"),
            steps=5,
        ),
    ),
    "undone-creation": SmallWorld(
        "An object whose creation is undone, and that is looked for, linked and changed",
        (
            *held("Thing", "one"),
            ("new", "made1", "Thing"),
            ("link", "one1", "a", "made1", "strong"),
            ("commit", "manager1"),
        ),
        Bounds(
            ("get", "link", "unlink", "commit-with-undo", "commit"),
            words(thing="one1", attribute="a", form="strong", back="0 1"),
            objects=2,
            steps=4,
        ),
    ),
    "pack": SmallWorld(
        "A database that is packed, beside connections that change it, undo, and show its past",
        held("Thing", "one"),
        Bounds(
            ("set", "undo", "pack", "open-historical", "close", *ENDS),
            words(
                thing="one1 one2",
                attribute="a",
                value="one",
                back="0 1",
                option="at",
                tid="2 3",
            ),
            connections=3,
            steps=5,
        ),
    ),
}
"""The small ones, by name."""
