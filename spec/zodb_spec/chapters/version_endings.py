"""How versions end: committed to the trunk or into another version, or aborted.

Both are done by the database, as part of a transaction: nothing happens before that is committed,
and nothing if it is not. What is in the version comes to its destination, or goes, as one
transaction; and everybody who sees it learns of that when it is done.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example("version.ending-in-the-thread", MUST, rules="VER-18", needs="versions", **THEN)
def ending_in_the_thread() -> None:
    """Where `commitVersion` and `abortVersion` are given no transaction, they take part in the
    current one of the calling thread: nothing happens before this is committed, whatever others
    commit.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft, seen = opened(db, version="draft"), []
    >>> for end in db.commitVersion, db.abortVersion:
    ...     draft.transaction_manager.abort()
    ...     draft.root()["thing"].a = len(seen)
    ...     draft.transaction_manager.commit()
    ...     end("draft")
    ...     for manager in tm, transaction:
    ...         manager.commit()
    ...         seen.append(db.modifiedInVersion(connection.root()["thing"]._p_oid))
    >>> seen, opened(db).root()["thing"].a
    (['draft', '', 'draft', ''], 0)
    """


@example("version.ending-failed", MUST, rules="VER-18", needs="versions", **THEN)
def ending_failed() -> None:
    """Where the transaction fails, be it by somebody else who takes part in it, the version stays
    as it was, with its locks, and can be ended by another transaction.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> draft.transaction_manager.commit()
    >>> for end in db.commitVersion, db.abortVersion:
    ...     end("draft", txn=tm.get())
    ...     tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=fail))
    ...     with raises("Failure"):
    ...         tm.commit()
    ...     tm.abort()
    >>> list(db.versions()), opened(db, version="draft").root()["thing"].a
    (['draft'], 1)
    >>> with raises("VersionLockError"):
    ...     connection.root()["thing"].a = 2
    ...     tm.commit()
    >>> tm.abort()
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> list(db.versions()), opened(db).root()["thing"].a
    ([], 1)
    """


@example("version.ending-with-changes", MUST, rules="VER-18 CONN-51", needs="versions", **THEN)
def ending_with_changes() -> None:
    """A transaction can end several versions, and change objects of the trunk as well. All of that
    is done, or, where an implementation can't do it in one transaction, the commit is refused and
    nothing is. It never waits.

    >>> root = connection.root()
    >>> root["one"], root["two"], root["three"] = Thing(), Thing(), Thing()
    >>> tm.commit()
    >>> for key in "one", "two":
    ...     other = opened(db, version=key)
    ...     other.root()[key].a = 1
    ...     other.transaction_manager.commit()
    >>> root["three"].a = 1
    >>> done = False
    >>> with allowing("POSError", "TransactionError", "TypeError", "ValueError"):
    ...     db.commitVersion("one", txn=tm.get())
    ...     db.abortVersion("two", txn=tm.get())
    ...     tm.commit()
    ...     done = True
    >>> tm.abort()
    >>> seen = opened(db).root()
    >>> [hasattr(seen[key], "a") for key in ("one", "two", "three")] == [done, False, done]
    True
    >>> sorted(db.versions()) == ([] if done else ["one", "two"])
    True
    """


@example(
    "version.commit-is-one-transaction",
    MUST,
    rules="VER-14",
    binds="storage",
    needs="versions",
    **THEN,
)
def commit_is_one_transaction() -> None:
    """To commit a version is to write all that it holds anew, in one transaction and so with one
    tid, whatever number of transactions it was changed in. The version is empty then.

    >>> root = connection.root()
    >>> root["one"], root["two"], root["three"] = Thing(), Thing(), Thing()
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> for key in "one", "two":
    ...     draft.root()[key].a = key
    ...     draft.transaction_manager.commit()
    >>> before = db.lastTransaction()
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["one"].a, seen["two"].a, hasattr(seen["three"], "a")
    ('one', 'two', False)
    >>> seen["one"]._p_serial == seen["two"]._p_serial == db.lastTransaction() > before
    True
    >>> seen["three"]._p_serial < before, bool(db.versionEmpty("draft"))
    (True, True)
    """


@example(
    "version.storage-tells-what-it-ends",
    MUST,
    rules="VER-14 VER-17",
    binds="storage",
    needs="versions raw-records",
    **THEN,
)
def storage_tells_what_it_ends() -> None:
    """`commitVersion` and `abortVersion` of a storage give the tid of the transaction to which they
    belong, and the oids of all objects that the version held: what a database has to tell its
    connections.

    >>> root = connection.root()
    >>> for key in ("one", "two", "three"):
    ...     root[key] = Thing()
    >>> tm.commit()
    >>> oids, draft = [root[key]._p_oid for key in ("one", "two")], opened(db, version="draft")
    >>> for key in "one", "two":
    ...     draft.root()[key].a = key
    ...     draft.transaction_manager.commit()
    >>> def ended(end, *names):
    ...     meta = metadata()
    ...     db.storage.tpc_begin(meta)
    ...     tid, ended = end(*names, meta)
    ...     db.storage.tpc_vote(meta)
    ...     db.storage.tpc_finish(meta)
    ...     return sorted(ended) == sorted(oids), tid == db.storage.lastTransaction()
    >>> ended(db.storage.commitVersion, "draft", "final"), list(db.storage.versions())
    ((True, True), ['final'])
    >>> ended(db.storage.abortVersion, "final"), list(db.storage.versions())
    ((True, True), [])
    """


@example(
    "version.committed-elsewhere",
    MUST,
    rules="VER-4 VER-14 VER-16",
    binds="storage",
    needs="versions",
    **THEN,
)
def committed_elsewhere() -> None:
    """A version can be committed into another one, as `db.commitVersion(source, destination)`.
    What it held is in the other version then, beside what that holds already, and locked there;
    for everybody else, also in the version from which it came, the trunk is as it was.

    >>> root = connection.root()
    >>> for key in ("one", "two"):
    ...     root[key] = Thing()
    ...     root[key].a = 1
    >>> tm.commit()
    >>> def change(name, key, value):
    ...     other = opened(db, version=name)
    ...     other.root()[key].a = value
    ...     other.transaction_manager.commit()
    >>> change("draft", "one", 2)
    >>> change("final", "two", 3)
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> show = lambda name: [opened(db, version=name).root()[key].a for key in ("one", "two")]
    >>> [show(name) for name in ("final", "draft", "")]
    [[2, 3], [1, 1], [1, 1]]
    >>> for name in "draft", "":
    ...     with raises("VersionLockError"):
    ...         change(name, "one", 4)
    >>> change("final", "one", 5)
    >>> list(db.versions()), show("final")
    (['final'], [5, 3])
    """


@example(
    "version.commit-refused",
    MUST,
    rules="VER-1 VER-15",
    binds="storage",
    error="VersionCommitError",
    needs="versions",
    **THEN,
)
def commit_refused() -> None:
    """`commitVersion` is refused where the source is the empty name or the same as the destination,
    and where either is not text. It may be refused when it is called, or when the transaction is
    committed, which fails then. The version stays as it was.

    >>> draft = opened(db, version="draft")
    >>> draft.root()["a"] = 1
    >>> draft.transaction_manager.commit()
    >>> refused = [("", "draft"), ("draft", "draft"), ("", ""), (1, ""), (b"draft", "")]
    >>> for source, destination in [*refused, ("draft", 1)]:
    ...     with raises("VersionCommitError"):
    ...         db.commitVersion(source, destination, txn=tm.get())
    ...         tm.commit()
    ...     tm.abort()
    >>> list(db.versions()), dict(opened(db).root()), dict(opened(db, version="draft").root())
    (['draft'], {}, {'a': 1})
    """


@example(
    "version.abort-refused",
    MUST,
    rules="VER-1 VER-17",
    binds="storage",
    error="VersionError",
    needs="versions",
    **THEN,
)
def abort_refused() -> None:
    """`abortVersion` is refused for the empty name, and for what is not text, when it is called or
    when the transaction is committed. The trunk can't be aborted.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> for name in ("", 1, b"draft"):
    ...     with raises("VersionError"):
    ...         db.abortVersion(name, txn=tm.get())
    ...         tm.commit()
    ...     tm.abort()
    >>> dict(opened(db).root())
    {'a': 1}
    """


@example(
    "version.ending-of-nothing",
    MUST,
    rules="VER-14 VER-17",
    binds="storage",
    needs="versions",
    **THEN,
)
def ending_of_nothing() -> None:
    """A version that holds nothing can be committed and aborted; nothing comes of it. A program
    need not know whether somebody has changed anything in the version.

    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> db.abortVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> list(db.versions()), [dict(opened(db, version=name).root()) for name in ("", "final")]
    ([], [{'a': 1}, {'a': 1}])
    """


@example(
    "version.created-and-committed",
    MUST,
    rules="VER-6 VER-14",
    binds="storage",
    error="POSKeyError",
    needs="versions",
    **THEN,
)
def created_and_committed() -> None:
    """An object that was created in a version exists in the destination once the version is
    committed: in another version alone, or in the trunk and so for everybody.

    >>> draft = opened(db, version="draft")
    >>> thing = draft.root()["thing"] = Thing()
    >>> draft.transaction_manager.commit()
    >>> def where():
    ...     found = []
    ...     for name in "draft", "final", "":
    ...         with allowing("POSKeyError"):
    ...             opened(db, version=name).get(thing._p_oid)._p_activate()
    ...             found.append(name)
    ...     return found
    >>> before = where()
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> between = where()
    >>> db.commitVersion("final", txn=tm.get())
    >>> tm.commit()
    >>> before, between, where()
    (['draft'], ['final'], ['draft', 'final', ''])
    """


@example(
    "version.created-and-aborted",
    MUST,
    rules="VER-6 VER-17",
    binds="storage",
    error="POSKeyError",
    needs="versions",
    **THEN,
)
def created_and_aborted() -> None:
    """An object that was created in a version is created no more when the version is aborted: it
    exists nowhere, and who has it in memory can't load it.

    >>> draft = opened(db, version="draft")
    >>> thing = draft.root()["thing"] = Thing()
    >>> draft.transaction_manager.commit()
    >>> oid = thing._p_oid
    >>> db.abortVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> for name in "draft", "":
    ...     with raises("POSKeyError"):
    ...         opened(db, version=name).get(oid)._p_activate()
    >>> draft.transaction_manager.abort()
    >>> with raises("POSKeyError"):
    ...     thing._p_activate()
    >>> dict(draft.root())
    {}
    """


@example(
    "version.no-reference-to-what-has-gone",
    MUST,
    rules="LIFE-12 VER-6 VER-17",
    error="ConflictError KeyError",
    needs="versions",
    **THEN,
)
def no_reference_to_what_has_gone() -> None:
    """What was created in a version does not exist there any more when the version has been
    aborted, or committed into another one. A commit that would store a reference to it is refused,
    in a transaction that began before and in any later one: whoever followed the reference would
    find nothing.

    >>> for key in "one", "two":
    ...     connection.root()[key] = Thing()
    >>> tm.commit()
    >>> draft, other = opened(db, version="draft"), opened(db, version="draft")
    >>> def end(key):
    ...     if key == "one":
    ...         db.abortVersion("draft", txn=tm.get())
    ...     else:
    ...         db.commitVersion("draft", "final", txn=tm.get())
    ...     tm.commit()
    >>> for key in "one", "two":
    ...     for each in draft, other:
    ...         each.transaction_manager.abort()
    ...     draft.root()["new"] = Thing()
    ...     draft.transaction_manager.commit()
    ...     other.transaction_manager.abort()
    ...     new = other.root()[key].ref = other.root()["new"]
    ...     end(key)
    ...     for again in 1, 2:
    ...         with raises("ConflictError", "KeyError"):
    ...             other.root()[key].ref = new
    ...             other.transaction_manager.commit()
    ...         other.transaction_manager.abort()
    >>> [hasattr(other.root()[key], "ref") for key in ("one", "two")], list(db.versions())
    ([False, False], ['final'])
    """
