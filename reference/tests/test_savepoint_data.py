"""What happens to the changes that savepoints have kept, until they are committed."""

import gc

import pytest
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from sample_objects import Hooked, is_unsaved, new
from transaction.interfaces import TransactionFailedError
from zodb_reference import DB, errors
from zodb_reference.persistentclass import PersistentMetaClass

# Reading and changing inside


def test_nothing_of_a_savepoint_is_visible_to_others(connection, manager, item, start, other):
    item.late = late = new(1)
    manager.savepoint()
    other.sync()
    assert other.root.item.x == 1
    with pytest.raises(errors.POSKeyError):
        other.get(late._p_oid)


def test_a_savepoint_is_no_boundary(manager, item, start, other):
    other.root.other = 1
    other.root.item.x = 7
    other.transaction_manager.commit()
    item.x = 3
    manager.savepoint()
    assert "other" not in item._p_jar.root()
    with pytest.raises(errors.ConflictError):
        manager.commit()
    manager.abort()
    assert item.x == 7


def test_what_a_savepoint_has_stored_is_clean_and_can_be_emptied(connection, item, start):
    assert item._p_changed is False
    item._p_deactivate()
    assert item._p_changed is None
    assert item.x == 2


def test_a_savepoint_reduces_the_cache():
    with DB(cache_size=10).transaction() as connection:
        connection.root.many = [new(number) for number in range(100)]
        connection.transaction_manager.savepoint()
        assert connection.objects.cache.cache_non_ghost_count <= 10
        assert [each.x for each in connection.root.many] == list(range(100))


def test_a_change_that_is_invalidated_leaves_the_state_of_the_savepoint(manager, item, start):
    item.late = late = new(1)
    manager.savepoint()
    item.x = late.x = 9
    item._p_invalidate()
    late._p_invalidate()
    assert (item.x, late.x) == (2, 1)


def test_oldstate_tells_committed_states_while_a_savepoint_has_another(
    connection, manager, item, start
):
    assert connection.oldstate(item, item._p_serial) == {"x": 1}
    item.late = late = new(1)
    manager.savepoint()
    with pytest.raises(errors.POSKeyError):
        connection.oldstate(late, item._p_serial)


def test_an_object_whose_flag_is_reset_is_stored_as_the_savepoint_has_it(
    manager, item, start, other
):
    item.x = 3
    item._p_changed = False
    manager.commit()
    other.sync()
    assert other.root.item.x == 2


def test_a_class_goes_back_at_once(connection, manager, item):
    connection.root.stored = stored = PersistentMetaClass("Stored", (), {"kind": "first"})
    manager.commit()
    stored.kind = "second"
    connection.root.late = late = PersistentMetaClass("Late", (), {"kind": "late"})
    savepoint = manager.savepoint()
    stored.kind = late.kind = "third"
    connection.root.later = later = PersistentMetaClass("Later", (), {})
    manager.savepoint()
    savepoint.rollback()
    assert (stored.kind, late.kind) == ("second", "late")
    assert late._p_jar is connection
    assert (later._p_jar, later._p_oid) == (None, None)
    manager.abort()
    assert stored.kind == "first"
    assert (late._p_jar, late._p_oid, late.kind) == (None, None, "late")


# Weak references


def test_a_weak_reference_finds_what_a_savepoint_has_stored(connection, manager, item, start):
    item.weak = WeakRef(target := new(1))
    manager.savepoint()
    connection.cacheMinimize()
    assert item.weak() is target
    assert target.x == 1


@pytest.mark.parametrize("emptied", [False, True])
def test_a_weak_reference_of_a_disowned_object_is_stored_anew_with_its_target(
    connection, manager, start, other, emptied
):
    connection.root.holder = holder = new(1, weak=WeakRef(new("target")))
    manager.savepoint()
    if emptied:
        connection.cacheMinimize()
        gc.collect()
    start.rollback()
    assert is_unsaved(holder.weak())
    connection.root.again = holder
    manager.commit()
    other.sync()
    assert other.root.again.weak().x == "target"


# Committing


def test_each_object_is_stored_once_and_as_it_was_last(db, connection, manager, item, other):
    item.x = 2
    item.first = first = new("first")
    manager.savepoint()
    item.x = 3
    item.second = second = new("second")
    manager.savepoint()
    connection.cacheMinimize()
    first.x = "changed"
    manager.commit()
    (transaction_record,) = list(db.storage.iterator())[-1:]
    oids = [record.oid for record in transaction_record]
    assert sorted(oids) == sorted([item._p_oid, first._p_oid, second._p_oid])
    other.sync()
    seen = other.root.item
    assert (seen.x, seen.first.x, seen.second.x) == (3, "changed", "second")


def test_after_a_commit_objects_are_clean_with_its_serial_whether_saved_or_not(
    db, connection, manager, item, start
):
    item.early = early = new("early")
    manager.savepoint()
    item.late = late = new("late")
    manager.commit()
    for obj, name in ((item, "item"), (early, "early"), (late, "late")):
        assert obj._p_serial == db.lastTransaction(), name
        assert obj._p_changed is False, name
    connection.cacheMinimize()
    assert (item.x, item.early.x, item.late.x) == (2, "early", "late")


