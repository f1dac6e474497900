"""The state machine of a commit, and every refusal."""

import time

import pytest
import ZODB.interfaces
import ZODB.POSException
from zodb_reference import oids
from zodb_reference.errors import (
    POSKeyError,
    ReadConflictError,
    StorageError,
    StorageTransactionError,
)
from zodb_reference.interfaces import IMultiCommitStorage
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages import MemoryStorage
from zope.interface.verify import verifyObject

A, B = p64(1), p64(2)


def test_an_empty_storage_has_z64_as_its_last_transaction(storage):
    assert storage.lastTransaction() == z64
    assert len(storage) == 0


def test_finish_returns_the_tid_that_everything_tells_from_then_on(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    assert storage.tpc_vote(meta) == []
    tid = storage.tpc_finish(meta)
    assert isinstance(tid, bytes)
    assert storage.lastTransaction() == storage.getTid(A) == tid
    assert storage.load(A) == (b"a", tid)


def test_nothing_is_seen_of_a_transaction_before_it_has_finished(storage, begin, commit):
    first = commit(storage, {A: b"old"})
    meta = begin(storage)

    def assert_unseen():
        assert storage.lastTransaction() == storage.getTid(A) == first
        assert storage.load(A) == (b"old", first)
        assert storage.loadBefore(A, maxtid) == (b"old", first, None)
        assert [transaction.tid for transaction in storage.iterator()] == [first]
        assert len(storage.history(A, 5)) == len(storage) == 1
        with pytest.raises(POSKeyError):
            storage.load(B)
        with pytest.raises(POSKeyError):
            storage.loadBefore(B, maxtid)

    storage.store(A, first, b"new", "", meta)
    storage.store(B, z64, b"new", "", meta)
    assert_unseen()
    storage.tpc_vote(meta)
    assert_unseen()
    storage.tpc_abort(meta)
    assert_unseen()


def test_a_transaction_takes_a_later_tid_before_anything_is_stored(storage, begin):
    meta = begin(storage)
    tid = storage.tpc_date(meta)
    later = p64(u64(tid) + 5)
    assert storage.tpc_date(meta, tid) == storage.tpc_date(meta, z64) == tid
    assert storage.tpc_date(meta, later) == storage.tpc_date(meta, tid) == later
    with pytest.raises(ValueError, match="tid"):
        storage.tpc_date(meta, maxtid)
    storage.store(A, z64, b"a", "", meta)
    assert storage.tpc_date(meta, tid) == later
    with pytest.raises(StorageTransactionError, match="before anything is stored"):
        storage.tpc_date(meta, p64(u64(later) + 1))
    storage.tpc_vote(meta)
    assert storage.tpc_finish(meta) == storage.getTid(A) == later
    with pytest.raises(StorageTransactionError, match="not the one that has begun"):
        storage.tpc_date(meta)


def test_the_callback_runs_before_the_transaction_is_the_last(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)
    seen = []
    tid = storage.tpc_finish(meta, lambda tid: seen.append((tid, storage.lastTransaction())))
    assert seen == [(tid, z64)]


def test_a_callback_that_raises_undoes_nothing_and_blocks_nobody(storage, begin, commit):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)

    def fail(tid):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        storage.tpc_finish(meta, fail)
    assert storage.load(A) == (b"a", storage.lastTransaction())
    commit(storage, {B: b"b"})


@pytest.mark.parametrize("phase", ["idle", "begun", "voted", "finished", "aborted"])
def test_a_transaction_that_has_not_begun_is_refused_in_every_phase(storage, begin, commit, phase):
    known = commit(storage, {A: b"a"})
    meta = other = TransactionMetaData()
    if phase != "idle":
        meta = begin(storage)
        storage.store(B, z64, b"b", "", meta)
    if phase in ("voted", "finished"):
        storage.tpc_vote(meta)
    if phase == "finished":
        storage.tpc_finish(meta)
        other = meta
    if phase == "aborted":
        storage.tpc_abort(meta)
        other = meta

    for call in (
        lambda: storage.store(A, known, b"wrong", "", other),
        lambda: storage.checkCurrentSerialInTransaction(A, known, other),
        lambda: storage.tpc_vote(other),
        lambda: storage.tpc_finish(other),
    ):
        with pytest.raises(StorageTransactionError, match="not the one that has begun"):
            call()
    storage.tpc_abort(other)

    if phase in ("begun", "voted"):
        assert storage.tpc_transaction() is meta
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
        assert storage.load(B)[0] == b"b"
    assert storage.load(A) == (b"a", known)
    assert storage.tpc_transaction() is None


