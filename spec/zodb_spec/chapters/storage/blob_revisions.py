"""Revisions of blobs: what becomes of them when they are packed, undone, or copied.

The file of a blob lives and dies with the revision that it belongs to.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.blob-packed", MUST, rules="STOR-62", needs="blobs pack")
def blob_packed() -> None:
    """A pack keeps the file of every revision that it keeps. The file of a revision that it removes
    is not there any more, or still what it was.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> storage.pack(pause(), oids_in)
    >>> removed, current = held(storage, oid, first, second)
    >>> current
    b'two'
    >>> removed in (None, b"one")
    True
    """


@example("storage.blob-packed-is-gone", SHOULD, rules="STOR-62", needs="blobs pack")
def blob_packed_is_gone() -> None:
    """A pack removes the files of the revisions that it removes. A client of a server may have one
    in a cache of its own, from which it goes in its time.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> storage.pack(pause(), oids_in)
    >>> held(storage, oid, first, second)
    [None, b'two']
    """


@example("storage.blob-pack-keeps-later", MUST, rules="STOR-62", needs="blobs pack old-revisions")
def blob_pack_keeps_later() -> None:
    """What was current at the time to which it was packed keeps its file, and so does what came
    later, though it was replaced since.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> tids = [z64]
    >>> for value in b"zero", b"one":
    ...     tids.append(commit_blob(storage, oid, tids[-1], value))
    >>> then = pause()
    >>> for value in b"two", b"three":
    ...     tids.append(commit_blob(storage, oid, tids[-1], value))
    >>> storage.pack(then, oids_in)
    >>> held(storage, oid, *tids[2:])
    [b'one', b'two', b'three']
    """


@example("storage.blob-garbage", MUST, rules="STOR-62", needs="blobs pack garbage-collection")
def blob_garbage() -> None:
    """Where a pack removes objects that nothing leads to, the files of others stay.

    >>> used, unused = storage.new_oid(), storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", used)))
    >>> tids = [commit_blob(storage, oid, z64, b"one") for oid in (used, unused)]
    >>> storage.pack(pause(), oids_in)
    >>> held(storage, used, tids[0])
    [b'one']
    """


@example(
    "storage.blob-garbage-is-gone",
    SHOULD,
    rules="STOR-62",
    needs="blobs pack garbage-collection",
)
def blob_garbage_is_gone() -> None:
    """Where a pack removes objects that nothing leads to, their files go with them, but for those
    in the cache of a client.

    >>> used, unused = storage.new_oid(), storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", used)))
    >>> tids = [commit_blob(storage, oid, z64, b"one") for oid in (used, unused)]
    >>> later = commit_blob(storage, unused, tids[1], b"two")
    >>> storage.pack(pause(), oids_in)
    >>> held(storage, unused, tids[1], later)
    [None, None]
    """


@example("storage.blob-open-while-packed", MUST, rules="STOR-62", needs="blobs pack")
def blob_open_while_packed() -> None:
    """A file that was opened before a pack can be read to its end. It was opened by somebody whom
    the storage does not know, who may take long to send it somewhere.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> file = newest(storage).openCommittedBlobFile(oid, first)
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> storage.pack(pause(), oids_in)
    >>> read_out(file)
    b'one'
    """


@example("storage.blob-opening-against-pack", SHOULD, rules="STOR-62 STOR-67", needs="blobs pack")
def blob_opening_against_pack() -> None:
    """Whoever opens a file with `openCommittedBlobFile` while a pack removes it gets the file, or
    `POSKeyError`: this is how to open one that may go at any time. Who has its name from `loadBlob`
    may find nothing there.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> now, reader = pause(), newest(beside(storage))
    >>> def read():
    ...     found = []
    ...     with allowing("POSKeyError"):
    ...         found.append(read_out(reader.openCommittedBlobFile(oid, first)))
    ...     return found
    >>> halt = After(reader, "loadBlob")
    >>> found, _ = meanwhile(read, lambda: storage.pack(now, oids_in), halt)
    >>> found in ([], [b"one"])
    True
    """


@example("storage.blob-undone", MUST, rules="STOR-62", needs="blobs undo")
def blob_undone() -> None:
    """To undo a change of a blob gives it the file that it had before, in a new revision; to undo
    that gives it the other again. Earlier revisions keep theirs.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> newest(storage).load(oid)[1] == third
    True
    >>> fourth, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> held(storage, oid, first, second, third, fourth)
    [b'one', b'two', b'one', b'two']
    """


@example(
    "storage.blob-undo-of-one-of-several",
    MUST,
    rules="STOR-62 STOR-52",
    error="UndoError",
    needs="blobs undo",
)
def blob_undo_of_one_of_several() -> None:
    """A change of a blob can't be undone after what it holds was changed again, since nobody can
    merge two files: the undo is refused, and the blob holds what it held. It is of no account that
    all records of a blob are alike.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for value in b"one", b"two", b"three":
    ...     tids.append(commit_blob(storage, oid, tids[-1], value))
    >>> with raises("UndoError"):
    ...     undo(storage, storage.undoLog(1, 2)[0]["id"])
    >>> newest(storage).load(oid)[1] == tids[-1], held(storage, oid, tids[-1])
    (True, [b'three'])
    """


@example("storage.blob-creation-undone", MUST, rules="STOR-62", needs="blobs undo")
def blob_creation_undone() -> None:
    """Where the creation of a blob is undone, the revision that says so has no file. To undo that
    brings the blob back with what it held.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root")))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> held(storage, oid, second)
    [None]
    >>> third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> held(storage, oid, third)
    [b'one']
    """


@example("storage.blob-undone-and-packed", MUST, rules="STOR-62", needs="blobs undo pack")
def blob_undone_and_packed() -> None:
    """What undo has brought back outlives the revision from which it came: a pack that removes that
    leaves the new one its file.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> third, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> storage.pack(pause(), oids_in)
    >>> held(storage, oid, third)
    [b'one']
    """


@example("storage.blob-restored", MUST, rules="STOR-63", needs="blob-restoring")
def blob_restored() -> None:
    """`restoreBlob(oid, serial, data, blobfilename, prev_txn, transaction)` does what `restore` and
    `storeBlob` do together: a revision from elsewhere is here under its own tid, with its file,
    which belongs to the storage from then on.

    >>> import os
    >>> oid, serial, meta = storage.new_oid(), bytes([1] * 8), metadata()
    >>> path = blob_file(storage, b"one")
    >>> storage.tpc_begin(meta, serial)
    >>> restored = storage.restoreBlob(oid, serial, blob_record(), path, None, meta)
    >>> voted = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> newest(storage).load(oid) == (blob_record(), serial)
    True
    >>> held(storage, oid, serial), os.path.exists(path)
    ([b'one'], False)
    """


@example("storage.blob-restored-anyway", MUST, rules="STOR-63", needs="blob-restoring")
def blob_restored_anyway() -> None:
    """As `restore` does, `restoreBlob` takes a revision whatever there is of the object: it is no
    change that could be in conflict.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> meta, serial = metadata(), bytes([0x7E] * 8)
    >>> storage.tpc_begin(meta, serial)
    >>> path = blob_file(storage, b"two")
    >>> restored = storage.restoreBlob(oid, serial, blob_record(), path, None, meta)
    >>> voted = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> held(storage, oid, first, serial)
    [b'one', b'two']
    """


@example(
    "storage.blob-restored-in-its-transaction",
    MUST,
    rules="STOR-2 STOR-63",
    error="StorageTransactionError",
    needs="blob-restoring",
)
def blob_restored_in_its_transaction() -> None:
    """`restoreBlob` is refused for any transaction but the one that has begun, and restores nothing
    then. The one may be given up as well, as where `store` is refused.

    >>> oid, path, meta = storage.new_oid(), blob_file(storage, b"one"), metadata()
    >>> serial = bytes([0x7E] * 8)
    >>> for state in "idle", "begun":
    ...     if state == "begun":
    ...         storage.tpc_begin(meta, serial)
    ...     with raises("StorageTransactionError"):
    ...         storage.restoreBlob(oid, serial, blob_record(), path, None, metadata())
    >>> with allowing("StorageTransactionError"):
    ...     voted = storage.tpc_vote(meta)
    ...     tid = storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.blob-restored-abort", MUST, rules="STOR-63 STOR-3", needs="blob-restoring")
