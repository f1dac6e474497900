from typing import ClassVar

import pytest
from zodb_reference import errors
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.snapshot import SharedStorage
from zodb_reference.storages import MemoryStorage
from zodb_reference.views import snapshots_of

OID = p64(1)


class Steps:
    """A storage that stops where a test wants it to.

    `history` maps oids to revisions, pairs of tid and record; `last` is what is reported as the
    last transaction.
    """

    def __init__(self):
        self.history = {}
        self.last = z64
        self.synced = 0

    def registerDB(self, wrapper):  # noqa: N802
        self.wrapper = wrapper

    def write(self, tid, *oids):
        for oid in oids:
            self.history.setdefault(oid, []).append((p64(tid), b"record %d" % tid))

    def lastTransaction(self):  # noqa: N802
        return self.last

    def loadBefore(self, oid, before):  # noqa: N802
        if oid not in self.history:
            raise KeyError(oid)
        for tid, record in reversed(self.history[oid]):
            if tid < before:
                return record, tid, None
        return None

    def sync(self):
        self.synced += 1

    def tpc_finish(self, meta, callback):
        callback(meta)
        self.last = meta
        return meta


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def new_snapshot(steps):
    return snapshots_of(steps)


def test_a_snapshot_shows_the_last_revision_up_to_its_point(steps, new_snapshot):
    steps.write(1, OID)
    steps.last = p64(1)
    snapshot = new_snapshot()
    snapshot.advance()
    steps.write(2, OID)
    steps.last = p64(2)
    assert snapshot.load(OID) == (b"record 1", p64(1))
    snapshot.advance()
    assert snapshot.load(OID) == (b"record 2", p64(2))


def test_a_snapshot_is_told_what_changed_up_to_its_point_and_no_more(steps, new_snapshot):
    """A commit is announced first, and reported as the last transaction later."""
    snapshot = new_snapshot()
    snapshot.advance()
    steps.write(1, OID)
    steps.wrapper.invalidate(p64(1), [OID])
    assert snapshot.advance() == {}
    with pytest.raises(errors.ReadConflictError):
        snapshot.load(OID)
    steps.last = p64(1)
    assert snapshot.advance() == {OID: p64(1)}
    assert snapshot.load(OID) == (b"record 1", p64(1))


def test_a_snapshot_made_between_announcement_and_report_misses_nothing(steps, new_snapshot):
    steps.write(1, OID)
    steps.last = p64(1)
    steps.write(2, OID)
    steps.wrapper.invalidate(p64(2), [OID])
    snapshot = new_snapshot()
    snapshot.advance()
    assert snapshot.load(OID) == (b"record 1", p64(1))
    steps.last = p64(2)
    assert snapshot.advance() == {OID: p64(2)}


def test_a_snapshot_never_moves_back(steps, new_snapshot):
    steps.write(1, OID)
    steps.write(2, OID)
    steps.last = p64(2)
    snapshot = new_snapshot()
    snapshot.advance()
    steps.last = p64(1)
    snapshot.advance()
    assert snapshot.load(OID) == (b"record 2", p64(2))


def test_a_commit_is_announced_to_all_with_its_tid(steps, new_snapshot):
    mine, others = new_snapshot(), new_snapshot()
    mine.advance(), others.advance()
    assert mine.finish(p64(1), [OID]) == p64(1)
    assert others.advance() == mine.advance() == {OID: p64(1)}
    assert others.advance() == mine.advance() == {}


def test_a_storage_may_declare_every_cache_invalid(steps, new_snapshot):
    snapshot = new_snapshot()
    snapshot.advance()
    steps.wrapper.invalidateCache()
    assert snapshot.advance() is None
    assert snapshot.advance() == {}


def test_an_object_created_after_the_snapshot_is_a_conflict(steps, new_snapshot):
    snapshot = new_snapshot()
    snapshot.advance()
    steps.write(1, OID)
    with pytest.raises(errors.ReadConflictError, match="0x01 was created"):
        snapshot.load(OID)


def test_an_object_that_was_never_there_is_missing():
    snapshot = snapshots_of(MemoryStorage())()
    snapshot.advance()
    with pytest.raises(errors.POSKeyError):
        snapshot.load(OID)


def test_nothing_is_loaded_before_the_first_boundary(new_snapshot):
    with pytest.raises(errors.ConnectionStateError, match="begin"):
        new_snapshot().load(OID)


def test_sync_reaches_storages_that_have_it(steps, new_snapshot):
    new_snapshot().sync()
    assert steps.synced == 1
    snapshots_of(MemoryStorage())().sync()


def test_the_storage_asks_its_wrapper_about_records():
    wrapper = SharedStorage(Steps())
    record = b"cm\nc\n.\x80\3C\x08" + OID + b"Q."
    assert wrapper.references(record) == [OID]
    assert wrapper.transform_record_data(record) == record
    assert wrapper.untransform_record_data(record) == record


class Instance:
    """A storage that keeps snapshots itself."""

    answers: ClassVar = {
        "load": (b"record", p64(3)),
        "poll_invalidations": [p64(5)],
        "tpc_finish": p64(4),
    }

    def __init__(self, made=()):
        self.made = list(made)
        self.calls = []

    def new_instance(self):
        self.made.append(Instance())
        return self.made[-1]

    def __getattr__(self, name):
        if name == "tpc_vote":
            return lambda meta: None
        return lambda *args: self.calls.append((name, *args)) or self.answers.get(name)


def test_a_storage_with_snapshots_of_its_own_is_asked_for_one_for_each_connection():
    storage = Instance()
    new_snapshot = snapshots_of(storage)
    snapshot, _ = new_snapshot(), new_snapshot()
    meta = TransactionMetaData()
    assert snapshot.load(OID) == (b"record", p64(3))
    assert snapshot.advance() == {p64(5): maxtid}
    snapshot.sync()
    snapshot.complete()
    assert snapshot.vote(meta) == ()
    assert snapshot.finish(meta, [OID, p64(5)]) == p64(4)
    assert snapshot.advance() == {OID: p64(4), p64(5): maxtid}
    snapshot.release()
    assert len(storage.made) == 2
    assert storage.made[0].calls == [
        ("load", OID),
        ("poll_invalidations",),
        ("sync", True),
        ("afterCompletion",),
        ("tpc_finish", meta),
        ("poll_invalidations",),
        ("release",),
    ]
    assert storage.calls == storage.made[1].calls == []


def test_the_point_of_a_snapshot_is_part_of_it(steps, new_snapshot):
    steps.write(u64(b"\x7f" * 8), OID)
    steps.last = b"\x7f" * 8
    snapshot = new_snapshot()
    snapshot.advance()
    assert snapshot.load(OID)[1] == b"\x7f" * 8
