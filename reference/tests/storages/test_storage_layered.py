"""A storage of changes over another one."""

import pytest
from zodb_reference import DB
from zodb_reference.errors import ConflictError, POSKeyError
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