def blob_restored_abort() -> None:
    """An abort, before or after the vote, forgets record and file of what was restored.

    >>> oid, serials = storage.new_oid(), [bytes([0x7E] * 8), bytes([0x7E] * 7 + [0x7F])]
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> for serial in serials:
    ...     meta, path = metadata(), blob_file(storage, b"aborted")
    ...     storage.tpc_begin(meta, serial)
    ...     restored = storage.restoreBlob(oid, serial, blob_record(), path, None, meta)
    ...     voted = storage.tpc_vote(meta) if serial == serials[1] else None
    ...     storage.tpc_abort(meta)
    >>> newest(storage).load(oid)[1] == first, held(storage, oid, first, *serials)
    (True, [b'one', None, None])
    """


@example("storage.blob-restored-after-vote", SHOULD, rules="STOR-1 STOR-63", needs="blob-restoring")
def blob_restored_after_vote() -> None:
    """When the storage has voted for a transaction, `restoreBlob` is refused, as `restore` is.

    >>> oid, meta, serial = storage.new_oid(), metadata(), bytes([0x7E] * 8)
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> storage.tpc_begin(meta, serial)
    >>> voted = storage.tpc_vote(meta)
    >>> with raises("Exception"):
    ...     path = blob_file(storage, b"late")
    ...     storage.restoreBlob(oid, serial, blob_record(), path, None, meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid)[1] == first, held(storage, oid, first, serial)
    (True, [b'one', None])
    """


