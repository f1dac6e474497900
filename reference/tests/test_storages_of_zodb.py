"""The storages of ZODB under the reference."""

import pytest
import transaction
from persistent import Persistent
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.tests.hexstorage import HexStorage
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from zodb_reference import DB, errors
from zodb_reference.oids import p64


class Item(Persistent):
    pass


class Counter(Persistent):
    def _p_resolveConflict(self, old, committed, new):
        return {"n": committed["n"] + new["n"] - old["n"]}


STORAGES = {
    "file": lambda directory: FileStorage(str(directory / "data.fs")),
    "mapping": lambda directory: MappingStorage(),
    "demo": lambda directory: DemoStorage(),
    "demo over file": lambda directory: DemoStorage(base=FileStorage(str(directory / "data.fs"))),
    "hex over file": lambda directory: HexStorage(FileStorage(str(directory / "data.fs"))),
    "with snapshots": lambda directory: MVCCMappingStorage(),
}


@pytest.fixture(params=STORAGES)
def kind(request):
    return request.param


@pytest.fixture
def db(kind, tmp_path):
    database = DB(STORAGES[kind](tmp_path))
    yield database
    database.close()


def commit(connection):
    connection.transaction_manager.commit()


def test_commits_become_visible_at_boundaries(connection, other):
    connection.root.item = item = Item()
    item.x = 1
    commit(connection)
    assert not hasattr(other.root, "item")
    other.sync()
    loaded = other.root.item
    assert loaded.x == 1
    item.x = 2
    commit(connection)
    assert loaded.x == 1
    other.transaction_manager.begin()
    assert loaded.x == 2


def test_what_savepoints_have_kept_is_committed_over_any_storage(connection, other):
    connection.root.item = item = Item()
    item.x = 1
    connection.transaction_manager.savepoint()
    connection.root.late = Item()
    savepoint = connection.transaction_manager.savepoint()
    item.x = 2
    savepoint.rollback()
    connection.cacheMinimize()
    commit(connection)
    other.sync()
    assert other.root.item.x == 1
    late = other.root.late
    late._p_activate()
    assert late._p_serial == item._p_serial
    other.root.item.x = 3
    commit(other)
    item.x = 4
    connection.transaction_manager.savepoint()
    with pytest.raises(errors.ConflictError):
        commit(connection)
    connection.transaction_manager.abort()
    assert item.x == 3


def test_the_snapshot_serves_what_was_not_loaded_before(connection, other):
    connection.root.item = item = Item()
    item.x = 1
    commit(connection)
    other.sync()
    item.x = 2
    commit(connection)
    assert other.root.item.x == 1


def test_conflicts_are_errors_of_the_reference(connection, other):
    connection.root.item = Item()
    commit(connection)
    other.sync()
    connection.root.item.x = 1
    other.root.item.x = 2
    commit(connection)
    with pytest.raises(errors.ConflictError) as caught:
        commit(other)
    assert caught.value.oid == connection.root.item._p_oid
    other.transaction_manager.abort()
    assert other.root.item.x == 1


def test_conflicts_are_resolved_where_the_storage_does_that(kind, connection, other):
    connection.root.counter = counter = Counter()
    counter.n = 0
    commit(connection)
    other.sync()
    counter.n += 1
    other.root.counter.n += 2
    commit(connection)
    if kind in ("mapping", "with snapshots"):
        with pytest.raises(errors.ConflictError):
            commit(other)
        return
    commit(other)
    assert other.root.counter.n == 3
    connection.sync()
    assert counter.n == 3


def test_a_missing_object_is_an_error_of_the_reference(connection):
    with pytest.raises(errors.POSKeyError):
        connection.get(p64(12345))


