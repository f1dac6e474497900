import gc
import pkgutil

import pytest
import transaction
import zodb_reference
from sample_objects import Item
from several_databases import Collection
from zodb_reference import DB, errors, resetCaches
from zodb_reference.oids import z64
from zodb_reference.storages import MemoryStorage


def reopen(connection):
    """Close a connection and open it again, with a manager of its own."""
    connection.close()
    db = connection.db()
    assert db.open(transaction.TransactionManager()) is connection


# Dropping caches


def test_caches_are_dropped_when_connections_are_opened_next(db, connection, item, other):
    resetCaches()
    assert connection.root.item is item
    reopen(connection)
    assert connection.root.item is not item
    assert connection.root.item.x == 1
    again = connection.root.item
    reopen(connection)
    assert connection.root.item is again


def test_all_databases_and_all_connections_of_a_group_are_reached():
    with Collection() as collection:
        for name in "12":
            collection.add(name)
        one, two = collection.connect("1", "2")
        roots = [each.root() for each in (one, two)]
        resetCaches()
        reopen(one)
        assert [each.root() is root for each, root in zip((one, two), roots, strict=True)] == [
            False,
            False,
        ]


def test_a_connection_that_is_made_later_has_nothing_to_drop(db):
    resetCaches()
    connection = db.open(transaction.TransactionManager())
    root = connection.root()
    reopen(connection)
    assert connection.root() is root


def test_objects_of_a_dropped_cache_cannot_be_changed(connection, manager, item):
    resetCaches()
    reopen(connection)
    with pytest.raises(errors.InvalidObjectReference, match="load the object again"):
        item.x = 2
    assert item.x == 1
    assert connection.joined is None
    connection.root.item.x = 2
    connection.transaction_manager.commit()
    with connection.db().transaction() as another:
        assert another.root.item.x == 2


def test_a_dropped_cache_leaves_its_size_to_the_new_one(db, connection):
    connection.root.many = [Item() for _ in range(10)]
    connection.transaction_manager.commit()
    db.setCacheSize(3)
    resetCaches()
    reopen(connection)
    for item in connection.root.many:
        item._p_activate()
    connection.cacheGC()
    assert sum(item._p_changed is not None for item in connection.root.many) <= 3


def test_what_is_no_longer_used_of_a_dropped_cache_goes_away(db, connection, item):
    before = db.cacheDetailSize()
    del item
    resetCaches()
    reopen(connection)
    gc.collect()
    assert [each["size"] for each in before] == [2]
    assert [each["size"] for each in db.cacheDetailSize()] == [0]


# Sizes


def test_the_cache_is_reduced_when_the_transaction_ends_and_when_it_is_closed(db):
    with db.transaction() as connection:
        connection.root.many = [Item() for _ in range(10)]
    db.setCacheSize(3)
    connection = db.open(transaction.TransactionManager())

    def active():
        return sum(item._p_changed is not None for item in items)

    items = [*connection.root.many]
    for end in (
        connection.transaction_manager.abort,
        connection.transaction_manager.commit,
        connection.sync,
        connection.close,
    ):
        for item in items:
            item._p_activate()
        assert active() == 10
        end()
        assert active() <= 3


def test_what_was_used_last_stays_in_the_cache(db):
    with db.transaction() as connection:
        connection.root.many = [Item() for _ in range(10)]
        for item in connection.root.many:
            item.x = 1
    db.setCacheSize(3)
    connection = db.open(transaction.TransactionManager())
    items = [*connection.root.many]
    for item in [*items, *items[:2]]:
        assert item.x == 1
    connection.cacheGC()
    assert [item._p_changed for item in items[:3]] == [False, False, None]


# Hints


@pytest.fixture
def hints(db):
    """What the storage is told to prefetch."""
    told = []
    db.storage.prefetch = lambda oids, before: told.append((list(oids), before))
    return told


def test_a_hint_names_objects_and_oids_in_any_nesting(connection, manager, item, hints):
    connection.root.other = other = Item()
    manager.commit()
    one, two = item._p_oid, other._p_oid
    connection.prefetch(one)
    connection.prefetch(item, two)
    connection.prefetch([item, (two, z64)], iter([one]))
    connection.prefetch()
    assert [oids for oids, _ in hints] == [[one], [one, two], [one, two, z64, one], []]
    assert {before > connection.db().lastTransaction() for _, before in hints} == {True}


def test_a_hint_leaves_out_what_is_not_of_the_connection(connection, other, item, hints):
    other.sync()
    connection.prefetch(Item(), other.root.item, item)
    assert [oids for oids, _ in hints] == [[item._p_oid]]


