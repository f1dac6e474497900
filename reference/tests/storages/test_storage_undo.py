"""Undo: what comes back, what is in the way, and what the log tells."""

import io
import pickle

import pytest
from persistent import Persistent
from persistent.timestamp import TimeStamp
from zodb_reference import errors
from zodb_reference.errors import (
    ConflictError,
    MultipleUndoErrors,
    POSKeyError,
    ReadOnlyError,
    StorageTransactionError,
    UndoError,
)
from zodb_reference.oids import maxtid, p64, z64
from zodb_reference.records import PROTOCOL

A, B, C = p64(1), p64(2), p64(3)


class Counter(Persistent):
    """Merges by adding up."""

    def _p_resolveConflict(self, old, committed, new):
        return committed + new - old


def counter(number):
    file = io.BytesIO()
    pickler = pickle.Pickler(file, PROTOCOL)
    pickler.dump(Counter)
    pickler.dump(number)
    return file.getvalue()


def value(storage, oid):
    file = io.BytesIO(storage.load(oid)[0])
    assert pickle.load(file) is Counter
    return pickle.load(file)


def records(storage):
    """Return oid, data and data_txn of the records of the last transaction."""
    *_, last = storage.iterator()
    return [(record.oid, record.data, record.data_txn) for record in last]


# What comes back


def test_an_object_gets_the_data_from_before_in_a_new_revision(storage, commit, undo):
    tids = [commit(storage, {A: data}) for data in (b"1", b"2")]
    assert undo(storage, 0) == {A}
    data, tid = storage.load(A)
    assert data == b"1"
    assert tid == storage.lastTransaction() > tids[1]
    assert storage.loadBefore(A, tid) == (b"2", tids[1], tid)
    assert records(storage) == [(A, b"1", tids[0])]


def test_all_objects_of_a_transaction_come_back_and_no_others(storage, commit, undo):
    commit(storage, {A: b"a", B: b"b", C: b"c"})
    commit(storage, {A: b"aa", B: b"bb"})
    third = commit(storage, {C: b"cc"})
    assert undo(storage, 1) == {A, B}
    assert [storage.load(oid)[0] for oid in (A, B)] == [b"a", b"b"]
    assert storage.load(C) == (b"cc", third)


def test_undo_returns_its_tid_and_the_oids(storage, commit, begin):
    commit(storage, {B: b"b", A: b"a"})
    meta = begin(storage)
    tid, oids = storage.undo(storage.undoLog()[0]["id"], meta)
    assert oids == [B, A]
    assert storage.load(A)[0] == b"a"
    storage.tpc_vote(meta)
    assert storage.tpc_finish(meta) == tid


def test_an_undo_can_be_undone_and_that_again(storage, commit, undo):
    commit(storage, {A: b"1"})
    commit(storage, {A: b"2"})
    for data in (b"1", b"2", b"1", b"2"):
        undo(storage, 0)
        assert storage.load(A)[0] == data


def test_steps_back_lead_to_the_beginning_and_beyond(storage, commit, undo):
    for data in (b"1", b"2", b"3"):
        commit(storage, {A: data})
    for place, data in ((0, b"2"), (2, b"1")):
        undo(storage, place)
        assert storage.load(A)[0] == data
    undo(storage, 4)
    with pytest.raises(POSKeyError):
        storage.load(A)
    undo(storage, 0)
    assert storage.load(A)[0] == b"1"


def test_undoing_a_creation_leaves_no_object(storage, commit, undo):
    first = commit(storage, {A: b"1", B: b"b"})
    undo(storage, 0)
    end = storage.lastTransaction()
    for call in (
        lambda: storage.load(A),
        lambda: storage.getTid(A),
        lambda: storage.loadSerial(A, end),
        lambda: storage.loadBefore(A, maxtid),
    ):
        with pytest.raises(POSKeyError, match="0x01"):
            call()
    assert storage.loadBefore(A, end) == (b"1", first, end)
    assert storage.loadBefore(A, first) is None
    assert records(storage) == [(A, None, None), (B, None, None)]
    assert [entry["size"] for entry in storage.history(A, 5)] == [0, 1]


