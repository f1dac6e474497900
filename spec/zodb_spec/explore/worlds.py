"""Small worlds: each shows one part of the specification whole, and can be explored in seconds."""

from __future__ import annotations

from zodb_spec.editions import Edition
from zodb_spec.explore.bounds import Bounds
from zodb_spec.explore.pasts import PASTS
from zodb_spec.explore.several import SEVERAL_DATABASES
from zodb_spec.explore.small import ENDS, ONE, TWO, SmallWorld, held, words
from zodb_spec.explore.views import VIEWS

ONE_DATABASE: dict[str, SmallWorld[Bounds]] = {
    "one-object": SmallWorld(
        "One connection, and one object that is made, added, linked, stored, found and forgotten",
        ONE,
        Bounds(
            (
                "new",
                "link",
                "unlink",
                "add",
                "read",
                "commit",
                "abort",
                "commit-sabotaged",
                "forget",
            ),
            words(attribute="'a' a", kind="Thing", form="strong", phase="tpc_vote", order="before"),
            connections=1,
        ),
    ),
    "two-objects": SmallWorld(
        "One connection, and two objects that refer to each other, strongly or weakly",
        ONE,
        Bounds(
            ("new", "link", "commit", "abort", "set-unpicklable"),
            words(attribute="'a' a", kind="Thing", form="strong weak", reason="lambda"),
            objects=2,
            connections=1,
            steps=6,
        ),
    ),
    "two-connections": SmallWorld(
        "One new object, and two connections that can own it",
        TWO,
        Bounds(
            ("new", "link", "add", "get", "commit", "abort"),
            words(attribute="'a'", kind="Thing", form="strong"),
        ),
    ),
    "one-shared-object": SmallWorld(
        "Two transactions that read, mark and change one object",
        held("Thing", "one"),
        Bounds(
            ("set", "read-current", *ENDS),
            words(thing="one1 one2", attribute="a", value="one none"),
        ),
    ),
    "two-shared-objects": SmallWorld(
        "Two transactions that change two objects: where write skew lives",
        held("Thing", "one", "other"),
        Bounds(
            ("set", *ENDS),
            words(thing="one1 one2 other1 other2", attribute="a", value="one"),
            objects=2,
        ),
    ),
    "counter": SmallWorld(
        "Two transactions that count one counter, whose conflicts can be merged",
        held("Counter", "one"),
        Bounds(
            ("increment", "set", "read-current", "invalidate", *ENDS),
            words(counter="one1 one2", thing="one1 one2", attribute="a", value="one"),
            steps=6,
        ),
        resolves=True,
    ),
    "tracking": SmallWorld(
        "Everything that a program can do to the status of one object",
        held("Thing", "one"),
        Bounds(
            (
                *("set", "unlink", "set-unpicklable", "mark-changed", "deactivate", "invalidate"),
                *("read", "commit", "abort"),
            ),
            words(thing="one1 one2", attribute="a", value="one", reason="lambda"),
        ),
    ),
    "failures": SmallWorld(
        "Transactions that fail in each phase, and are doomed",
        held("Thing", "one"),
        Bounds(
            ("set", "commit-sabotaged", "change-after-failure", "doom", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one"),
        ),
    ),
    "open-and-close": SmallWorld(
        "Connections that are closed, used when closed, and opened again",
        held("Thing", "one"),
        Bounds(
            ("open", "close", "sync", "set", "read", "get", "root", "commit"),
            words(thing="one1 one2", attribute="a", value="one"),
        ),
    ),
    "savepoints": SmallWorld(
        "A transaction that changes one object, and returns to its savepoints",
        held("Thing", "one"),
        Bounds(
            ("set", "savepoint", "rollback", "minimize", "doom", *ENDS),
            words(
                manager="manager1",
                connection="connection1",
                thing="one1",
                attribute="a",
                value="one none",
            ),
        ),
    ),
    "savepoints-and-conflicts": SmallWorld(
        "Two transactions that change one object, and return to their savepoints",
        held("Thing", "one"),
        Bounds(
            ("set", "read-current", "savepoint", "rollback", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one"),
            savepoints=1,
        ),
    ),
    "counter-and-savepoints": SmallWorld(
        "Two transactions that count one counter, and return to their savepoints",
        held("Counter", "one"),
        Bounds(
            ("increment", "savepoint", "rollback", "commit", "abort"),
            words(counter="one1 one2"),
            savepoints=1,
            steps=7,
        ),
        resolves=True,
    ),
    "new-object-and-savepoints": SmallWorld(
        "One new object that is added, linked and unlinked between savepoints",
        ONE,
        Bounds(
            ("new", "link", "unlink", "add", "savepoint", "rollback", "commit", "abort"),
            words(attribute="'a'", kind="Thing", form="strong"),
            connections=1,
        ),
    ),
    "new-object-and-savepoints-in-2006": SmallWorld(
        "The same, in the edition of 2006-08-16",
        ONE,
        Bounds(
            ("new", "link", "add", "savepoint", "rollback", "abort"),
            words(attribute="'a'", kind="Thing", form="strong"),
            connections=1,
        ),
        edition=Edition.C,
    ),
    "exchanges": SmallWorld(
        "Objects that take the place of one that two transactions use, and give it back",
        held("Thing", "one"),
        Bounds(
            (
                *("new", "exchange", "set", "get", "minimize", "gc", "commit", "abort"),
                *("savepoint", "rollback"),
            ),
            words(
                kind="Thing",
                attribute="a",
                value="one",
                oid="1",
            ),
            objects=2,
            savepoints=1,
            steps=6,
        ),
    ),
    "letting-go-and-savepoints": SmallWorld(
        "What a savepoint has stored is given up, found again, and left to a failed transaction",
        ONE,
        Bounds(
            (
                *("new", "link", "set-unpicklable", "deactivate", "forget", "get", "close"),
                *("savepoint", "rollback", "sync"),
            ),
            words(attribute="'a' a", kind="Thing", form="strong", reason="lambda"),
            connections=1,
            savepoints=1,
            steps=6,
        ),
    ),
}
"""Those with one database."""

SMALL_WORLDS: dict[str, SmallWorld[Bounds]] = {
    **ONE_DATABASE,
    **SEVERAL_DATABASES,
    **VIEWS,
    **PASTS,
}
"""All small worlds, by name."""
