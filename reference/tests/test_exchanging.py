import pytest
import transaction
from sample_objects import Item
from zodb_reference import DB, errors


@pytest.fixture
def new():
    """An unsaved object, with x = "new"."""
    obj = Item()
    obj.x = "new"
    return obj


def in_another(connection):
    """The item as a new connection loads it."""
    with connection.db().transaction() as another:
        item = another.root.item
        item._p_activate()
        return item


def test_the_new_object_takes_the_place_of_the_old_one(connection, manager, item, new):
    oid, serial = item._p_oid, item._p_serial
    connection.exchange(item, new)
    assert (new._p_oid, new._p_jar, new._p_changed) == (oid, connection, True)
    assert new._p_serial == serial
    assert connection.get(oid) is new
    manager.commit()
    assert connection.get(oid) is new
    assert new._p_serial == connection.db().lastTransaction()
    assert in_another(connection).x == "new"


def test_references_in_memory_are_stored_as_references_to_the_oid(connection, manager, item, new):
    connection.exchange(item, new)
    connection.root.other = 1
    assert connection.root()["item"] is item
    manager.commit()
    assert in_another(connection).x == "new"
    connection.root()._p_deactivate()
    assert connection.root.item is new
    assert connection.db().objectCount() == 2


def test_changes_of_the_old_object_are_not_stored(connection, manager, item, new):
    item.x = 2
    connection.exchange(item, new)
    with pytest.raises(errors.InvalidObjectReference, match="not the object of this oid any more"):
        item.x = 3
    manager.commit()
    assert in_another(connection).x == "new"
    with pytest.raises(errors.InvalidObjectReference):
        item.x = 4


def test_a_ghost_can_be_exchanged_and_is_not_loaded_for_that(connection, manager, item, new):
    serial = item._p_serial
    item._p_deactivate()
    connection.exchange(item, new)
    assert item._p_changed is None
    assert new._p_serial == serial
    manager.commit()
    assert in_another(connection).x == "new"


def test_a_conflict_is_found(connection, other, item, new):
    connection.exchange(item, new)
    other.sync()
    other.root.item.x = 2
    other.transaction_manager.commit()
    with pytest.raises(errors.ConflictError):
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()
    assert connection.root.item.x == 2


def test_an_abort_puts_the_old_object_back(connection, manager, item, new):
    oid = item._p_oid
    connection.exchange(item, new)
    manager.abort()
    assert connection.get(oid) is item
    assert item.x == 1
    assert (new._p_oid, new._p_jar, new._p_changed) == (None, None, False)
    assert new.x == "new"
    item.x = 2
    manager.commit()
    assert in_another(connection).x == 2


def test_a_new_object_that_an_abort_has_disowned_can_be_stored_elsewhere(
    connection, manager, other, item, new
):
    connection.exchange(item, new)
    manager.abort()
    other.sync()
    other.root.new = new
    other.transaction_manager.commit()
    assert other.root()["new"] is new


@pytest.mark.parametrize("with_savepoint", [False, True])
def test_what_was_loaded_since_an_exchange_leads_to_the_old_object_after_it_is_undone(
    connection, manager, item, new, with_savepoint
):
    savepoint = manager.savepoint()
    connection.exchange(item, new)
    connection.cacheMinimize()
    assert connection.root()["item"] is new
    if with_savepoint:
        savepoint.rollback()
    else:
        manager.abort()
    assert connection.root()["item"] is item
    connection.root.more = 1
    manager.commit()
    assert connection.db().objectCount() == 2


@pytest.mark.parametrize("emptied", [False, True])
def test_what_a_savepoint_has_kept_and_an_abort_disowns_leads_to_the_new_object(
    connection, manager, item, new, emptied
):
    connection.exchange(item, new)
    connection.root.made = made = Item()
    made.x = new
    manager.savepoint()
    if emptied:
        connection.cacheMinimize()
    manager.abort()
    assert made._p_jar is None
    assert made.x is new


def test_so_does_what_another_connection_of_the_group_has_loaded(connection, manager, item, new):
    DB(databases=connection.db().databases, database_name="second")
    second = connection.get_connection("second")
    second.root.item = item
    manager.commit()
    connection.exchange(item, new)
    connection.cacheMinimize()
    assert second.root()["item"] is new
    manager.abort()
    assert second.root()["item"] is item


def test_an_abort_discards_what_has_changed_before(connection, manager, item, new):
    item.x = 2
    connection.exchange(item, new)
    manager.abort()
    assert item.x == 1


def test_an_abort_later_leaves_the_new_object_in_its_place(connection, manager, item, new):
    connection.exchange(item, new)
    manager.commit()
    new.x = 2
    manager.abort()
    assert connection.get(item._p_oid) is new
    assert new.x == "new"


def test_a_failed_commit_puts_the_old_object_back(connection, manager, participate, item, new):
    participate("~", tpc_vote=lambda: 1 / 0)
    connection.exchange(item, new)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    manager.abort()
    assert connection.root.item is item
    assert item.x == 1
    assert new._p_jar is None


def test_an_object_may_be_exchanged_again(connection, manager, item, new):
    last = Item()
    last.x = "last"
    connection.exchange(item, new)
    connection.exchange(new, last)
    assert connection.get(item._p_oid) is last
    manager.commit()
    assert in_another(connection).x == "last"