def test_an_object_that_was_undone_is_stored_again_on_top_of_that_only(
    storage, commit, begin, undo
):
    first = commit(storage, {A: b"1"})
    undo(storage, 0)
    end = storage.lastTransaction()
    meta = begin(storage)
    for serial in (z64, first):
        with pytest.raises(ConflictError):
            storage.store(A, serial, b"2", "", meta)
    with pytest.raises(POSKeyError):
        storage.checkCurrentSerialInTransaction(A, end, meta)
    storage.store(A, end, b"2", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert storage.load(A) == (b"2", tid)
    assert storage.loadBefore(A, tid + b"\0") == (b"2", tid, None)


def test_a_transaction_without_records_can_be_undone(storage, commit, undo):
    commit(storage, {})
    assert undo(storage, 0) == set()


# Several in one transaction


def test_several_transactions_are_undone_newest_first(storage, commit, undo):
    for number in range(4):
        commit(storage, {A: b"%d" % number, p64(10 + number): b"x"})
    assert undo(storage, 0, 1, 2) == {A, p64(11), p64(12), p64(13)}
    assert storage.load(A)[0] == b"0"
    assert len(records(storage)) == 4
    undo(storage, 0)
    assert storage.load(A)[0] == b"3"
    assert storage.load(p64(13))[0] == b"x"


def test_several_transactions_are_not_undone_oldest_first(storage, commit, undo):
    for data in (b"0", b"1", b"2"):
        commit(storage, {A: data})
    with pytest.raises(MultipleUndoErrors):
        undo(storage, 1, 0)
    assert storage.load(A)[0] == b"2"


def test_a_transaction_is_not_undone_twice_in_one(storage, commit, undo):
    commit(storage, {A: b"0"})
    commit(storage, {A: b"1"})
    with pytest.raises(MultipleUndoErrors):
        undo(storage, 0, 0)


def test_an_undo_and_what_it_undid_are_undone_in_one_transaction(storage, commit, undo):
    for data in (b"0", b"1", b"2"):
        commit(storage, {A: data})
    undo(storage, 0)
    undo(storage, 0, 1, 2)
    assert storage.load(A)[0] == b"0"
    assert records(storage) == [(A, b"0", next(storage.iterator()).tid)]


def test_counters_are_undone_in_any_order(storage, commit, undo):
    for number in (0, 1, 3, 7, 15):
        commit(storage, {A: counter(number)})
    undo(storage, 2, 0, 1)
    assert value(storage, A) == 1


# What is in the way


def test_later_changes_are_in_the_way(storage, commit, undo):
    for data in (b"1", b"2", b"3"):
        commit(storage, {A: data})
    with pytest.raises(UndoError, match=r"object 0x01 can't be undone: it was changed since"):
        undo(storage, 1)


def test_later_changes_that_come_to_the_same_are_not_in_the_way(storage, commit, undo):
    for data in (b"1", b"2", b"3", b"2"):
        commit(storage, {A: data})
    assert undo(storage, 2) == {A}
    assert storage.load(A)[0] == b"1"


def test_a_change_that_was_undone_is_not_in_the_way(storage, commit, undo):
    for data in (b"1", b"2", b"3"):
        commit(storage, {A: data})
    undo(storage, 0)
    undo(storage, 2)
    assert storage.load(A)[0] == b"1"


def test_a_creation_that_was_changed_is_not_undone(storage, commit, undo):
    commit(storage, {A: counter(1)})
    commit(storage, {A: counter(2)})
    with pytest.raises(MultipleUndoErrors, match="no such object before"):
        undo(storage, 1)


def test_a_class_can_merge_the_later_changes(storage, commit, undo):
    for number in (10, 15, 18):
        commit(storage, {A: counter(number)})
    undo(storage, 1)
    assert value(storage, A) == 13
    assert records(storage) == [(A, counter(13), None)]


def test_merging_sees_records_as_the_layer_above_wrote_them(storage, commit, undo):
    class Reversing:
        def transform_record_data(self, data):
            return data[::-1]

        untransform_record_data = transform_record_data

    storage.registerDB(Reversing())
    for number in (10, 15, 18):
        commit(storage, {A: counter(number)[::-1]})
    undo(storage, 1)
    assert storage.load(A)[0] == counter(13)[::-1]


def test_all_that_is_in_the_way_is_told_and_nothing_is_undone(storage, commit, begin):
    commit(storage, dict.fromkeys((A, B, C), b"1"))
    commit(storage, dict.fromkeys((A, B, C), b"2"))
    last = commit(storage, {A: b"3", C: counter(3)})
    meta = begin(storage)
    with pytest.raises(MultipleUndoErrors) as caught:
        storage.undo(storage.undoLog()[1]["id"], meta)
    assert str(caught.value).count("can't be undone") == 2
    assert "0x01" in str(caught.value)
    assert "0x03" in str(caught.value)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert [storage.getTid(oid) == last for oid in (A, B, C)] == [True, False, True]
    assert storage.load(B)[0] == b"2"
    assert records(storage) == []


@pytest.mark.parametrize("transaction_id", [b"", b"AAAA", b"AAAAAAAAAAE=", b"\xff", None])
def test_what_names_no_transaction_is_refused(storage, commit, begin, transaction_id):
    commit(storage, {A: b"a"})
    with pytest.raises(UndoError, match="take the id from undoLog"):
        storage.undo(transaction_id, begin(storage))


def test_undo_belongs_to_the_first_phase(storage, commit, begin):
    commit(storage, {A: b"a"})
    ((transaction_id),) = [entry["id"] for entry in storage.undoLog()]
    with pytest.raises(StorageTransactionError):
        storage.undo(transaction_id, object())
    meta = begin(storage)
    storage.tpc_vote(meta)
    with pytest.raises(StorageTransactionError, match="has voted"):
        storage.undo(transaction_id, meta)
    storage.tpc_abort(meta)
    meta = begin(storage)
    storage.undo(transaction_id, meta)
    storage.tpc_abort(meta)
    assert storage.load(A)[0] == b"a"


def test_a_read_only_storage_undoes_nothing(open_sqlite, commit):
    storage = open_sqlite()
    commit(storage, {A: b"a"})
    storage.close()
    storage = open_sqlite(read_only=True)
    with pytest.raises(ReadOnlyError):
        storage.undo(storage.undoLog()[0]["id"], object())


def test_a_transaction_aborted_while_the_program_merges_stays_aborted(
    storage, commit, begin, monkeypatch
):
    def merge(self, old, committed, new):
        storage.tpc_abort(meta)
        return 0

    for number in (10, 15, 18):
        commit(storage, {A: counter(number)})
    monkeypatch.setattr(Counter, "_p_resolveConflict", merge)
    meta = begin(storage)
    with pytest.raises(StorageTransactionError):
        storage.undo(storage.undoLog()[1]["id"], meta)
    assert value(storage, A) == 18


# The log


def test_the_log_describes_transactions_newest_first(storage, commit):
    first = commit(storage, {A: b"a"}, user="käthe", description="begin")
    last = commit(storage, {A: b"b"}, extension={"mood": "good", "time": "clash"})
    newest, oldest = storage.undoLog()
    assert oldest["user_name"] == "käthe".encode()
    assert oldest["description"] == b"begin"
    assert (oldest["time"], newest["time"]) == (
        TimeStamp(first).timeTime(),
        TimeStamp(last).timeTime(),
    )
    assert newest["mood"] == "good"
    assert isinstance(newest["id"], bytes)
    assert newest["id"] != last
    assert storage.undoInfo() == [newest, oldest]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((), range(29, 9, -1)),
        ((0, 3), (29, 28, 27)),
        ((0, -3), (29, 28, 27)),
        ((11, 13), (18, 17)),
        ((11, -2), (18, 17)),
        ((28, 100), (1, 0)),
        ((28, -100), (1, 0)),
        ((0, 0), ()),
        ((30, 40), ()),
    ],
)
def test_a_part_of_the_log_is_chosen_by_place(storage, commit, bounds, expected):
    for number in range(30):
        commit(storage, {}, description=str(number))
    for log in (storage.undoLog(*bounds), storage.undoInfo(*bounds)):
        assert [int(entry["description"]) for entry in log] == list(expected)


