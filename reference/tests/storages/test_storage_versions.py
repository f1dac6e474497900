"""Versions: what they show and hold, and how they end."""

import io
import pickle

import pytest
from persistent import Persistent
from transaction.interfaces import TransactionError
from zodb_reference.errors import (
    ConflictError,
    POSKeyError,
    ReadConflictError,
    StorageTransactionError,
    VersionCommitError,
    VersionError,
    VersionLockError,
)
from zodb_reference.oids import maxtid, p64, z64
from zodb_reference.records import PROTOCOL

ROOT, A, B, C = map(p64, range(4))


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


# What a version shows


def test_a_version_hides_the_trunk_from_who_looks_at_it(storage, put):
    first = put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    last = put(storage, A, b"2", "v")
    assert storage.load(A, "v") == (b"2", last)
    assert storage.load(A, "") == storage.load(A) == (b"trunk", last)
    assert storage.load(A, "another") == (b"trunk", last)
    assert storage.getTid(A) == last
    assert storage.loadBefore(A, maxtid) == (b"trunk", first, None)
    assert storage.modifiedInVersion(A) == "v"


def test_snapshots_show_the_trunk_without_a_gap(storage, put, end):
    first = put(storage, A, b"trunk")
    in_version = put(storage, A, b"1", "v")
    again = put(storage, A, b"2", "v")
    committed, _ = end(storage, ("v", ""))
    for point in (in_version, again, committed):
        assert storage.loadBefore(A, point) == (b"trunk", first, committed)
    assert storage.loadBefore(A, maxtid) == (b"2", committed, None)
    assert storage.loadBefore(A, first) is None


def test_the_trunk_below_is_told_for_a_revision_in_a_version(storage, put):
    first = put(storage, A, b"trunk")
    second = put(storage, A, b"1", "v")
    created = put(storage, B, b"new", "v")
    assert storage.loadSerial(A, first) == storage.loadSerial(A, second) == b"trunk"
    with pytest.raises(POSKeyError):
        storage.loadSerial(B, created)


def test_an_object_created_in_a_version_is_not_there_for_others(storage, put, shown):
    put(storage, A, b"new", "v")
    assert shown(storage, A, "v", "w") == [None, b"new", None]
    with pytest.raises(POSKeyError):
        storage.loadBefore(A, maxtid)
    assert storage.modifiedInVersion(A) == "v"


def test_what_nobody_has_stored_is_in_no_version(storage, put, undo):
    put(storage, A, b"a")
    assert storage.modifiedInVersion(A) == ""
    undo(storage, 0)
    for oid in (A, B):
        with pytest.raises(POSKeyError):
            storage.modifiedInVersion(oid)


def test_names_of_versions_are_those_that_hold_something(storage, put, end):
    assert storage.supportsVersions()
    assert storage.versions() == []
    assert storage.versionEmpty("v")
    for oid, version in ((A, "v"), (B, "v"), (C, "w")):
        put(storage, oid, b"1", version)
    assert sorted(storage.versions()) == ["v", "w"]
    assert len(storage.versions(1)) == 1
    assert storage.versions(0) == []
    with pytest.raises(ValueError, match="-1"):
        storage.versions(-1)
    assert not storage.versionEmpty("v")
    assert storage.versionEmpty("another")
    end(storage, "w")
    assert storage.versions() == ["v"]


def test_history_tells_the_version_of_each_revision(storage, put):
    for data, version in ((b"1", ""), (b"22", "v"), (b"333", "v")):
        put(storage, A, data, version)

    def told(*arguments):
        return [(one["version"], one["size"]) for one in storage.history(A, *arguments)]

    assert told("v", 9) == told(None, 9) == told(9) == [("v", 3), ("v", 2), ("", 1)]
    assert told("w", 9) == told("", 9) == [("", 1)]
    assert told("v") == told() == [("v", 3)]
    put(storage, B, b"b", "v")
    assert storage.history(B, "w", 9) == []


def test_iteration_tells_the_version_of_each_record(storage, put, end):
    tids = [put(storage, A, b"1"), put(storage, A, b"2", "v")]
    tids.append(end(storage, ("v", "w"))[0])
    tids.append(end(storage, "w")[0])
    assert [
        [(one.tid, one.data, one.version, one.data_txn) for one in transaction]
        for transaction in storage.iterator()
    ] == [
        [(tids[0], b"1", "", None)],
        [(tids[1], b"2", "v", None)],
        [(tids[2], b"2", "w", tids[1])],
        [(tids[3], b"1", "", tids[0])],
    ]


