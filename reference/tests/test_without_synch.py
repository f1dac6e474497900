"""Connections that the manager tells nothing of boundaries (edition of 2006-08-16)."""

import threading

import pytest
import transaction
from sample_objects import Item
from transaction.interfaces import TransactionFailedError
from zodb_reference import DB
from zodb_reference.errors import ConflictError, ReadConflictError
from zodb_reference.storages import MemoryStorage, SQLiteStorage


class Synchronized:
    """Counts how often it was asked to catch up."""

    count = 0

    def sync(self, *_):
        self.count += 1


class SynchronizedMemory(Synchronized, MemoryStorage):
    """In memory."""


class SynchronizedSQLite(Synchronized, SQLiteStorage):
    """In a file."""


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    """A storage of each kind."""
    if request.param == "memory":
        return SynchronizedMemory()
    return SynchronizedSQLite(tmp_path / "data.sqlite")


@pytest.fixture
def db(storage):
    """A database of the edition."""
    database = DB(storage, edition="2006-08-16")
    yield database
    database.close()


@pytest.fixture
def aside(db, item):
    """A connection without synch."""
    return db.open(transaction_manager=transaction.TransactionManager(), synch=False)


@pytest.fixture
def tm(aside):
    """The transaction manager of `aside`."""
    return aside.transaction_manager


@pytest.fixture
def same(aside):
    """The object `item` by the connection without synch, loaded."""
    same = aside.root()["item"]
    assert same.x == 1
    return same


def change(obj, x):
    """Commit a change."""
    obj.x = x
    obj._p_jar.transaction_manager.commit()


# Boundaries that are missed


def test_the_manager_does_not_know_of_it(tm):
    assert not tm.registeredSynchs()


@pytest.mark.parametrize("boundary", ["begin", "commit", "abort"])
def test_a_transaction_without_changes_is_no_boundary(item, same, tm, boundary):
    change(item, 2)
    getattr(tm, boundary)()
    assert same.x == 1
    same._p_deactivate()
    assert same.x == 1


def test_changes_through_another_connection_are_no_boundary(db, item, same, tm):
    change(item, 2)
    other = db.open(transaction_manager=tm)
    other.root()["more"] = Item()
    tm.commit()
    assert same.x == 1


def failing(tm):
    """Let the transaction of this manager fail."""

    class Refusing:
        def sortKey(self):  # noqa: N802
            return ""

        def tpc_begin(self, transaction):
            raise OSError("refused")

        def __getattr__(self, name):
            return lambda transaction: None

    tm.get().join(Refusing())
    with pytest.raises(OSError, match="refused"):
        tm.commit()


def test_a_transaction_that_it_could_not_join_is_no_boundary(item, aside, same, tm):
    failing(tm)
    change(item, 2)
    with pytest.raises(TransactionFailedError):
        aside.root()["more"] = Item()
    tm.abort()
    assert same.x == 1


def test_a_savepoint_is_no_boundary(item, aside, same, tm):
    change(item, 2)
    savepoint = tm.savepoint()
    aside.root()["more"] = Item()
    tm.savepoint()
    assert same.x == 1
    savepoint.rollback()
    assert same.x == 1
    assert list(aside.root()) == ["item"]


# Boundaries that it passes


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_the_end_of_a_transaction_with_changes_is_a_boundary(item, aside, same, tm, storage, end):
    aside.root()["more"] = Item()
    change(item, 2)
    assert same.x == 1
    storage.count = 0
    getattr(tm, end)()
    assert same.x == 2
    assert storage.count == 1


def test_so_is_it_each_time(item, aside, same, tm):
    for x in range(2, 6):
        aside.root()["more"] = x
        change(item, x)
        tm.commit()
        assert same.x == x
        change(item, -x)
        tm.commit()
        assert same.x == x


def test_the_end_of_a_commit_that_fails_is_a_boundary(item, same, tm):
    same.x = 3
    change(item, 2)
    with pytest.raises(ConflictError):
        tm.commit()
    with pytest.raises(TransactionFailedError):
        tm.commit()
    tm.abort()
    assert same.x == 2
    change(same, 4)


def test_an_opening_is_a_boundary(db, item, aside, same, tm):
    aside.close()
    change(item, 2)
    assert db.open(transaction_manager=tm, synch=False) is aside
    assert same.x == 2


def test_an_opening_is_a_boundary_in_explicit_mode(db, item):
    manager = transaction.TransactionManager(explicit=True)
    aside = db.open(transaction_manager=manager, synch=False)
    assert aside.root()["item"].x == 1
    manager.begin()
    change(item, 2)
    assert aside.root()["item"].x == 1
    aside.root()["more"] = Item()
    manager.commit()
    assert aside.root()["item"].x == 2


def test_sync_is_a_boundary(item, aside, same, tm, storage):
    change(item, 2)
    storage.count = 0
    aside.sync()
    assert same.x == 2
    assert storage.count == 1


def test_sync_reduces_the_cache_to_its_size(db, aside):
    aside.root()["items"] = items = [Item() for _ in range(20)]
    for item in items:
        item.x = 1
    aside.transaction_manager.commit()
    db.setCacheSize(5)
    for item in items:
        _ = item.x
    aside.sync()
    assert sum(item._p_changed is not None for item in items) <= 5


