"""Savepoints of several connections of one group, and what readCurrent marks in some of them."""

import gc
from contextlib import suppress
from itertools import count

import pytest
from interrupting import Interrupt
from persistent.wref import WeakRef
from sample_objects import Item, is_unsaved, new
from several_databases import Collection
from zodb_reference import errors
from zodb_reference.scratch import Scratch

UNDO = ["rollback", "abort"]


@pytest.fixture(params=[(0, 1), (1, 0)], ids=["first-joins-first", "second-joins-first"])
def pair(request, collection):
    """Two connections of one group; the one that joins first is rolled back and aborted first."""
    one_and_two = collection.connect("1", "2")
    for number in request.param:
        one_and_two[number].root.item = new("joined")
    return one_and_two


@pytest.fixture
def manager(pair):
    return pair[0].transaction_manager


def undo(manager, savepoint, how):
    (savepoint.rollback if how == "rollback" else manager.abort)()


def empty(*connections):
    for connection in connections:
        connection.cacheMinimize()
    gc.collect()


def test_a_rollback_restores_every_member_of_a_group(pair, manager, collection):
    one, two = pair
    manager.commit()
    one.root.item.x = two.root.item.x = "start"
    savepoint = manager.savepoint()
    one.root.item.x = two.root.item.x = "later"
    manager.savepoint()
    three = one.get_connection(collection.add("3").database_name)
    three.root.item = late = new("late")
    savepoint.rollback()
    assert (one.root.item.x, two.root.item.x) == ("start", "start")
    assert is_unsaved(late)
    manager.commit()
    assert (one.root.item.x, two.root.item.x) == ("start", "start")
    assert not hasattr(three.root, "item")


@pytest.mark.parametrize("how", UNDO)
def test_emptied_objects_are_disowned_with_all_that_they_lead_to_in_any_database(
    pair, manager, how
):
    """A cycle of new objects through two databases, of which the program holds one."""
    one, two = pair
    savepoint = manager.savepoint()
    held, across, back = new("held"), new("across"), new("back")
    held.next, across.next, back.next = across, back, held
    one.add(held)
    two.add(across)
    one.add(back)
    manager.savepoint()
    del across, back
    empty(one)
    undo(manager, savepoint, how)
    items = [held, held.next, held.next.next]
    assert [each.x for each in items] == ["held", "across", "back"]
    assert items[-1].next is held
    assert all(map(is_unsaved, items))
    two.root.cycle = held
    manager.commit()
    assert {each._p_jar for each in items} == {two}


@pytest.mark.parametrize("how", UNDO)
def test_a_weak_reference_to_another_database_remembers_what_is_disowned(pair, manager, how):
    one, two = pair
    savepoint = manager.savepoint()
    two.add(target := new("target"))
    one.root.held = held = new("held", weak=WeakRef(target))
    manager.savepoint()
    del target
    empty(one)
    undo(manager, savepoint, how)
    assert is_unsaved(held.weak())
    assert held.weak().x == "target"


def test_the_members_of_a_group_are_closed_together_or_not_at_all(pair, manager):
    one, two = pair
    manager.commit()
    two.root.item.x = "saved"
    manager.savepoint()
    for member in pair:
        with pytest.raises(errors.ConnectionStateError, match="commit or abort"):
            member.close()
    assert None not in (one.opened, two.opened)
    manager.abort()
    one.close()
    assert (one.opened, two.opened) == (None, None)


def of_a_transaction(one, two, act):
    """Change both databases, with savepoints; return what to do, and all new objects."""
    manager = one.transaction_manager
    one.root.x = two.root.x = "x"
    savepoint = manager.savepoint()
    first, across, back = new("first"), new("across"), new("back")
    first.next, across.next, back.next = across, back, first
    one.add(first)
    two.add(across)
    one.add(back)
    manager.savepoint()
    one.cacheMinimize()
    two.root.late = late = new("late")
    do = savepoint.rollback if act == "rollback" else getattr(manager, act)
    return do, [first, across, back, late]


