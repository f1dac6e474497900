"""Restoring records, and copying all that a storage has into another one."""

from contextlib import ExitStack, closing, contextmanager

import pytest
from persistent.timestamp import TimeStamp
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from zodb_reference.errors import POSKeyError, ReadOnlyError, StorageTransactionError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages import MemoryStorage
from zodb_reference.storages.history import Notes, Record
from zodb_reference.storages.iteration import TransactionCopy

A, B, C = map(p64, (1, 2, 3))


@pytest.fixture
def restore(begin):
    """Return what restores records (oid, data or None, hint) in a transaction with a given tid."""

    def restore_records(storage, tid, *records):
        meta = begin(storage, tid=tid)
        try:
            for oid, data, hint in records:
                storage.restore(oid, tid, data, "", hint, meta)
            storage.tpc_vote(meta)
            return storage.tpc_finish(meta)
        finally:
            storage.tpc_abort(meta)

    return restore_records


@pytest.fixture
def copy(make_storage, tmp_path):
    """Return an empty storage to copy to."""
    return make_storage(tmp_path / "copy.sqlite")


def later(tid, number=1):
    return p64(u64(tid) + number)


def records(storage):
    """Return oid, data and data_txn of the records of the last transaction."""
    *_, last = storage.iterator()
    return [(record.oid, record.data, record.data_txn) for record in last]


def content(storage):
    """Return all that iteration tells but for statuses, with the last record of each object."""
    return [
        (
            one.tid,
            one.user,
            one.description,
            one.extension,
            {record.oid: (record.tid, record.data) for record in one},
        )
        for one in storage.iterator()
    ]


@contextmanager
def committing(storage, begin, **notes):
    """Begin a transaction, and commit it behind the block."""
    meta = begin(storage, **notes)
    yield meta
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)


class Past:
    """What can be copied: transactions with these tids, one record of A in each, with data_txn."""

    def __init__(self, *tids_and_sources):
        self.transactions = [
            TransactionCopy(
                Notes(tid, " ", b"", b"", b""), (Record(A, tid, b"%d" % number, source),)
            )
            for number, (tid, source) in enumerate(tids_and_sources)
        ]
        self.closed = 0

    def iterator(self):
        self.told = iter(self.transactions)
        return self

    def __iter__(self):
        return self.told

    def close(self):
        self.closed += 1


# One record


def test_a_restored_record_is_what_it_was_elsewhere(storage, commit, restore):
    first = commit(storage, {A: b"1"})
    tid = later(first, 5)
    assert restore(storage, tid, (A, b"2", None), (B, b"b", None)) == tid
    assert storage.lastTransaction() == tid
    assert (storage.load(A), storage.load(B)) == ((b"2", tid), (b"b", tid))
    assert storage.loadBefore(A, tid) == (b"1", first, tid)


def test_conflicts_are_not_looked_for(storage, commit, begin):
    first = commit(storage, {A: b"1"})
    second = commit(storage, {A: b"2"})
    meta = begin(storage, tid=later(second))
    for serial in (z64, first, maxtid):
        storage.restore(A, serial, b"3", "", None, meta)
    assert storage.tpc_vote(meta) == []
    storage.tpc_finish(meta)
    assert storage.load(A) == (b"3", later(second))


