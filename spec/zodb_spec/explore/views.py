"""The small worlds of connections that were opened otherwise than usual: in the past, in a version,
or with one of the options of 2006; and of those whose caches were declared invalid.
"""

from __future__ import annotations

from zodb_spec.editions import Edition
from zodb_spec.explore.bounds import Bounds
from zodb_spec.explore.small import ENDS, ONE, SmallWorld, held, words
from zodb_spec.operation import Step

PAST: tuple[Step, ...] = (
    *held("Thing", "one"),
    ("set", "one1", "a", "one"),
    ("commit", "manager1"),
    ("set", "one1", "a", "none"),
    ("commit", "manager1"),
    ("open-historical", "db", "manager2", "at", "4", "connection3"),
    ("root", "connection3", "root3"),
    ("read", "root3", "'a'", "one3"),
)


def opened(options: str) -> tuple[Step, ...]:
    """A usual connection, and one that was opened with options, which both hold an object."""
    return (
        *ONE,
        ("new", "one1", "Thing"),
        ("link", "root1", "'a'", "one1", "strong"),
        ("commit", "manager1"),
        ("open-as", "db", "manager2", options, "connection2"),
        ("root", "connection2", "root2"),
        ("read", "root2", "'a'", "one2"),
    )


VIEWS: dict[str, SmallWorld[Bounds]] = {
    "history": SmallWorld(
        "A connection to the past beside one to the present",
        PAST,
        Bounds(
            ("open-historical", "new", "add", "set", "get", "close", *ENDS),
            words(
                tid="2 3",
                option="at before",
                manager="manager1 manager2",
                thing="one1 one3",
                kind="Thing",
                attribute="a",
                value="one",
                connection="connection1 connection3",
            ),
            objects=2,
            connections=4,
            steps=4,
        ),
    ),
    "unsynchronized": SmallWorld(
        "A connection that is not told of the boundaries of transactions",
        opened("synch=False"),
        Bounds(
            ("set", "sync", "close", "open-as", *ENDS),
            words(
                thing="one1 one2",
                attribute="a",
                value="one",
                options="synch=False",
                manager="manager1 manager2",
            ),
        ),
        edition=Edition.C,
    ),
    "current-reads": SmallWorld(
        "A connection that reads nothing but current revisions",
        opened("mvcc=False"),
        Bounds(
            ("set", "read", "invalidate", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one"),
        ),
        edition=Edition.C,
    ),
    "a-version": SmallWorld(
        "An object that is changed in a version and in the trunk",
        opened("version='red'"),
        Bounds(
            ("set", "invalidate", "read", "commit-version", "abort-version", "commit", "abort"),
            {
                **words(thing="one1 one2", attribute="a", value="one", source="red"),
                "destination": ("",),
            },
            steps=6,
        ),
        edition=Edition.C,
        versions=True,
    ),
    "two-versions": SmallWorld(
        "An object that goes from one version to another, and from there to the trunk or nowhere",
        (
            *opened("version='red'"),
            ("open-as", "db", "manager1", "version='blue'", "connection3"),
            ("root", "connection3", "root3"),
            ("read", "root3", "'a'", "one3"),
        ),
        Bounds(
            ("set", "commit-version", "abort-version", "close", "open-as", "commit", "begin"),
            words(
                thing="one2 one3",
                attribute="a",
                value="one",
                manager="manager1 manager2",
                connection="connection2",
                options="version='red'",
            ),
            connections=3,
            steps=5,
        ),
        edition=Edition.C,
        versions=True,
    ),
    "created-in-a-version": SmallWorld(
        "An object that was created in a version, and is looked for elsewhere",
        (
            *opened("version='red'"),
            ("new", "made2", "Thing"),
            ("link", "root2", "'b'", "made2", "strong"),
            ("commit", "manager2"),
        ),
        Bounds(
            (
                *("link", "get", "forget", "savepoint", "rollback"),
                *("commit-version", "abort-version", "commit", "abort"),
            ),
            {
                **words(thing="made2 one2", attribute="a", form="strong", source="red"),
                "destination": ("",),
            },
            objects=2,
            savepoints=1,
            steps=4,
        ),
        edition=Edition.C,
        versions=True,
    ),
    "no-versions": SmallWorld(
        "A connection that cannot be opened in a version, which the storage does not have",
        ONE,
        Bounds(
            ("open-as", "close", "set", "commit", "sync"),
            words(
                options="version='red' mvcc=False",
                thing="root1",
                attribute="'a'",
                value="one",
            ),
        ),
        edition=Edition.C,
    ),
    "invalid-caches": SmallWorld(
        "Two connections whose caches are declared invalid, before boundaries and while closed",
        held("Thing", "one"),
        Bounds(
            (
                *("invalidate-cache", "set", "get", "read", "invalidate", "read-current"),
                *("open", "close", "commit", "abort"),
            ),
            words(thing="one1 one2", attribute="a", value="one", oid="0 1"),
            steps=5,
        ),
    ),
    "invalid-caches-in-2006": SmallWorld(
        "One of two connections, which reads nothing but current revisions, has an invalid cache",
        opened("mvcc=False"),
        Bounds(
            ("invalidate-one-cache", "set", "read", "invalidate", "close", "commit", "abort"),
            words(thing="one1 one2", attribute="a", value="one", connection="connection2"),
            steps=5,
        ),
        edition=Edition.C,
    ),
}
"""The small ones, by name."""
