"""Versions in company: savepoints, pools and caches, groups of connections, undo, pack and history.

What these do is stated elsewhere. Here stands what becomes of it where versions are.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example("version.savepoint", MUST, rules="VER-29", needs="versions", **THEN)
def savepoint() -> None:
    """A savepoint of a connection in a version saves for this version: what was saved is loaded
    again from it, a rollback goes back to it, and the commit stores it in the version.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> drafts, mine = draft.transaction_manager, draft.root()["thing"]
    >>> mine.a = 2
    >>> savepoint = drafts.savepoint()
    >>> mine._p_deactivate()
    >>> mine.a
    2
    >>> mine.a = 3
    >>> savepoint.rollback()
    >>> mine.a
    2
    >>> drafts.commit()
    >>> db.modifiedInVersion(mine._p_oid)
    'draft'
    >>> opened(db, version="draft").root()["thing"].a, opened(db).root()["thing"].a
    (2, 1)
    """


@example("version.savepoint-over-the-version", MUST, rules="VER-29", needs="versions", **THEN)
def savepoint_over_the_version() -> None:
    """While savepoint data is pending, a connection in a version goes on showing the version: what
    it loads then, and what a rollback brings back, is the version's and not the trunk's.

    >>> for key in "one", "two":
    ...     connection.root()[key] = Thing()
    ...     connection.root()[key].a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> for key in "one", "two":
    ...     draft.root()[key].a = 2
    >>> draft.transaction_manager.commit()
    >>> other = opened(db, version="draft")
    >>> one, two = other.root()["one"], other.root()["two"]
    >>> first = other.transaction_manager.savepoint()
    >>> one.a = 3
    >>> second = other.transaction_manager.savepoint()
    >>> two.a
    2
    >>> first.rollback()
    >>> one.a
    2
    """


@example(
    "version.savepoint-and-lock",
    MUST,
    rules="VER-8 VER-29",
    error="VersionLockError",
    needs="versions",
    **THEN,
)
def savepoint_and_lock() -> None:
    """A savepoint does not get round a lock: what it has saved of an object that is locked
    elsewhere is refused, when it is saved or when it is committed.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> draft.transaction_manager.commit()
    >>> for other in opened(db), opened(db, version="second"):
    ...     with raises("VersionLockError"):
    ...         other.root()["thing"].a = 2
    ...         savepoint = other.transaction_manager.savepoint()
    ...         other.transaction_manager.commit()
    ...     other.transaction_manager.abort()
    >>> list(db.versions()), hasattr(opened(db).root()["thing"], "a")
    (['draft'], False)
    """


@example("version.own-pool", MUST, rules="VER-3", needs="versions", **THEN)
def own_pool() -> None:
    """Every version has a pool of its own: a connection that was closed is opened again, with what
    is in its cache, for its own version and for no other.

    >>> draft = opened(db, version="draft")
    >>> root = draft.root()
    >>> root._p_activate()
    >>> draft.close()
    >>> [opened(db, version=name).root() is root for name in ("", "second", "draft")]
    [False, False, True]
    """


@example("version.sizes-where-nothing-is-said", MUST, rules="VER-3", needs="versions", **THEN)
def sizes_where_nothing_is_said() -> None:
    """Where nothing is said, 3 connections are expected in a version, and the cache of each holds
    100 objects. Both can be changed, for all versions at once, and leave the trunk alone.

    >>> trunk = db.getPoolSize(), db.getCacheSize()
    >>> db.getVersionPoolSize(), db.getVersionCacheSize()
    (3, 100)
    >>> db.setVersionPoolSize(4)
    >>> db.setVersionCacheSize(50)
    >>> db.getVersionPoolSize(), db.getVersionCacheSize()
    (4, 50)
    >>> (db.getPoolSize(), db.getCacheSize()) == trunk
    True
    """


@example("version.sizes-given", MUST, rules="VER-3", needs="versions several-databases", **THEN)
def sizes_given() -> None:
    """The sizes of pools and caches in versions can be given when the database is made, as
    `version_pool_size` and `version_cache_size`.

    >>> other = open_db(database_name="other", version_pool_size=2, version_cache_size=20)
    >>> other.getVersionPoolSize(), other.getVersionCacheSize()
    (2, 20)
    """


@example("version.pool-size", MUST, rules="VER-3 CONN-5", needs="versions", **THEN)
def pool_size() -> None:
    """The pool of a version keeps as many closed connections as were expected in a version. Those
    that were closed first are given up.

    >>> db.setVersionPoolSize(2)
    >>> each = [opened(db, version="draft") for n in range(3)]
    >>> roots = [one.root() for one in each]
    >>> for one in each:
    ...     one.close()
    >>> again = [opened(db, version="draft").root() for n in range(3)]
    >>> [any(old is new for new in again) for old in roots]
    [False, True, True]
    """


@example("version.cache-size", MUST, rules="VER-3 CONN-22", needs="versions", **THEN)
def cache_size() -> None:
    """The caches of connections in versions are reduced to the size that was set for versions, and
    no cache of the trunk is.

    >>> root = connection.root()
    >>> for n in range(20):
    ...     root[n] = Thing()
    >>> tm.commit()
    >>> db.setVersionCacheSize(5)
    >>> trunk, draft = opened(db), opened(db, version="draft")
    >>> loaded = []
    >>> for each in trunk, draft:
    ...     things = list(each.root().values())
    ...     for thing in things:
    ...         thing._p_activate()
    ...     each.cacheGC()
    ...     loaded.append(sum(thing._p_changed is not None for thing in things))
    >>> loaded[0] > 5, loaded[1] <= 5
    (True, True)
    """


@example("version.pool-forgotten", MUST, rules="VER-3", needs="versions", **THEN)
def pool_forgotten() -> None:
    """`db.removeVersionPool(name)` forgets the pool of a version: none of the connections in it is
    opened again. What is in the version stays. Where there is no such pool, nothing happens.

    >>> draft = opened(db, version="draft")
    >>> root = draft.root()
    >>> root["a"] = 1
    >>> draft.transaction_manager.commit()
    >>> draft.close()
    >>> db.removeVersionPool("draft")
    >>> db.removeVersionPool("second")
    >>> again = opened(db, version="draft").root()
    >>> again is root, dict(again)
    (False, {'a': 1})
    """


@example("version.pool-forgotten-while-open", MUST, rules="VER-3", needs="versions", **THEN)
def pool_forgotten_while_open() -> None:
    """A connection that is open when the pool of its version is forgotten works as before, and is
    given up when it is closed.

    In its time such a connection was forgotten with the pool: nobody told it any more what others
    had committed, and it went on to show what it had loaded.

    >>> draft = opened(db, version="draft")
    >>> root = draft.root()
    >>> root["a"] = 1
    >>> db.removeVersionPool("draft")
    >>> draft.transaction_manager.commit()
    >>> other = opened(db, version="draft")
    >>> other.root()["b"] = 2
    >>> other.transaction_manager.commit()
    >>> draft.transaction_manager.abort()
    >>> sorted(root)
    ['a', 'b']
    >>> draft.close()
    >>> again = opened(db, version="draft").root()
    >>> again is root, sorted(again)
    (False, ['a', 'b'])
    """


@example("version.group", MUST, rules="XREF-50", needs="versions several-databases", **THEN)
def group() -> None:
    """All connections of a group are in one version: what `get_connection` opens is in that of the
    connection that asks, also when the group is opened again. What is changed through them is in
    the version in every database.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> draft = opened(db, version="draft")
    >>> other = draft.get_connection("second")
    >>> other.getVersion(), connection.get_connection("second").getVersion()
    ('draft', '')
    >>> draft.root()["a"] = other.root()["a"] = 1
    >>> draft.transaction_manager.commit()
    >>> [[sorted(opened(each, version=name).root()) for each in (db, second)]
    ...  for name in ("draft", "")]
    [[['a'], ['a']], [[], []]]
    >>> draft.close()
    >>> again = opened(db, version="draft").get_connection("second")
    >>> again.getVersion(), dict(again.root())
    ('draft', {'a': 1})
    """


@example(
    "version.group-references", MUST, rules="XREF-50", needs="versions several-databases", **THEN
)
def group_references() -> None:
    """A reference that leads into another database leads, from a connection in a version, to the
    object as the version of this name has it there.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> connection.root()["thing"] = thing
    >>> tm.commit()
    >>> draft = opened(second, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> [opened(db, version=name).root()["thing"].a for name in ("draft", "")]
    [2, 1]
    """


@example(
    "version.group-ends-one-by-one",
    MUST,
    rules="VER-14 XREF-50",
    binds="connection",
    needs="versions several-databases",
    **THEN,
)
def group_ends_one_by_one() -> None:
    """A version of one name is a version of its own in each database: to commit it in one leaves
    that in the others as it is. A program that means all of them asks all, in one transaction.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> draft = opened(db, version="draft")
    >>> draft.root()["a"] = draft.get_connection("second").root()["a"] = 1
    >>> draft.transaction_manager.commit()
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> [sorted(opened(each).root()) for each in (db, second)], list(second.versions())
    ([['a'], []], ['draft'])
    >>> second.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> sorted(opened(second).root()), list(second.versions())
    (['a'], [])
    """


@example(
    "version.undo-inside", MUST, rules="VER-25", binds="storage", needs="versions undo", **THEN
)
def undo_inside() -> None:
    """To undo a change that was made in a version gives the version what it had before, and leaves
    the trunk alone. The object stays locked, as long as the version has something of its own.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> for n in 2, 3:
    ...     draft.root()["thing"].a = n
    ...     draft.transaction_manager.commit()
    >>> db.undo(db.undoLog(0, 1)[0]["id"], txn=tm.get())
    >>> tm.commit()
    >>> draft.transaction_manager.abort()
    >>> draft.root()["thing"].a, opened(db).root()["thing"].a, db.modifiedInVersion(thing._p_oid)
    (2, 1, 'draft')
    """


@example(
    "version.undo-of-the-first-change",
    MUST,
    rules="VER-25",
    binds="storage",
    needs="versions undo",
    **THEN,
)
def undo_of_the_first_change() -> None:
    """To undo the first change of an object in a version leaves the version without anything of it:
    the version shows what the trunk has, and everybody may change the object again. What the change
    has created does not exist any more.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> def undone():
    ...     draft.transaction_manager.commit()
    ...     db.undo(db.undoLog(0, 1)[0]["id"], txn=tm.get())
    ...     tm.commit()
    ...     draft.transaction_manager.abort()
    ...     return list(db.versions())
    >>> draft.root()["thing"].a = 2
    >>> undone(), draft.root()["thing"].a, db.modifiedInVersion(thing._p_oid)
    ([], 1, '')
    >>> new = draft.root()["new"] = Thing()
    >>> draft.add(new)
    >>> oid = new._p_oid
    >>> undone(), list(draft.root())
    ([], ['thing'])
    >>> with raises("POSKeyError"):
    ...     opened(db, version="draft").get(oid)._p_activate()
    >>> thing.a = 3
    >>> tm.commit()
    >>> draft.transaction_manager.abort()
    >>> draft.root()["thing"].a
    3
    """


@example(
    "version.undo-of-an-ending",
    MUST,
    rules="VER-25",
    binds="storage",
    error="VersionLockError",
    needs="versions undo",
    **THEN,
)
def undo_of_an_ending() -> None:
    """To undo the commit of a version, or its abort, brings the version back, with what it held
    and with its locks. The connections show that, in the version and in the trunk.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft, trunk = opened(db, version="draft"), opened(db)
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> def show():
    ...     for each in draft, trunk:
    ...         each.transaction_manager.abort()
    ...     return draft.root()["thing"].a, trunk.root()["thing"].a
    >>> seen = [show()]
    >>> for end in db.commitVersion, db.abortVersion:
    ...     end("draft", txn=tm.get())
    ...     tm.commit()
    ...     seen.append(show())
    ...     db.undo(db.undoLog(0, 1)[0]["id"], txn=tm.get())
    ...     tm.commit()
    ...     seen.append(show())
    >>> seen
    [(2, 1), (2, 2), (2, 1), (1, 1), (2, 1)]
    >>> list(db.versions())
    ['draft']
    >>> with raises("VersionLockError"):
    ...     trunk.root()["thing"].a = 3
    ...     trunk.transaction_manager.commit()
    """


@example(
    "version.undo-elsewhere-refused",
    MUST,
    rules="VER-25",
    binds="storage",
    error="UndoError",
    needs="versions undo",
    **THEN,
)
def undo_elsewhere_refused() -> None:
    """A change can't be undone where the object is not in the version any more in which it was
    changed: the undo fails, and nothing is changed.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> change = db.undoLog(0, 1)[0]["id"]
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> with raises("UndoError"):
    ...     db.undo(change, txn=tm.get())
    ...     tm.commit()
    >>> tm.abort()
    >>> list(db.versions()), opened(db).root()["thing"].a
    ([], 2)
    """


@example("version.pack", MUST, rules="VER-26", binds="storage", needs="versions pack", **THEN)
def pack() -> None:
    """A pack keeps, of an object that a version holds, what the version has and what the trunk has,
    and all that can be reached from either. The version can be committed or aborted afterwards.

    >>> root = connection.root()
    >>> for key in "one", "two":
    ...     root[key] = Thing()
    ...     root[key].ref = Thing()
    ...     root[key].ref.a = "trunk"
    >>> tm.commit()
    >>> for key in "one", "two":
    ...     other = opened(db, version=key)
    ...     other.root()[key].ref = Thing()
    ...     other.root()[key].ref.a = "version"
    ...     other.transaction_manager.commit()
    >>> db.pack()
    >>> show = lambda name, key: opened(db, version=name).root()[key].ref.a
    >>> [(show(key, key), show("", key)) for key in ("one", "two")]
    [('version', 'trunk'), ('version', 'trunk')]
    >>> db.commitVersion("one", txn=tm.get())
    >>> db.abortVersion("two", txn=tm.get())
    >>> tm.commit()
    >>> [(show(key, key), show("", key)) for key in ("one", "two")]
    [('version', 'version'), ('trunk', 'trunk')]
    """


@example("version.history", MUST, rules="VER-24", binds="storage", needs="versions history", **THEN)
def history() -> None:
    """`db.history(oid, name, size)` lists the revisions of an object in the trunk and in the
    version of this name, newest first. Each says in which version it is, as `version`.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> for n in 1, 2:
    ...     draft.root()["thing"].a = n
    ...     draft.transaction_manager.commit()
    >>> listed = lambda name: [one["version"] for one in db.history(thing._p_oid, name, 9)]
    >>> [listed(name) for name in ("draft", "", "second")]
    [['draft', 'draft', ''], [''], ['']]
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> listed("draft")
    ['', 'draft', 'draft', '']
    """
