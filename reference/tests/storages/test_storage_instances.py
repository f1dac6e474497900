"""A storage with a snapshot for each of its users."""

import threading

import pytest
from zodb_reference.errors import ConflictError, POSKeyError, ReadConflictError, StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages import MemoryStorage, SnapshotStorage

A, B, C = p64(1), p64(2), p64(3)


@pytest.fixture
def first(storage):
    """Return the first instance of a storage of each kind in turn."""
    return SnapshotStorage(storage)


@pytest.fixture
def write(commit):
    """Return what commits, through an instance that is brought up to date."""

    def write_records(instance, **records):
        instance.sync()
        return commit(instance, {{"a": A, "b": B, "c": C}[oid]: records[oid] for oid in records})

    return write_records


def test_an_instance_shows_what_there_was_when_it_was_made_until_it_looks(first, write):
    one = write(first, a=b"1")
    reader = first.new_instance()
    two = write(first, a=b"2", b=b"2")
    assert reader.load(A) == (b"1", one)
    assert reader.loadBefore(A, maxtid) == (b"1", one, None)
    assert reader.getTid(A) == reader.lastTransaction() == one
    with pytest.raises(ReadConflictError):
        reader.load(B)
    with pytest.raises(POSKeyError):
        reader.load(C)
    assert reader.poll_invalidations() == [A, B]
    assert reader.load(A) == (b"2", two)
    assert reader.loadBefore(A, two) == (b"1", one, two)
    assert reader.lastTransaction() == two
    assert reader.poll_invalidations() == []


def test_the_first_instance_shows_the_newest_state_until_it_was_asked_for_changes(first, write):
    other = first.new_instance()
    one = write(other, a=b"1")
    assert first.load(A) == (b"1", one)
    assert first.lastTransaction() == one
    assert first.poll_invalidations() == [A]
    write(other, a=b"2")
    assert first.load(A) == (b"1", one)


def test_changes_are_told_once_each_in_their_order_and_without_those_of_oneself(first, write):
    reader = first.new_instance()
    write(first, a=b"1", b=b"1")
    write(reader, c=b"1")
    write(first, b=b"2")
    assert reader.poll_invalidations() == [A, B]
    write(reader, c=b"2")
    write(first, c=b"3")
    assert reader.poll_invalidations() == [C]


def test_what_is_committed_through_an_instance_shows_there_when_it_looks(first, write):
    instance = first.new_instance()
    tid = write(instance, a=b"1")
    assert instance.lastTransaction() == tid
    with pytest.raises(ReadConflictError):
        instance.load(A)
    assert instance.poll_invalidations() == []
    assert instance.load(A) == (b"1", tid)


def test_sync_moves_the_snapshot_and_forgets_no_changes(first, write):
    reader = first.new_instance()
    tid = write(first, a=b"1")
    reader.sync(False)
    with pytest.raises(ReadConflictError):
        reader.load(A)
    reader.sync()
    assert reader.load(A) == (b"1", tid)
    assert reader.poll_invalidations() == [A]


def test_the_snapshot_is_given_up_when_a_transaction_is_over(first, write):
    reader = first.new_instance()
    reader.afterCompletion()
    tid = write(first, a=b"1")
    assert reader.load(A) == (b"1", tid)
    assert reader.lastTransaction() == tid
    assert reader.poll_invalidations() == [A]


def test_changes_that_packing_may_have_taken_away_are_not_told(first, write):
    reader = first.new_instance()
    write(first, a=b"1")
    up_to_date = first.new_instance()
    write(first, a=b"2", b=b"1")
    first.pack(2**31, lambda data: [], gc=False)
    assert reader.poll_invalidations() is None
    assert up_to_date.poll_invalidations() is None
    assert first.new_instance().poll_invalidations() == []
    tid = write(first, a=b"3")
    assert reader.poll_invalidations() == [A]
    assert reader.load(A) == (b"3", tid)