def test_a_conflict_with_what_a_savepoint_has_stored_is_found_at_commit(
    connection, manager, item, start, other
):
    connection.cacheMinimize()
    other.root.item.x = 7
    other.transaction_manager.commit()
    with pytest.raises(errors.ConflictError):
        manager.commit()
    manager.abort()
    assert item.x == 7


def test_others_learn_of_what_is_stored_as_a_savepoint_has_kept_it(manager, item, start, other):
    assert other.root.item.x == 1
    manager.commit()
    other.sync()
    assert other.root.item.x == 2


def test_what_savepoints_have_stored_counts_once_as_stored(connection, manager, item, start):
    item.late = new(1)
    manager.savepoint()
    item.x = 3
    manager.savepoint()
    item.x = 4
    connection.getTransferCounts(clear=True)
    manager.commit()
    assert connection.getTransferCounts() == (0, 2)


def test_a_change_after_the_vote_is_not_kept_in_what_savepoints_have_stored(
    connection, manager, participate
):
    connection.root.mapping = mapping = PersistentMapping(x=1)
    manager.savepoint()

    def change():
        with pytest.raises(errors.ConnectionStateError):
            mapping["x"] = 2
        assert mapping == {"x": 1}

    participate("~", tpc_vote=change)
    manager.commit()
    assert mapping == {"x": 1}


def test_conflicts_of_what_a_savepoint_has_stored_are_resolved(connection, manager, other):
    lengths = pytest.importorskip("BTrees.Length")
    connection.root.length = length = lengths.Length()
    manager.commit()
    length.change(3)
    connection.readCurrent(length)
    manager.savepoint()
    other.sync()
    other.root.length.change(4)
    other.transaction_manager.commit()
    manager.commit()
    assert length() == 7


def test_a_mark_of_read_current_survives_savepoints(connection, manager, item, old, other):
    connection.readCurrent(old)
    item.x = 2
    savepoint = manager.savepoint()
    savepoint.rollback()
    other.sync()
    other.root.old.x = "new"
    other.transaction_manager.commit()
    with pytest.raises(errors.ReadConflictError):
        manager.commit()


def test_a_mark_counts_again_where_what_was_written_is_rolled_back(
    connection, manager, old, start, other
):
    connection.readCurrent(old)
    old.x = "mine"
    manager.savepoint()
    start.rollback()
    other.sync()
    other.root.old.x = "new"
    other.transaction_manager.commit()
    with pytest.raises(errors.ReadConflictError):
        manager.commit()


def test_a_marked_object_that_a_savepoint_has_stored_is_checked_as_a_write(
    connection, manager, item, other
):
    item.x = 2
    manager.savepoint()
    connection.cacheMinimize()
    connection.readCurrent(item)
    manager.commit()
    other.sync()
    assert other.root.item.x == 2


def test_a_mark_of_a_new_object_asks_for_nothing(connection, manager, item, start):
    item.late = late = new(1)
    manager.savepoint()
    connection.readCurrent(late)
    start.rollback()
    manager.commit()


# Failing


class Unpicklable(Exception):
    pass


def refuse():
    raise Unpicklable


def test_a_savepoint_that_fails_fails_the_transaction_and_gives_everything_back(
    connection, manager, item, start
):
    item.late = late = new(1)
    manager.savepoint()
    connection.cacheMinimize()
    item.x = 3
    item.bad = bad = Hooked()
    bad._v_hook = refuse
    connection.add(added := new(2))
    with pytest.raises(Unpicklable):
        manager.savepoint()
    assert is_unsaved(late)
    assert is_unsaved(bad)
    assert is_unsaved(added)
    assert (late.x, added.x) == (1, 2)
    for refused in (manager.savepoint, manager.commit, lambda: setattr(item, "x", 4)):
        with pytest.raises(TransactionFailedError):
            refused()
    manager.abort()
    assert item.x == 1
    connection.close()


@pytest.mark.parametrize("kind", ["savepoint", "commit"])
def test_no_savepoint_is_made_while_changes_are_being_stored(connection, manager, kind):
    connection.root.hooked = hooked = Hooked()
    hooked._v_hook = manager.savepoint
    with pytest.raises(errors.ConnectionStateError, match="being stored"):
        getattr(manager, kind)()
    manager.abort()
    del hooked._v_hook
    connection.root.hooked = hooked
    manager.savepoint()
    manager.commit()


def test_what_getstate_changes_and_adds_is_in_the_savepoint(connection, manager, item, start):
    connection.root.hooked = hooked = Hooked()
    late = new("late")
    hooked._v_hook = lambda: connection.add(late) or setattr(item, "x", 3)
    savepoint = manager.savepoint()
    del hooked._v_hook
    late.x = item.x = "changed"
    savepoint.rollback()
    assert (late.x, item.x) == ("late", 3)


def test_a_commit_that_fails_leaves_nothing_of_savepoints(
    connection, manager, item, start, participate
):
    item.late = late = new(1)
    manager.savepoint()
    connection.cacheMinimize()
    participate("~", tpc_vote=refuse)
    with pytest.raises(Unpicklable):
        manager.commit()
    assert is_unsaved(late)
    assert late.x == 1
    manager.abort()
    assert item.x == 1
    item.late = late
    manager.commit()
    assert connection.get(late._p_oid) is late
