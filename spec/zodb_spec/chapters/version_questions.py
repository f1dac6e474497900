"""Questions about versions: what a database says of them, and what it says where it has none.

The questions are asked of the database, and one of them of a connection. They are about what has
been committed: what a transaction is about to do in a version shows in no answer.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example(
    "version.modified-in",
    MUST,
    rules="VER-4 VER-10 VER-31",
    binds="storage",
    error="POSKeyError",
    needs="versions",
    **THEN,
)
def modified_in() -> None:
    """`db.modifiedInVersion(oid)` gives the version that holds an object, that is the one in which
    its newest record is; there is one at most. It gives the empty text for an object that no
    version holds, and fails for an oid that no object has.

    >>> thing = connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> db.modifiedInVersion(thing._p_oid)
    ''
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 1
    >>> db.modifiedInVersion(thing._p_oid)
    ''
    >>> draft.transaction_manager.commit()
    >>> db.modifiedInVersion(thing._p_oid), db.modifiedInVersion(z64)
    ('draft', '')
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> db.modifiedInVersion(thing._p_oid)
    'final'
    >>> db.abortVersion("final", txn=tm.get())
    >>> tm.commit()
    >>> db.modifiedInVersion(thing._p_oid)
    ''
    >>> with raises("POSKeyError"):
    ...     db.modifiedInVersion(b"no such!")
    """


@example("version.modified-in-by-connection", MUST, rules="VER-11", needs="versions", **THEN)
def modified_in_by_connection() -> None:
    """`connection.modifiedInVersion(oid)` gives what the database gives. For an oid that the
    database does not know yet it gives the connection's own version, in which a new object is
    going to be.

    >>> draft = opened(db, version="draft")
    >>> thing = draft.root()["thing"] = Thing()
    >>> draft.add(thing)
    >>> draft.modifiedInVersion(thing._p_oid), draft.modifiedInVersion(z64)
    ('draft', '')
    >>> new = Thing()
    >>> connection.add(new)
    >>> connection.modifiedInVersion(new._p_oid)
    ''
    >>> draft.transaction_manager.commit()
    >>> each = connection, draft, opened(db, version="second")
    >>> [[one.modifiedInVersion(oid) for oid in (thing._p_oid, z64)] for one in each]
    [['draft', 'draft'], ['draft', 'draft'], ['draft', 'draft']]
    """


@example(
    "version.closed-connection-answers",
    MUST,
    rules="VER-2 VER-11",
    error="ConnectionStateError",
    needs="versions",
    **THEN,
)
def closed_connection_answers() -> None:
    """A closed connection gives the right answers or says that it is closed, when it is asked for
    its version, or for that of an object.

    >>> draft = opened(db, version="draft")
    >>> draft.root()["a"] = 1
    >>> draft.transaction_manager.commit()
    >>> draft.close()
    >>> answers = []
    >>> with allowing("ConnectionStateError"):
    ...     answers.append(draft.getVersion())
    >>> with allowing("ConnectionStateError"):
    ...     answers.append(draft.modifiedInVersion(z64))
    >>> set(answers) <= {"draft"}
    True
    """


@example("version.listed", MUST, rules="VER-13", binds="storage", needs="versions", **THEN)
def listed() -> None:
    """`db.versions()` gives the names of the versions that hold objects, each once, in no
    particular order. `db.versions(max)` gives so many of them at most.

    >>> names = ["one", "two", "three"]
    >>> for name in names:
    ...     connection.root()[name] = Thing()
    >>> tm.commit()
    >>> list(db.versions())
    []
    >>> for name in names * 2:
    ...     other = opened(db, version=name)
    ...     other.root()[name].a = hasattr(other.root()[name], "a")
    ...     other.transaction_manager.commit()
    >>> sorted(db.versions()) == sorted(names)
    True
    >>> [len(db.versions(most)) for most in (1, 2, 3, 4)]
    [1, 2, 3, 3]
    >>> set(db.versions(max=2)) < set(names)
    True
    >>> db.commitVersion("one", txn=tm.get())
    >>> db.abortVersion("two", txn=tm.get())
    >>> tm.commit()
    >>> list(db.versions())
    ['three']
    """


@example("version.emptiness", MUST, rules="VER-12", binds="storage", needs="versions", **THEN)
def emptiness() -> None:
    """`db.versionEmpty(name)` says whether a version holds no object: it is true before the first
    change in the version is committed, and again when the version has been committed or aborted.

    >>> connection.root()["thing"] = Thing()
    >>> tm.commit()
    >>> def is_empty(name="draft"):
    ...     return bool(db.versionEmpty(name))
    >>> draft, answers = opened(db, version="draft"), []
    >>> for end in db.commitVersion, db.abortVersion:
    ...     draft.root()["thing"].a = 1
    ...     savepoint = draft.transaction_manager.savepoint()
    ...     answers.append(is_empty())
    ...     draft.transaction_manager.commit()
    ...     answers.append(is_empty())
    ...     end("draft", txn=tm.get())
    ...     tm.commit()
    ...     draft.transaction_manager.abort()
    >>> answers, is_empty(), is_empty("second")
    ([True, False, True, False], True, True)
    """


@example(
    "version.emptiness-of-the-trunk-refused",
    MUST,
    rules="VER-12",
    binds="storage",
    error="VersionError",
    needs="versions",
    **THEN,
)
def emptiness_of_the_trunk_refused() -> None:
    """Whether the trunk is empty can't be asked in this way: `versionEmpty` refuses the empty name.

    >>> with raises("VersionError"):
    ...     db.versionEmpty("")
    """


@example("version.none-to-list", MUST, rules="VER-27", without="versions", **THEN)
def none_to_list() -> None:
    """Over a storage that has no versions, the questions about versions are answered by the truth:
    there are none, every one is empty, and no object is held by one.

    >>> list(db.versions()), list(db.versions(1))
    ([], [])
    >>> bool(db.versionEmpty("draft")), db.modifiedInVersion(z64)
    (True, '')
    >>> connection.modifiedInVersion(z64), connection.getVersion()
    ('', '')
    """


@example(
    "version.none-to-end",
    MUST,
    rules="VER-27",
    error="NotImplementedError",
    without="versions",
    **THEN,
)
def none_to_end() -> None:
    """Over a storage that has no versions, `commitVersion` and `abortVersion` fail, at once or when
    the transaction is committed; then nothing of it is stored.

    >>> for end in db.commitVersion, db.abortVersion:
    ...     connection.root()["a"] = 1
    ...     with raises("NotImplementedError"):
    ...         end("draft", txn=tm.get())
    ...         tm.commit()
    ...     tm.abort()
    >>> dict(opened(db).root())
    {}
    """


@example(
    "version.gone",
    MUST,
    rules="VER-28",
    error="AssertionError TypeError ValueError POSError",
    since=CURRENT,
)
def gone() -> None:
    """Versions are gone. The first argument of `open` was the name of one for years, and a program
    that still gives a name there is told so: it must not work on the data that everybody sees
    while it believes to be apart.

    >>> with raises("AssertionError", "TypeError", "ValueError", "POSError"):
    ...     db.open("draft")
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    """


@example("version.gone-and-none-asked-for", MUST, rules="VER-28", since=CURRENT)
def gone_and_none_asked_for() -> None:
    """A program that gives the empty name as the first argument of `open` has never asked for a
    version: it gets a connection as if it had given nothing, and a `DeprecationWarning`.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     other = db.open("")
    >>> "DeprecationWarning" in [warning.category.__name__ for warning in caught]
    True
    >>> other.root()["a"] = 1
    >>> transaction.commit()
    >>> other.close()
    >>> opened(db).root()["a"]
    1
    """