def test_sync_aborts(item, aside, same, tm):
    same.x = 3
    change(item, 2)
    aside.sync()
    assert same.x == 2
    tm.commit()
    assert item.x == 2


def test_the_end_is_a_boundary_also_where_a_rollback_has_let_it_leave(item, aside, same, tm):
    savepoint = tm.savepoint()
    aside.root()["more"] = Item()
    change(item, 2)
    savepoint.rollback()
    assert same.x == 1
    tm.commit()
    assert same.x == 2


def test_so_is_it_where_it_could_not_join_again(item, aside, same, tm):
    savepoint = tm.savepoint()
    aside.root()["more"] = Item()
    savepoint.rollback()
    failing(tm)
    with pytest.raises(TransactionFailedError):
        aside.root()["more"] = Item()
    change(item, 2)
    tm.abort()
    assert same.x == 2


def test_a_transaction_that_it_has_left_says_nothing_to_its_next_user(db, item, aside, same, tm):
    savepoint = tm.savepoint()
    aside.root()["more"] = Item()
    savepoint.rollback()
    aside.close()
    manager = transaction.TransactionManager()
    assert db.open(transaction_manager=manager, synch=False) is aside
    change(item, 2)
    tm.commit()
    assert same.x == 1


# Options of one opening


def test_synch_is_an_option_of_one_opening(db, item, aside, same, tm):
    aside.close()
    assert db.open(transaction_manager=tm) is aside
    change(item, 2)
    tm.begin()
    assert same.x == 2
    aside.close()
    assert not tm.registeredSynchs()


def test_the_whole_group_is_without_synch():
    databases = {}
    first, second = (
        DB(databases=databases, database_name=name, edition="2006-08-16") for name in "12"
    )
    writer = second.open(transaction_manager=transaction.TransactionManager())
    writer.root()["item"] = item = Item()
    change_by(writer, item, 1)
    manager = transaction.TransactionManager()
    primary = first.open(transaction_manager=manager, synch=False)
    secondary = primary.get_connection("2")
    same = secondary.root()["item"]
    assert same.x == 1
    change(item, 2)
    manager.begin()
    primary.root()["a"] = 1
    manager.commit()
    assert same.x == 1
    secondary.root()["a"] = 1
    manager.commit()
    assert same.x == 2
    for db in first, second:
        db.close()


def change_by(connection, obj, x):
    """Commit a new object."""
    obj.x = x
    connection.transaction_manager.commit()


def test_without_mvcc_a_read_conflict_is_a_change_at_whose_end_it_moves(db, item):
    manager = transaction.TransactionManager()
    aside = db.open(mvcc=False, transaction_manager=manager, synch=False)
    same = aside.root()["item"]
    change(item, 2)
    manager.begin()
    with pytest.raises(ReadConflictError):
        _ = same.x
    with pytest.raises(ReadConflictError):
        manager.commit()
    manager.abort()
    assert same.x == 2
    savepoint = manager.savepoint()
    same._p_deactivate()
    change(item, 3)
    with pytest.raises(ReadConflictError):
        _ = same.x
    savepoint.rollback()
    with pytest.raises(ReadConflictError):
        manager.commit()
    manager.abort()
    assert same.x == 3


# Threads


def in_a_thread(function):
    """Call a function in a thread of its own, and return its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    assert results, "the thread has failed"
    return results[0]


def test_a_thread_commits_what_it_changes_through_a_connection_that_another_has_opened(db, item):
    aside = db.open(synch=False)

    def work():
        aside.root()["by"] = "thread"
        transaction.commit()
        return True

    assert in_a_thread(work)
    item._p_jar.sync()
    assert item._p_jar.root()["by"] == "thread"
    aside.root()["by"] = "main"
    transaction.commit()
    item._p_jar.sync()
    assert item._p_jar.root()["by"] == "main"
    in_a_thread(lambda: aside.close() or True)


# What the program asks to be checked


def test_what_was_marked_as_read_is_checked_with_the_changes_of_this_transaction(
    item, aside, same, tm
):
    aside.readCurrent(same)
    aside.root()["more"] = Item()
    change(item, 2)
    with pytest.raises(ReadConflictError):
        tm.commit()
    tm.abort()
    aside.root()["more"] = Item()
    tm.commit()


def test_a_transaction_in_which_something_was_marked_only_is_no_boundary(item, aside, same, tm):
    aside.readCurrent(same)
    change(item, 2)
    tm.commit()
    assert same.x == 1


def test_what_was_marked_in_an_earlier_transaction_is_not_checked(item, aside, same, tm):
    aside.readCurrent(same)
    tm.commit()
    change(item, 2)
    tm.begin()
    aside.root()["more"] = Item()
    tm.commit()


def test_what_was_marked_is_checked_where_another_of_the_group_has_changes():
    databases = {}
    first, second = (
        DB(databases=databases, database_name=name, edition="2006-08-16") for name in "12"
    )
    writer = second.open(transaction_manager=transaction.TransactionManager())
    writer.root()["item"] = item = Item()
    change_by(writer, item, 1)
    manager = transaction.TransactionManager()
    primary = first.open(transaction_manager=manager, synch=False)
    secondary = primary.get_connection("2")
    secondary.readCurrent(secondary.root()["item"])
    primary.root()["a"] = 1
    change(item, 2)
    with pytest.raises(ReadConflictError):
        manager.commit()
    manager.abort()
    for db in first, second:
        db.close()
