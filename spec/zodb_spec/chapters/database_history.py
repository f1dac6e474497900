"""The history of a database: what it tells of its past, and how it lets go of it.

Every revision of every object is kept until a pack removes it. How storages do that is their own
matter; here stands what a program asks its database for, and what becomes of transactions and of
connections meanwhile.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example, step, text
from zodb_spec.editions import CURRENT
from zodb_spec.world import Database, Name, World

COLLECTS = "pack garbage-collection raw-records"
"""The capabilities of a storage whose packs remove what can't be reached, which shows by revisions:
the client of a server may show what it has kept of the current ones.
"""


@example("database.last-transaction", SHOULD, rules="STOR-17")
def last_transaction() -> None:
    """`db.lastTransaction()` is the tid of the last transaction that was committed: that of the
    objects which were stored in it. What was aborted leaves no trace in it. A storage that is the
    client of a server may tell what it has heard of last.

    >>> root = connection.root()
    >>> root["a"] = 1
    >>> tm.commit()
    >>> last = db.lastTransaction()
    >>> root._p_activate()
    >>> root._p_serial == last
    True
    >>> root["a"] = 2
    >>> tm.abort()
    >>> db.lastTransaction() == last
    True
    >>> root["a"] = 2
    >>> tm.commit()
    >>> db.lastTransaction() > last
    True
    """


@example(
    "database.history",
    MUST,
    rules="STOR-26 TXN-13",
    since=CURRENT,
    needs="history",
)
def history() -> None:
    """`db.history(oid)` lists revisions of an object, the newest first: for each a mapping with the
    `tid` and the `time`, in seconds, of the transaction that committed it, with its `user_name` and
    its `description` as text, and with the `size` of the record.

    That is so at any time. Over a storage whose instances show snapshots, and list the history of
    what they show, the database sees to it that the one which it asks has looked.

    >>> import time
    >>> root = connection.root()
    >>> for number in range(2):
    ...     root["a"] = number
    ...     tm.get().note(f"number \u2116 {number}")
    ...     tm.get().user = "gardener"
    ...     tm.commit()
    >>> newest = db.history(root._p_oid)[0]
    >>> newest["tid"] == tid_of(root), abs(newest["time"] - time.time()) < 60
    (True, True)
    >>> newest["description"] == "number \u2116 1", newest["user_name"].split()[-1]
    (True, 'gardener')
    >>> newest["size"] > 0
    True
    """


@example(
    "database.history-size",
    MUST,
    rules="STOR-26 TXN-13",
    since=CURRENT,
    needs="history",
)
def history_size() -> None:
    """The history of an object has one entry where nothing is said, and no more than `size`; it
    goes back to when the object was created.

    >>> root = connection.root()
    >>> tids = [tid_of(root)]
    >>> for number in range(3):
    ...     root["a"] = number
    ...     tm.commit()
    ...     tids.insert(0, tid_of(root))
    >>> [len(db.history(root._p_oid)), len(db.history(root._p_oid, size=2))]
    [1, 2]
    >>> [each["tid"] for each in db.history(root._p_oid, size=10)][:3] == tids[:3]
    True
    """


@example(
    "database.history-of-nothing",
    MUST,
    rules="STOR-26 TXN-13",
    binds="storage",
    error="POSKeyError",
    since=CURRENT,
    needs="history",
)
def history_of_nothing() -> None:
    """An oid that no object has ever had has no history: to ask for it is a key error.

    >>> with raises("POSKeyError"):
    ...     db.history(b"no such!")
    """


@step("database.pack-keeps-current", MUST, rules="STOR-47", binds="storage", needs="pack")
def pack_keeps_current(world: World, database: Name) -> Database:
    """`db.pack()` removes what nobody needs any more, and nothing else: every object that can be
    reached from the root is what it was, for those who have it and for those who come, and no
    transaction is added.
    """
    found = world.databases[database]
    return found._replace(packed=found.last)


@example("database.pack-removes", MUST, rules="STOR-45", needs="pack history")
def pack_removes() -> None:
    """Revisions that were replaced by the time of the pack are gone after it.

    >>> import time
    >>> root = connection.root()
    >>> for number in range(3):
    ...     root["a"] = number
    ...     tm.commit()
    >>> time.sleep(0.05)
    >>> db.pack()
    >>> [each["tid"] for each in db.history(root._p_oid, size=10)] == [tid_of(root)]
    True
    """


@example("database.pack-time", MUST, rules="STOR-45", needs="pack history")
def pack_time() -> None:
    """A pack can be told for which time it is done, in seconds since 1970: what was current then
    stays, and what came later. Where it is told `days` as well, it is done for so many days
    earlier; these are counted from now on where it is told nothing else.

    >>> import time
    >>> root, tids = connection.root(), []
    >>> for number in range(4):
    ...     time.sleep(0.05)
    ...     root["a"] = number
    ...     tm.commit()
    ...     tids.insert(0, tid_of(root))
    >>> def left():
    ...     return [each["tid"] for each in db.history(root._p_oid, size=10)]
    >>> db.pack(days=1)
    >>> left()[:4] == tids
    True
    >>> between = db.history(root._p_oid)[0]["time"] - 0.02
    >>> db.pack(between + 2 * 86400, days=2)
    >>> left() == tids[:2]
    True
    """


@example("database.pack-collects", MUST, rules="STOR-46", binds="storage", needs=COLLECTS)
def pack_collects() -> None:
    """Objects that can't be reached from the root any more are garbage, also where they refer to
    each other. A pack removes them, with all their revisions.

    >>> import time
    >>> kept, lost, more = Thing(), Thing(), Thing()
    >>> lost.more, more.lost, more.kept = more, lost, kept
    >>> connection.root()["kept"], connection.root()["lost"] = kept, lost
    >>> tm.commit()
    >>> revisions = [(thing._p_oid, tid_of(thing)) for thing in (lost, more)]
    >>> del connection.root()["lost"]
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> db.pack()
    >>> for oid, tid in revisions:
    ...     with raises("POSKeyError"):
    ...         db.storage.loadSerial(oid, tid)
    >>> opened(db).root()["kept"]._p_activate()
    """


@example("database.pack-collects-what-was-added", MUST, rules="LIFE-10", needs=COLLECTS)
def pack_collects_what_was_added() -> None:
    """An object that was given to `add` is stored even if nothing refers to it. It is garbage from
    the beginning: the next pack removes it, unless something refers to it by then.

    >>> import time
    >>> kept, lost = Thing(), Thing()
    >>> for thing in kept, lost:
    ...     thing.a = 1
    ...     connection.add(thing)
    >>> tm.commit()
    >>> tid = tid_of(lost)
    >>> opened(db).get(lost._p_oid).a
    1
    >>> connection.root()["kept"] = kept
    >>> tm.commit()
    >>> time.sleep(0.05)
    >>> db.pack()
    >>> with raises("POSKeyError"):
    ...     db.storage.loadSerial(lost._p_oid, tid)
    >>> opened(db).root()["kept"].a
    1
    """


@example("database.pack-disturbs-nobody", MUST, rules="STOR-67", binds="storage", needs="pack")
def pack_disturbs_nobody() -> None:
    """A pack ends no transaction: what somebody has changed, and not committed yet, can be
    committed after it.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> thing = connection.root()["thing"] = Thing()
    >>> connection.root()["a"] = 2
    >>> txn = tm.get()
    >>> db.pack()
    >>> tm.get() is txn, connection.root()["a"], "thing" in opened(db).root()
    (True, 2, False)
    >>> tm.commit()
    >>> sorted(opened(db).root())
    ['a', 'thing']
    """


@example(
    "database.pack-under-a-snapshot",
    MUST,
    rules="STOR-49 ISO-14",
    error="ReadConflictError",
    needs="pack",
)
def pack_under_a_snapshot() -> None:
    """A connection whose snapshot is older than the pack may find that a revision it needs is gone.
    Then it is a conflict to load that object: the program tries again, and finds the newest state.
    It is never shown what came after its snapshot.

    >>> root = connection.root()
    >>> root["loaded"], root["not loaded"] = Thing(), Thing()
    >>> root["loaded"].a = root["not loaded"].a = 1
    >>> tm.commit()
    >>> other = opened(db)
    >>> loaded, thing = other.root()["loaded"], other.root()["not loaded"]
    >>> loaded.a
    1
    >>> root["loaded"].a = root["not loaded"].a = 2
    >>> tm.commit()
    >>> db.pack()
    >>> loaded.a
    1
    >>> shown = 1
    >>> with allowing("ReadConflictError"):
    ...     shown = thing.a
    >>> shown
    1
    >>> other.transaction_manager.abort()
    >>> loaded.a, thing.a
    (2, 2)
    """


@text("database.pack-is-for-quiet-times", SHOULD, rules="STOR-49 STOR-67", binds="caller")
def pack_is_for_quiet_times() -> None:
    """A program that packs while others work packs for a time before their transactions began, so
    that nobody needs what is removed: to pack for a day ago does.
    """