def test_of_one_transaction_the_records_of_versions_come_last(storage, begin):
    meta = begin(storage)
    for oid, version in ((A, "v"), (C, ""), (B, "w"), (ROOT, "")):
        storage.store(oid, z64, b"1", version, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    (transaction,) = storage.iterator()
    assert [record.oid for record in transaction] == [C, ROOT, A, B]


# What a version holds


@pytest.mark.parametrize("other", ["", "w"])
def test_an_object_in_a_version_can_not_be_stored_elsewhere(storage, put, other, shown):
    put(storage, A, b"trunk")
    tid = put(storage, A, b"1", "v")
    for serial in (tid, z64, None):  # the lock comes before the serial
        with pytest.raises(VersionLockError, match="held by version 'v'") as caught:
            put(storage, A, b"2", other, serial)
        assert isinstance(caught.value, TransactionError)
        assert not isinstance(caught.value, ConflictError)
    put(storage, A, b"2", "v")
    assert shown(storage, A, "v") == [b"trunk", b"2"]


@pytest.mark.parametrize("what", ["v", ("v", "")])
def test_who_commits_or_aborts_a_version_lets_its_objects_go(storage, put, end, what):
    put(storage, A, b"1", "v")
    put(storage, B, b"b")
    put(storage, B, b"1", "v")
    end(storage, what)
    for oid in (A, B):
        put(storage, oid, b"2", "w")
        assert storage.modifiedInVersion(oid) == "w"


def test_an_old_serial_is_a_conflict_in_a_version_too(storage, put):
    put(storage, A, b"trunk")
    first = put(storage, A, b"1", "v")
    put(storage, A, b"2", "v")
    with pytest.raises(ConflictError):
        put(storage, A, b"3", "v", first)


def test_conflicts_in_a_version_are_resolved_with_the_data_of_the_version(storage, put):
    trunk = put(storage, A, counter(10))
    first = put(storage, A, counter(11), "v")
    put(storage, A, counter(12), "v")
    tid = put(storage, A, counter(15), "v", first)
    assert storage.load(A, "v") == (counter(16), tid)  # 12 + 15 - 11
    tid = put(storage, A, counter(20), "v", trunk)
    assert storage.load(A, "v") == (counter(26), tid)  # 16 + 20 - 10
    created = put(storage, B, counter(1), "v")
    put(storage, B, counter(2), "v")
    tid = put(storage, B, counter(3), "v", created)
    assert storage.load(B, "v") == (counter(4), tid)  # 2 + 3 - 1


def test_what_was_read_is_current_for_the_trunk_while_a_version_holds_the_object(
    storage, put, begin
):
    first = put(storage, A, b"trunk")
    second = put(storage, A, b"1", "v")
    created = put(storage, B, b"new", "v")
    meta = begin(storage)
    for serial, version in ((first, ""), (first, "w"), (second, ""), (second, "v")):
        storage.checkCurrentSerialInTransaction(A, serial, meta, version)
    storage.checkCurrentSerialInTransaction(B, created, meta, "v")
    with pytest.raises(ReadConflictError):
        storage.checkCurrentSerialInTransaction(A, first, meta, "v")
    with pytest.raises(ReadConflictError):
        storage.checkCurrentSerialInTransaction(A, z64, meta)


# How it ends


def test_a_committed_version_becomes_the_trunk(storage, put, end):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    last = put(storage, B, b"new", "v")
    put(storage, C, b"other", "w")
    tid, oids = end(storage, ("v", ""))
    assert oids == [A, B]
    assert tid > last
    assert storage.load(A) == storage.load(A, "v") == (b"1", tid)
    assert storage.load(B) == (b"new", tid)
    assert storage.versions() == ["w"]
    assert storage.modifiedInVersion(A) == ""


def test_a_version_is_committed_to_another_one_which_holds_its_objects_then(
    storage, put, end, shown
):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    put(storage, B, b"2", "w")
    tid, oids = end(storage, ("v", "w"))
    assert oids == [A]
    assert shown(storage, A, "v", "w") == [b"trunk", b"trunk", b"1"]
    assert storage.load(A, "w")[1] == tid
    assert storage.versionEmpty("v")
    with pytest.raises(VersionLockError):
        put(storage, A, b"3", "v")
    assert end(storage, ("w", ""))[1] == [A, B]
    assert shown(storage, A) == [b"1"]


def test_an_aborted_version_leaves_the_trunk_in_a_new_revision(storage, put, end, shown):
    first = put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    tid, oids = end(storage, "v")
    assert oids == [A]
    assert storage.load(A) == storage.load(A, "v") == (b"trunk", tid)
    assert storage.loadBefore(A, tid) == (b"trunk", first, tid)
    assert storage.versions() == []
    put(storage, A, b"2", serial=tid)
    assert shown(storage, A) == [b"2"]


def test_what_was_created_in_an_aborted_version_is_gone(storage, put, end, shown):
    put(storage, A, b"1", "v")
    put(storage, A, b"2", "v")
    tid, oids = end(storage, "v")
    assert oids == [A]
    assert shown(storage, A, "v") == [None, None]
    for serial in (z64, None):
        with pytest.raises(ConflictError):
            put(storage, A, b"3", "w", serial or z64)
    put(storage, A, b"3", "w", tid)
    assert shown(storage, A, "w") == [None, b"3"]


def test_ending_a_version_that_holds_nothing_changes_nothing(storage, put, end, shown):
    put(storage, A, b"trunk")
    _, *told = end(storage, "v", ("v", ""), ("v", "w"))
    assert told == [[], [], []]
    assert shown(storage, A, "v") == [b"trunk", b"trunk"]


def test_several_ends_in_one_transaction_build_on_each_other(storage, put, end, shown):
    put(storage, A, b"trunk")
    put(storage, A, b"1", "v")
    put(storage, B, b"new", "w")
    _, *told = end(storage, ("v", "w"), ("w", ""), "v", "w")
    assert told == [[A], [A, B], [], []]
    assert shown(storage, A) == [b"1"]
    assert shown(storage, B) == [b"new"]


def test_a_version_can_be_ended_and_stored_into_in_one_transaction(storage, put, begin, shown):
    put(storage, A, b"trunk")
    tid = put(storage, A, b"1", "v")
    meta = begin(storage)
    storage.abortVersion("v", meta)
    storage.store(A, tid, b"2", "w", meta)
    with pytest.raises(VersionLockError):
        storage.store(A, tid, b"3", "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert shown(storage, A, "v", "w") == [b"trunk", b"trunk", b"2"]


def test_the_end_of_a_version_belongs_to_the_first_phase(storage, put, begin, shown):
    put(storage, A, b"1", "v")
    meta = begin(storage)
    storage.tpc_vote(meta)
    for transaction in (meta, object()):
        with pytest.raises(StorageTransactionError):
            storage.commitVersion("v", "", transaction)
        with pytest.raises(StorageTransactionError):
            storage.abortVersion("v", transaction)
    storage.tpc_abort(meta)
    meta = begin(storage)
    storage.commitVersion("v", "", meta)
    assert storage.versions() == ["v"]
    storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    assert shown(storage, A, "v") == [None, b"1"]


# Names


@pytest.mark.parametrize("name", [b"v", 7, "half \ud800", ["v"]])
def test_what_can_not_name_a_version_is_refused(storage, put, begin, name):
    tid = put(storage, A, b"a")
    with pytest.raises(VersionError, match="a text that is not empty"):
        put(storage, A, b"b", name)
    for call in (lambda: storage.load(A, name), lambda: storage.versionEmpty(name)):
        with pytest.raises(VersionError, match="not empty"):
            call()
    meta = begin(storage)
    for refused in (
        lambda: storage.commitVersion(name, "", meta),
        lambda: storage.commitVersion("v", name, meta),
    ):
        with pytest.raises(VersionCommitError, match="named by a text"):
            refused()
    with pytest.raises(VersionError, match="named by a text"):
        storage.abortVersion(name, meta)
    storage.tpc_abort(meta)
    assert storage.load(A) == (b"a", tid)


def test_the_trunk_can_be_neither_committed_nor_aborted_nor_empty(storage, begin):
    meta = begin(storage)
    with pytest.raises(VersionCommitError):
        storage.commitVersion("", "v", meta)
    with pytest.raises(VersionError):
        storage.abortVersion("", meta)
    with pytest.raises(VersionError):
        storage.versionEmpty("")


def test_a_version_can_not_be_committed_to_itself(storage, put, begin):
    put(storage, A, b"1", "v")
    with pytest.raises(VersionCommitError, match="to itself"):
        storage.commitVersion("v", "v", begin(storage))


@pytest.mark.parametrize("name", [" ", "näme 雪", "with\0null", "'quote", "v" * 5000, "\n"])
def test_any_other_text_is_a_name(storage, put, end, name, shown):
    put(storage, A, b"1", name)
    assert storage.versions() == [name]
    assert storage.modifiedInVersion(A) == name
    end(storage, (name, ""))
    assert shown(storage, A) == [b"1"]


def test_a_storage_without_versions_has_none(make_storage, put, begin):
    storage = make_storage()
    put(storage, A, b"a")
    assert not storage.supportsVersions()
    assert (storage.versions(), storage.versionEmpty("v")) == ([], True)
    assert storage.modifiedInVersion(A) == ""
    assert "version" not in storage.history(A)[0]
    for read in storage.load, storage.history:
        with pytest.raises(ValueError, match="open it with versions=True"):
            read(A, "v")
    with pytest.raises(ValueError, match="open it with versions=True"):
        put(storage, A, b"b", "v")
    for call in (storage.abortVersion, lambda v, meta: storage.commitVersion(v, "", meta)):
        with pytest.raises(NotImplementedError, match="open it with versions=True"):
            call("v", begin(storage))
        storage.tpc_abort(storage.tpc_transaction())