def test_a_record_belongs_to_its_transaction(storage, begin, commit):
    tid = commit(storage, {A: b"1"})
    meta = begin(storage, tid=later(tid, 7))
    storage.restore(A, later(tid, 3), b"2", "", None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.load(A) == (b"2", later(tid, 7))
    assert storage.loadSerial(A, later(tid, 7)) == b"2"


def test_a_restored_record_without_data_ends_the_object(storage, commit, restore):
    first = commit(storage, {A: b"1"})
    tid = restore(storage, later(first), (A, None, None), (B, None, None))
    for oid in (A, B):
        with pytest.raises(POSKeyError):
            storage.load(oid)
    assert storage.loadBefore(A, tid) == (b"1", first, tid)
    assert records(storage) == [(A, None, None), (B, None, None)]


@pytest.mark.parametrize("kind", ["unknown", "of another object", "with other data", "later"])
def test_a_hint_that_does_not_fit_is_forgotten(storage, commit, restore, kind):
    first = commit(storage, {A: b"1"})
    second = commit(storage, {B: b"1"})
    hint = {
        "unknown": later(first),
        "of another object": second,
        "with other data": first,
        "later": maxtid,
    }[kind]
    data = b"2" if kind == "with other data" else b"1"
    tid = restore(storage, later(second), (A, data, hint))
    assert storage.load(A) == (data, tid)
    assert records(storage) == [(A, data, None)]


def test_a_hint_that_fits_is_told(storage, commit, restore):
    first = commit(storage, {A: b"1"})
    second = commit(storage, {A: b"2"})
    restore(storage, later(second), (A, b"1", first))
    assert records(storage) == [(A, b"1", first)]


def test_restored_oids_are_not_handed_out_again(storage, begin):
    meta = begin(storage, tid=later(z64))
    storage.restore(p64(700), later(z64), b"a", "", None, meta)
    storage.tpc_abort(meta)
    assert storage.new_oid() > p64(700)


def test_restoring_needs_a_transaction_in_its_first_phase(storage, begin):
    with pytest.raises(StorageTransactionError, match="not the one"):
        storage.restore(A, z64, b"a", "", None, TransactionMetaData())
    meta = begin(storage)
    storage.tpc_vote(meta)
    with pytest.raises(StorageTransactionError, match="has voted"):
        storage.restore(A, z64, b"a", "", None, meta)
    storage.tpc_abort(meta)


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ((b"short", z64, b"a", ""), ValueError),
        ((A, b"short", b"a", ""), ValueError),
        ((A, None, b"a", ""), TypeError),
        ((A, z64, "a", ""), TypeError),
        ((A, z64, b"a", "a version"), ValueError),
    ],
)
def test_a_record_of_another_form_is_refused(storage, begin, record, error):
    meta = begin(storage)
    with pytest.raises(error):
        storage.restore(*record, None, meta)
    storage.tpc_abort(meta)


# All of a storage


def test_a_copy_tells_the_same_story(storage, copy, commit, begin, undo):
    commit(storage, {z64: b"root", A: b"a"}, user="käthe", description="begin")
    second = commit(storage, {A: b"aa", B: b"b"}, extension={"mood": "good"})
    undo(storage, 0)
    undo(storage, 0)
    with committing(storage, begin) as meta:
        storage.deleteObject(A, storage.getTid(A), meta)
    copy.copyTransactionsFrom(storage)
    told, expected = (
        [(one.__dict__ | {"records": list(one)}) for one in each.iterator()]
        for each in (copy, storage)
    )
    assert told == expected
    assert copy.lastTransaction() == storage.lastTransaction()
    assert copy.loadSerial(A, second) == b"aa"
    assert [entry["id"] for entry in copy.undoLog()] == [entry["id"] for entry in storage.undoLog()]
    with pytest.raises(POSKeyError):
        copy.load(A)


def test_a_copy_can_be_worked_with(storage, copy, commit, undo):
    commit(storage, {A: b"a"})
    commit(storage, {A: b"aa", p64(77): b"b"})
    copy.copyTransactionsFrom(storage)
    assert copy.new_oid() == p64(78)
    tid = commit(copy, {A: b"aaa"})
    assert tid > storage.lastTransaction()
    undo(copy, 0, 1)
    assert copy.load(A)[0] == b"a"


def test_versions_are_copied(make_storage, tmp_path, put, end, shown):
    storage = make_storage(versions=True)
    put(storage, A, b"a")
    put(storage, A, b"in v", "v")
    put(storage, B, b"new in v", "v")
    put(storage, C, b"in w", "w")
    end(storage, "w")
    copy = make_storage(tmp_path / "copy.sqlite", versions=True)
    copy.copyTransactionsFrom(storage)
    assert content(copy) == content(storage)
    assert copy.versions() == ["v"]
    assert [shown(copy, oid, "v") for oid in (A, B)] == [[b"a", b"in v"], [None, b"new in v"]]
    without = MemoryStorage()
    with pytest.raises(ValueError, match="no versions"):
        without.copyTransactionsFrom(storage)
    assert without.tpc_transaction() is None


def test_tids_out_of_order_become_a_little_later(copy, caplog):
    first, second, third = (bytes(TimeStamp(2020, 1, 1, 1, number).raw()) for number in (1, 2, 3))
    past = Past((second, None), (first, second), (second, None), (third, first), (first, None))
    copy.copyTransactionsFrom(past)
    tids = [one.tid for one in copy.iterator()]
    assert tids == [second, later(second), later(second, 2), third, later(third)]
    assert tids == sorted(set(tids))
    assert [copy.loadSerial(A, tid) for tid in tids] == [b"0", b"1", b"2", b"3", b"4"]
    assert [record.tid for one in copy.iterator() for record in one] == tids
    assert len(caplog.records) == 3
    assert past.closed == 1


