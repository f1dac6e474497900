"""What the connections and databases of the older editions do otherwise than today's."""

import threading

import pytest
import transaction
from sample_objects import Item
from several_databases import Collection
from zodb_reference import DB
from zodb_reference.errors import ConnectionStateError, POSKeyError, ReadConflictError, StorageError
from zodb_reference.oids import p64, u64
from zodb_reference.storages import MemoryStorage

BEFORE_CURRENT = ["2005-06-10", "2005-06-16", "2005-06-17", "2006-08-16"]


@pytest.fixture(params=BEFORE_CURRENT)
def edition(request):
    """An edition before today's."""
    return request.param


@pytest.fixture
def db(edition):
    """A database in memory."""
    database = DB(edition=edition)
    yield database
    database.close()


def change(obj, x):
    """Commit a change; return its tid."""
    obj.x = x
    obj._p_jar.transaction_manager.commit()
    return obj._p_serial


# Announced changes


@pytest.mark.parametrize("form", [set, list, dict.fromkeys])
def test_announced_changes_take_effect_at_the_next_boundary(connection, manager, item, form):
    _ = item.x
    connection.invalidate(item._p_serial, form([item._p_oid]))
    assert item._p_changed is False
    manager.begin()
    assert item._p_changed is None
    assert connection.root()._p_changed is False
    assert item.x == 1
    manager.begin()
    assert item._p_changed is False


def test_changes_are_announced_to_closed_connections_too(db, connection, item):
    _ = item.x
    connection.close()
    connection.invalidate(item._p_serial, {item._p_oid: 1})
    assert item._p_changed is False
    again = db.open(transaction_manager=transaction.TransactionManager())
    assert again is connection
    assert item._p_changed is None


def test_other_threads_may_announce_changes(connection, manager, item):
    arguments = item._p_serial, {item._p_oid}
    thread = threading.Thread(target=connection.invalidate, args=arguments)
    thread.start()
    thread.join()
    manager.begin()
    assert item._p_changed is None


def test_until_the_boundary_the_revision_from_before_is_read(connection, manager, item, other):
    same = other.root()["item"]
    second = change(item, 2)
    other.sync()
    other.invalidate(second, {item._p_oid})
    same._p_deactivate()
    assert same.x == 1
    other.transaction_manager.begin()
    assert same.x == 2


def test_an_announced_change_that_is_still_to_come_changes_nothing_yet(item, other):
    same = other.root()["item"]
    change(item, 2)
    other.invalidate(p64(u64(item._p_serial) + 10), {item._p_oid})
    same._p_deactivate()
    assert same.x == 1
    other.sync()
    assert same.x == 2


def test_where_the_revision_from_before_is_not_there_reading_is_a_conflict(connection, item):
    item._p_deactivate()
    connection.invalidate(item._p_serial, {item._p_oid})
    with pytest.raises(ReadConflictError, match="the revision from before is not there"):
        _ = item.x
    connection.sync()
    assert item.x == 1


@pytest.mark.parametrize(
    ("tid", "oids", "error"),
    [
        ("tid", {b"12345678"}, TypeError),
        (b"12345678", b"12345678", TypeError),
        (b"12345678", ["12345678"], TypeError),
        (b"12345678", None, TypeError),
        (b"1234", {b"12345678"}, ValueError),
        (b"12345678", {b"1234"}, ValueError),
    ],
)
def test_what_are_no_tid_and_oids_is_refused(connection, manager, item, tid, oids, error):
    with pytest.raises(error):
        connection.invalidate(tid, oids)
    manager.begin()
    assert item._p_changed is False


def test_today_the_storage_announces_changes():
    assert not hasattr(DB().open(transaction.TransactionManager()), "invalidate")


# What was created later


def test_an_object_that_was_created_later_is_delivered(connection, item, other):
    assert list(other.root()) == ["item"]
    connection.root()["new"] = new = Item()
    connection.add(new)
    change(new, 5)
    assert other.get(new._p_oid).x == 5
    assert list(other.root()) == ["item"]
    with pytest.raises(POSKeyError):
        other.get(b"no such!")


# A closed database


def test_connections_stay_open_over_a_closed_storage(db, connection, manager, item, other):
    _ = item.x
    same = other.root()["item"]
    db.close()
    assert connection.opened
    assert item.x == 1
    with pytest.raises(StorageError):
        _ = same.x
    manager.begin()
    assert item.x == 1
    item.x = 2
    with pytest.raises(ConnectionStateError, match="closed"):
        manager.commit()
    manager.abort()
    connection.close()
    assert connection.opened is None
    with pytest.raises(ConnectionStateError):
        db.open()
    db.close()


def test_changes_survive_the_close_of_their_database_until_the_transaction_ends(db, item, manager):
    item.x = 2
    db.close()
    assert item.x == 2
    manager.abort()
    assert item._p_changed is None


def test_a_closed_database_does_not_disturb_the_transactions_of_others(edition):
    manager = transaction.TransactionManager()
    closed, db = DB(edition=edition), DB(edition=edition)
    stale = closed.open(transaction_manager=manager)
    connection = db.open(transaction_manager=manager)
    closed.close()
    connection.root()["a"] = 1
    manager.commit()
    manager.begin()
    assert connection.root()["a"] == 1
    stale.close()
    db.close()


def test_a_closed_storage_is_not_asked_at_boundaries(edition):
    class Strict(MemoryStorage):
        closed = False

        def close(self):
            super().close()
            self.closed = True

        def lastTransaction(self):  # noqa: N802
            assert not self.closed
            return super().lastTransaction()

        def sync(self):
            assert not self.closed

    db = DB(Strict(), edition=edition)
    connection = db.open(transaction_manager=transaction.TransactionManager())
    connection.root()["a"] = 1
    db.close()
    connection.transaction_manager.begin()
    connection.transaction_manager.commit()
    connection.sync()
    connection.close()


def test_closed_connections_are_given_up_with_their_database(db, connection):
    released = []
    connection.release = lambda: released.append(connection)
    connection.close()
    assert not released
    db.close()
    assert released == [connection]


def test_the_name_of_a_closed_database_stays_taken(edition):
    with Collection(edition=edition) as collection:
        collection.add("1")
        closed = collection.add("2")
        one, two = collection.connect("1", "2")
        closed.close()
        assert collection.databases["2"] is closed
        with pytest.raises(ValueError, match="there is a database with the name '2'"):
            collection.add("2")
        assert two.opened
        assert one.get_connection("2") is two
        (separate,) = collection.connect("1")
        with pytest.raises(ConnectionStateError, match="closed"):
            separate.get_connection("2")
        one.root.x = 1
        one.transaction_manager.commit()
