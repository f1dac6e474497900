"""Connections that read current revisions only (edition of 2006-08-16)."""

import gc

import pytest
import transaction
from persistent import Persistent
from sample_objects import Hooked, Item
from transaction.interfaces import TransactionFailedError
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from zodb_reference import DB
from zodb_reference.errors import ConflictError, POSKeyError, ReadConflictError
from zodb_reference.persistentclass import PersistentMetaClass


class Independent(Persistent):
    """May be read in whatever revision there is, if `answer` says so."""

    answer = True

    def _p_independent(self):
        return self.answer


STORAGES = {
    "memory": lambda _: None,
    "sqlite": lambda path: path / "data.sqlite",
    "ZODB, in memory": lambda _: MappingStorage(),
    "ZODB, in a file": lambda path: FileStorage(str(path / "Data.fs")),
    "ZODB, with snapshots": lambda _: MVCCMappingStorage(),
}


@pytest.fixture(params=STORAGES)
def db(request, tmp_path):
    """A database of the edition, over a storage of each kind."""
    database = DB(STORAGES[request.param](tmp_path), edition="2006-08-16")
    yield database
    database.close()


@pytest.fixture
def reader(db, item):
    """A connection without mvcc, which has read the root."""
    connection = db.open(mvcc=False, transaction_manager=transaction.TransactionManager())
    assert list(connection.root()) == ["item"]
    yield connection
    connection.transaction_manager.abort()
    connection.close()


@pytest.fixture
def tm(reader):
    """The transaction manager of the reader."""
    return reader.transaction_manager


@pytest.fixture
def same(reader):
    """The object `item` for the reader, not loaded yet."""
    return reader.root()["item"]


def stored(connection, name, x):
    """Store an object in the root, under this name and with this x."""
    connection.root()[name] = obj = Item()
    change(obj, x, connection)
    return obj


def change(obj, x, connection=None):
    """Commit a change."""
    obj.x = x
    (connection or obj._p_jar).transaction_manager.commit()


def test_what_has_not_changed_is_read(same):
    assert same.x == 1


def test_what_has_changed_since_the_transaction_began_is_not_read(item, same):
    change(item, 2)
    for _ in range(2):
        with pytest.raises(ReadConflictError):
            _ = same.x
    assert same._p_changed is None


def test_with_mvcc_the_revision_from_before_is_read_until_the_next_boundary(db, item):
    other = db.open(mvcc=True, transaction_manager=transaction.TransactionManager())
    same = other.root()["item"]
    change(item, 2)
    assert same.x == 1
    other.transaction_manager.begin()
    assert same.x == 2


def test_what_is_in_memory_can_be_read_on(item, same):
    assert same.x == 1
    change(item, 2)
    assert same.x == 1


def test_the_next_transaction_reads_what_has_changed(item, same, tm):
    change(item, 2)
    tm.begin()
    assert same.x == 2


def test_a_swallowed_read_conflict_fails_the_commit(item, same, reader, tm):
    change(item, 2)
    reader.root()["more"] = Item()
    with pytest.raises(ReadConflictError):
        _ = same.x
    with pytest.raises(ReadConflictError) as caught:
        tm.commit()
    assert caught.value.oid == item._p_oid
    for _ in range(2):
        with pytest.raises(TransactionFailedError):
            tm.commit()
    tm.abort()
    assert list(reader.root()) == ["item"]
    assert same.x == 2
    reader.root()["more"] = Item()
    tm.commit()


def test_a_swallowed_read_conflict_fails_the_commit_of_a_transaction_without_changes(
    item, same, tm
):
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    with pytest.raises(ReadConflictError):
        tm.commit()


def test_an_abort_clears_the_memory_of_a_read_conflict(item, same, reader, tm):
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    tm.abort()
    assert same.x == 2
    reader.root()["more"] = Item()
    tm.commit()


@pytest.mark.parametrize("joined", [True, False])
def test_no_savepoint_clears_the_memory_of_a_read_conflict(item, same, reader, tm, joined):
    change(item, 2)
    if joined:
        reader.root()["more"] = Item()
    savepoint = tm.savepoint()
    with pytest.raises(ReadConflictError):
        _ = same.x
    tm.savepoint()
    savepoint.rollback()
    with pytest.raises(ReadConflictError):
        tm.commit()
    tm.abort()
    assert same.x == 2


def test_a_swallowed_read_conflict_is_told_before_that_of_a_write(item, same, reader, tm):
    reader.root()["more"] = Item()
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    item._p_jar.root()["other"] = Item()
    change(item, 3)
    with pytest.raises(ReadConflictError):
        tm.commit()


def test_a_read_conflict_in_a_getstate_fails_the_commit(item, same, reader, tm):
    def read():
        with pytest.raises(ReadConflictError):
            _ = same.x

    reader.root()["hooked"] = hooked = Hooked()
    hooked._v_hook = read
    change(item, 2)
    with pytest.raises(ReadConflictError):
        tm.commit()
    tm.begin()
    assert list(reader.root()) == ["item"]


def test_a_read_conflict_in_a_transaction_that_has_failed_is_told_as_such(item, same, reader, tm):
    reader.root()["more"] = Item()
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    with pytest.raises(ReadConflictError):
        tm.commit()
    change(item, 3)
    same._p_deactivate()
    with pytest.raises(ReadConflictError):
        _ = same.x
    tm.abort()
    assert same.x == 3