def test_what_is_shared_is_known_by_its_new_tid(copy):
    first, second = (bytes(TimeStamp(2020, 1, 1, 1, number).raw()) for number in (1, 2))
    past = Past((second, None), (first, None), (later(second, 9), first))
    past.transactions[2]._records = (Record(A, later(second, 9), b"1", first),)
    copy.copyTransactionsFrom(past)
    assert records(copy) == [(A, b"1", later(second))]


def test_a_copy_onto_what_is_later_is_refused(storage, copy, commit):
    commit(storage, {A: b"old"})
    copy.copyTransactionsFrom(storage)
    tid = commit(copy, {A: b"new"})
    for source in (storage, copy):
        with pytest.raises(ValueError, match="later than"):
            copy.copyTransactionsFrom(source)
    assert copy.load(A) == (b"new", tid)
    assert len(list(copy.iterator())) == 2
    assert commit(copy, {A: b"newer"}) > tid


def test_later_transactions_are_added_to_a_copy(storage, copy, commit):
    commit(storage, {A: b"1"})
    copy.copyTransactionsFrom(storage)
    commit(storage, {A: b"2"})

    class Rest:
        def iterator(self):
            return storage.iterator(later(copy.lastTransaction()))

    copy.copyTransactionsFrom(Rest())
    assert content(copy) == content(storage)


def test_a_copy_that_fails_has_the_transactions_up_to_there(copy, commit):
    first, second = (bytes(TimeStamp(2020, 1, 1, 1, number).raw()) for number in (1, 2))
    past = Past((first, None), (second, None))
    past.transactions[1]._records += (Record(B, second, "no bytes"),)
    with pytest.raises(TypeError, match="data"):
        copy.copyTransactionsFrom(past)
    assert copy.load(A) == (b"0", first)
    assert len(list(copy.iterator())) == past.closed == 1
    commit(copy, {A: b"on"})


def test_an_empty_storage_leaves_nothing(storage, copy):
    copy.copyTransactionsFrom(storage)
    assert (copy.lastTransaction(), list(copy.iterator())) == (z64, [])


def test_a_read_only_storage_takes_no_copy(open_sqlite, commit):
    open_sqlite().close()
    copy = open_sqlite(read_only=True)
    storage = MemoryStorage()
    commit(storage, {A: b"a"})
    with pytest.raises(ReadOnlyError):
        copy.copyTransactionsFrom(storage)
    with pytest.raises(ReadOnlyError):
        copy.restore(A, z64, b"a", "", None, TransactionMetaData())


# From and to storages of ZODB


@pytest.fixture
def open_file(tmp_path):
    """Return what opens a FileStorage of this name; all are closed in the end."""
    with ExitStack() as opened:

        def open_storage(name):
            return opened.enter_context(closing(FileStorage(str(tmp_path / name))))

        yield open_storage


@pytest.fixture(params=["file", "mapping", "demo"])
def of_zodb(request, open_file):
    match request.param:
        case "file":
            return open_file("data.fs")
        case "mapping":
            return MappingStorage()
        case "demo":
            return DemoStorage(base=open_file("base.fs"))


def test_a_storage_of_zodb_is_copied(of_zodb, copy, begin):
    storage = of_zodb
    for oid, data in ((A, b"a"), (B, b"b")):
        with committing(storage, begin, user="käthe", extension={"mood": "good"}) as meta:
            storage.store(oid, z64, data, "", meta)
    if isinstance(storage, FileStorage):
        with committing(storage, begin) as meta:
            storage.undo(storage.undoLog()[0]["id"], meta)
        with committing(storage, begin) as meta:
            storage.deleteObject(A, storage.getTid(A), meta)
    copy.copyTransactionsFrom(storage)
    assert content(copy) == content(storage)
    assert content(copy)[0][1:4] == ("käthe".encode(), b"", {"mood": "good"})


def test_a_copy_in_a_storage_of_zodb_tells_the_same_story(storage, commit, undo, open_file):
    first = commit(storage, {z64: b"root", A: b"a"}, user="käthe", extension={"mood": "good"})
    commit(storage, {A: b"aa"})
    undo(storage, 0)
    undo(storage, 2)
    copy = open_file("copy.fs")
    copy.copyTransactionsFrom(storage)
    assert content(copy) == content(storage)
    back = MemoryStorage()
    back.copyTransactionsFrom(copy)
    assert content(back) == content(storage)
    assert records(back) == records(storage)
    assert back.loadSerial(A, first) == b"a"
