"""Savepoints of one connection: going back, and which objects are new then."""

import gc

import pytest
import transaction
from sample_objects import Item, is_unsaved, new
from transaction.interfaces import InvalidSavepointRollbackError, ISavepointDataManager
from zodb_reference import errors
from zodb_reference.oids import z64

# Going back


def test_a_connection_says_that_it_has_savepoints(connection):
    assert ISavepointDataManager.providedBy(connection)


def test_a_rollback_restores_the_state_of_any_savepoint_again_and_again(manager, item, start):
    item.x = 3
    second = manager.savepoint()
    for _ in range(2):
        item.x = 4
        second.rollback()
        assert item.x == 3
    for _ in range(2):
        start.rollback()
        assert item.x == 2
        item.x = 5
        manager.savepoint()
    start.rollback()
    with pytest.raises(InvalidSavepointRollbackError):
        second.rollback()


def test_what_is_done_after_a_rollback_is_committed_with_what_was_kept(manager, item, start, other):
    item.x = 3
    manager.savepoint()
    start.rollback()
    item.y = 1
    manager.commit()
    other.sync()
    assert (other.root.item.x, other.root.item.y) == (2, 1)


def test_a_savepoint_keeps_the_old_objects_of_which_nothing_was_changed(
    connection, manager, item, start
):
    old = connection.root.old = new(1)
    manager.commit()
    old._v_seen = True
    item.x = 3
    savepoint = manager.savepoint()
    item.x = 4
    savepoint.rollback()
    assert old._v_seen
    assert item._p_changed is None


def test_a_rollback_makes_ghosts_of_all_that_savepoints_have_stored(manager, item, start):
    second = manager.savepoint()
    second.rollback()
    assert item._p_changed is None
    assert item.x == 2


def test_a_savepoint_of_an_ended_transaction_cannot_be_rolled_back(connection, manager, item):
    item.x = 2
    ended = connection.savepoint()
    item.x = 3
    later = connection.savepoint()
    ended.rollback()
    with pytest.raises(InvalidSavepointRollbackError, match="earlier savepoint"):
        later.rollback()
    manager.commit()
    item.x = 4
    for _ in range(2):
        with pytest.raises(InvalidSavepointRollbackError, match="has ended"):
            ended.rollback()
        manager.savepoint()
    assert item.x == 4


def test_a_connection_that_joins_later_is_aborted_by_a_rollback(db, connection, manager, item):
    savepoint = manager.savepoint()
    item.x = 2
    savepoint.rollback()
    assert item.x == 1
    item.x = 3
    inner = manager.savepoint()
    item.x = 4
    inner.rollback()
    assert item.x == 3
    savepoint.rollback()
    assert item.x == 1
    connection.close()


# New objects


def test_new_objects_keep_their_oid_and_have_no_serial_until_they_are_committed(
    connection, manager, item, start
):
    item.new = obj = new(1)
    manager.savepoint()
    oid = obj._p_oid
    assert (obj._p_jar, obj._p_serial) == (connection, z64)
    obj._p_deactivate()
    assert (obj.x, obj._p_serial) == (1, z64)
    obj.x = 2
    manager.savepoint()
    assert (obj._p_oid, obj._p_serial) == (oid, z64)
    manager.commit()
    assert obj._p_oid == oid
    assert obj._p_serial == item._p_serial > z64


def test_a_rollback_disowns_what_got_its_oid_later_and_keeps_what_had_it(
    connection, manager, item, start
):
    item.early = early = new("early")
    savepoint = manager.savepoint()
    item.late = late = new("late", deep=new("deep"))
    connection.add(added := new("added"))
    manager.savepoint()
    late.x = "changed"
    connection.add(unsaved := new("unsaved"))
    oids = [obj._p_oid for obj in (late, late.deep, added, unsaved)]
    savepoint.rollback()
    for obj, x in [(late, "changed"), (late.deep, "deep"), (added, "added"), (unsaved, "unsaved")]:
        assert is_unsaved(obj)
        assert obj.x == x
    for oid in oids:
        with pytest.raises(errors.POSKeyError):
            connection.get(oid)
    assert connection.get(early._p_oid) is early
    assert early.x == "early"
    assert not hasattr(item, "late")


def test_what_a_rollback_has_disowned_can_be_stored_anywhere(connection, manager, item, start, db):
    item.late = late = new("late", deep=new("deep"))
    manager.savepoint()
    start.rollback()
    with db.transaction() as another:
        another.root.late = late
    item.deep = late.deep
    with pytest.raises(errors.InvalidObjectReference):
        manager.commit()


def test_an_object_that_was_added_and_not_stored_yet_is_added_no_more(connection, manager, start):
    connection.add(obj := new(1))
    start.rollback()
    assert is_unsaved(obj)
    connection.add(obj)
    manager.commit()
    assert obj._p_serial > z64