@pytest.mark.parametrize("act", ["savepoint", *UNDO, "commit"])
def test_an_interrupt_leaves_nothing_by_half_in_any_database(collection, monkeypatch, act):
    monkeypatch.setattr(Scratch, "max_memory", 0)
    for number in count():
        pair = collection.connect("1", "2")
        manager = pair[0].transaction_manager
        do, items = of_a_transaction(*pair, act)
        with suppress(KeyboardInterrupt), Interrupt(number) as interrupt:
            do()
        manager.abort()
        manager.begin()
        for item in items:
            owner = item._p_jar
            assert is_unsaved(item) if owner is None else owner.get(item._p_oid) is item, (
                interrupt.where
            )
        assert [item.x for item in items] == ["first", "across", "back", "late"], interrupt.where
        assert items[0].next.next.next is items[0], interrupt.where
        for member in pair:
            assert (member._scratch, member.joined, [*member.new_objects]) == (None, None, [])
        pair[0].close()
        if not interrupt.where:
            break
    assert number > 100


# Objects that a rollback leaves owned, in older editions


@pytest.mark.parametrize("edition", ["2005-06-10", "2005-06-16", "2005-06-17", "2006-08-16"])
def test_what_a_later_savepoint_has_stored_stays_owned_in_older_editions(edition):
    with Collection(edition=edition) as collection:
        collection.add("1")
        (connection,) = collection.connect("1")
        manager = connection.transaction_manager
        connection.root.item = new(1)
        savepoint = manager.savepoint()
        connection.root.late = late = new("late", deep=new("deep"))
        later = manager.savepoint()
        late.x = "changed"
        connection.add(unsaved := new("unsaved"))
        connection.cacheMinimize()
        oid = late._p_oid
        savepoint.rollback()
        assert (late._p_jar, late._p_oid, late._p_changed) == (connection, oid, True)
        assert (late.x, late.deep.x) == ("changed", "deep")
        assert is_unsaved(unsaved)
        assert not hasattr(connection.root, "late")
        assert later.valid is False
        late.deep._p_deactivate()
        connection.root.again = late  # a record with a reference, and none for its target?
        manager.commit()
        with collection.databases["1"].transaction() as another:
            assert another.root.again.deep.x == "deep"
        late.deep.x = "again"
        manager.abort()
        assert late.deep.x == "deep"


# What was marked by members without changes


def changed_elsewhere(collection, name):
    with collection.databases[name].transaction() as another:
        another.root.item.x = "elsewhere"


def test_marks_are_checked_where_another_member_has_changes(pair, manager, collection):
    one, two = pair
    manager.commit()
    two.readCurrent(two.root.item)
    one.root.item.x = "mine"
    changed_elsewhere(collection, "2")
    with pytest.raises(errors.ReadConflictError):
        manager.commit()
    manager.abort()
    assert one.root.item.x == "joined"
    two.readCurrent(two.root.item)
    one.root.item.x = "mine"
    manager.commit()
    assert one.root.item.x == "mine"


def test_members_without_changes_take_part_in_no_commit(pair, manager, collection):
    one, two = pair
    manager.commit()
    last = collection.databases["2"].lastTransaction()
    one.root.x = two.root.item.x
    manager.commit()
    two.readCurrent(two.root.item)
    manager.commit()
    assert collection.databases["2"].lastTransaction() == last


def test_marks_do_not_keep_a_failed_transaction_from_being_aborted(pair, manager):
    one, two = pair
    manager.commit()
    two.readCurrent(two.root.item)
    one.root.bad = Item()
    one.root.bad.x = lambda: None
    with pytest.raises((AttributeError, TypeError)):
        manager.savepoint()
    manager.abort()
    assert not hasattr(one.root, "bad")


def test_marks_of_connections_of_other_groups_are_left_to_them(pair, manager, collection):
    one = pair[0]
    manager.commit()
    alone = collection.databases["2"].open(manager)
    alone.readCurrent(alone.root.item)
    one.root.item.x = "mine"
    changed_elsewhere(collection, "2")
    manager.commit()
    assert one.root.item.x == "mine"