def test_a_revision_that_packing_has_removed_is_a_conflict(first, write):
    write(first, a=b"1")
    reader = first.new_instance()
    write(first, a=b"2")
    first.pack(2**31, lambda data: [], gc=False)
    with pytest.raises(ReadConflictError):
        reader.load(A)


def test_what_is_no_reading_of_objects_sees_the_newest_state(first, write):
    reader = first.new_instance()
    tid = write(first, a=b"1")
    assert [txn.tid for txn in reader.iterator()] == [tid]
    assert len(reader) == 1
    assert reader.getSize() == first.getSize()
    meta = TransactionMetaData()
    reader.tpc_begin(meta)
    assert reader.undo(reader.undoLog()[0]["id"], meta)[1] == [A]
    reader.tpc_vote(meta)
    reader.tpc_finish(meta)
    with pytest.raises(POSKeyError):
        first.load(A)


def test_what_was_read_in_a_snapshot_that_is_old_conflicts(first, write):
    one = write(first, a=b"1")
    reader = first.new_instance()
    write(first, a=b"2")
    meta = TransactionMetaData()
    reader.tpc_begin(meta)
    with pytest.raises(ReadConflictError):
        reader.checkCurrentSerialInTransaction(A, one, meta)
    with pytest.raises(ConflictError):
        reader.store(A, one, b"3", "", meta)
    reader.tpc_abort(meta)


def test_instances_take_turns_to_commit_and_share_their_oids(first, begin):
    second = first.new_instance()
    meta, events = begin(first), []

    def commit_too():
        other = begin(second)
        events.append("second")
        second.tpc_abort(other)

    thread = threading.Thread(target=commit_too)
    thread.start()
    assert u64(second.new_oid()) != u64(first.new_oid())
    events.append("first")
    first.tpc_abort(meta)
    thread.join()
    assert events == ["first", "second"]


def test_an_instance_that_is_given_up_takes_its_transaction_with_it(first, begin, write):
    instance = first.new_instance()
    begin(instance)
    instance.release()
    instance.release()
    assert write(first, a=b"1") == first.lastTransaction()


def test_an_instance_leaves_the_transaction_of_another_one_alone(first, begin):
    instance = first.new_instance()
    meta = begin(instance)
    instance.tpc_abort(meta)
    meta = begin(first)
    instance.close()
    first.tpc_vote(meta)
    first.tpc_finish(meta)


def test_the_storage_belongs_to_the_first_instance(first):
    second = first.new_instance()
    second.close()
    assert first.lastTransaction() == z64
    first.close()
    with pytest.raises(StorageError):
        first.load(A)
    with pytest.raises(StorageError):
        second.poll_invalidations()


def test_an_instance_has_no_versions(first, write):
    write(first, a=b"1")
    with pytest.raises(ValueError, match="has no versions"):
        first.new_instance().load(A, "a version")


def test_a_storage_with_versions_has_no_instances():
    with pytest.raises(ValueError, match="has versions"):
        SnapshotStorage(MemoryStorage(versions=True))


def test_an_instance_has_nothing_that_its_storage_has_not():
    first = SnapshotStorage(MemoryStorage("here"))
    assert repr(first) == "<SnapshotStorage of <MemoryStorage 'here'>>"
    assert first.getName() == first.new_instance().getName() == "here"
    assert not hasattr(first, "nothing")
    assert not hasattr(first, "_history")


def test_an_instance_that_is_released_leaves_alone_what_another_one_has_begun_since(first):
    one, two, meta = first.new_instance(), first.new_instance(), TransactionMetaData()
    one.tpc_begin(meta)
    one.tpc_abort(meta)
    two.tpc_begin(meta)
    one.release()
    two.store(A, z64, b"1", "", meta)
    two.tpc_vote(meta)
    two.tpc_finish(meta)
    two.poll_invalidations()
    assert two.load(A)[0] == b"1"