def test_the_log_is_filtered_before_places_count(storage, commit):
    for number in range(20):
        commit(storage, {}, user="ab"[number % 2], description=str(number))

    def by_b(entry):
        return entry["user_name"] == b"b"

    expected = [b"15", b"13", b"11"]
    assert [entry["description"] for entry in storage.undoLog(2, 5, by_b)] == expected
    log = storage.undoInfo(2, -3, {"user_name": b"b"})
    assert [entry["description"] for entry in log] == expected
    assert storage.undoInfo(specification={"user_name": b"b", "missing": None}) == []


def test_a_filter_may_use_the_storage(storage, commit):
    commit(storage, {A: b"a"})
    assert len(storage.undoLog(filter=lambda entry: storage.load(A))) == 1


def test_copies_of_packed_transactions_can_not_be_undone(storage, begin):
    meta = begin(storage)
    storage.tpc_abort(meta)
    storage.tpc_begin(meta, p64(1 << 40), "p")
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert storage.undoLog() == []


# What lasts


def test_what_undo_wrote_is_there_after_reopening(open_sqlite, commit, undo):
    storage = open_sqlite()
    first = commit(storage, {A: b"1"})
    commit(storage, {A: b"2", B: b"b"})
    undo(storage, 0)
    end = storage.lastTransaction()
    storage.close()
    storage = open_sqlite()
    assert storage.load(A) == (b"1", end)
    assert records(storage) == [(A, b"1", first), (B, None, None)]
    with pytest.raises(POSKeyError):
        storage.load(B)
    undo(storage, 0)
    assert storage.load(B)[0] == b"b"


def test_an_undo_that_was_given_up_after_the_vote_leaves_nothing(open_sqlite, commit, begin):
    storage = open_sqlite()
    first = commit(storage, {A: b"1"})
    second = commit(storage, {A: b"2"})
    meta = begin(storage)
    storage.undo(storage.undoLog()[0]["id"], meta)
    storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    third = commit(storage, {B: b"b"})
    storage.close()
    storage = open_sqlite()
    assert storage.load(A) == (b"2", second)
    assert [one.tid for one in storage.iterator()] == [first, second, third]


# The errors


def test_errors_of_undo_can_be_pickled_and_read():
    error = pickle.loads(pickle.dumps(MultipleUndoErrors([(A, "why"), (B, UndoError("not"))])))
    assert str(error) == "object 0x01 can't be undone: why\nobject 0x02 can't be undone: not"
    error = pickle.loads(pickle.dumps(UndoError("no reason", C)))
    assert str(error) == "object 0x03 can't be undone: no reason"


def test_errors_of_zodb_are_told_as_well():
    theirs = pytest.importorskip("ZODB.POSException", reason="needs ZODB")
    several = theirs.MultipleUndoErrors([(A, theirs.UndoError("why", A))])
    translated = errors.own_error(several)
    assert type(translated) is MultipleUndoErrors
    assert str(translated).startswith("object 0x01 can't be undone: ")