@example(
    "storage.blob-restored-read-only",
    MUST,
    rules="STOR-31 STOR-63",
    error="ReadOnlyError",
    needs="blob-restoring durable read-only",
)
def blob_restored_read_only() -> None:
    """A storage that was opened read-only restores no blobs either.

    >>> oid, serial = storage.new_oid(), bytes([0x7E] * 8)
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> reader = reopened(storage, read_only=True)
    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     meta = metadata()
    ...     with allowing("ReadOnlyError"):
    ...         reader.tpc_begin(meta, serial)
    ...     with raises("ReadOnlyError"):
    ...         reader.restoreBlob(oid, serial, blob_record(), file.name, None, meta)
    ...     is_left = os.path.exists(file.name)
    >>> is_left
    True
    """


@example(
    "storage.blob-copied",
    MUST,
    rules="STOR-41 STOR-63",
    needs="blobs restoring iteration old-revisions",
)
def blob_copied() -> None:
    """`copyTransactionsFrom` copies the files, too, each to the revision that it belongs to, and
    leaves those of the source alone.

    >>> oid = storage.new_oid()
    >>> plain = commit(storage, (z64, z64, content("root", oid)))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> copy = open_storage()
    >>> copied = copy.copyTransactionsFrom(storage)
    >>> newest(copy).load(oid) == (blob_record(), second)
    True
    >>> held(copy, oid, first, second), held(storage, oid, first, second)
    ([b'one', b'two'], [b'one', b'two'])
    """


@example(
    "storage.blob-copied-to-its-end",
    MUST,
    rules="STOR-41 STOR-62",
    error="POSKeyError",
    needs="blobs restoring iteration old-revisions undo",
)
def blob_copied_to_its_end() -> None:
    """A copy has it as well where a blob has ceased to exist, since its creation was undone, and
    that there is no file from then on.

    >>> oid = storage.new_oid()
    >>> root = commit(storage, (z64, z64, content("root")))
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second, oids = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> copy = open_storage()
    >>> copied = copy.copyTransactionsFrom(storage)
    >>> with raises("POSKeyError"):
    ...     newest(copy).load(oid)
    >>> newest(copy).lastTransaction() == second, held(copy, oid, second)
    (True, [None])
    """
