import contextlib

import pytest
import transaction
from BTrees.OOBTree import OOBTree
from persistent import Persistent
from persistent.interfaces import IPersistentDataManager
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from sample_objects import Item
from transaction.interfaces import (
    IDataManager,
    ISynchronizer,
    NoTransaction,
    TransactionFailedError,
)
from zodb_reference import DB, errors
from zodb_reference.oids import p64, z64
from zope.interface.verify import verifyObject


@pytest.mark.parametrize("interface", [IDataManager, IPersistentDataManager, ISynchronizer])
def test_a_connection_provides_what_its_partners_expect(connection, interface):
    assert verifyObject(interface, connection)


# Objects and their oids


def test_the_root_is_a_mapping_with_the_oid_of_zeros(connection):
    assert type(connection.root()) is PersistentMapping
    assert connection.root()._p_oid == z64
    assert connection.get(z64) is connection[z64] is connection.root()


def test_add_gives_an_object_its_oid_at_once(connection, manager, other):
    added = Item()
    added.x = 1
    connection.add(added)
    assert added._p_jar is connection
    assert added._p_serial == z64
    assert connection.get(added._p_oid) is added
    manager.commit()
    other.sync()
    assert other.get(added._p_oid).x == 1


def test_add_gives_every_object_another_oid(connection):
    items = [Item() for _ in range(100)]
    for item in items:
        connection.add(item)
    assert len({item._p_oid for item in items}) == 100


def test_adding_an_object_again_does_nothing(connection, manager, item):
    oid = item._p_oid
    connection.add(item)
    assert (item._p_oid, item._p_changed) == (oid, False)
    connection.close()  # nothing was joined
    added = Item()
    added_to = connection.db().open(manager)
    added_to.add(added)
    oid = added._p_oid
    added_to.add(added)
    assert added._p_oid == oid


def test_an_object_of_another_connection_cannot_be_added(connection, other, item):
    with pytest.raises(errors.InvalidObjectReference, match="belongs to"):
        other.add(item)
    assert item._p_jar is connection
    with DB().transaction() as elsewhere, pytest.raises(errors.InvalidObjectReference):
        elsewhere.add(item)


def test_an_object_with_an_oid_of_unknown_origin_cannot_be_added(connection):
    item = Item()
    item._p_oid = p64(77)
    with pytest.raises(errors.InvalidObjectReference, match="belongs to None"):
        connection.add(item)
    assert (item._p_oid, item._p_jar) == (p64(77), None)


@pytest.mark.parametrize(
    "value",
    [1, {}, Item, object(), WeakRef(Item())],
    ids=["number", "dict", "class", "object", "weak reference"],
)
def test_only_persistent_objects_can_be_added(connection, value):
    with pytest.raises(TypeError, match="not persistent"):
        connection.add(value)


