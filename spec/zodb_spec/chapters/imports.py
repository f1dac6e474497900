"""Imports: objects that come from a file, and whose they are.

`exportFile` writes an object to a file, with what strong references lead to from there, and
`importFile` makes new objects of it. In the examples `imported(connection, oid)` does the one and
then the other. This chapter says how the objects of an import live in the transaction that imports
them, beside those that were added and those that were reached. What a file holds, and what becomes
of references to other databases in it, is the matter of the facilities built on this.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition


@example("import.makes-copies", MUST, rules="XEXP-4")
def makes_copies() -> None:
    """An import makes new objects with new oids, which refer to each other as those of the export
    did, and gives the first of them.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n, thing.part = 1, Thing()
    >>> thing.part.whole = thing
    >>> tm.commit()
    >>> copy = imported(connection, thing._p_oid)
    >>> copy.n, copy.part.whole is copy, copy is thing
    (1, True, False)
    >>> len({each._p_oid for each in (thing, thing.part, copy, copy.part)})
    4
    """


@example("import.saves-at-once", MUST, rules="SAVE-22")
def saves_at_once() -> None:
    """An import makes a savepoint first, one that needs no way back, and keeps the new objects
    where savepoints do. So the cache can empty them at once.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> thing.m = 2
    >>> tm.get().join(Participant("p", []))
    >>> copy = imported(connection, thing._p_oid)
    >>> bool(thing._p_changed)
    False
    >>> copy._p_deactivate()
    >>> copy.n
    1
    """


@example("import.stored-unreachable", MUST, rules="SAVE-23")
def stored_unreachable() -> None:
    """What was imported is stored at commit, whether anything refers to it or not.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n, thing.part = 1, Thing()
    >>> thing.part.n = 2
    >>> tm.commit()
    >>> oid = imported(connection, thing._p_oid)._p_oid
    >>> tm.commit()
    >>> found = opened(db).get(oid)
    >>> found.n, found.part.n
    (1, 2)
    """


@example(
    "import.counts-as-added",
    MUST,
    rules="XREF-28",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def counts_as_added() -> None:
    """Where an imported object belongs is no guess, as it is none of an object that was added:
    several databases may refer to it from the moment at which it is there.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.part = Thing()
    >>> tm.commit()
    >>> copies = [imported(connection, thing._p_oid) for number in range(2)]
    >>> for member, copy in (connection, copies[0]), (other, copies[1]):
    ...     member.root()["copy"] = copy
    ...     connection.root()["part"] = other.root()["part"] = copy.part
    ...     tm.commit()
    >>> {part._p_jar is connection for copy in copies for part in (copy, copy.part)}
    {True}
    >>> opened(second).root()["part"]._p_jar.db() is db
    True
    """


@example("import.abort-disowns", MUST, rules="SAVE-24 LIFE-11", error="POSKeyError")
def abort_disowns() -> None:
    """An abort undoes an import entirely. What was imported is new again, and can be stored as
    such; its oid is unknown.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> copy = imported(connection, thing._p_oid)
    >>> oid, n = copy._p_oid, copy.n
    >>> tm.abort()
    >>> copy._p_jar is None, copy._p_oid is None
    (True, True)
    >>> with raises("POSKeyError"):
    ...     connection.get(oid)
    >>> connection.root()["copy"] = copy
    >>> tm.commit()
    >>> opened(db).root()["copy"].n
    1
    """


@example(
    "import.rollback-disowns", MUST, rules="SAVE-24 SAVE-14", error="POSKeyError", since=CURRENT
)
def rollback_disowns() -> None:
    """To return to an earlier savepoint undoes an import entirely, as an abort does.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.n = 1
    >>> tm.commit()
    >>> thing.m = 2
    >>> savepoint = tm.savepoint()
    >>> copy = imported(connection, thing._p_oid)
    >>> oid, n = copy._p_oid, copy.n
    >>> savepoint.rollback()
    >>> copy._p_jar is None, copy._p_oid is None, thing.m
    (True, True, 2)
    >>> with raises("POSKeyError"):
    ...     connection.get(oid)
    >>> tm.commit()
    >>> with raises("POSKeyError"):
    ...     opened(db).get(oid)
    """


@example("import.damage-refused", MUST, rules="XEXP-5", error="ExportError")
def damage_refused() -> None:
    """A file that is no export is refused, and so is one that ends too early; nothing of it is
    stored.

    >>> import io
    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.part = Thing()
    >>> tm.commit()
    >>> with connection.exportFile(thing._p_oid, io.BytesIO()) as file:
    ...     data = file.getvalue()
    >>> for damaged in b"PK" + data, data[:-1], data[:-24], data[:30], data[:4]:
    ...     with raises("ExportError"):
    ...         connection.importFile(io.BytesIO(damaged))
    ...     tm.abort()
    >>> connection.root()["thing"].part._p_jar is connection
    True
    """
