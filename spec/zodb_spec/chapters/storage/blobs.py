"""Blobs in a storage: what an object holds that is too large for a record, as a file.

A blob has a data record, like every object, and a file beside it. The two belong to one revision:
they are stored in one call, and whatever becomes of the one becomes of the other. How a storage
names its files, and where it has them, is its own matter.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example


@example("storage.blob-announced", MUST, rules="STOR-61", needs="blobs")
def blob_announced() -> None:
    """A storage that keeps blobs says so by the interface `IBlobStorage`: a connection asks for
    that, and refuses to store blobs elsewhere.

    >>> from zope.interface import providedBy
    >>> "IBlobStorage" in [each.__name__ for each in providedBy(storage).flattened()]
    True
    """


@example("storage.blob-with-record", MUST, rules="STOR-61", needs="blobs")
def blob_with_record() -> None:
    """`storeBlob(oid, oldserial, data, blobfilename, version, transaction)` stores a record and a
    file in one revision: once the transaction has finished, both can be loaded, each by its call.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one" * 100_000)
    >>> newest(storage).load(oid) == (blob_record(), tid)
    True
    >>> held(storage, oid, tid) == [b"one" * 100_000]
    True
    """


@example("storage.blob-of-nothing", MUST, rules="STOR-61", needs="blobs")
def blob_of_nothing() -> None:
    """A blob may hold nothing: an empty file is a file.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"")
    >>> held(storage, oid, tid)
    [b'']
    """


@example("storage.blob-is-taken", MUST, rules="STOR-61", needs="blobs")
def blob_is_taken() -> None:
    """A file that was stored belongs to the storage from then on. When the transaction has
    finished, it is not where it was any more: it was moved, or copied and removed. Whoever has
    stored a blob has nothing to tidy up, wherever the file came from.

    >>> import os, tempfile
    >>> found = []
    >>> with tempfile.TemporaryDirectory() as elsewhere:
    ...     for folder in storage.temporaryDirectory(), elsewhere:
    ...         path = os.path.join(folder, "given")
    ...         with open(path, "wb") as file:
    ...             written = file.write(b"one")
    ...         oid, meta = storage.new_oid(), metadata()
    ...         storage.tpc_begin(meta)
    ...         stored = storage.storeBlob(oid, z64, blob_record(), path, "", meta)
    ...         voted = storage.tpc_vote(meta)
    ...         tid = storage.tpc_finish(meta)
    ...         found.append((os.path.exists(path), *held(storage, oid, tid)))
    >>> found
    [(False, b'one'), (False, b'one')]
    """


@example("storage.blob-revisions", MUST, rules="STOR-61", needs="blobs old-revisions")
def blob_revisions() -> None:
    """Every revision has its own file, as long as the revision is there: a connection that shows an
    earlier state reads what the blob held then.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> for value in b"one", b"two", b"three":
    ...     tids.append(commit_blob(storage, oid, tids[-1], value))
    >>> held(storage, oid, *tids[1:])
    [b'one', b'two', b'three']
    """


@example("storage.blob-unknown", MUST, rules="STOR-61", error="POSKeyError", needs="blobs")
def blob_unknown() -> None:
    """`loadBlob` and `openCommittedBlobFile` raise `POSKeyError` for an object, or a revision, that
    there is not, and for a revision of an object that is no blob.

    >>> blob, other = storage.new_oid(), storage.new_oid()
    >>> tid = commit_blob(storage, blob, z64, b"one")
    >>> plain = commit(storage, (other, z64, content("plain")))
    >>> for oid, serial in (blob, plain), (blob, z64), (other, plain), (storage.new_oid(), tid):
    ...     with raises("POSKeyError"):
    ...         newest(storage).loadBlob(oid, serial)
    ...     with raises("POSKeyError"):
    ...         newest(storage).openCommittedBlobFile(oid, serial)
    """


@example("storage.blob-open-file", MUST, rules="STOR-61", needs="blobs")
def blob_open_file() -> None:
    """`openCommittedBlobFile(oid, serial)` gives the file open for reading, an ordinary one. Given
    a blob as well, the file tells that when it is closed, by calling `closed` of the blob with
    itself: by this a blob knows whether it is open.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> read_out(newest(storage).openCommittedBlobFile(oid, tid))
    b'one'
    >>> told = []
    >>> class Listener:
    ...     def closed(self, file):
    ...         told.append(file)
    >>> file = newest(storage).openCommittedBlobFile(oid, tid, Listener())
    >>> read_out(file)
    b'one'
    >>> told == [file]
    True
    """


@example("storage.blob-not-writable", SHOULD, rules="STOR-61", needs="blobs")
def blob_not_writable() -> None:
    """Nobody can write to a file that was committed, by mistake at least: its permissions are those
    of a file for reading. A revision never changes, and its file is given out by name.

    >>> import os
    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> bool(os.stat(newest(storage).loadBlob(oid, tid)).st_mode & 0o222)
    False
    """


@example("storage.blob-abort", MUST, rules="STOR-61", needs="blobs")
def blob_abort() -> None:
    """An abort, before or after the vote, forgets record and file of every blob that was stored.
    What was there before is there unchanged.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> for voting in False, True:
    ...     meta, new = metadata(), storage.new_oid()
    ...     storage.tpc_begin(meta)
    ...     for each, serial in (oid, first), (new, z64):
    ...         path = blob_file(storage, b"aborted")
    ...         stored = storage.storeBlob(each, serial, blob_record(), path, "", meta)
    ...     voted = storage.tpc_vote(meta) if voting else None
    ...     storage.tpc_abort(meta)
    ...     with raises("POSKeyError"):
    ...         newest(storage).load(new)
    >>> newest(storage).load(oid)[1] == first
    True
    >>> held(storage, oid, first)
    [b'one']
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> held(storage, oid, second)
    [b'two']
    """


@example("storage.blob-conflict", MUST, rules="STOR-61", error="ConflictError", needs="blobs")
def blob_conflict() -> None:
    """A blob that was made from a revision that is not current any more is a conflict, in
    `storeBlob` or in the vote, and what was committed is unharmed: a record could be merged, a file
    can't.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> second = commit_blob(storage, oid, first, b"two")
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> with raises("ConflictError"):
    ...     storage.storeBlob(oid, first, blob_record(), blob_file(storage, b"late"), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> newest(storage).load(oid)[1] == second
    True
    >>> held(storage, oid, second)
    [b'two']
    """


@example("storage.blob-without-file", MUST, rules="STOR-61", needs="blobs")
def blob_without_file() -> None:
    """Where there is no such file, storing the blob fails, at the latest in the vote. It must not
    succeed with a record that has nothing beside it.

    >>> import os
    >>> oid, meta = storage.new_oid(), metadata()
    >>> missing = os.path.join(storage.temporaryDirectory(), "missing")
    >>> storage.tpc_begin(meta)
    >>> with raises("Exception"):
    ...     storage.storeBlob(oid, z64, blob_record(), missing, "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.blob-failed-is-left-out", SHOULD, rules="STOR-61", needs="blobs")
def blob_failed_is_left_out() -> None:
    """A `storeBlob` that has failed leaves nothing in the transaction, which can be finished
    without it: not even a caller that goes on commits a record of a blob that has no file. Such a
    record could be loaded by nobody, and its object by no connection.

    >>> import os
    >>> oid, meta = storage.new_oid(), metadata()
    >>> missing = os.path.join(storage.temporaryDirectory(), "missing")
    >>> storage.tpc_begin(meta)
    >>> with raises("Exception"):
    ...     storage.storeBlob(oid, z64, blob_record(), missing, "", meta)
    ...     storage.tpc_vote(meta)
    >>> with allowing("StorageError"):
    ...     voted = storage.tpc_vote(meta)
    ...     tid = storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example(
    "storage.blob-out-of-order",
    MUST,
    rules="STOR-2 STOR-61",
    error="StorageTransactionError",
    needs="blobs",
)
def blob_out_of_order() -> None:
    """A blob can be stored by the transaction that has begun alone; for any other `storeBlob`
    raises `StorageTransactionError`, and nothing is stored.

    >>> oid, path = storage.new_oid(), blob_file(storage, b"one")
    >>> with raises("StorageTransactionError"):
    ...     storage.storeBlob(oid, z64, blob_record(), path, "", metadata())
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> with raises("StorageTransactionError"):
    ...     storage.storeBlob(oid, z64, blob_record(), path, "", metadata())
    >>> voted = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example("storage.blob-after-vote", SHOULD, rules="STOR-1 STOR-61", needs="blobs")
def blob_after_vote_refused() -> None:
    """When the storage has voted for a transaction, `storeBlob` is refused, as `store` is: the blob
    has neither a new record nor a new file.

    >>> oid, added = storage.new_oid(), storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> meta = voted(storage, (added, z64, content("added")))
    >>> with raises("Exception"):
    ...     storage.storeBlob(oid, first, blob_record(), blob_file(storage, b"late"), "", meta)
    >>> with allowing("StorageTransactionError"):
    ...     tid = storage.tpc_finish(meta)
    >>> newest(storage).load(oid)[1] == first, held(storage, oid, first)
    (True, [b'one'])
    """


@example("storage.blob-after-vote-spares", MUST, rules="STOR-1 STOR-61", needs="blobs")
def blob_after_vote_spares_others() -> None:
    """Whatever becomes of a transaction that stores a blob after the vote, nothing that was
    committed before is damaged by it: the blob holds what it held, or what was stored, and others
    can be committed.

    >>> one, two, three = (storage.new_oid() for _ in range(3))
    >>> tids = [commit_blob(storage, oid, z64, b"old") for oid in (one, two, three)]
    >>> meta, path = metadata(), blob_file(storage, b"new")
    >>> storage.tpc_begin(meta)
    >>> stored = storage.storeBlob(one, tids[0], blob_record(), path, "", meta)
    >>> _ = storage.tpc_vote(meta)
    >>> with allowing("Exception"):
    ...     storage.storeBlob(two, tids[1], blob_record(), blob_file(storage, b"late"), "", meta)
    >>> with allowing("Exception"):
    ...     tid = storage.tpc_finish(meta)
    >>> storage.tpc_abort(meta)
    >>> tids.append(commit_blob(storage, three, tids[2], b"later"))
    >>> serial = newest(storage).load(two)[1]
    >>> expected = [b"old"] if serial == tids[1] else [b"late"]
    >>> held(storage, two, serial) == expected, held(storage, three, tids[3])
    (True, [b'later'])
    """


@example("storage.blob-stored-twice", MUST, rules="STOR-20 STOR-61", needs="blobs")
def blob_stored_twice() -> None:
    """Of two blobs that a transaction stores for one object the last one counts, record and file.

    >>> oid, meta = storage.new_oid(), metadata()
    >>> storage.tpc_begin(meta)
    >>> for value in b"one", b"two":
    ...     path = blob_file(storage, value)
    ...     stored = storage.storeBlob(oid, z64, blob_record(), path, "", meta)
    >>> voted = storage.tpc_vote(meta)
    >>> tid = storage.tpc_finish(meta)
    >>> held(storage, oid, tid)
    [b'two']
    """


@example("storage.blob-before-finish", MUST, rules="STOR-61", needs="blobs")
def blob_before_finish() -> None:
    """Until the transaction has finished, whoever reads is shown the blob as it was.

    >>> oid = storage.new_oid()
    >>> first = commit_blob(storage, oid, z64, b"one")
    >>> meta = metadata()
    >>> storage.tpc_begin(meta)
    >>> stored = storage.storeBlob(oid, first, blob_record(), blob_file(storage, b"two"), "", meta)
    >>> voted = storage.tpc_vote(meta)
    >>> reader = storage.new_instance() if hasattr(storage, "new_instance") else storage
    >>> newest(reader).load(oid)[1] == first
    True
    >>> held(reader, oid, first)
    [b'one']
    >>> second = storage.tpc_finish(meta)
    >>> newest(reader).load(oid)[1] == second
    True
    >>> held(reader, oid, second)
    [b'two']
    """


@example("storage.blob-durable", MUST, rules="STOR-61", needs="blobs durable")
def blob_durable() -> None:
    """Files are there again, with their records, when the storage is opened again.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> again = reopened(storage)
    >>> newest(again).load(oid) == (blob_record(), tid)
    True
    >>> held(again, oid, tid)
    [b'one']
    """


@example(
    "storage.blob-read-only",
    MUST,
    rules="STOR-61 STOR-31",
    error="ReadOnlyError",
    needs="blobs durable read-only",
)
def blob_read_only() -> None:
    """A storage that was opened read-only loads blobs, and stores none: `storeBlob` is refused, and
    leaves the file to who has given it.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> reader = reopened(storage, read_only=True)
    >>> held(reader, oid, tid)
    [b'one']
    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     meta = metadata()
    ...     with allowing("ReadOnlyError"):
    ...         reader.tpc_begin(meta)
    ...     with raises("ReadOnlyError"):
    ...         reader.storeBlob(oid, tid, blob_record(), file.name, "", meta)
    ...     is_left = os.path.exists(file.name)
    >>> is_left
    True
    """


@example("storage.blob-for-other-clients", MUST, rules="STOR-61", needs="blobs several-clients")
def blob_for_other_clients() -> None:
    """Another client of the same data reads the blob, too, whichever folder it keeps files in.

    >>> oid = storage.new_oid()
    >>> tid = commit_blob(storage, oid, z64, b"one")
    >>> other = client_of(storage)
    >>> held(other, oid, tid)
    [b'one']
    >>> second = commit_blob(other, oid, tid, b"two")
    >>> held(other, oid, second)
    [b'two']
    """
