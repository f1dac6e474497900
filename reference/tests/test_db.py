import gc
import logging

import pytest
import transaction
from damaged_storage import Damaged
from persistent.mapping import PersistentMapping
from sample_objects import Item
from ZODB.FileStorage import FileStorage
from zodb_reference import DB, errors
from zodb_reference.oids import z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage


def test_a_database_without_a_storage_keeps_its_objects_in_memory():
    db = DB()
    assert isinstance(db.storage, MemoryStorage)
    db.close()


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["text", "path"])
def test_a_database_with_a_path_keeps_its_objects_in_a_file(tmp_path, kind):
    path = kind(tmp_path / "test.sqlite")
    db = DB(path)
    assert isinstance(db.storage, SQLiteStorage)
    with db.transaction() as connection:
        connection.root.x = 1
    db.close()
    db = DB(path)
    with db.transaction() as connection:
        assert connection.root.x == 1
    db.close()


def test_a_database_uses_the_storage_that_it_is_given_even_if_it_is_empty():
    storage = MemoryStorage()
    assert len(storage) == 0
    db = DB(storage)
    assert db.storage is storage
    db.close()


@pytest.mark.parametrize("thing", [b"test.sqlite", 42])
def test_what_is_no_storage_and_no_path_is_refused(thing):
    with pytest.raises(TypeError, match="neither a storage, nor a path"):
        DB(thing)


def test_the_root_is_created_with_the_database(db):
    assert db.storage.history(z64)[0]["description"] == b"initial database creation"
    assert db.objectCount() == 1


def test_the_root_is_created_once():
    storage = MemoryStorage()
    first = DB(storage)
    with first.transaction() as connection:
        connection.root.x = 1
    last = storage.lastTransaction()
    second = DB(storage)
    assert storage.lastTransaction() == last
    with second.transaction() as connection:
        assert connection.root.x == 1


@pytest.mark.parametrize("kind", ["memory", "sqlite", "zodb"])
def test_the_root_is_created_again_where_its_creation_was_undone(kind, tmp_path):
    storage = {
        "memory": MemoryStorage,
        "sqlite": lambda: SQLiteStorage(tmp_path / "test.sqlite"),
        "zodb": lambda: FileStorage(str(tmp_path / "test.fs")),
    }[kind]()
    db = DB(storage)
    manager = transaction.TransactionManager()
    db.undo(db.undoLog()[-1]["id"], manager.get())
    manager.commit()
    again = DB(storage)
    with again.transaction() as connection:
        connection.root.x = 1
    with again.transaction() as connection:
        assert connection.root.x == 1
    again.close()


@pytest.mark.parametrize("moment", ["lastTransaction", "tpc_begin"])
def test_two_users_of_a_storage_may_create_the_root_at_once(monkeypatch, moment):
    """The other one comes in before this one has looked, or after that."""
    storage = MemoryStorage()
    call = getattr(storage, moment)

    def come_in(*args):
        last = storage.lastTransaction() if moment == "tpc_begin" else z64
        monkeypatch.undo()
        with DB(storage).transaction() as connection:
            connection.root.x = 1
        return last if moment == "lastTransaction" else call(*args)

    monkeypatch.setattr(storage, moment, come_in)
    with DB(storage).transaction() as connection:
        assert connection.root.x == 1


def test_where_the_root_cannot_be_created_there_is_no_database(monkeypatch):
    databases, given = {}, Damaged()
    with pytest.raises(errors.StorageError, match="damaged"):
        DB(given, databases=databases)
    assert databases == {}
    assert not given.closed  # it is the caller's

    made = []
    monkeypatch.setattr(
        "zodb_reference.db.MemoryStorage", lambda: made.append(Damaged()) or made[0]
    )
    with pytest.raises(errors.StorageError, match="damaged"):
        DB()
    assert made[0].closed


def test_a_database_enters_the_collection_under_its_name():
    databases = {}
    db = DB(databases=databases, database_name="main")
    assert db.databases is databases
    assert (databases, db.database_name) == ({"main": db}, "main")
    with pytest.raises(ValueError, match="'main'"):
        DB(databases=databases, database_name="main")
    assert databases == {"main": db}
    db.close()
    DB(databases=databases, database_name="main").close()


def test_a_database_alone_is_its_own_collection(db):
    assert db.databases == {"unnamed": db}


def test_an_edition_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="current"):
        DB(edition="2004-01-01")