def test_a_hint_changes_no_result(connection, item):
    item._p_deactivate()
    counts = connection.getTransferCounts()
    connection.prefetch(item, z64, b"\xff" * 8)
    assert item._p_changed is None
    assert connection.getTransferCounts() == counts
    assert item.x == 1


@pytest.mark.parametrize("nonsense", ["abc", 1, None, [1], object()])
def test_a_hint_is_of_objects(connection, nonsense):
    with pytest.raises(TypeError, match="neither an oid nor a persistent object"):
        connection.prefetch(nonsense)


def test_a_closed_connection_takes_no_hints(connection):
    connection.close()
    with pytest.raises(errors.ConnectionStateError):
        connection.prefetch(z64)


def test_a_hint_before_a_transaction_is_for_nothing(db, hints):
    db.setPoolSize(0)  # none that was used before
    db.open(transaction.TransactionManager(explicit=True)).prefetch(z64)
    db.open(transaction.TransactionManager(), at=db.lastTransaction()).prefetch(z64)
    assert hints == []


# Earlier states


def test_an_earlier_state_can_be_read_from_a_closed_connection(connection, manager, item):
    first = item._p_serial
    item.x = 2
    manager.commit()
    connection.close()
    assert connection.oldstate(item, first) == {"x": 1}
    assert connection.oldstate(item, item._p_serial) == {"x": 2}


@pytest.mark.parametrize("is_pending", [False, True])
def test_an_earlier_state_changes_nothing(connection, manager, item, is_pending):
    first = item._p_serial
    item.x = 2
    if is_pending:
        manager.savepoint()
        item.x = 3
    state = connection.oldstate(item, first)
    state["x"] = 99
    assert connection.oldstate(item, first) == {"x": 1}
    assert item.x == (3 if is_pending else 2)
    manager.commit()


def test_there_is_no_earlier_state_of_what_was_not_written(connection, manager, item):
    connection.add(new := Item())
    for obj, tid in ((item, z64), (item, b"\x7f" * 8), (new, item._p_serial)):
        with pytest.raises(errors.POSKeyError):
            connection.oldstate(obj, tid)
    manager.savepoint()
    with pytest.raises(errors.POSKeyError):
        connection.oldstate(new, z64)
    manager.abort()


def test_an_earlier_state_is_of_an_object_of_the_connection(connection, other, item):
    for obj in (Item(), other.root()):
        with pytest.raises(errors.InvalidObjectReference, match="call its oldstate instead"):
            connection.oldstate(obj, item._p_serial)


# Stale handles


def test_to_close_a_connection_that_somebody_else_has_by_now_closes_that(db, connection, other):
    manager = transaction.TransactionManager()
    connection.close()
    assert db.open(manager) is connection
    connection.close()
    assert connection.opened is None
    assert not manager.registeredSynchs()
    assert other.opened is not None


def test_a_connection_that_somebody_else_has_changed_by_now_is_not_closed(db, connection, item):
    manager = transaction.TransactionManager()
    connection.close()
    assert db.open(manager) is connection
    item.x = 2
    with pytest.raises(errors.ConnectionStateError):
        connection.close()
    manager.commit()
    assert item.x == 2


def test_who_opens_next_has_no_callbacks_nor_information_of_the_last_one(connection):
    calls = []
    connection.setDebugInfo("mine")
    connection.onCloseCallback(lambda: calls.append(1))
    reopen(connection)
    assert connection.getDebugInfo() == ()
    connection.close()
    assert calls == [1]


# A database and a connection in one


@pytest.mark.parametrize("opens", [zodb_reference.connection, lambda *a, **k: one_of(DB(*a, **k))])
def test_a_database_may_be_closed_with_its_connection(opens):
    storage = MemoryStorage()
    connection = opens(storage, database_name="short")
    assert connection.transaction_manager is transaction.manager.manager
    connection.root.x = 1
    db = connection.db()
    assert db.database_name == "short"
    with pytest.raises(errors.ConnectionStateError):
        connection.close()
    assert db.is_open()
    transaction.commit()
    connection.close()
    assert not db.is_open()
    assert connection.opened is None
    with pytest.raises(errors.StorageError):
        storage.load(z64)
    connection.close()


def one_of(db):
    return db.open_then_close_db_when_connection_closes()


def test_no_name_of_the_package_hides_a_module():
    modules = {each.name for each in pkgutil.iter_modules(zodb_reference.__path__)}
    assert "connections" in modules
    assert not modules.intersection(zodb_reference.__all__)
