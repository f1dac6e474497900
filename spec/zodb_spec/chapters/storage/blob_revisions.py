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
    """A pack removes the files of the revisions that it removes, of garbage as well. A client of a
    server may have one in a cache of its own, from which it goes in its time.

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
