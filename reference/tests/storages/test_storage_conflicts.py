"""Conflicts between two transactions, and their resolution, in the storage itself."""

import io
import pickle
import threading

import pytest
from persistent import Persistent
from zodb_reference.errors import ConflictError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.records import PROTOCOL

A, B = p64(1), p64(2)


class Counter(Persistent):
    """Counts; concurrent counts add up, and `steps` tells how it came about."""

    def _p_resolveConflict(self, old, committed, new):
        return {
            "count": committed["count"] + new["count"] - old["count"],
            "steps": committed["steps"] + new["steps"][len(old["steps"]) :],
        }


class Stubborn(Counter):
    """Can't be merged."""

    def _p_resolveConflict(self, old, committed, new):
        raise ZeroDivisionError


class Plain(Persistent):
    """Has nothing to say about conflicts."""


def record(klass, count, steps=""):
    file = io.BytesIO()
    pickler = pickle.Pickler(file, PROTOCOL)
    pickler.dump(klass)
    pickler.dump({"count": count, "steps": steps})
    return file.getvalue()


def state(data):
    file = io.BytesIO(data)
    assert isinstance(pickle.load(file), type)
    return pickle.load(file)


@pytest.fixture
def history(storage, commit):
    """Return the serials of two revisions of a counter."""
    first = commit(storage, {A: record(Counter, 10, "a")})
    return first, commit(storage, {A: record(Counter, 15, "ab")})


def test_a_conflict_is_resolved_and_the_vote_tells_it(storage, begin, history):
    first, _ = history
    meta = begin(storage)
    storage.store(A, first, record(Counter, 11, "ac"), "", meta)
    storage.store(B, z64, record(Counter, 0), "", meta)
    assert storage.tpc_vote(meta) == storage.tpc_vote(meta) == [A]
    tid = storage.tpc_finish(meta)
    data, serial = storage.load(A)
    assert serial == tid
    assert state(data) == {"count": 16, "steps": "abc"}


def test_a_store_on_top_of_the_current_revision_takes_back_a_resolution(storage, begin, history):
    first, second = history
    meta = begin(storage)
    storage.store(A, first, record(Counter, 11, "ac"), "", meta)
    storage.store(A, second, record(Counter, 99, "x"), "", meta)
    assert storage.tpc_vote(meta) == []
    storage.tpc_finish(meta)
    assert state(storage.load(A)[0]) == {"count": 99, "steps": "x"}


@pytest.mark.parametrize("call", ["deleteObject", "restore"])
def test_a_deletion_or_a_restored_record_takes_back_a_resolution(storage, begin, history, call):
    first, second = history
    meta = begin(storage)
    storage.store(A, first, record(Counter, 11, "ac"), "", meta)
    if call == "restore":
        storage.restore(A, second, record(Counter, 99), "", None, meta)
    else:
        storage.deleteObject(A, second, meta)
    assert storage.tpc_vote(meta) == []
    storage.tpc_abort(meta)


@pytest.mark.parametrize("klass", [Stubborn, Plain])
def test_what_can_not_be_resolved_is_a_conflict_that_tells_its_serials(
    storage, begin, history, klass
):
    first, second = history
    meta = begin(storage)
    with pytest.raises(ConflictError) as caught:
        storage.store(A, first, record(klass, 11), "", meta)
    assert caught.value.oid == A
    assert caught.value.serials == (second, first)
    assert caught.value.class_name == f"{klass.__module__}.{klass.__name__}"
    storage.tpc_abort(meta)
    assert storage.load(A)[1] == second


def test_a_storage_can_be_opened_so_that_every_conflict_stays(make_storage, begin, commit):
    storage = make_storage(resolves=False)
    first = commit(storage, {A: record(Counter, 10, "a")})
    second = commit(storage, {A: record(Counter, 15, "ab")})
    meta = begin(storage)
    with pytest.raises(ConflictError) as caught:
        storage.store(A, first, record(Counter, 11, "ac"), "", meta)
    assert caught.value.serials == (second, first)
    assert storage.tpc_vote(meta) == []
    storage.tpc_abort(meta)
    assert storage.load(A)[1] == second


@pytest.mark.parametrize("serial", [z64, None, p64(1)])
def test_a_known_object_can_not_be_stored_as_a_new_one(storage, begin, history, serial):
    meta = begin(storage)
    with pytest.raises(ConflictError):
        storage.store(A, serial, record(Counter, 11), "", meta)


def test_a_new_object_can_not_be_stored_as_a_known_one(storage, begin, history):
    meta = begin(storage)
    with pytest.raises(ConflictError) as caught:
        storage.store(B, history[0], record(Counter, 11), "", meta)
    assert caught.value.serials == (z64, history[0])


def test_resolution_sees_records_as_the_layer_above_wrote_them(storage, begin, commit):
    class Reversing:
        def transform_record_data(self, data):
            return data[::-1]

        untransform_record_data = transform_record_data

    storage.registerDB(Reversing())
    first = commit(storage, {A: record(Counter, 10, "a")[::-1]})
    commit(storage, {A: record(Counter, 15, "ab")[::-1]})
    meta = begin(storage)
    storage.store(A, first, record(Counter, 11, "ac")[::-1], "", meta)
    assert storage.tpc_vote(meta) == [A]
    storage.tpc_finish(meta)
    assert state(storage.load(A)[0][::-1]) == {"count": 16, "steps": "abc"}


def test_others_can_read_while_the_program_resolves(storage, begin, history, monkeypatch):
    def resolve(self, old, committed, new):
        reader = threading.Thread(target=lambda: seen.append(storage.load(A)), daemon=True)
        reader.start()
        reader.join(10)
        return new

    seen = []
    monkeypatch.setattr(Counter, "_p_resolveConflict", resolve)
    meta = begin(storage)
    storage.store(A, history[0], record(Counter, 11), "", meta)
    assert seen == [storage.load(A)]


def test_a_transaction_aborted_while_the_program_resolves_stays_aborted(
    storage, begin, commit, history, monkeypatch
):
    def resolve(self, old, committed, new):
        storage.tpc_abort(meta)
        storage.tpc_begin(other)
        return new

    monkeypatch.setattr(Counter, "_p_resolveConflict", resolve)
    other = TransactionMetaData()
    meta = begin(storage)
    with pytest.raises(Exception, match="not the one that has begun"):
        storage.store(A, history[0], record(Counter, 11), "", meta)
    storage.tpc_vote(other)
    storage.tpc_finish(other)
    assert storage.load(A)[1] == history[1]