def test_an_abort_undoes_several_exchanges(connection, manager, item, new):
    connection.exchange(item, new)
    connection.exchange(new, Item())
    manager.abort()
    assert connection.root.item is item
    assert connection.get(item._p_oid) is item


def test_a_new_object_can_be_exchanged(connection, manager, new):
    connection.add(old := Item())
    connection.root.item = old
    connection.exchange(old, new)
    assert connection.get(old._p_oid) is new
    manager.commit()
    assert in_another(connection).x == "new"


def test_what_only_a_new_object_has_led_to_is_not_stored_where_it_was_exchanged(
    db, connection, manager, new
):
    connection.add(old := Item())
    old.x = Item()
    connection.exchange(old, new)
    manager.commit()
    assert old.x._p_jar is None
    assert db.objectCount() == 2


def test_an_abort_makes_both_unsaved_where_the_old_object_was_new(connection, manager, new):
    connection.add(old := Item())
    old.x = "old"
    connection.exchange(old, new)
    manager.abort()
    for obj in (old, new):
        assert (obj._p_oid, obj._p_jar) == (None, None)
    assert (old.x, new.x) == ("old", "new")


# Savepoints


def test_a_rollback_puts_back_what_was_there_at_the_savepoint(connection, manager, item, new):
    item.x = 2
    savepoint = manager.savepoint()
    connection.exchange(item, new)
    savepoint.rollback()
    assert connection.get(item._p_oid) is item
    assert item.x == 2
    assert new._p_jar is None
    manager.commit()
    assert in_another(connection).x == 2


def test_a_rollback_keeps_what_was_exchanged_before_the_savepoint(connection, manager, item, new):
    connection.exchange(item, new)
    savepoint = manager.savepoint()
    new.x = "newer"
    savepoint.rollback()
    assert connection.get(item._p_oid) is new
    assert new.x == "new"
    manager.commit()
    assert in_another(connection).x == "new"


def test_an_abort_after_a_savepoint_puts_back_too(connection, manager, item, new):
    connection.exchange(item, new)
    manager.savepoint()
    connection.cacheMinimize()
    assert new._p_changed is None
    manager.abort()
    assert connection.get(item._p_oid) is item
    assert item.x == 1
    assert (new._p_jar, new.x) == (None, "new")


def test_a_new_object_that_a_savepoint_has_kept_can_be_exchanged(connection, manager, new):
    connection.root.item = old = Item()
    savepoint = manager.savepoint()
    connection.exchange(old, new)
    manager.savepoint()
    savepoint.rollback()
    assert connection.get(old._p_oid) is old
    connection.exchange(old, new)
    manager.commit()
    assert in_another(connection).x == "new"


# Refusals


def test_what_cannot_be_exchanged_is_refused_and_left_alone(connection, other, manager, item):
    connection.root.second = second = Item()
    manager.commit()
    other.sync()
    for old, new, error in (
        (item, object(), TypeError),
        (item, second, errors.InvalidObjectReference),
        (item, other.root.item, errors.InvalidObjectReference),
        (item, item, errors.InvalidObjectReference),
        (Item(), Item(), errors.InvalidObjectReference),
        (other.root.item, Item(), errors.InvalidObjectReference),
    ):
        with pytest.raises(error):
            connection.exchange(old, new)
    assert connection.get(item._p_oid) is item
    assert connection.joined is None


def test_an_object_is_exchanged_once(connection, item, new):
    connection.exchange(item, new)
    with pytest.raises(errors.InvalidObjectReference):
        connection.exchange(item, Item())
    connection.transaction_manager.abort()


def test_a_closed_connection_exchanges_nothing(connection, item, new):
    connection.close()
    with pytest.raises(errors.ConnectionStateError):
        connection.exchange(item, new)
    assert new._p_jar is None


def test_without_a_transaction_nothing_is_exchanged(db, item, new):
    connection = db.open(transaction.TransactionManager(explicit=True))
    connection.transaction_manager.begin()
    old = connection.root.item
    connection.transaction_manager.abort()
    with pytest.raises(transaction.interfaces.NoTransaction):
        connection.exchange(old, new)
    assert new._p_jar is None
    assert connection.get(old._p_oid) is old


def test_nothing_is_exchanged_while_changes_are_stored(connection, manager, participate, item, new):
    participate("~", commit=lambda: connection.exchange(item, new))
    connection.root.x = 1
    with pytest.raises(errors.ConnectionStateError, match="while changes are being stored"):
        manager.commit()
    manager.abort()
    assert new._p_jar is None


class Stubborn(Item):
    """An object that does not want to belong to anybody."""

    def __setattr__(self, name, value):
        if name == "_p_jar":
            raise ZeroDivisionError
        super().__setattr__(name, value)


def test_an_object_that_refuses_leaves_the_old_one_in_its_place(connection, manager, item):
    with pytest.raises(ZeroDivisionError):
        connection.exchange(item, Stubborn())
    assert connection.get(item._p_oid) is item
    item.x = 2
    manager.commit()
    assert in_another(connection).x == 2
