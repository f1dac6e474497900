"""Preludes: how scripts begin, so that they spend their steps on more than getting started."""

from __future__ import annotations

from zodb_spec.operation import Step

PRELUDE: tuple[Step, ...] = (
    ("open", "db", "manager1", "connection1"),
    ("root", "connection1", "root1"),
    ("open", "db", "manager2", "connection2"),
    ("root", "connection2", "root2"),
)
"""Two connections with their roots."""

SHARED: tuple[Step, ...] = (
    *PRELUDE,
    ("new", "counter1", "Counter"),
    ("link", "root1", "'a'", "counter1", "strong"),
    ("new", "shared1", "Thing"),
    ("link", "root1", "'b'", "shared1", "list"),
    ("new", "deep1", "Thing"),
    ("link", "shared1", "a", "deep1", "strong"),
    ("commit", "manager1"),
    ("begin", "manager2"),
    ("read", "root2", "'a'", "counter2"),
    ("read", "root2", "'b'", "shared2"),
)
"""Two connections that both hold a counter and a thing; one has not seen what the thing holds."""

SAVED: tuple[Step, ...] = (
    *SHARED,
    ("set", "shared1", "b", "one"),
    ("savepoint", "manager1", "savepoint1"),
    ("increment", "counter1"),
    ("set", "shared1", "b", "text"),
    ("new", "fresh1", "Thing"),
    ("link", "deep1", "a", "fresh1", "strong"),
    ("savepoint", "manager1", "savepoint2"),
)
"""The same in the middle of a transaction, with a savepoint, further changes, and another one."""

EXCHANGED: tuple[Step, ...] = (
    *SHARED,
    ("new", "new1", "Thing"),
    ("set", "new1", "a", "one"),
    ("exchange", "connection1", "shared1", "new1"),
    ("minimize", "connection1"),
    ("read", "root1", "'a'", "again1"),
)
"""Two connections, one of which has put an object in the place of another, and loaded what leads
there.
"""

GROUPS: tuple[Step, ...] = (
    ("open-database", "db2", "second", "inside"),
    *PRELUDE,
    ("get-connection", "connection1", "db2", "connection3"),
    ("root", "connection3", "root3"),
    ("get-connection", "connection2", "db2", "connection4"),
    ("root", "connection4", "root4"),
)
"""Two groups, of connections to two databases of one collection, with their roots."""

LINKED: tuple[Step, ...] = (
    *GROUPS,
    ("new", "one1", "Thing"),
    ("link", "root1", "'a'", "one1", "strong"),
    ("commit", "manager1"),
    ("new", "two3", "Thing"),
    ("link", "two3", "a", "one1", "strong"),
    ("link", "root3", "'a'", "two3", "strong"),
    ("commit", "manager1"),
    ("begin", "manager2"),
    ("read", "root4", "'a'", "two4"),
    ("read", "two4", "a", "one2"),
)
"""The same, with a reference from an object of the second database to one of the first."""

THREE: tuple[Step, ...] = (
    ("open-database", "db2", "second", "inside"),
    ("open-database", "db3", "", "inside"),
    *PRELUDE,
    ("get-connection", "connection1", "db2", "connection3"),
    ("root", "connection3", "root3"),
    ("get-connection", "connection1", "db3", "connection5"),
    ("root", "connection5", "root5"),
)
"""A group of three connections, and one that has only one so far."""

OUTSIDE: tuple[Step, ...] = (
    ("open-database", "db2", "second", "inside"),
    ("open-database", "db3", "", "outside"),
    *PRELUDE,
    ("get-connection", "connection1", "db2", "connection3"),
    ("root", "connection3", "root3"),
    ("open", "db3", "manager1", "connection5"),
    ("root", "connection5", "root5"),
)
"""Two databases of one collection and one outside of it, in one transaction."""

GUESSED: tuple[Step, ...] = (
    *GROUPS,
    ("new", "new1", "Thing"),
    ("link", "root1", "'a'", "new1", "strong"),
    ("savepoint", "manager1", "savepoint1"),
    ("add", "connection1", "new1"),
    ("link", "root3", "'a'", "new1", "strong"),
)
"""Two groups, and in one of them a new object that a savepoint has stored with one database, and
that is linked from the other one.
"""

ADDED: tuple[Step, ...] = (
    *GROUPS,
    ("new", "new1", "Thing"),
    ("add", "connection1", "new1"),
    ("savepoint", "manager1", "savepoint1"),
    ("link", "root3", "'a'", "new1", "strong"),
)
"""The same with an object that was added to the first database before that."""

MANY = (GROUPS, LINKED, THREE, OUTSIDE, GUESSED, ADDED)

PAST: tuple[Step, ...] = (
    *SHARED,
    ("set", "shared1", "a", "one"),
    ("commit", "manager1"),
    ("increment", "counter1"),
    ("set", "shared1", "b", "text"),
    ("commit", "manager1"),
    ("open-historical", "db", "manager1", "at", "2", "connection3"),
    ("root", "connection3", "root3"),
    ("read", "root3", "'b'", "shared3"),
)
"""Two connections, and one to the past, under the manager of the first."""


def _opened(options: str) -> tuple[Step, ...]:
    """A usual connection, and one that was opened with options of 2006, which both hold a counter
    and a thing.
    """
    return (
        *PRELUDE[:2],
        ("new", "counter1", "Counter"),
        ("link", "root1", "'a'", "counter1", "strong"),
        ("new", "shared1", "Thing"),
        ("link", "root1", "'b'", "shared1", "list"),
        ("commit", "manager1"),
        ("open-as", "db", "manager2", options, "connection2"),
        ("root", "connection2", "root2"),
        ("read", "root2", "'a'", "counter2"),
        ("read", "root2", "'b'", "shared2"),
    )


UNSYNCHRONIZED = _opened("synch=False")
"""The second connection is not told of boundaries."""

CURRENT_READS = _opened("mvcc=False")
"""The second connection reads nothing but current revisions."""

OPTIONS_TOGETHER = _opened("mvcc=False, synch=False")
"""The second connection does both."""

VERSION: tuple[Step, ...] = (
    *_opened("version='red'"),
    ("set", "shared2", "a", "one"),
    ("commit", "manager2"),
)
"""The second connection is in a version, in which it has changed the thing."""

VERSIONS: tuple[Step, ...] = (
    *VERSION,
    ("new", "made2", "Thing"),
    ("link", "shared2", "b", "made2", "strong"),
    ("commit", "manager2"),
    ("open-as", "db", "manager1", "version='blue'", "connection3"),
    ("root", "connection3", "root3"),
    ("read", "root3", "'a'", "counter3"),
)
"""The same, and it has made an object; a third one is in another version."""

VERSION_GROUPS: tuple[Step, ...] = (
    ("open-database", "db2", "second", "inside"),
    *VERSION,
    ("get-connection", "connection2", "db2", "connection4"),
    ("root", "connection4", "root4"),
    ("open-as", "db2", "manager1", "version='red'", "connection5"),
    ("root", "connection5", "root5"),
)
"""A group of connections in a version, over two databases."""
