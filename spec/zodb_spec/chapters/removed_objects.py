"""Removed objects: references to what is not there any more.

A record stays where it is when an object to which it refers is removed: by a garbage collection
that could not know of the reference, since it comes from another database, or by somebody who has
deleted the object. Such a reference is broken, and nothing else is.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition


@example("removed.access-fails", MUST, rules="LIFE-36", needs="raw-records", error="POSKeyError")
def access_fails() -> None:
    """Where a record refers to an object of which the database has nothing, the reference may give
    a ghost, and to load that is a key error, however often it is tried: it stays a ghost. The rest
    of the object that refers to it is whole.

    >>> oid = db.storage.new_oid()
    >>> state = {"a": 1, "gone": ("ref", (b"no such!", Thing))}
    >>> tid = store(db, oid, record(Thing, state))
    >>> other = opened(db)
    >>> gone = other.get(oid).gone
    >>> for turn in range(2):
    ...     with raises("POSKeyError"):
    ...         gone.a
    >>> gone._p_changed is None, other.get(oid).a
    (True, 1)
    >>> other.root()["on"] = 1
    >>> other.transaction_manager.commit()
    """


@example("removed.deleted-fails", MUST, rules="LIFE-36", needs="deletion", error="POSKeyError")
def deleted_fails() -> None:
    """An object that was deleted from the storage can't be loaded by connections that come after
    that, although something refers to it still; `get` may give a ghost of it, or fails.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> tid = delete(db.storage, (thing._p_oid, thing._p_serial))
    >>> other = opened(db)
    >>> gone = other.root()["thing"]
    >>> with raises("POSKeyError"):
    ...     gone.a
    >>> gone._p_changed is None
    True
    >>> with raises("POSKeyError"):
    ...     other.get(thing._p_oid).a
    """


@example(
    "removed.snapshot-keeps-it",
    MUST,
    rules="STOR-43 ISO-1",
    binds="storage",
    since=CURRENT,
    needs="deletion old-revisions",
)
def snapshot_keeps_it() -> None:
    """A connection whose snapshot is older than the deletion loads the object as it was.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> held = other.root()["thing"]
    >>> held._p_changed is None
    True
    >>> tid = delete(db.storage, (thing._p_oid, thing._p_serial))
    >>> held.a
    1
    """


@example(
    "removed.change-conflicts",
    MUST,
    rules="ISO-37",
    binds="storage",
    since=CURRENT,
    needs="deletion old-revisions",
    error="ConflictError POSKeyError",
)
def change_conflicts() -> None:
    """Nobody need be told that an object was deleted, since nobody had a use for it: a connection
    may go on to show what it has in its cache. To change it is a conflict, also where its class
    could merge changes, and it stays deleted. Where the connection was told, the object can't be
    loaded any more.

    >>> things = [Thing(), Counter()]
    >>> for number, thing in enumerate(things):
    ...     connection.root()[str(number)], thing.n = thing, 0
    >>> tm.commit()
    >>> other = opened(db)
    >>> tid = delete(db.storage, *((thing._p_oid, thing._p_serial) for thing in things))
    >>> for thing in things:
    ...     with raises("ConflictError", "POSKeyError"):
    ...         thing.n = 1
    ...         tm.commit()
    ...     tm.abort()
    >>> late = opened(db)
    >>> for number in range(2):
    ...     with raises("POSKeyError"):
    ...         late.root()[str(number)].n
    """


@example("removed.weak-yields-none", MUST, rules="LIFE-41", needs="raw-records")
def weak_yields_none() -> None:
    """A weak reference to an object of which the database has nothing yields None, and its holder
    is whole. It is written as it was when that is stored again.

    >>> oid = db.storage.new_oid()
    >>> state = {"a": 1, "weak": ("ref", ["w", (b"no such!",)])}
    >>> tid = store(db, oid, record(Thing, state))
    >>> other = opened(db)
    >>> holder = other.get(oid)
    >>> holder.weak(), holder.a
    (None, 1)
    >>> holder.a = 2
    >>> other.transaction_manager.commit()
    >>> parts(stored(db, oid)[0])[1] == {**state, "a": 2}
    True
    """


@example(
    "removed.weak-has-no-hash",
    MUST,
    rules="LIFE-43",
    binds="dependency",
    needs="raw-records",
    error="TypeError",
)
def weak_has_no_hash() -> None:
    """A weak reference is equal to another one, and has the hash, as their targets are. Where the
    target is not there that can't be told: to ask for it is a TypeError. So a weak reference that
    may outlive its target is no key of a dictionary.

    >>> oids = [db.storage.new_oid(), db.storage.new_oid()]
    >>> for oid in oids:
    ...     data = record(Thing, {"weak": ("ref", ["w", (b"no such!",)])})
    ...     tid = store(db, oid, data)
    >>> other = opened(db)
    >>> one, two = [other.get(oid).weak for oid in oids]
    >>> with raises("TypeError"):
    ...     hash(one)
    >>> with raises("TypeError"):
    ...     one == two
    """


@example(
    "removed.across-access-fails",
    MUST,
    rules="XREF-40 LIFE-36",
    needs="several-databases raw-records",
    error="POSKeyError",
)
def across_access_fails() -> None:
    """A database that collects its garbage knows nothing of references that other databases have
    into it, and may break them. Where such a reference says the class of its object, it gives a
    ghost that can't be loaded; the object that has the reference is whole.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> oid = db.storage.new_oid()
    >>> state = {"a": 1, "gone": ("ref", ["m", ("second", b"no such!", Thing)])}
    >>> tid = store(db, oid, record(Thing, state))
    >>> holder = opened(db).get(oid)
    >>> gone = holder.gone
    >>> for turn in range(2):
    ...     with raises("POSKeyError"):
    ...         gone.a
    >>> gone._p_changed is None, holder.a
    (True, 1)
    """


@example(
    "removed.across-holder-fails",
    MUST,
    rules="XREF-40",
    needs="several-databases raw-records",
    error="POSKeyError",
)
def across_holder_fails() -> None:
    """Where a broken reference to another database does not say the class, since that makes its
    objects with `__new__` and arguments, the object has to be looked at to make a ghost of it.
    So it is the object with the reference that can't be loaded.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> oid = db.storage.new_oid()
    >>> state = {"a": 1, "gone": ("ref", ["n", ("second", b"no such!")])}
    >>> tid = store(db, oid, record(Thing, state))
    >>> holder = opened(db).get(oid)
    >>> for turn in range(2):
    ...     with raises("POSKeyError"):
    ...         holder.a
    >>> holder._p_changed is None
    True
    """


@example(
    "removed.across-by-garbage-collection",
    MUST,
    rules="XREF-40",
    since=Edition.A_PRIME,
    needs="several-databases garbage-collection",
    error="POSKeyError",
)
def across_by_garbage_collection() -> None:
    """Where a pack of one database removes what only another one refers to, to follow the reference
    fails, or finds what was there. A storage that has kept what it once gave, like the client of a
    server, may go on to give it as it was.

    >>> import time
    >>> second = open_db(databases=db.databases, database_name="second")
    >>> root = connection.get_connection("second").root()
    >>> thing = root["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> holder = connection.root()["holder"] = Thing()
    >>> holder.a, holder.thing = 2, thing
    >>> tm.commit()
    >>> del root["thing"]
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> second.pack()
    >>> holder, found = opened(db).root()["holder"], 1
    >>> with allowing("POSKeyError"):
    ...     found = holder.thing.a
    >>> found, holder.a
    (1, 2)
    """


@example(
    "removed.across-is-stored-again", MUST, rules="XREF-41", needs="several-databases raw-records"
)
def across_is_stored_again() -> None:
    """An object with a broken reference to another database, which gives a ghost, can be changed
    and stored. The reference is written as it was, and is broken as it was.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> oid = db.storage.new_oid()
    >>> state = {"a": 1, "gone": ("ref", ["m", ("second", b"no such!", Thing)])}
    >>> tid = store(db, oid, record(Thing, state))
    >>> other = opened(db)
    >>> other.get(oid).a = 2
    >>> other.transaction_manager.commit()
    >>> parts(stored(db, oid)[0])[1] == {**state, "a": 2}
    True
    >>> gone = opened(db).get(oid).gone
    >>> with raises("POSKeyError"):
    ...     gone.a
    """
