"""Re-creation: how objects come back that have ceased to exist.

An object ceases to exist when it is deleted, or when the creation of it is undone. Its oid is known
from then on, and belongs to it as before.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example("storage.deleted-comes-again", MUST, rules="STOR-44", needs="deletion old-revisions")
def deleted_comes_again() -> None:
    """An object that was deleted is stored again by who names the deletion as the revision that was
    read. It has a new revision then; in between, it was not there.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> deleted = delete(storage, (oid, first))
    >>> again = commit(storage, (oid, deleted, content("again")))
    >>> newest(storage).load(oid) == (content("again"), again)
    True
    >>> newest(storage).loadBefore(oid, deleted) == (content(1), first, deleted)
    True
    >>> found = None
    >>> with allowing("POSKeyError"):
    ...     found = newest(storage).loadBefore(oid, again)
    >>> found is None or found[0] is None
    True
    """


@example(
    "storage.deleted-is-not-stored",
    MUST,
    rules="STOR-44 ISO-37",
    needs="deletion old-revisions",
    error="ConflictError",
)
def deleted_is_not_stored() -> None:
    """Whoever has an object in memory that was deleted meanwhile stores it as a change of the
    revision that was read, which is a conflict. It stays deleted.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> reader = newest(beside(storage))
    >>> reader.load(oid) == (content(1), first)
    True
    >>> deleted = delete(storage, (oid, first))
    >>> meta = metadata()
    >>> with raises("ConflictError"):
    ...     commit(reader, (oid, first, content("stale")), meta=meta)
    >>> reader.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    >>> newest(storage).lastTransaction() == deleted
    True
    """


@example(
    "storage.deleted-is-not-new",
    MUST,
    rules="STOR-44",
    needs="deletion old-revisions",
    error="ConflictError",
)
def deleted_is_not_new() -> None:
    """An object that was deleted can't be stored as a new one: the oid is known, and who believes
    that it is not has missed something.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> deleted, meta = delete(storage, (oid, first)), metadata()
    >>> with raises("ConflictError"):
    ...     commit(storage, (oid, z64, content("new")), meta=meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.uncreated-comes-again", MUST, rules="STOR-44", needs="undo")
def uncreated_comes_again() -> None:
    """An object whose creation was undone can be stored again by who names the undo as the revision
    that was read.

    >>> oid = storage.new_oid()
    >>> kept = commit(storage, (storage.new_oid(), z64, content("kept")))
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> undone = undo(storage, storage.undoLog()[0]["id"])[0]
    >>> again = commit(storage, (oid, undone, content("again")))
    >>> newest(storage).load(oid) == (content("again"), again)
    True
    """


@example("storage.uncreated-is-not-new", MUST, rules="STOR-44", needs="undo", error="ConflictError")
def uncreated_is_not_new() -> None:
    """To store an object whose creation was undone as a new one is a conflict, and so it is to
    store it as a change of what was undone. It stays as it is.

    >>> oid = storage.new_oid()
    >>> kept = commit(storage, (storage.new_oid(), z64, content("kept")))
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> reader = newest(beside(storage))
    >>> reader.load(oid) == (content(1), first)
    True
    >>> undone = undo(storage, storage.undoLog()[0]["id"])[0]
    >>> for serial in (first, z64):
    ...     meta = metadata()
    ...     with raises("ConflictError"):
    ...         commit(reader, (oid, serial, content("stale")), meta=meta)
    ...     reader.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.deletion-can-be-undone", MUST, rules="STOR-43 STOR-51", needs="deletion undo")
def deletion_can_be_undone() -> None:
    """A deletion can be undone like any other transaction: the object has the data again that it
    had before.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, content(1)))
    >>> second = commit(storage, (oid, first, content(2)))
    >>> deleted = delete(storage, (oid, second))
    >>> tid, undone = undo(storage, storage.undoLog()[0]["id"])
    >>> newest(storage).load(oid) == (content(2), tid)
    True
    """
