"""A storage of changes over another one."""

import time

import pytest
from blob_contents import content
from zodb_reference import DB
from zodb_reference.errors import ConflictError, POSKeyError, UndoError
from zodb_reference.oids import p64, z64
from zodb_reference.storages import LayeredStorage

A, B, C = p64(1), p64(2), p64(3)


@pytest.fixture
def tid(storage, commit):
    """Return the tid of a transaction of the base."""
    return commit(storage, {A: b"a", B: b"b"})


@pytest.fixture
def layered(storage, tid):
    return LayeredStorage(storage)


def test_what_is_not_changed_is_read_below(layered, tid):
    assert layered.load(A) == (b"a", tid)
    assert layered.loadSerial(A, tid) == b"a"
    assert layered.loadBefore(A, p64(2**62)) == (b"a", tid, None)
    assert [entry["tid"] for entry in layered.history(A, size=5)] == [tid]
    assert layered.lastTransaction() == tid
    assert len(layered) == 0
    with pytest.raises(POSKeyError):
        layered.load(C)
    with pytest.raises(POSKeyError):
        layered.history(C)


def test_changes_stay_above(storage, layered, commit, tid):
    later = commit(layered, {A: b"changed", C: b"new"})
    assert later > tid
    assert layered.load(A) == (b"changed", later)
    assert layered.loadBefore(A, later) == (b"a", tid, later)
    assert [entry["tid"] for entry in layered.history(A, size=5)] == [later, tid]
    assert [each.tid for each in layered.iterator()] == [tid, later]
    assert len(layered) == 2
    assert storage.load(A) == (b"a", tid)
    assert storage.lastTransaction() == tid
    with pytest.raises(POSKeyError):
        storage.load(C)


def test_a_change_of_what_was_changed_above_is_a_conflict(layered, commit, begin, tid):
    commit(layered, {A: b"changed"})
    meta = begin(layered)
    with pytest.raises(ConflictError):
        layered.store(A, tid, b"changed, too", "", meta)


def test_after_packing_no_revision_shows_that_was_replaced(layered, commit, tid):
    first = commit(layered, {A: b"first"})
    second = commit(layered, {A: b"second"})
    layered.pack(2**32, list, gc=True)
    assert layered.load(A) == (b"second", second)
    assert layered.load(B) == (b"b", tid)
    assert layered.loadBefore(A, second) is None
    assert layered.loadBefore(A, first) is None


def test_no_oid_of_the_base_is_new(storage, layered, commit):
    oid = layered.new_oid()
    following = p64(int.from_bytes(oid) + 1)
    commit(storage, {following: b"below"})
    assert layered.new_oid() not in (oid, following)


def test_a_deletion_above_hides_what_is_below_and_is_not_packed_away(layered, begin, tid):
    meta = begin(layered)
    layered.deleteObject(A, tid, meta)
    layered.tpc_vote(meta)
    deleted = layered.tpc_finish(meta)
    layered.pack(2**32, list)
    with pytest.raises(POSKeyError):
        layered.load(A)
    assert layered.load(B) == (b"b", tid)
    # What was packed away is not shown; see above.
    assert layered.loadBefore(A, deleted) is None


def test_what_was_deleted_and_stored_again_was_not_there_in_between(layered, begin, commit, tid):
    meta = begin(layered)
    layered.deleteObject(A, tid, meta)
    layered.tpc_vote(meta)
    deleted = layered.tpc_finish(meta)
    before = time.time()
    meta = begin(layered)
    layered.store(A, deleted, b"again", "", meta)
    layered.tpc_vote(meta)
    again = layered.tpc_finish(meta)
    layered.pack(before, list)
    assert layered.load(A) == (b"again", again)
    with pytest.raises(POSKeyError):
        layered.loadBefore(A, again)


def test_an_undo_brings_back_what_is_below(storage, layered, commit, undo, tid):
    commit(layered, {A: b"changed", C: b"new"})
    undo(layered, 0)
    assert layered.load(A)[0] == b"a"
    with pytest.raises(POSKeyError):
        layered.load(C)
    undo(layered, 0)
    assert [layered.load(oid)[0] for oid in (A, C)] == [b"changed", b"new"]
    assert storage.lastTransaction() == tid


def test_a_transaction_of_the_base_is_not_undone(storage, layered, begin):
    with pytest.raises(UndoError):
        layered.undo(storage.undoLog()[0]["id"], begin(layered))


def test_contents_of_blobs_are_found_in_any_layer(storage, put_blob, undo):
    first = put_blob(storage, b"one")
    layered = LayeredStorage(storage)
    upper = LayeredStorage(layered)
    assert content(upper, first, A) == b"one"
    second = put_blob(layered, b"two")
    assert [content(layered, tid, A) for tid in (first, second)] == [b"one", b"two"]
    undo(layered, 0)
    layered.pack(2**32, list)
    assert content(layered, layered.load(A)[1], A) == b"one"
    for serial in second, z64:
        with pytest.raises(POSKeyError):
            storage.loadBlob(A, serial)


def test_current_records_are_listed_once(layered, commit, tid):
    commit(layered, {B: b"changed", C: b"new"})
    listed, cookie = [], None
    while not listed or cookie is not None:
        oid, _, data, cookie = layered.record_iternext(cookie)
        listed.append((oid, data))
    assert listed == [(A, b"a"), (B, b"changed"), (C, b"new")]


def test_an_empty_one_over_nothing_lists_nothing(make_storage):
    with pytest.raises(ValueError, match="there are no objects"):
        LayeredStorage(make_storage()).record_iternext()


def test_a_database_works_over_it_and_leaves_the_base(storage, make_storage):
    below = DB(storage)
    with below.transaction() as connection:
        connection.root()["a"] = 1
    above = DB(LayeredStorage(storage))
    with above.transaction() as connection:
        connection.root()["a"] = 2
    with above.transaction() as connection:
        assert connection.root()["a"] == 2
    with below.transaction() as connection:
        assert connection.root()["a"] == 1
    above.close()
    assert storage.load(z64)