def test_a_read_conflict_outside_of_transactions_fails_no_commit(db, item):
    manager = transaction.TransactionManager(explicit=True)
    reader = db.open(mvcc=False, transaction_manager=manager)
    manager.begin()
    same = reader.root()["item"]
    manager.commit()
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    manager.begin()
    assert same.x == 2
    manager.commit()


def test_a_stale_write_is_a_conflict_of_its_own(item, same, tm):
    same.x = 3
    change(item, 2)
    with pytest.raises(ConflictError) as caught:
        tm.commit()
    assert not isinstance(caught.value, ReadConflictError)


def test_own_changes_are_read_after_a_savepoint(item, same, tm):
    same.x = 3
    tm.savepoint()
    same._p_deactivate()
    change(item, 2)
    assert same.x == 3


def test_own_commits_are_read(same, tm):
    change(same, 2)
    same._p_deactivate()
    assert same.x == 2


def test_get_gives_a_ghost_whatever_has_changed(connection, reader):
    connection.add(item := Item())
    change(item, 1)
    reader.sync()
    change(item, 2)
    ghost = reader.get(item._p_oid)
    assert ghost._p_changed is None
    with pytest.raises(ReadConflictError):
        _ = ghost.x


def test_get_gives_nothing_where_anything_may_have_changed(connection, reader):
    connection.add(item := Item())
    change(item, 1)
    reader.sync()
    reader.invalidateCache()
    with pytest.raises(ReadConflictError):
        reader.get(item._p_oid)
    reader.sync()
    assert reader.get(item._p_oid).x == 1


def test_get_gives_what_only_a_savepoint_has(reader, tm):
    reader.add(new := Item())
    new.x, oid = 5, new._p_oid
    tm.savepoint()
    del new
    reader.cacheMinimize()
    gc.collect()
    assert reader.get(oid).x == 5


def test_what_was_announced_to_have_changed_is_not_read(item, same, reader, tm):
    reader.invalidate(item._p_serial, {item._p_oid})
    with pytest.raises(ReadConflictError):
        _ = same.x
    with pytest.raises(ReadConflictError):
        tm.commit()
    tm.abort()
    assert same.x == 1


def test_an_object_that_was_created_later_is_delivered(connection, item, reader):
    new = stored(connection, "more", 5)
    assert reader.get(new._p_oid).x == 5


def test_an_object_that_was_created_later_is_delivered_with_mvcc_too(db, connection, item, other):
    new = stored(connection, "more", 5)
    assert other.get(new._p_oid).x == 5
    with pytest.raises(POSKeyError):
        other.get(b"no such!")


@pytest.mark.parametrize("answer", [True, 1, False])
def test_an_independent_object_may_be_read(connection, item, db, monkeypatch, answer):
    connection.root()["independent"] = original = Independent()
    original.x = 1
    connection.transaction_manager.commit()
    monkeypatch.setattr(Independent, "answer", answer)
    reader = db.open(mvcc=False, transaction_manager=transaction.TransactionManager())
    cached, uncached = reader.root()["independent"], reader
    change(original, 2)
    if answer:
        assert cached.x == 2
        cached._p_deactivate()
        assert uncached.get(original._p_oid).x == 2
        reader.root()["more"] = Item()
        reader.transaction_manager.commit()
        assert cached.x == 2
    else:
        with pytest.raises(ReadConflictError):
            _ = cached.x
        with pytest.raises(ReadConflictError):
            reader.transaction_manager.commit()


def test_a_class_is_not_independent_because_its_instances_are(connection, db):
    klass = PersistentMetaClass("Klass", (Independent,), {})
    connection.add(klass)
    connection.transaction_manager.commit()
    reader = db.open(mvcc=False, transaction_manager=transaction.TransactionManager())
    assert list(reader.root()) == []
    klass.x = 2
    connection.transaction_manager.commit()
    with pytest.raises(ReadConflictError):
        reader.get(klass._p_oid)


def test_mvcc_is_an_option_of_one_opening(db, item, reader, tm):
    reader.close()
    again = db.open(transaction_manager=tm)
    assert again is reader
    same = again.root()["item"]
    same._p_deactivate()
    change(item, 2)
    assert same.x == 1


def test_the_whole_group_is_without_mvcc():
    databases = {}
    first, second = (
        DB(databases=databases, database_name=name, edition="2006-08-16") for name in "12"
    )
    writer = second.open(transaction_manager=transaction.TransactionManager())
    item = stored(writer, "item", 1)
    primary = first.open(mvcc=False, transaction_manager=transaction.TransactionManager())
    same = primary.get_connection("2").root()["item"]
    change(item, 2)
    with pytest.raises(ReadConflictError):
        _ = same.x
    primary.root()["a"] = 1
    with pytest.raises(ReadConflictError):
        primary.transaction_manager.commit()
    primary.transaction_manager.abort()
    primary.close()
    again = first.open(transaction_manager=transaction.TransactionManager())
    assert again is primary
    same._p_deactivate()
    change(item, 3)
    assert same.x == 2
    for db in first, second:
        db.close()


def test_a_commit_that_may_have_taken_place_counts_as_a_change_of_anything(same, reader):
    if not hasattr(reader._snapshot, "_shared"):
        pytest.skip("the storage itself knows what has changed")
    reader._snapshot._shared.invalidateCache()
    with pytest.raises(ReadConflictError):
        _ = same.x


@pytest.mark.parametrize("option", ["mvcc", "synch"])
def test_what_is_neither_true_nor_false_is_refused(db, option):
    with pytest.raises(TypeError, match=f"{option} is True or False"):
        db.open(**{option: transaction.TransactionManager()})