def test_an_object_created_after_the_snapshot_is_a_conflict(kind, connection, other):
    other.add(item := Item())
    commit(other)
    # That storage cannot tell the two, and ZODB's connections say the same over it.
    missing = errors.POSKeyError if kind == "with snapshots" else errors.ReadConflictError
    with pytest.raises(missing):
        connection.get(item._p_oid)
    connection.sync()
    assert connection.get(item._p_oid)._p_oid == item._p_oid


def test_read_current_is_checked(connection, other):
    connection.root.a, connection.root.b = Item(), Item()
    commit(connection)
    other.sync()
    other.readCurrent(other.root.a)
    other.root.b.x = 1
    connection.root.a.x = 1
    commit(connection)
    with pytest.raises(errors.ReadConflictError):
        commit(other)


def test_an_object_stored_twice_in_one_commit_has_its_last_state(connection, other):
    class Late(Persistent):
        def __getstate__(self):
            first.x = "late"
            return {}

    Late.__qualname__ = "Late"
    globals()["Late"] = Late
    connection.root.first = first = Item()
    first.late = Late()
    commit(connection)
    other.sync()
    assert other.root.first.x == "late"


def test_two_changed_connections_in_one_transaction_are_refused_and_do_not_block(db, connection):
    second = db.open(connection.transaction_manager)
    connection.root.x = second.root.y = 1
    with pytest.raises(errors.StorageTransactionError, match="one connection only"):
        commit(connection)
    connection.transaction_manager.abort()
    connection.root.x = 1
    commit(connection)


def test_a_failed_commit_leaves_the_storage_usable(connection, other):
    connection.root.item = item = Item()
    item.problem = lambda: 0
    with pytest.raises(Exception, match="lambda"):
        commit(connection)
    other.root.x = 1
    commit(other)
    connection.transaction_manager.abort()
    assert item._p_jar is None


class Merging(MVCCMappingStorage):
    """Keeps snapshots itself, merges what was stored, and counts the instances that are in use."""

    in_use = 0

    def new_instance(self):
        Merging.in_use += 1
        instance = super().new_instance()
        instance.__class__ = Merging
        return instance

    def release(self):
        Merging.in_use -= 1

    def tpc_vote(self, transaction):
        super().tpc_vote(transaction)
        merged = [oid for oid, data in self._tdata.items() if b"mine" in data]
        for oid in merged:
            self._tdata[oid] = self._tdata[oid].replace(b"mine", b"ours")
        return merged


def test_what_a_storage_with_snapshots_has_merged_is_loaded_again():
    db = DB(Merging())
    connection = db.open(transaction.TransactionManager())
    connection.root.a, connection.root.b = a, b = Item(), Item()
    a.x, b.x = "mine", "other"
    commit(connection)
    assert (a._p_changed, b._p_changed) == (None, False)
    assert (a.x, b.x) == ("ours", "other")
    db.close()


def test_instances_are_released_when_they_are_not_needed_any_more():
    db = DB(Merging(), pool_size=2)
    opened = [db.open(transaction.TransactionManager()) for _ in range(4)]
    assert Merging.in_use == 4
    for connection in opened:
        connection.close()
    assert Merging.in_use == 2
    db.close()
    assert Merging.in_use == 0


def test_the_same_file_is_opened_again(tmp_path):
    for count in range(3):
        db = DB(FileStorage(str(tmp_path / "again.fs")))
        with db.transaction() as connection:
            assert len(connection.root()) == count
            connection.root()[count] = Item()
        db.close()


def test_a_read_only_storage_takes_no_changes(tmp_path):
    path = str(tmp_path / "data.fs")
    DB(FileStorage(path)).close()
    db = DB(FileStorage(path, read_only=True))
    connection = db.open(transaction.TransactionManager())
    assert connection.isReadOnly()
    with pytest.raises(errors.ReadOnlyError):
        connection.add(Item())
    connection.root.x = 1
    with pytest.raises(errors.ReadOnlyError):
        commit(connection)
    connection.transaction_manager.abort()
    assert not hasattr(connection.root, "x")
    db.close()