def test_finish_without_vote_is_refused_and_the_transaction_goes_on(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    with pytest.raises(StorageTransactionError, match="tpc_vote first"):
        storage.tpc_finish(meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.load(A)[0] == b"a"


def test_nothing_can_be_added_after_the_vote(storage, begin, commit):
    tid = commit(storage, {B: b"b"})
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)
    with pytest.raises(StorageTransactionError, match="has voted"):
        storage.store(A, z64, b"other", "", meta)
    with pytest.raises(StorageTransactionError, match="has voted"):
        storage.checkCurrentSerialInTransaction(B, tid, meta)
    storage.tpc_finish(meta)
    assert storage.load(A)[0] == b"a"


def test_a_second_vote_is_harmless(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    assert storage.tpc_vote(meta) == storage.tpc_vote(meta) == []
    storage.tpc_finish(meta)
    assert storage.load(A)[0] == b"a"


def test_to_begin_twice_is_refused_and_the_transaction_goes_on(storage, begin):
    meta = begin(storage)
    with pytest.raises(StorageTransactionError, match="begun already"):
        storage.tpc_begin(meta)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.load(A)[0] == b"a"


def test_a_thread_that_would_wait_for_itself_is_refused_at_once(storage, begin):
    meta = begin(storage)
    with pytest.raises(StorageTransactionError, match="would wait for itself"):
        storage.tpc_begin(TransactionMetaData())
    assert storage.tpc_transaction() is meta


def test_the_meta_data_of_an_aborted_transaction_can_begin_again(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_abort(meta)
    storage.tpc_begin(meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    with pytest.raises(POSKeyError):
        storage.load(A)


def test_an_abort_after_the_vote_leaves_nothing_and_blocks_nothing(storage, begin, commit):
    meta = begin(storage)
    storage.store(A, z64, b"a", "", meta)
    storage.store(B, z64, b"b", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    tid = commit(storage, {A: b"second try"})
    assert storage.load(A) == (b"second try", tid)
    assert [len(list(transaction)) for transaction in storage.iterator()] == [1]
    with pytest.raises(POSKeyError):
        storage.load(B)


def test_an_empty_transaction_is_committed(storage, begin):
    meta = begin(storage)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert storage.lastTransaction() == tid
    assert [list(transaction) for transaction in storage.iterator()] == [[]]


def test_of_two_stores_for_one_object_the_last_counts(storage, begin):
    meta = begin(storage)
    storage.store(A, z64, b"first", "", meta)
    storage.store(A, z64, b"last", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert storage.load(A) == (b"last", tid)
    assert [record.data for record in next(storage.iterator())] == [b"last"]


def test_tids_increase_though_the_clock_goes_back(storage, commit, monkeypatch):
    now = time.time()
    tids = []
    for moment in (now, now - 3600, now - 3600, now + 1, now):
        monkeypatch.setattr(oids.time, "time", lambda moment=moment: moment)
        tids.append(commit(storage, {A: b"a"}))
    assert tids == sorted(set(tids))
    assert storage.lastTransaction() == tids[-1]


def test_a_given_tid_is_used_if_it_is_later_than_all_others(storage, begin):
    tid = p64(1 << 40)
    meta = begin(storage, tid=tid)
    storage.tpc_vote(meta)
    assert storage.tpc_finish(meta) == storage.lastTransaction() == tid
    for early in (z64, p64(u64(tid) - 1), tid, maxtid):
        with pytest.raises(ValueError, match="later than"):
            storage.tpc_begin(TransactionMetaData(), early)
    with pytest.raises(ValueError, match="eight bytes"):
        storage.tpc_begin(TransactionMetaData(), b"short")
    assert storage.tpc_transaction() is None


def test_new_oids_are_neither_used_nor_handed_out_before(storage, begin, commit):
    used = {z64, p64(20), p64(60)}
    commit(storage, {p64(20): b"a"})
    handed_out = [storage.new_oid() for _ in range(30)]
    meta = begin(storage)
    storage.store(handed_out[0], z64, b"a", "", meta)
    storage.store(p64(60), z64, b"a", "", meta)
    storage.tpc_abort(meta)
    handed_out += [storage.new_oid() for _ in range(30)]
    assert len(used.union(handed_out)) == 63
    assert all(len(oid) == 8 for oid in handed_out)


def test_a_checked_serial_has_to_be_current(storage, begin, commit):
    old = commit(storage, {A: b"old"})
    new = commit(storage, {A: b"new"})
    meta = begin(storage)
    storage.checkCurrentSerialInTransaction(A, new, meta)
    with pytest.raises(ReadConflictError) as caught:
        storage.checkCurrentSerialInTransaction(A, old, meta)
    assert caught.value.oid == A
    assert caught.value.serials == (new, old)
    with pytest.raises(POSKeyError):
        storage.checkCurrentSerialInTransaction(B, z64, meta)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((b"short", z64, b"data", ""), ValueError, "oid has to be eight bytes long"),
        (("12345678", z64, b"data", ""), TypeError, "oid has to be bytes, not str"),
        ((A, z64, "data", ""), TypeError, "data has to be bytes, not str"),
        ((A, z64, b"data", "a version"), ValueError, "no versions"),
    ],
)
def test_what_is_no_record_is_refused_by_name(storage, begin, arguments, error, message):
    meta = begin(storage)
    with pytest.raises(error, match=message):
        storage.store(*arguments, meta)
    assert storage.tpc_vote(meta) == []
    storage.tpc_finish(meta)
    assert len(storage) == 0


@pytest.mark.parametrize("name", ["user", "description", "extension_bytes"])
def test_meta_data_that_is_no_bytes_is_refused_by_name(storage, commit, name):
    meta = TransactionMetaData()
    setattr(meta, name, "text")
    with pytest.raises(TypeError, match=f"{name} has to be bytes, not str"):
        storage.tpc_begin(meta)
    commit(storage, {A: b"a"})


def test_a_closed_storage_says_so(storage, begin, commit):
    tid = commit(storage, {A: b"a"})
    meta = begin(storage)
    storage.close()
    storage.close()
    for call in (
        lambda: storage.load(A),
        lambda: storage.loadBefore(A, tid),
        lambda: list(storage.iterator()),
        lambda: storage.tpc_begin(TransactionMetaData()),
        lambda: storage.tpc_vote(meta),
        storage.new_oid,
    ):
        with pytest.raises(StorageError, match="was closed"):
            call()
    storage.tpc_abort(meta)


def test_an_interrupt_before_anything_was_finished_leaves_the_transaction_voted(
    storage, begin, commit, monkeypatch
):
    first = commit(storage, {A: b"a"})
    meta = begin(storage)
    storage.store(A, first, b"b", "", meta)
    storage.tpc_vote(meta)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(storage, "_publish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            storage.tpc_finish(meta)
    assert storage.tpc_transaction() is meta
    assert storage.load(A) == (b"a", first)
    tid = storage.tpc_finish(meta)
    assert storage.load(A) == (b"b", tid)
    with pytest.raises(StorageTransactionError):
        storage.tpc_finish(meta)


def test_a_history_that_fails_to_finish_ends_all_changes(storage, begin, commit, monkeypatch):
    first = commit(storage, {A: b"a"})
    meta = begin(storage)
    storage.store(A, first, b"b", "", meta)
    storage.tpc_vote(meta)

    def fail(transaction):
        raise StorageError("the disk went away")

    monkeypatch.setattr(storage._history, "publish", fail)
    called = []
    with pytest.raises(StorageError, match="went away"):
        storage.tpc_finish(meta, called.append)
    assert called == []
    assert storage.tpc_transaction() is None
    monkeypatch.undo()
    for call in (lambda: storage.tpc_begin(TransactionMetaData()), storage.new_oid):
        with pytest.raises(StorageError, match="open the storage again"):
            call()
    assert storage.load(A) == (b"a", first)
    assert storage.lastTransaction() == first


def test_sort_keys_tell_storages_apart(make_storage, tmp_path):
    keys = [make_storage(str(tmp_path / name)).sortKey() for name in "abc"]
    assert len(set(keys)) == 3
    assert all(isinstance(key, str) for key in keys)


def test_a_storage_says_to_each_package_in_its_terms_how_it_commits(storage):
    assert verifyObject(IMultiCommitStorage, storage)
    assert not ZODB.interfaces.IMultiCommitStorage.providedBy(storage)
    under_zodb = MemoryStorage(errors=ZODB.POSException)
    assert verifyObject(ZODB.interfaces.IMultiCommitStorage, under_zodb, tentative=True)


def test_what_a_storage_says_of_itself(storage, commit):
    assert not storage.isReadOnly()
    assert storage.supportsUndo()
    assert isinstance(storage.getName(), str)
    assert storage.getName() in repr(storage)
    commit(storage, {A: bytes(5000), B: b""})
    assert len(storage) == 2
    assert storage.getSize() >= 5000