def test_an_object_that_cannot_be_added_is_not_touched(connection, manager, monkeypatch):
    item = Item()
    connection.close()
    with pytest.raises(errors.ConnectionStateError):
        connection.add(item)
    assert (item._p_oid, item._p_jar) == (None, None)

    reopened = connection.db().open(manager)
    monkeypatch.setattr(manager, "get", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reopened.add(item)
    assert (item._p_oid, item._p_jar) == (None, None)
    reopened.close()


def test_an_aborted_addition_makes_the_object_unsaved_again(connection, manager, other):
    item = Item()
    item.x = 1
    connection.add(item)
    oid = item._p_oid
    manager.abort()
    assert (item._p_oid, item._p_jar, item._p_changed, item.x) == (None, None, False, 1)
    with pytest.raises(errors.POSKeyError):
        connection.get(oid)
    other.add(item)
    assert item._p_jar is other
    assert item._p_oid != oid


def test_a_jar_assigned_by_hand_is_refused_at_the_first_change(connection):
    item = Item()
    item._p_jar = connection
    with pytest.raises(ValueError, match="add"):
        item.x = 1
    assert not hasattr(item, "x")


def test_get_returns_a_ghost_made_from_the_class_part(db, item, monkeypatch):
    def refuse(self, state):
        raise AssertionError("the state is not needed")

    monkeypatch.setattr(Item, "__setstate__", refuse)
    with db.transaction() as another:
        ghost = another.get(item._p_oid)
        assert type(ghost) is Item
        assert ghost._p_changed is None
        assert ghost._p_jar is another


def test_one_oid_is_one_object(connection, item, other):
    other.sync()
    assert connection.get(item._p_oid) is connection.root.item is item
    loaded = other.get(item._p_oid)
    assert loaded is other.root.item
    assert loaded is not item


def test_an_unknown_oid_is_a_missing_key(connection):
    with pytest.raises(errors.POSKeyError) as caught:
        connection.get(p64(12345))
    assert isinstance(caught.value, KeyError)
    assert str(caught.value) == "0x3039"


@pytest.mark.parametrize("oid", [None, 0, "\0" * 8])
def test_an_oid_must_be_bytes(connection, oid):
    with pytest.raises(TypeError, match="eight bytes"):
        connection.get(oid)


def test_a_weak_reference_finds_its_object_in_the_connection_that_loaded_it(
    connection, manager, item, other
):
    connection.root.weak = WeakRef(item)
    manager.commit()
    other.sync()
    assert other.root.weak() is other.root.item


def test_oldstate_is_the_state_of_an_earlier_transaction(connection, manager, item):
    first = item._p_serial
    item.x = 2
    manager.commit()
    assert connection.oldstate(item, first) == {"x": 1}
    assert connection.oldstate(item, item._p_serial) == {"x": 2}
    with pytest.raises(errors.POSKeyError):
        connection.oldstate(item, p64(1))


def test_transfers_are_counted(connection, manager, item):
    connection.getTransferCounts(clear=True)
    connection.cacheMinimize()
    assert connection.root.item.x == 1
    item.x = 2
    manager.commit()
    assert connection.getTransferCounts() == (2, 1)
    assert connection.getTransferCounts(clear=True) == (2, 1)
    assert connection.getTransferCounts() == (0, 0)


def test_the_cache_is_minimized_except_for_changes(connection, manager, item):
    changed = connection.root.changed = Item()
    manager.commit()
    changed.x = 2
    connection.cacheMinimize()
    assert item._p_changed is None
    assert changed._p_changed is True


def test_the_cache_may_be_limited_by_the_size_of_the_records(manager):
    db = DB(cache_size_bytes=50_000)
    connection = db.open(manager)
    connection.root.items = items = [Item() for _ in range(100)]
    for item in items:
        item.text = "x" * 5000
    manager.commit()
    cache = connection.objects.cache
    assert 1 < cache.cache_non_ghost_count < 20
    for item in items:
        item._p_activate()
    assert cache.total_estimated_size > 500_000
    connection.cacheGC()
    assert 1 < cache.cache_non_ghost_count < 20
    db.close()


def test_the_cache_is_reduced_to_its_size(manager):
    db = DB(cache_size=10)
    connection = db.open(manager)
    connection.root.items = [Item() for _ in range(100)]
    manager.commit()
    assert connection.objects.cache.cache_non_ghost_count <= 10
    for item in connection.root.items:
        item._p_activate()
    assert connection.objects.cache.cache_non_ghost_count == 101
    connection.cacheGC()
    assert connection.objects.cache.cache_non_ghost_count <= 10
    db.close()


# Transactions


def test_reading_does_not_join_a_transaction(connection, manager, item):
    connection.cacheMinimize()
    assert connection.root.item.x == 1
    connection.close()


def test_a_connection_joins_a_transaction_once(connection, manager, item):
    item.x = 2
    connection.root.y = 1
    connection.add(Item())
    assert manager.get()._resources == [connection]


def test_the_sort_key_is_that_of_the_storage_and_of_the_connection(db, connection, other):
    keys = connection.sortKey(), other.sortKey()
    assert all(key.startswith(f"{db.storage.sortKey()}:") for key in keys)
    assert len(set(keys)) == 2


def test_aborting_makes_changed_objects_load_again(connection, manager, item):
    item.x = 2
    manager.abort()
    assert item._p_changed is None
    assert item.x == 1


def test_sync_aborts_and_shows_the_newest_state(connection, manager, item, other):
    other.sync()
    other.root.item.x = 2
    other.transaction_manager.commit()
    item.x = 3
    connection.sync()
    assert item.x == 2


@pytest.mark.parametrize("begun", [True, False])
def test_sync_begins_a_transaction_in_explicit_mode_too(db, item, begun):
    manager = transaction.TransactionManager(explicit=True)
    connection = db.open(manager)
    if begun:
        manager.begin()
    item.x = 2
    item._p_jar.transaction_manager.commit()
    connection.sync()
    assert connection.root.item.x == 2


def test_explicit_mode_begins_nothing_by_itself(db, item):
    manager = transaction.TransactionManager(explicit=True)
    connection = db.open(manager)
    with pytest.raises(errors.ConnectionStateError, match="begin"):
        _ = connection.root.item.x
    manager.begin()
    loaded = connection.root.item
    assert loaded.x == 1
    manager.commit()
    with pytest.raises(NoTransaction):
        loaded.x = 2
    assert loaded.x == 1


def test_after_a_commit_in_explicit_mode_the_committed_state_is_shown(db, item):
    manager = transaction.TransactionManager(explicit=True)
    connection = db.open(manager)
    manager.begin()
    connection.root.item.x = 2
    manager.commit()
    connection.cacheMinimize()
    assert connection.root.item.x == 2
    manager.begin()
    assert connection.root.item.x == 2


def test_opening_in_the_middle_of_a_transaction_shows_the_newest_state(db, item):
    manager = transaction.TransactionManager(explicit=True)
    manager.begin()
    item.x = 2
    item._p_jar.transaction_manager.commit()
    assert db.open(manager).root.item.x == 2


def test_a_doomed_transaction_stores_nothing(connection, manager, item, other):
    manager.doom()
    item.x = 2
    with pytest.raises(transaction.interfaces.DoomedTransaction):
        manager.commit()
    manager.abort()
    other.sync()
    assert item.x == other.root.item.x == 1


def test_without_savepoints_an_optimistic_one_lets_the_commit_go_on(connection, manager, item):
    item.x = 2
    manager.savepoint(optimistic=True)
    item.y = 3
    manager.commit()
    item._p_deactivate()
    assert (item.x, item.y) == (2, 3)


def test_an_object_of_another_jar_cannot_be_registered(connection, other):
    with pytest.raises(ValueError, match="not an object of"):
        connection.register(other.root())


# Containers that change before they register


def fail():
    raise ZeroDivisionError


def test_a_container_whose_change_is_refused_shows_its_record_again(
    connection, manager, participate
):
    root = connection.root()
    root["mapping"], root["list"] = PersistentMapping(a=1), PersistentList([1])
    manager.commit()
    mapping, numbers = root["mapping"], root["list"]
    participate(commit=fail)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    with pytest.raises(TransactionFailedError):
        mapping["a"] = 2
    with pytest.raises(TransactionFailedError):
        numbers.append(2)
    assert (dict(mapping), list(numbers)) == ({"a": 1}, [1])


def test_a_container_that_has_no_record_yet_keeps_what_it_holds(connection, manager, participate):
    mapping = PersistentMapping(a=1)
    connection.add(mapping)
    participate(commit=fail)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    with contextlib.suppress(TransactionFailedError):
        mapping["b"] = 2
    manager.abort()
    assert mapping["a"] == 1


@pytest.mark.parametrize("new", [True, False])
def test_a_container_that_is_changed_after_the_vote_shows_what_was_stored(
    connection, manager, participate, new
):
    def change():
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            mapping["late"] = 1

    connection.root.mapping = mapping = PersistentMapping(a=1)
    if not new:
        manager.commit()
        mapping["a"] = 2
    participate(tpc_finish=change)
    manager.commit()
    assert dict(mapping) == {"a": 1 if new else 2}


class Bag(Persistent):
    """Tells of a change after it has made it."""

    def __init__(self):
        self.content = []

    def add(self, thing):
        self.content.append(thing)
        self._p_changed = True

    def __iter__(self):
        return iter(self.content)


class Tree(OOBTree):
    def add(self, thing):
        self[thing] = 1


@pytest.fixture(params=[Bag, Tree])
def late(request, connection, manager):
    """A collection that changes first and registers then, loaded, with "kept" in it."""
    connection.root.late = late = request.param()
    late.add("kept")
    manager.commit()
    return late


def assert_only_kept(connection, manager, late):
    late.add("more")
    manager.commit()
    connection.cacheMinimize()
    assert sorted(late) == ["kept", "more"]


def test_a_late_change_of_a_closed_connection_is_not_stored_by_the_next_user(
    db, connection, manager, late
):
    connection.close()
    with pytest.raises(errors.ConnectionStateError, match="closed"):
        late.add("refused")
    assert db.open(manager) is connection
    assert_only_kept(connection, manager, late)


@pytest.mark.parametrize("new", [True, False])
def test_a_late_change_after_the_vote_is_not_stored_by_the_next_transaction(
    connection, manager, participate, late, new
):
    def change():
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            late.add("refused")

    if new:
        late = connection.root.late = type(late)()
        late.add("kept")
    connection.root.x = 1
    participate(tpc_finish=change)
    manager.commit()
    assert_only_kept(connection, manager, late)


def test_a_late_change_in_a_failed_transaction_is_not_stored_by_the_next_one(
    connection, manager, participate, late
):
    participate(commit=fail)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    with pytest.raises(TransactionFailedError):
        late.add("refused")
    manager.abort()
    assert_only_kept(connection, manager, late)
