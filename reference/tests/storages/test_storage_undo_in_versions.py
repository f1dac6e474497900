"""Undo in versions, and versions in a file."""

import io
import pickle

import pytest
from persistent import Persistent
from zodb_reference.errors import (
    MultipleUndoErrors,
    ReadOnlyError,
    VersionLockError,
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


@pytest.fixture
def storage(make_storage):
    """Return an empty storage with versions, of each kind in turn."""
    return make_storage(versions=True)


def test_a_store_in_a_version_is_undone_in_it(storage, put, undo, shown):
    put(storage, A, b"trunk")
    for data in (b"1", b"2"):
        put(storage, A, data, "v")
    assert undo(storage, 0) == {A}
    assert shown(storage, A, "v") == [b"trunk", b"1"]
    assert storage.modifiedInVersion(A) == "v"
    undo(storage, 0)
    assert shown(storage, A, "v") == [b"trunk", b"2"]


def test_undoing_the_first_store_in_a_version_lets_the_object_go(storage, put, undo, shown):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    undo(storage, 0)
    assert shown(storage, A, "v") == [b"trunk", b"trunk"]
    assert storage.versions() == []
    undo(storage, 0)
    assert shown(storage, A, "v") == [b"trunk", b"1"]
    with pytest.raises(VersionLockError):
        put(storage, A, b"2")


def test_undoing_a_creation_in_a_version_leaves_no_object(storage, put, undo, shown):
    put(storage, A, b"1", "v")
    undo(storage, 0)
    assert shown(storage, A, "v") == [None, None]
    assert storage.versions() == []
    undo(storage, 0)
    assert shown(storage, A, "v") == [None, b"1"]


@pytest.mark.parametrize("dest", ["", "w"])
def test_undoing_the_commit_of_a_version_brings_it_back_with_what_it_holds(
    storage, put, end, undo, shown, dest
):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    put(storage, B, b"new", "v")
    end(storage, ("v", dest))
    committed = shown(storage, A, "v", "w"), shown(storage, B, "v", "w")
    assert undo(storage, 0) == {A, B}
    assert shown(storage, A, "v", "w") == [b"trunk", b"1", b"trunk"]
    assert shown(storage, B, "v", "w") == [None, b"new", None]
    assert storage.load(A)[1] == storage.load(A, "v")[1] == storage.lastTransaction()
    assert storage.versions() == ["v"]
    with pytest.raises(VersionLockError):
        put(storage, A, b"2")
    undo(storage, 0)
    assert (shown(storage, A, "v", "w"), shown(storage, B, "v", "w")) == committed
    assert storage.versions() == ([dest] if dest else [])


def test_undoing_the_abort_of_a_version_brings_it_back_with_what_it_holds(
    storage, put, end, undo, shown
):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    put(storage, B, b"new", "v")
    end(storage, "v")
    assert undo(storage, 0) == {A, B}
    assert shown(storage, A, "v") == [b"trunk", b"1"]
    assert shown(storage, B, "v") == [None, b"new"]
    undo(storage, 0)
    assert shown(storage, A, "v") == [b"trunk", b"trunk"]
    assert shown(storage, B, "v") == [None, None]


def test_snapshots_of_the_trunk_see_that_a_commit_was_undone(storage, put, end, undo):
    first = put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    committed, _ = end(storage, ("v", ""))
    undo(storage, 0)
    undone = storage.lastTransaction()
    assert storage.loadBefore(A, committed) == (b"trunk", first, committed)
    assert storage.loadBefore(A, undone) == (b"1", committed, undone)
    assert storage.loadBefore(A, maxtid) == (b"trunk", undone, None)
    *_, last = storage.iterator()
    assert [(one.data, one.version) for one in last] == [(b"trunk", ""), (b"1", "v")]
    told = [[one["version"] for one in storage.history(A, version, 9)] for version in "vw"]
    assert told == [["v", "", "", "v", ""], ["", "", ""]]


def test_what_was_undone_must_be_in_the_version_that_holds_the_object(
    storage, put, end, undo, shown
):
    put(storage, A, b"0")
    put(storage, A, b"1")
    put(storage, A, b"1", "v")
    with pytest.raises(MultipleUndoErrors, match="a version has got hold of it since"):
        undo(storage, 1)
    end(storage, ("v", "w"))
    with pytest.raises(MultipleUndoErrors, match="a version has got hold of it since"):
        undo(storage, 1)
    end(storage, "w")
    undo(storage, 3)
    assert shown(storage, A) == [b"0"]


def test_the_end_of_a_version_is_not_undone_where_the_object_has_changed_since(
    storage, put, end, undo, shown
):
    put(storage, A, counter(0))
    put(storage, A, counter(1), "v")
    end(storage, ("v", ""))
    put(storage, A, counter(2))
    with pytest.raises(MultipleUndoErrors, match="changed since it left its version"):
        undo(storage, 1)
    undo(storage, 0)
    undo(storage, 2)
    assert shown(storage, A, "v") == [counter(0), counter(1)]


def test_a_version_is_not_left_where_the_trunk_has_changed_since(storage, put, end, undo, shown):
    """Otherwise that change of the trunk would be lost."""
    put(storage, A, b"0")
    put(storage, A, b"1", "v")
    end(storage, "v")
    put(storage, A, b"changed")
    put(storage, A, b"1", "v")
    with pytest.raises(MultipleUndoErrors):
        undo(storage, 3)
    assert shown(storage, A, "v") == [b"changed", b"1"]


def test_a_class_can_merge_later_changes_in_its_version(storage, put, undo, shown):
    put(storage, A, counter(0))
    for number in (10, 15, 18):
        put(storage, A, counter(number), "v")
    undo(storage, 1)
    assert shown(storage, A, "v") == [counter(0), counter(13)]
    undo(storage, 3)
    assert shown(storage, A, "v") == [counter(0), counter(3)]


def test_the_end_of_a_version_and_what_came_before_are_undone_in_one_transaction(
    storage, put, end, undo, shown
):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    put(storage, A, b"2", "v")
    end(storage, ("v", ""))
    undo(storage, 0, 1)
    assert shown(storage, A, "v") == [b"trunk", b"1"]
    undo(storage, 0)
    assert shown(storage, A, "v") == [b"2", b"2"]
    undo(storage, 2, 3, 4)
    assert shown(storage, A, "v") == [b"trunk", b"trunk"]
    assert storage.versions() == []


# In a file


def test_versions_are_there_after_reopening(open_sqlite, put, end, undo):
    storage = open_sqlite(versions=True)
    first = put(storage, A, b"trunk")
    tid = put(storage, A, b"1", "näme")
    put(storage, B, b"new", "w")
    end(storage, ("w", ""))
    undo(storage, 0)
    before = list(map(list, storage.iterator()))
    storage.close()
    storage = open_sqlite(versions=True)
    assert list(map(list, storage.iterator())) == before
    assert storage.load(A, "näme") == (b"1", tid)
    assert storage.loadBefore(A, maxtid) == (b"trunk", first, None)
    assert sorted(storage.versions()) == ["näme", "w"]
    with pytest.raises(VersionLockError):
        put(storage, A, b"2")
    storage.close()
    storage = open_sqlite(versions=True, read_only=True)
    assert storage.load(A, "näme") == (b"1", tid)
    with pytest.raises(ReadOnlyError):
        storage.commitVersion("w", "", object())


def test_a_version_that_only_voted_holds_nothing(open_sqlite, put, begin):
    storage = open_sqlite(versions=True)
    tid = put(storage, A, b"trunk")
    meta = begin(storage)
    storage.store(A, tid, b"1", "v", meta)
    storage.store(B, z64, b"new", "v", meta)
    storage.tpc_vote(meta)
    storage.close()
    storage = open_sqlite()
    assert storage.load(A) == (b"trunk", tid)
    assert (storage.versions(), len(storage)) == ([], 1)
    put(storage, A, b"2")
    assert [len(list(one)) for one in storage.iterator()] == [1, 1]
    assert (storage.versions(), len(storage)) == ([], 1)
