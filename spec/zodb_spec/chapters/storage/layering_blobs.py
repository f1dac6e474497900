"""Blobs through layers: what a storage of changes makes of the files of the base, and of its own.

The files in the base are as safe from changes as its records are. Who reads them through the upper
storage, gets those that the base gives: they need not be copied.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "storage.layered-blobs-fall-through",
    MUST,
    rules="STOR-64 STOR-61",
    needs="layers blobs old-revisions",
)
def layered_blobs_fall_through() -> None:
    """What a blob of the base holds is read through the upper storage, in every revision, by either
    call, and through any number of layers. Of an object that is no blob, or that there is not, it
    tells so.

    >>> oid, other = storage.new_oid(), storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> plain = commit(storage, (other, z64, content("plain")))
    >>> above = layer_over(storage)
    >>> upper = layer_over(above)
    >>> [held(each, oid, first, second, plain) for each in (above, upper)]
    [[b'one', b'two', None], [b'one', b'two', None]]
    >>> [held(each, other, plain) for each in (above, upper)]
    [[None], [None]]
    >>> [read_out(each.openCommittedBlobFile(oid, first)) for each in (above, upper)]
    [b'one', b'one']
    """


@example(
    "storage.layered-blobs-stay-above",
    MUST,
    rules="STOR-64 STOR-61",
    needs="layers blobs old-revisions",
)
def layered_blobs_stay_above() -> None:
    """A blob that is changed, or created, in the upper storage, holds that there. In the base
    nothing changes: it has the file that it had, and none of the new ones.

    >>> oid, new = storage.new_oid(), storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"base")
    >>> above = layer_over(storage)
    >>> second = commit_blob(above, oid, first, b"above")
    >>> third = commit_blob(above, new, z64, b"new")
    >>> held(above, oid, first, second), held(above, new, third)
    ([b'base', b'above'], [b'new'])
    >>> held(storage, oid, first, second), held(storage, new, third)
    ([b'base', None], [None])
    >>> storage.load(oid) == (blob_record(), first), storage.lastTransaction() == first
    (True, True)
    """


@example("storage.layered-blob-aborts", MUST, rules="STOR-64 STOR-61", needs="layers blobs")
def layered_blob_aborts() -> None:
    """Where a change of a blob above is aborted, the blob holds what it holds in the base, and can
    be changed.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"base")
    >>> above = layer_over(storage)
    >>> for number in range(2):
    ...     meta = begun(above)
    ...     path = blob_file(above, b"aborted")
    ...     stored = above.storeBlob(oid, first, blob_record(), path, "", meta)
    ...     voted = above.tpc_vote(meta) if number else None
    ...     above.tpc_abort(meta)
    >>> held(above, oid, first), held(storage, oid, first)
    ([b'base'], [b'base'])
    >>> second = commit_blob(above, oid, first, b"above")
    >>> held(above, oid, second), held(storage, oid, first)
    ([b'above'], [b'base'])
    """


@example(
    "storage.layered-blob-conflicts",
    MUST,
    rules="STOR-64 STOR-61 STOR-19",
    error="ConflictError",
    needs="layers blobs old-revisions",
)
def layered_blob_conflicts() -> None:
    """To store a blob from a revision that is not the current one is a conflict, wherever the
    current one is: in the base, or above. To store one as new that the base has is one as well.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> above = layer_over(storage)
    >>> def is_refused(serial):
    ...     meta = begun(above)
    ...     path = blob_file(above, b"refused")
    ...     with raises("ConflictError"):
    ...         above.storeBlob(oid, serial, blob_record(), path, "", meta)
    ...         above.tpc_vote(meta)
    ...     above.tpc_abort(meta)
    ...     return True
    >>> is_refused(first), is_refused(z64), held(above, oid, second)
    (True, True, [b'two'])
    >>> third = commit_blob(above, oid, second, b"three")
    >>> is_refused(second), held(above, oid, third)
    (True, [b'three'])
    """


@example("storage.layered-blob-packing", MUST, rules="STOR-64 STOR-62", needs="layers blobs pack")
def layered_blob_packing() -> None:
    """A pack of the upper storage takes no file of the base, and none of what is current above. It
    may refuse, by whatever error.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", one, two)))
    >>> first = commit_blob(storage, one, z64, b"one")
    >>> second = commit_blob(storage, two, z64, b"two")
    >>> above = layer_over(storage)
    >>> third = commit_blob(above, two, second, b"changed")
    >>> fourth = commit_blob(above, two, third, b"again")
    >>> with allowing("Exception"):
    ...     above.pack(pause(), oids_in)
    >>> held(above, one, first), held(above, two, fourth)
    ([b'one'], [b'again'])
    >>> held(storage, one, first), held(storage, two, second)
    ([b'one'], [b'two'])
    """


@example(
    "storage.layered-blobs-are-undone", MUST, rules="STOR-64 STOR-62", needs="layers blobs undo"
)
def layered_blobs_are_undone() -> None:
    """Where the upper storage can undo, a blob holds again what it holds in the base once its
    change above was undone; and what was stored above, once that was undone. A pack leaves it so.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"base")
    >>> above, found = layer_over(storage), []
    >>> second = commit_blob(above, oid, first, b"above")
    >>> if getattr(above, "supportsUndo", bool)():
    ...     for n in range(2):
    ...         undone = undo(above, above.undoLog(0, 1)[0]["id"])
    ...         found += held(above, oid, above.load(oid)[1])
    ...     with allowing("Exception"):
    ...         above.pack(pause(), oids_in)
    ...     found += held(above, oid, above.load(oid)[1])
    >>> found in ([], [b"base", b"above", b"above"]), held(storage, oid, first)
    (True, [b'base'])
    """
