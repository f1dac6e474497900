"""Reading current revisions, and refusing those that are too new."""

import pytest
from zodb_reference.current_reads import older_snapshots_of
from zodb_reference.errors import ConnectionStateError, POSKeyError, ReadConflictError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage

OID, OTHER = p64(1), p64(2)


class Instances:
    """A storage whose instances keep snapshots of their own, over one in memory."""

    def __init__(self, storage=None):
        self.storage = MemoryStorage() if storage is None else storage
        self.before = p64(1)
        self.released = []
        self.completed = 0

    def __getattr__(self, name):
        return getattr(self.storage, name)

    def new_instance(self):
        instance = Instances(self.storage)
        instance.released = self.released
        return instance

    def poll_invalidations(self):
        self.before = p64(int.from_bytes(self.storage.lastTransaction()) + 1)

    def load(self, oid, version=""):
        found = self.storage.loadBefore(oid, self.before)
        if found is None:
            raise ReadConflictError(oid=oid)
        return found[:2]

    def tpc_finish(self, meta):
        return self.storage.tpc_finish(meta)

    def afterCompletion(self):  # noqa: N802
        self.completed += 1

    def release(self):
        self.released.append(self)


@pytest.fixture(params=["memory", "sqlite", "instances"])
def new_snapshot(request, tmp_path):
    """What makes snapshots of one storage, in edition C."""
    storage = {
        "memory": MemoryStorage,
        "sqlite": lambda: SQLiteStorage(tmp_path / "data.sqlite"),
        "instances": Instances,
    }[request.param]()
    yield older_snapshots_of(storage)
    storage.close()


def store(snapshot, **records):
    """Commit records: the new ones under `new`, those that replace others under `changed`."""
    meta = TransactionMetaData()
    snapshot.begin(meta)
    for oid, record in records.pop("new", {}).items():
        snapshot.store(oid, z64, record, meta)
    for oid, (serial, record) in records.pop("changed", {}).items():
        snapshot.store(oid, serial, record, meta)
    snapshot.vote(meta)
    return snapshot.finish(meta, [OID, OTHER])


@pytest.fixture
def writer(new_snapshot):
    """A snapshot by which another connection commits."""
    return new_snapshot()


@pytest.fixture
def first(writer):
    """The serial of an object that is there."""
    return store(writer, new={OID: b"one"})


@pytest.fixture
def reader(new_snapshot, first):
    """A snapshot in a transaction that sees `first`, and reads current revisions."""
    snapshot = new_snapshot()
    snapshot.reads_current = True
    snapshot.advance()
    return snapshot


@pytest.fixture
def seeing(new_snapshot, first):
    """A snapshot in a transaction that sees `first`, with mvcc."""
    snapshot = new_snapshot()
    snapshot.advance()
    return snapshot


def test_what_has_not_changed_is_read(reader, first):
    assert reader.load(OID) == (b"one", first)


def test_what_has_changed_since_is_not_read(reader, writer, first):
    second = store(writer, changed={OID: (first, b"two")})
    with pytest.raises(ReadConflictError, match="has changed since the transaction began"):
        reader.load(OID)
    assert reader.load_current(OID) == (b"two", second)
    with pytest.raises(ReadConflictError):
        reader.load(OID)
    reader.advance()
    assert reader.load(OID) == (b"two", second)


def test_a_snapshot_with_mvcc_reads_what_was_there_before(seeing, writer, first):
    store(writer, changed={OID: (first, b"two")})
    assert seeing.load(OID) == (b"one", first)


def test_what_was_created_since_is_read(reader, seeing, writer):
    serial = store(writer, new={OTHER: b"new"})
    assert reader.load(OTHER) == (b"new", serial)
    assert seeing.load(OTHER) == (b"new", serial)


def test_what_was_created_since_is_read_as_it_was_read_first(reader, seeing, writer):
    serial = store(writer, new={OTHER: b"new"})
    for snapshot in reader, seeing:
        snapshot.load(OTHER)
    store(writer, changed={OTHER: (serial, b"newer")})
    for snapshot in reader, seeing:
        with pytest.raises(ReadConflictError):
            snapshot.load(OTHER)
        snapshot.advance()
        assert snapshot.load(OTHER)[0] == b"newer"


def test_what_is_not_there_is_not_found(reader, seeing):
    for snapshot in reader, seeing:
        with pytest.raises(POSKeyError):
            snapshot.load(OTHER)
        with pytest.raises(POSKeyError):
            snapshot.load_current(OTHER)


def test_nothing_is_read_before_the_first_transaction():
    storage = MemoryStorage()
    snapshot = older_snapshots_of(storage)()
    snapshot.reads_current = True
    with pytest.raises(ConnectionStateError, match="before a transaction has begun"):
        snapshot.load(OID)


@pytest.mark.parametrize("make", [MemoryStorage, Instances])
def test_an_object_that_is_gone_has_changed(make, monkeypatch):
    def gone(oid, *_):
        raise POSKeyError(oid)

    storage = make()
    reader = older_snapshots_of(storage)()
    reader.reads_current = True
    store(reader, new={OID: b"one"})
    reader.advance()
    reader.load(OID)
    if make is Instances:
        monkeypatch.setattr(reader._newest.storage, "load", gone)
    else:
        reader._shared.invalidate(p64(1 << 62), {OID})
        monkeypatch.setattr(storage, "load", gone)
    with pytest.raises(ReadConflictError):
        reader.load(OID)


def test_a_removed_revision_is_not_taken_for_an_object_that_was_created_since(monkeypatch):
    storage = MemoryStorage()
    new_snapshot = older_snapshots_of(storage)
    writer, seeing = new_snapshot(), new_snapshot()
    first = store(writer, new={OID: b"one"})
    seeing.advance()
    store(writer, changed={OID: (first, b"two")})
    monkeypatch.setattr(storage, "loadBefore", lambda oid, tid: None)  # as after a pack
    with pytest.raises(ReadConflictError, match="revision removed"):
        seeing.load(OID)


def test_all_instances_are_told_of_the_end_and_given_up():
    storage = Instances()
    new_snapshot = older_snapshots_of(storage)
    store(new_snapshot(), new={OID: b"one"})
    snapshot = new_snapshot()
    snapshot.release()
    assert len(storage.released) == 1
    snapshot = new_snapshot()
    snapshot.reads_current = True
    snapshot.advance()
    snapshot.load(OID)
    snapshot.complete()
    assert (snapshot.storage.completed, snapshot._newest.storage.completed) == (1, 1)
    snapshot.release()
    assert len(storage.released) == 3
