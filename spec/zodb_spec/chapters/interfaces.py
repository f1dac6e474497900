"""The interfaces: what can be called on connections and databases.

What each call does is stated where it belongs. Here stands only that the calls are there, and can
be made as they are written, by position and by name: a program that was written for one
implementation finds the same in any other. An implementation may take more arguments, and have more
methods.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.signatures import (
    ALWAYS,
    CONNECTION,
    DATABASE,
    HISTORICAL,
    HISTORY,
    ONLY_C,
    PACKING,
    TODAY,
    UNTIL_C,
    quoting,
)


@example(
    "connection.interface",
    MUST,
    rules="CONN-9 CONN-15 CONN-22 CONN-23 CONN-30 CONN-31 LIFE-51 LIFE-53",
)
@quoting(CONNECTION[ALWAYS])
def connection_interface() -> None:
    """A connection has these attributes and methods, and the methods can be called like this.

    >>> offers(connection, '''
    ... CALLS
    ... ''')
    """


@example("connection.interface-before-today", MUST, rules="CONN-28", until=Edition.C)
@quoting(CONNECTION[UNTIL_C])
def connection_interface_before_today() -> None:
    """Up to the edition with versions a database announces changes to its connections by a call.

    >>> offers(connection, '''
    ... CALLS
    ... ''')
    """


@example(
    "connection.interface-of-versions",
    MUST,
    rules="CONN-26 VER-2 VER-11",
    since=Edition.C,
    until=Edition.C,
)
@quoting(CONNECTION[ONLY_C])
def connection_interface_of_versions() -> None:
    """In the edition with versions a connection can be asked for them, and told to forget its
    cache, whether it is bound to a version or not.

    >>> offers(connection, '''
    ... CALLS
    ... ''')
    """


@example("connection.interface-of-today", MUST, rules="CONN-32 CONN-58", since=CURRENT)
@quoting(CONNECTION[TODAY])
def connection_interface_of_today() -> None:
    """Today a connection can be told what a transaction relies on, and what it will need soon.

    >>> offers(connection, '''
    ... CALLS
    ... ''')
    """


@example("database.interface", MUST, rules="CONN-52 CONN-57 CONN-59 STOR-58")
@quoting(DATABASE[ALWAYS])
def database_interface() -> None:
    """A database has these attributes and methods, and the methods can be called like this. Those
    for undoing are there as well where the storage can't undo.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """


@example("database.interface-of-packing", MUST, rules="STOR-45", needs="pack")
@quoting(PACKING[ALWAYS])
def database_interface_of_packing() -> None:
    """A database whose storage can be packed has a method for it. The time is one in seconds since
    the epoch, and the days are those before it, or before now where no time is given.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """


@example("database.interface-of-history", MUST, rules="STOR-26", needs="history")
@quoting(HISTORY[ALWAYS])
def database_interface_of_history() -> None:
    """A database whose storage lists the revisions of an object has a method for it.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """


@example(
    "database.interface-of-versions",
    MUST,
    rules="VER-3 VER-12 VER-13 VER-18 VER-27",
    since=Edition.C,
    until=Edition.C,
)
@quoting(DATABASE[ONLY_C])
def database_interface_of_versions() -> None:
    """In the edition with versions, `open` has options of its own, and a database has these
    methods. They are there as well where the storage has no versions.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """


@example("database.interface-of-today", MUST, rules="CONN-55 STOR-54", since=CURRENT)
@quoting(DATABASE[TODAY])
def database_interface_of_today() -> None:
    """Today a database gives a connection for the length of a transaction, undoes several
    transactions at once, and has caches with a size in bytes.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """


@example(
    "database.interface-of-the-past",
    MUST,
    rules="CONN-40 CONN-44",
    since=CURRENT,
    needs="historical",
)
@quoting(HISTORICAL[TODAY])
def database_interface_of_the_past() -> None:
    """A database that shows the past takes a point of it in `open`, and keeps the connections to it
    in a pool of their own.

    >>> offers(db, '''
    ... CALLS
    ... ''')
    """
