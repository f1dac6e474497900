"""Work in versions: what a connection in one of them shows, and whom it locks out.

A version is a named set of changes that are committed and yet not part of the database that
everybody sees, its trunk. Work that takes days can be done in a version, seen by all who open a
connection in it, and then be committed to the trunk as a whole, or be given up. Versions belong to
the edition of 2006; today's interface has none.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example("version.of-a-connection", MUST, rules="VER-2 VER-28", needs="versions", **THEN)
def of_a_connection() -> None:
    """`getVersion` gives the name of the version to which a connection belongs, the empty text for
    one in the trunk. It gives the same when the connection has been closed and is opened again.

    >>> draft = opened(db, version="draft")
    >>> draft.getVersion(), connection.getVersion()
    ('draft', '')
    >>> draft.close()
    >>> opened(db).getVersion(), opened(db, version="draft").getVersion()
    ('', 'draft')
    """


@example("version.places-of-arguments", MUST, rules="VER-2 VER-18 CONN-2", needs="versions", **THEN)
def places_of_arguments() -> None:
    """The arguments have these names and places, and these values where nothing is given:
    `open(version='', mvcc=True, transaction_manager=None, synch=True)`,
    `commitVersion(source, destination='', txn=None)`, `abortVersion(version, txn=None)`.

    >>> draft = db.open("draft", True, tm, True)
    >>> draft.getVersion(), draft.transaction_manager is tm
    ('draft', True)
    >>> draft.root()["a"] = 1
    >>> tm.commit()
    >>> db.commitVersion("draft", "final", tm.get())
    >>> tm.commit()
    >>> list(db.versions())
    ['final']
    >>> db.abortVersion("final", tm.get())
    >>> tm.commit()
    >>> list(db.versions()), dict(opened(db).root())
    ([], {})
    >>> draft.close()
    """


@example("version.empty-name-is-the-trunk", MUST, rules="VER-1", binds="storage", **THEN)
def empty_name_is_the_trunk() -> None:
    """The empty name denotes the trunk: to open a connection with it is to open one without a
    version.

    >>> trunk = opened(db, version="")
    >>> trunk.getVersion()
    ''
    >>> trunk.root()["a"] = 1
    >>> trunk.transaction_manager.commit()
    >>> opened(db).root()["a"]
    1
    """


@example(
    "version.any-text-is-a-name", MUST, rules="VER-1", binds="storage", needs="versions", **THEN
)
def any_text_is_a_name() -> None:
    r"""Any text but the empty one is the name of a version, in any script and with any signs in it.
    Two names that differ at all are two versions.

    >>> names = ["a", "A", "a ", " ", "été", "版", "a/b", "a,b", "line\nline"]
    >>> for name in names:
    ...     connection.root()[name] = Thing()
    >>> tm.commit()
    >>> for name in names:
    ...     other = opened(db, version=name)
    ...     other.root()[name].a = name
    ...     other.transaction_manager.commit()
    >>> sorted(db.versions()) == sorted(names)
    True
    >>> [opened(db, version=name).root()[name].a == name for name in names].count(True)
    9
    """


@example(
    "version.only-text-is-a-name",
    MUST,
    rules="VER-1",
    binds="storage",
    error="AssertionError TypeError ValueError POSError",
    needs="versions",
    **THEN,
)
def only_text_is_a_name() -> None:
    """What is not text is no name of a version: to open a connection with it fails, or at the
    latest to commit what was changed through that one. No version comes of it. Other calls that
    are given such a name are refused, or find nothing there.

    What is false, such as None, may be taken for the empty name.

    >>> refusals, found = ("AssertionError", "TypeError", "ValueError", "POSError"), []
    >>> for name in (1, b"draft", ("draft",)):
    ...     with raises(*refusals):
    ...         other = opened(db, version=name)
    ...         other.root()["a"] = 1
    ...         other.transaction_manager.commit()
    ...     with allowing(*refusals):
    ...         db.removeVersionPool(name)
    ...     with allowing(*refusals):
    ...         found.append(bool(db.versionEmpty(name)))
    >>> list(db.versions()), dict(opened(db).root()), False in found
    ([], {}, False)
    """


@example(
    "version.over-the-trunk",
    MUST,
    rules="VER-5 VER-31",
    binds="storage",
    needs="versions",
    **THEN,
)
def over_the_trunk() -> None:
    """A version is no copy of the database: of what it has not changed, it shows what the trunk has
    now, and not what that had when the version began. A version in which nothing was changed shows
    the trunk.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].a = root["two"].a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["one"].a = 2
    >>> draft.transaction_manager.commit()
    >>> root["two"].a = 3
    >>> tm.commit()
    >>> show = lambda name: [opened(db, version=name).root()[key].a for key in ("one", "two")]
    >>> [show(name) for name in ("draft", "", "second")]
    [[2, 3], [1, 3], [1, 3]]
    """


@example(
    "version.newest-tid",
    MUST,
    rules="VER-7",
    binds="storage",
    needs="versions raw-records",
    **THEN,
)
def newest_tid() -> None:
    """`load` of a storage gives, with the data that the version has or else the trunk, the tid of
    the newest record of the object, whatever version is asked for. By this tid, and by the lock,
    a storage decides whether the object may be stored.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> draft.transaction_manager.commit()
    >>> loaded = [db.storage.load(thing._p_oid, name) for name in ("draft", "", "second")]
    >>> [tid == db.lastTransaction() for data, tid in loaded]
    [True, True, True]
    >>> data = [data for data, tid in loaded]
    >>> data[0] == data[1], data[1] == data[2]
    (False, True)
    """


@example(
    "version.no-part-of-the-past",
    MUST,
    rules="VER-9 VER-23",
    binds="storage",
    needs="versions raw-records",
    **THEN,
)
def no_part_of_the_past() -> None:
    """`loadBefore` and `loadSerial` of a storage see the trunk alone. A record in a version does
    not end the time for which a revision of the trunk is the current one; and where its tid is
    asked for, the answer is the data that the trunk had then.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> data, serial = stored(db, thing._p_oid)
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> draft.transaction_manager.commit()
    >>> stored(db, thing._p_oid) == (data, serial)
    True
    >>> db.storage.loadBefore(thing._p_oid, db.lastTransaction())[2] is None
    True
    >>> db.storage.loadSerial(thing._p_oid, db.lastTransaction()) == data
    True
    """


@example(
    "version.refused-by-a-lock",
    MUST,
    rules="VER-8",
    binds="storage",
    error="VersionLockError",
    needs="versions",
    **THEN,
)
def refused_by_a_lock() -> None:
    """Where a commit meets a lock, nothing is stored of what its transaction did. The object can be
    read everywhere, and changed in the version that holds it. The objects that no version holds are
    free, and every version can take them.

    >>> root = connection.root()
    >>> for key in ("one", "two", "three"):
    ...     root[key] = Thing()
    >>> tm.commit()
    >>> def change(name, *keys):
    ...     other = opened(db, version=name)
    ...     for key in keys:
    ...         other.root()[key].a = name
    ...     other.transaction_manager.commit()
    >>> change("draft", "one")
    >>> for name in "", "second":
    ...     with raises("VersionLockError"):
    ...         change(name, "one", "two")
    >>> change("draft", "one")
    >>> change("second", "two")
    >>> change("", "three")
    >>> show = lambda name: [getattr(opened(db, version=name).root()[key], "a", None)
    ...                      for key in ("one", "two", "three")]
    >>> [show(name) for name in ("draft", "second", "")]
    [['draft', None, ''], [None, 'second', ''], [None, None, '']]
    """


@example(
    "version.lock-is-not-transient",
    MUST,
    rules="VER-8",
    binds="storage",
    error="VersionLockError",
    needs="versions",
    **THEN,
)
def lock_is_not_transient() -> None:
    """A `VersionLockError` is a `TransactionError` and no `ConflictError`: whoever tries again
    meets the same lock, for days perhaps, so a loop that repeats what has met a conflict ends.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> draft.transaction_manager.commit()
    >>> tries = []
    >>> with raises("TransactionError"):
    ...     for attempt in tm.attempts(3):
    ...         with attempt:
    ...             tries.append(len(tries))
    ...             connection.root()["thing"].a = 2
    >>> tries
    [0]
    """


@example(
    "version.conflict-within",
    MUST,
    rules="VER-9",
    binds="storage",
    error="ConflictError",
    needs="versions",
    **THEN,
)
def conflict_within() -> None:
    """Inside a version the first to commit wins, as in the trunk: a change that was made from an
    older revision than the version has is a conflict.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> first, second = opened(db, version="draft"), opened(db, version="draft")
    >>> things = [each.root()["thing"] for each in (first, second)]
    >>> things[0].a, things[1].a = 1, 2
    >>> first.transaction_manager.commit()
    >>> with raises("ConflictError"):
    ...     second.transaction_manager.commit()
    >>> second.transaction_manager.abort()
    >>> things[1].a
    1
    >>> things[1].a = 3
    >>> second.transaction_manager.commit()
    >>> opened(db, version="draft").root()["thing"].a
    3
    """


@example(
    "version.merging-loses-nothing",
    MUST,
    rules="VER-9",
    binds="storage",
    needs="versions conflict-resolution",
    **THEN,
)
def merging_loses_nothing() -> None:
    """Where a conflict inside a version is merged, neither change is lost: the class is given the
    state that the change was made from, and the one that the version has now. A storage that can't
    tell these has to refuse the commit.

    In its time the class was given what `loadSerial` finds, states of the trunk alone, and what
    others had changed in the version was taken back without a word.

    >>> counter = connection.root()["counter"] = Counter()
    >>> counter.n = 1
    >>> tm.commit()
    >>> first, second = opened(db, version="draft"), opened(db, version="draft")
    >>> first.root()["counter"].n += 10
    >>> first.transaction_manager.commit()
    >>> second.transaction_manager.abort()
    >>> second.root()["counter"].n
    11
    >>> first.root()["counter"].n += 100
    >>> first.transaction_manager.commit()
    >>> second.root()["counter"].n += 1000
    >>> merged = []
    >>> with allowing("ConflictError"):
    ...     second.transaction_manager.commit()
    ...     merged = [111 + (1011 - 11)]
    >>> opened(db, version="draft").root()["counter"].n in (merged or [111])
    True
    """
