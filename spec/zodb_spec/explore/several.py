"""The worlds with several databases, small ones and large ones."""

from __future__ import annotations

from zodb_spec.editions import Edition
from zodb_spec.explore.bounds import Bounds
from zodb_spec.explore.small import ENDS, ONE, SmallWorld, words
from zodb_spec.operation import Step

TOGETHER: tuple[Step, ...] = (("open-database", "db2", "second", "inside"), *ONE)
GROUP: tuple[Step, ...] = (
    *TOGETHER,
    ("get-connection", "connection1", "db2", "connection3"),
    ("root", "connection3", "root3"),
)
"""A group of two connections, with their roots."""
GROUPS: tuple[Step, ...] = (
    *GROUP,
    ("open", "db", "manager2", "connection2"),
    ("root", "connection2", "root2"),
    ("get-connection", "connection2", "db2", "connection4"),
    ("root", "connection4", "root4"),
)
"""Two groups of two connections each."""

SHARED: tuple[Step, ...] = (
    *GROUPS,
    ("new", "one1", "Thing"),
    ("link", "root1", "'a'", "one1", "strong"),
    ("commit", "manager1"),
    ("new", "two3", "Thing"),
    ("link", "two3", "b", "one1", "strong"),
    ("new", "three3", "Thing"),
    ("link", "two3", "b", "three3", "strong"),
    ("link", "root3", "'a'", "two3", "strong"),
    ("link", "root3", "'b'", "three3", "strong"),
    ("commit", "manager1"),
    ("begin", "manager2"),
    ("read", "root2", "'a'", "one2"),
    ("read", "root4", "'a'", "two4"),
    ("read", "root4", "'b'", "three4"),
)
"""The same, and three objects that both hold."""

AMBIGUOUS = Bounds(
    ("new", "link", "unlink", "add", "savepoint", "rollback", "commit", "abort"),
    words(attribute="'a'", kind="Thing", form="strong"),
    savepoints=1,
    steps=6,
)

SEVERAL_DATABASES: dict[str, SmallWorld[Bounds]] = {
    "collections": SmallWorld(
        "Databases that are opened inside and outside of a collection, and their connections",
        ONE,
        Bounds(
            ("open-database", "open", "get-connection", "set", "commit"),
            words(name="second", manager="manager1", attribute="'a'", value="one"),
            connections=3,
        ),
    ),
    "groups": SmallWorld(
        "Connections to two databases that are got, closed, and opened again",
        TOGETHER,
        Bounds(
            ("open", "get-connection", "set", "close", "commit"),
            words(manager="manager1 manager2", attribute="'a'", value="one"),
            connections=3,
        ),
    ),
    "closings": SmallWorld(
        "A database that is closed while groups have connections to it, and others have none",
        (
            *ONE,
            ("open-database", "db2", "second", "inside"),
            ("open", "db2", "manager2", "connection2"),
        ),
        Bounds(
            ("close-database", "new", "add", "get-connection", "open", "close", "commit", "abort"),
            words(kind="Thing", manager="manager1 manager2", attribute="a", value="one"),
            connections=4,
            steps=4,
        ),
    ),
    "cross-references": SmallWorld(
        "A reference to another database that is followed, given up, and followed again",
        (
            *GROUP,
            ("link", "root3", "'a'", "root1", "strong"),
            ("commit", "manager1"),
            ("open", "db2", "manager2", "connection2"),
            ("root", "connection2", "root2"),
        ),
        Bounds(
            ("read", "set", "forget", "close", "open", "commit", "begin"),
            words(attribute="'a'", value="one"),
            connections=4,
            steps=4,
        ),
    ),
    "joint-commits": SmallWorld(
        "Two transactions that change both databases, in conflict or not, and fail",
        GROUPS,
        Bounds(
            ("set", "read-current", "commit", "commit-sabotaged", "abort"),
            words(attribute="'a'", value="one", phase="tpc_vote tpc_finish", order="after"),
            connections=4,
            steps=5,
        ),
    ),
    "joint-savepoints": SmallWorld(
        "A transaction over two databases that returns to its savepoints, and late joiners",
        GROUPS,
        Bounds(
            ("set", "savepoint", "rollback", "minimize", *ENDS),
            words(attribute="'a'", value="one"),
            connections=4,
            savepoints=2,
            steps=6,
        ),
    ),
    "three-shared-objects": SmallWorld(
        "Two transactions that change three objects of two databases",
        SHARED,
        Bounds(
            ("set", "commit"),
            words(thing="one1 one2 two3 two4 three3 three4", attribute="a", value="one"),
            objects=3,
            connections=4,
        ),
    ),
    "ambiguity": SmallWorld(
        "One new object that can be reached from two databases", GROUP, AMBIGUOUS
    ),
    "foreign-references": SmallWorld(
        "References to other groups, and to a database outside of the collection",
        (
            *GROUP,
            ("open-database", "db3", "", "outside"),
            ("open", "db3", "manager1", "connection5"),
            ("root", "connection5", "root5"),
            ("open", "db2", "manager2", "connection2"),
            ("root", "connection2", "root2"),
        ),
        Bounds(
            ("link", "savepoint", "commit", "abort"),
            words(thing="root1 root2", attribute="'a'", form="strong", manager="manager1 manager2"),
            connections=4,
            savepoints=1,
            steps=4,
        ),
    ),
    "separate-connections-in-2005": SmallWorld(
        "References between connections that were opened separately, in the edition of 2005-06-10",
        (
            *TOGETHER,
            ("open", "db2", "manager1", "connection3"),
            ("root", "connection3", "root3"),
            ("open", "db2", "manager2", "connection2"),
            ("root", "connection2", "root2"),
        ),
        Bounds(
            ("new", "link", "close", "savepoint", "commit", "abort"),
            words(thing="root1", attribute="'a'", kind="Thing", form="strong"),
            connections=3,
            savepoints=1,
            steps=5,
        ),
        edition=Edition.A,
    ),
    "added-objects": SmallWorld(
        "A new object that can be added to either of two databases, before both refer to it",
        (*GROUP, ("new", "x", "Thing")),
        Bounds(
            ("add", "link", "savepoint", "rollback", "commit", "abort"),
            words(
                thing="root1 root3 x",
                connection="connection1 connection3",
                attribute="'a'",
                target="x",
                form="strong",
            ),
            savepoints=1,
        ),
    ),
    "ambiguity-in-2005": SmallWorld(
        "A new object that two databases can reach, in the edition of 2005-06-16",
        GROUP,
        AMBIGUOUS,
        edition=Edition.A_PRIME,
    ),
}
"""The small ones, by name."""

LARGE_WORLDS: dict[str, SmallWorld[Bounds]] = {
    "two-groups": SmallWorld(
        "Two groups of two connections, and three objects: a million worlds, and many more",
        GROUPS,
        Bounds(
            ("new", "link", "add", "savepoint", "rollback", "commit", "abort"),
            words(attribute="'a' a", kind="Thing", form="strong"),
            objects=3,
            connections=4,
            savepoints=1,
            worlds=1_000_000,
        ),
    ),
}
"""Those that take minutes, by name."""
