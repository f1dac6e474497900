"""Objects that end the transaction, or go back in it, when they are asked for a state or given it.

Nobody should do that. But it must neither be stored by half, nor leave anything behind.
"""

from contextlib import suppress

import pytest
from persistent import Persistent
from sample_objects import Hooked, is_unsaved, new
from zodb_reference import errors
from zodb_reference.scratch import Scratch


class Restored(Persistent):
    """Calls a function, once, when its state is set."""

    hooks = []  # noqa: RUF012 - of all instances, as an empty one has nothing else

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.hooks:
            self.hooks.pop()()


@pytest.fixture
def pair(collection, monkeypatch):
    """Connections of one group to two databases; what savepoints keep is in files."""
    monkeypatch.setattr(Scratch, "max_memory", 0)
    one, two = collection.connect("1", "2")
    one.root.x = two.root.x = 0
    one.transaction_manager.commit()
    return one, two


def acts(manager, savepoint=None):
    """What an object may do, by name."""
    names = ("commit", "abort", "begin", "savepoint")
    return {name: getattr(manager, name) for name in names} | {
        "rollback": savepoint and savepoint.rollback
    }


def ignoring_refusals(act):
    def call():
        with suppress(Exception):
            act()

    return call


def assert_nothing_is_left(pair, items):
    """What was new is new again, nothing was stored, and everything goes on."""
    manager = pair[0].transaction_manager
    manager.abort()
    manager.begin()
    for item in items:
        assert is_unsaved(item)
        assert item.x == "new"
    for member in pair:
        assert member.root.x == 0
        assert (member.joined, member._scratch, [*member.new_objects]) == (None, None, [])
        with member.db().transaction() as another:
            assert another.root.x == 0
            assert not {"item", "next"} & set(another.root())
    for member, item in zip(pair, items, strict=False):
        member.root.item = item
    manager.commit()
    for member in pair:
        with member.db().transaction() as another:
            assert another.root.item.x == "new"


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("wrap", [ignoring_refusals, lambda act: act], ids=["ignores", "raises"])
@pytest.mark.parametrize("name", ["commit", "abort", "begin", "savepoint", "rollback"])
def test_while_a_savepoint_is_made(pair, name, wrap, where):
    manager = pair[0].transaction_manager
    items = [new("new", next=new("new")) for _ in pair]
    for member, item in zip(pair, items, strict=True):
        member.root.x = 1
        member.root.item = item
    savepoint = manager.savepoint()
    pair[where].root.next = hooked = Hooked()
    hooked.x, hooked.next = "new", new("new")
    hooked._v_hook = wrap(acts(manager, savepoint)[name])
    with suppress(errors.ConnectionStateError):
        manager.savepoint()
    hooked._v_hook = None
    assert_nothing_is_left(pair, [*items, hooked, hooked.next, items[0].next])


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("name", ["commit", "abort", "begin", "savepoint", "rollback"])
@pytest.mark.parametrize("undo", ["abort", "rollback"])
def test_while_it_is_undone(pair, undo, name, where):
    manager = pair[0].transaction_manager
    start = manager.savepoint()
    items = [new("new") for _ in pair]
    for member, item in zip(pair, items, strict=True):
        member.root.x = 1
        member.root.item = item
    items[where].next = restored = Restored()
    restored.x = "new"
    manager.savepoint()
    pair[0].cacheMinimize()
    Restored.hooks = [ignoring_refusals(acts(manager, start)[name])]
    acts(manager, start)[undo]()
    assert Restored.hooks == []
    assert_nothing_is_left(pair, [*items, restored])


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("name", ["commit", "abort", "begin", "savepoint"])
def test_while_it_is_committed(pair, name, where):
    manager = pair[0].transaction_manager
    items = [new("new") for _ in pair]
    for member, item in zip(pair, items, strict=True):
        member.root.x = 1
        member.root.item = item
    pair[where].root.next = hooked = Hooked()
    hooked.x, hooked.next = "new", new("new")
    hooked._v_hook = ignoring_refusals(acts(manager)[name])
    with pytest.raises((errors.POSError, TypeError, ValueError)):  # also of other packages
        manager.commit()
    hooked._v_hook = None
    assert_nothing_is_left(pair, [*items, hooked, hooked.next])


@pytest.mark.parametrize("name", ["abort", "begin"])
def test_while_it_is_loaded(pair, name):
    one, _ = pair
    one.root.item = restored = Restored()
    restored.x = "new"
    one.transaction_manager.commit()
    restored.y = 1
    restored._p_invalidate()
    Restored.hooks = [acts(one.transaction_manager)[name]]
    with pytest.raises(errors.StateLoadError, match="invalidated while it was loaded"):
        _ = restored.x
    assert restored._p_changed is None
    assert restored.x == "new"


def test_a_program_may_set_the_state_of_a_ghost_itself(connection, item):
    item._p_invalidate()
    connection.setstate(item)
    assert item.x == 1


def test_a_connection_that_has_finished_makes_no_savepoint(connection, participate):
    def fail():
        with pytest.raises(errors.ConnectionStateError, match="make it before"):
            connection.savepoint()

    participate("~", tpc_finish=fail)
    connection.root.x = 1
    connection.transaction_manager.commit()
    assert connection._scratch is None