@pytest.mark.parametrize("nonsense", [5, b"", object()])
def test_what_is_no_transaction_manager_is_refused(db, nonsense):
    connection = db.open(transaction.TransactionManager())
    connection.close()
    with pytest.raises(TypeError, match="no transaction manager"):
        db.open(nonsense)
    assert db.open(transaction.TransactionManager()) is connection


def test_figures_come_from_the_storage(db):
    assert db.lastTransaction() == db.storage.lastTransaction()
    assert db.getName() == db.storage.getName()
    assert db.getSize() == db.storage.getSize()
    assert db.getPoolSize() == 7
    assert db.new_oid() != db.new_oid()


# Blocks


def test_a_block_is_committed_where_it_ends(db):
    with db.transaction("a note") as connection:
        connection.root.x = 1
    assert connection.opened is None
    assert db.storage.history(z64)[0]["description"] == b"a note"
    with db.transaction() as connection:
        assert connection.root.x == 1


def test_a_block_that_raises_is_aborted(db):
    def block():
        with db.transaction() as connection:
            connection.root.x = 1
            used.append(connection)
            raise ZeroDivisionError

    used = []
    with pytest.raises(ZeroDivisionError):
        block()
    assert used[0].opened is None
    with db.transaction() as connection:
        assert not hasattr(connection.root, "x")


def test_a_block_whose_commit_fails_closes_its_connection(db):
    def block():
        with db.transaction() as connection:
            connection.root.item = item
            used.append(connection)
            with db.transaction() as another:
                another.root.item = 1

    item, used = Item(), []
    with pytest.raises(errors.ConflictError):
        block()
    assert used[0].opened is None
    assert item._p_jar is None


def test_a_block_has_a_transaction_of_its_own(db):
    with db.transaction() as connection:
        connection.root.x = 1
        transaction.abort()
        assert connection.transaction_manager is not transaction.manager.manager
    with db.transaction() as connection:
        assert connection.root.x == 1


# The pool


def test_the_connection_that_was_closed_last_is_opened_first(db):
    managers = [transaction.TransactionManager() for _ in range(3)]
    connections = [db.open(manager) for manager in managers]
    assert len(set(map(id, connections))) == 3
    for connection in connections:
        connection.close()
    assert [db.open(manager) for manager in managers] == connections[::-1]


def test_more_connections_than_expected_are_logged(caplog):
    db = DB(pool_size=2)
    opened = [db.open(transaction.TransactionManager()) for _ in range(6)]
    levels = [record.levelno for record in caplog.records]
    assert levels == [*[logging.WARNING] * 2, *[logging.CRITICAL] * 2]
    assert len(opened) == 6
    db.close()


def test_surplus_connections_are_discarded_the_oldest_first():
    db = DB(pool_size=2)
    managers = [transaction.TransactionManager() for _ in range(4)]
    connections = [db.open(manager) for manager in managers]
    for connection in connections:
        connection.close()
    reopened = [db.open(manager) for manager in managers]
    assert reopened[:2] == connections[:1:-1]
    assert not {*reopened[2:]} & {*connections}
    db.close()


def test_discarded_connections_do_not_count(caplog):
    db = DB(pool_size=2)
    opened = [db.open(transaction.TransactionManager()) for _ in range(4)]
    for connection in opened:
        connection.close()
    caplog.clear()
    reopened = [db.open(transaction.TransactionManager()) for _ in range(2)]
    assert {*reopened} < {*opened}
    assert caplog.records == []
    db.open(transaction.TransactionManager())
    assert len(caplog.records) == 1
    db.close()


def test_a_pool_of_no_size_keeps_nothing():
    db = DB(pool_size=0)
    connection = db.open(transaction.TransactionManager())
    connection.close()
    assert db.open(transaction.TransactionManager()) is not connection
    db.close()


def test_a_connection_that_is_dropped_does_not_count(caplog):
    db = DB(pool_size=2)
    for _ in range(5):
        db.open(transaction.TransactionManager())
        gc.collect()
    assert caplog.records == []
    db.close()


def test_minimizing_the_caches_reaches_every_connection(db, connection, manager, other):
    connection.root.x = PersistentMapping(y=1)
    manager.commit()
    other.sync()
    mappings = [connection.root.x, other.root.x]
    assert [mapping["y"] for mapping in mappings] == [1, 1]
    db.cacheMinimize()
    assert [mapping._p_changed for mapping in mappings] == [None, None]