def test_emptied_objects_have_their_last_savepoint_state_when_they_are_disowned(
    connection, manager, item, start
):
    item.late = late = new(1, deep=new("deep", back=item))
    manager.savepoint()
    late.x = 2
    manager.savepoint()
    del late.deep
    late._p_invalidate()
    connection.cacheMinimize()
    gc.collect()
    assert late._p_changed is None
    start.rollback()
    assert is_unsaved(late)
    assert is_unsaved(late.deep)
    assert (late.x, late.deep.x, late.deep.back) == (2, "deep", item)
    assert connection.new_objects.since(0) == []
    assert connection.objects.made is None


def test_long_chains_of_emptied_objects_are_restored(connection, manager):
    connection.root.chain = head = new(0)
    last = head
    for number in range(1, 3000):
        last.next = last = new(number)
    del last
    manager.savepoint()
    connection.cacheMinimize()
    manager.abort()
    numbers = []
    while head is not None:
        assert is_unsaved(head)
        numbers.append(head.x)
        head = getattr(head, "next", None)
    assert numbers == list(range(3000))


def test_what_the_program_does_not_hold_is_not_loaded_to_be_disowned(db, connection, manager, item):
    item.late = new(1)
    manager.savepoint()
    connection.cacheMinimize()
    connection.getTransferCounts(clear=True)
    assert item.late._p_changed is None
    loaded, _ = connection.getTransferCounts(clear=True)
    assert loaded == 1
    manager.abort()
    assert connection.getTransferCounts() == (0, 0)


def test_an_object_whose_last_state_cannot_be_loaded_is_disowned_empty(
    connection, manager, item, start, monkeypatch, caplog
):
    item.late = late = new(1)
    manager.savepoint()
    connection.cacheMinimize()
    monkeypatch.setattr(Item, "__setstate__", lambda self, state: 1 / 0, raising=False)
    start.rollback()
    assert is_unsaved(late)
    assert vars(late) == {}
    assert caplog.records[0].exc_info[0] is errors.StateLoadError


def test_an_abort_makes_all_new_objects_new_again(connection, manager, item, start):
    item.late = late = new(1)
    connection.add(added := new(2))
    manager.savepoint()
    connection.cacheMinimize()
    connection.add(unsaved := new(3))
    manager.abort()
    for obj, x in [(late, 1), (added, 2), (unsaved, 3)]:
        assert is_unsaved(obj)
        assert obj.x == x
    assert connection.objects.new == {}
    assert list(connection.new_objects) == []
    assert item.x == 1


def test_a_new_object_that_was_stored_is_found_by_its_oid_and_out_of_memory(
    connection, manager, item, start
):
    item.late = late = new(1)
    connection.add(late)
    manager.savepoint()
    oid = late._p_oid
    del late
    connection.cacheMinimize()
    gc.collect()
    assert connection.objects.find(oid) is None
    assert connection.get(oid).x == 1
    assert connection.get(oid) is item.late


def test_objects_that_no_savepoint_reaches_any_more_are_stored_all_the_same(
    manager, item, start, other
):
    item.late = late = new(1)
    manager.savepoint()
    del item.late
    manager.commit()
    other.sync()
    assert other.get(late._p_oid).x == 1
    assert not hasattr(other.root.item, "late")


# Ending


@pytest.mark.parametrize("end", ["begin", "sync", "abort"])
def test_beginning_again_discards_everything(connection, manager, item, start, end):
    item.late = late = new(1)
    savepoint = manager.savepoint()
    (connection.sync if end == "sync" else getattr(manager, end))()
    assert item.x == 1
    assert is_unsaved(late)
    with pytest.raises(InvalidSavepointRollbackError):
        savepoint.rollback()
    connection.close()


def test_a_connection_cannot_be_closed_while_savepoints_have_kept_something(
    connection, manager, start
):
    with pytest.raises(errors.ConnectionStateError, match="commit or abort"):
        connection.close()
    start.rollback()
    with pytest.raises(errors.ConnectionStateError, match="commit or abort"):
        connection.close()
    manager.commit()
    connection.close()


def test_closing_the_database_discards_savepoints(db, connection, item, start):
    item.late = late = new(1)
    connection.transaction_manager.savepoint()
    connection.cacheMinimize()
    db.close()
    assert is_unsaved(late)
    assert late.x == 1


def test_savepoints_work_in_a_doomed_transaction(manager, item):
    manager.doom()
    item.x = 2
    savepoint = manager.savepoint()
    item.x = 3
    savepoint.rollback()
    assert item.x == 2
    with pytest.raises(transaction.interfaces.DoomedTransaction):
        manager.commit()
    manager.abort()
    assert item.x == 1


def test_savepoints_work_in_explicit_mode(db, item):
    manager = transaction.TransactionManager(explicit=True)
    connection = db.open(manager)
    manager.begin()
    same = connection.root.item
    same.x = 2
    savepoint = manager.savepoint()
    same.x = 3
    savepoint.rollback()
    assert same.x == 2
    manager.commit()
    manager.begin()
    assert connection.root.item.x == 2
    manager.abort()
