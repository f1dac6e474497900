"""Deletion of objects: what is there afterwards, what is refused, and how an object comes back."""

import pytest
from zodb_reference.errors import (
    ConflictError,
    POSKeyError,
    ReadOnlyError,
    StorageTransactionError,
    VersionLockError,
)
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64

A, B, C, UNKNOWN = map(p64, (1, 2, 3, 99))


@pytest.fixture
def delete(begin):
    """Return what deletes objects, given with their serials, in a transaction of its own."""

    def delete_objects(storage, *pairs):
        meta = begin(storage)
        try:
            for oid, serial in pairs:
                storage.deleteObject(oid, serial, meta)
            storage.tpc_vote(meta)
            return storage.tpc_finish(meta)
        finally:
            storage.tpc_abort(meta)

    return delete_objects


def store(storage, begin, oid, serial, data):
    meta = begin(storage)
    try:
        storage.store(oid, serial, data, "", meta)
        storage.tpc_vote(meta)
        return storage.tpc_finish(meta)
    finally:
        storage.tpc_abort(meta)


def exists(storage, oid):
    try:
        storage.load(oid)
    except POSKeyError:
        return False
    return True


def test_a_deleted_object_is_gone_and_its_past_is_not(storage, commit, delete):
    first = commit(storage, {A: b"a", B: b"b"})
    second = commit(storage, {A: b"aa"})
    tid = delete(storage, (A, second))
    for call in (
        lambda: storage.load(A),
        lambda: storage.getTid(A),
        lambda: storage.loadSerial(A, tid),
        lambda: storage.loadBefore(A, maxtid),
    ):
        with pytest.raises(POSKeyError, match="0x01"):
            call()
    assert storage.lastTransaction() == tid
    assert storage.loadBefore(A, tid) == (b"aa", second, tid)
    assert storage.loadBefore(A, second) == (b"a", first, second)
    assert storage.loadSerial(A, first) == b"a"
    assert [(entry["tid"], entry["size"]) for entry in storage.history(A, size=9)] == [
        (tid, 0),
        (second, 2),
        (first, 1),
    ]
    assert storage.load(B) == (b"b", first)
    assert storage.record_iternext() == (B, first, b"b", None)
    *_, last = storage.iterator()
    assert [(one.oid, one.tid, one.data, one.data_txn) for one in last] == [(A, tid, None, None)]


def test_a_deletion_is_part_of_its_transaction(storage, commit, begin):
    tid = commit(storage, {A: b"a", B: b"b"})
    meta = begin(storage)
    storage.deleteObject(A, tid, meta)
    storage.store(B, tid, b"bb", "", meta)
    assert exists(storage, A)
    storage.tpc_vote(meta)
    assert exists(storage, A)
    storage.tpc_abort(meta)
    assert (storage.load(A), storage.lastTransaction()) == ((b"a", tid), tid)


@pytest.mark.parametrize("last", ["store", "delete"])
def test_of_a_store_and_a_deletion_in_one_transaction_the_last_counts(storage, commit, begin, last):
    tid = commit(storage, {A: b"a"})
    meta = begin(storage)
    calls = {
        "store": lambda: storage.store(A, tid, b"aa", "", meta),
        "delete": lambda: storage.deleteObject(A, tid, meta),
    }
    for name in sorted(calls, key=lambda name: name == last):
        calls[name]()
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert exists(storage, A) == (last == "store")
    *_, transaction = storage.iterator()
    assert len(list(transaction)) == 1


def test_only_the_current_revision_can_be_deleted(storage, commit, begin):
    first = commit(storage, {A: b"a"})
    second = commit(storage, {A: b"aa"})
    meta = begin(storage)
    for serial in (first, z64, maxtid, p64(u64(second) + 1)):
        with pytest.raises(ConflictError) as caught:
            storage.deleteObject(A, serial, meta)
        assert (caught.value.oid, caught.value.serials) == (A, (second, serial))
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.load(A) == (b"aa", second)


def test_what_is_not_there_can_not_be_deleted(storage, commit, begin, delete):
    tid = commit(storage, {A: b"a"})
    gone = delete(storage, (A, tid))
    meta = begin(storage)
    storage.store(B, z64, b"new", "", meta)
    for oid, serial in ((UNKNOWN, z64), (A, tid), (A, gone), (B, z64)):
        with pytest.raises(POSKeyError):
            storage.deleteObject(oid, serial, meta)
    storage.tpc_abort(meta)


def test_a_deletion_needs_a_transaction_in_its_first_phase(storage, commit, begin):
    tid = commit(storage, {A: b"a"})
    with pytest.raises(StorageTransactionError, match="not the one"):
        storage.deleteObject(A, tid, TransactionMetaData())
    meta = begin(storage)
    with pytest.raises(StorageTransactionError, match="not the one"):
        storage.deleteObject(A, tid, TransactionMetaData())
    storage.tpc_vote(meta)
    with pytest.raises(StorageTransactionError, match="has voted"):
        storage.deleteObject(A, tid, meta)
    storage.tpc_finish(meta)
    assert exists(storage, A)


@pytest.mark.parametrize(("oid", "error"), [(b"short", ValueError), (1, TypeError)])
def test_an_oid_of_another_form_is_refused(storage, begin, oid, error):
    meta = begin(storage)
    with pytest.raises(error, match="oid"):
        storage.deleteObject(oid, z64, meta)
    storage.tpc_abort(meta)


def test_a_deleted_object_is_stored_again_with_the_tid_of_the_deletion(
    storage, commit, begin, delete
):
    first = commit(storage, {A: b"a"})
    gone = delete(storage, (A, first))
    for serial in (z64, first):
        with pytest.raises(ConflictError):
            store(storage, begin, A, serial, b"again")
    again = store(storage, begin, A, gone, b"again")
    assert storage.load(A) == (b"again", again)
    assert storage.loadBefore(A, gone) == (b"a", first, gone)
    with pytest.raises(POSKeyError):
        storage.loadBefore(A, again)


def test_a_deletion_can_be_undone(storage, commit, undo, delete):
    tid = commit(storage, {A: b"a"})
    delete(storage, (A, tid))
    undo(storage, 0)
    assert storage.load(A)[0] == b"a"


def test_an_object_that_was_deleted_is_packed_away(storage, commit, delete):
    commit(storage, {z64: b"root"})
    tid = commit(storage, {A: b"a"})
    gone = delete(storage, (A, tid))
    commit(storage, {B: b"b"})
    storage.pack(2**33, lambda data: [A, B], gc=False)
    assert len(storage) == 2
    assert storage.loadBefore(A, gone) is None
    with pytest.raises(POSKeyError):
        storage.loadBefore(A, maxtid)


def test_what_a_version_holds_can_not_be_deleted(make_storage, put, begin):
    storage = make_storage(versions=True)
    tid = put(storage, A, b"a")
    put(storage, A, b"in a version", "v")
    meta = begin(storage)
    with pytest.raises(VersionLockError):
        storage.deleteObject(A, tid, meta)
    storage.tpc_abort(meta)


def test_a_deletion_outlives_the_file(open_sqlite, commit, delete):
    storage = open_sqlite()
    tid = commit(storage, {A: b"a", B: b"b"})
    gone = delete(storage, (A, tid))
    storage.close()
    storage = open_sqlite(read_only=True)
    assert (exists(storage, A), exists(storage, B)) == (False, True)
    assert storage.loadBefore(A, gone) == (b"a", tid, gone)
    with pytest.raises(ReadOnlyError):
        storage.deleteObject(B, tid, TransactionMetaData())
