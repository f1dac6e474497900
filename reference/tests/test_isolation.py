import itertools

import pytest
import transaction
from persistent import Persistent
from sample_objects import Item
from zodb_reference import errors
from zodb_reference.invalidation import InvalidationLog
from zodb_reference.oids import z64


class Counter(Persistent):
    def _p_resolveConflict(self, old, committed, new):
        return {**new, "n": committed["n"] + new["n"] - old["n"]}


class World:
    """Two connections that see two objects, `a` and `b`, with x = 0."""

    def __init__(self, first, second):
        self.first, self.second = first, second
        root = first.root
        root.a, root.b = Item(), Item()
        root.a.x = root.b.x = 0
        root.counter = Counter()
        root.counter.n = 0
        first.transaction_manager.commit()
        second.sync()


@pytest.fixture
def world(connection, other):
    return World(connection, other)


def commit(connection):
    connection.transaction_manager.commit()


def test_a_transaction_sees_one_state_whatever_others_commit(world):
    assert world.first.root.a.x == 0
    world.second.root.a.x = world.second.root.b.x = 1
    commit(world.second)
    assert world.first.root.a.x == 0
    assert world.first.root.b.x == 0  # it was not loaded before
    world.first.cacheMinimize()
    assert world.first.root.a.x == 0


@pytest.mark.parametrize("boundary", ["begin", "commit", "abort"])
def test_changes_of_others_become_visible_at_the_boundary(world, boundary):
    world.second.root.a.x = 1
    commit(world.second)
    getattr(world.first.transaction_manager, boundary)()
    assert world.first.root.a.x == 1


def test_the_boundary_invalidates_what_others_changed_and_nothing_else(world):
    a, b = world.first.root.a, world.first.root.b
    b._p_activate()
    a._p_activate()
    world.second.root.a.x = 1
    commit(world.second)
    world.first.transaction_manager.begin()
    assert (a._p_changed, b._p_changed) == (None, False)
    assert world.first.root.a is a
    assert a.x == 1


@pytest.mark.parametrize("merged", [False, True])
def test_after_a_boundary_that_failed_nothing_older_than_the_next_one_is_shown(
    world, monkeypatch, merged
):
    """What was loaded after the commit is from before it; this is no change of others."""
    counter = world.first.root.counter
    manager = world.first.transaction_manager
    counter.n += 1
    if merged:
        world.second.root.counter.n += 10
        commit(world.second)
    with monkeypatch.context() as patch:
        patch.setattr(world.first.db().storage, "lastTransaction", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            manager.commit()
    world.first.cacheMinimize()
    assert counter.n == 0
    manager.begin()
    assert counter.n == (11 if merged else 1)
    counter.n += 1
    manager.commit()


def test_a_connection_too_far_behind_loads_everything_again(world, monkeypatch):
    monkeypatch.setattr(InvalidationLog, "max_oids", 5)
    a, b = world.first.root.a, world.first.root.b
    b._p_activate()
    for x in range(1, 6):
        world.second.root.a.x = x
        commit(world.second)
    world.first.transaction_manager.begin()
    assert (a._p_changed, b._p_changed) == (None, None)
    assert (a.x, b.x) == (5, 0)


def test_own_changes_stay_until_the_commit_and_conflict_there(world):
    world.first.root.a.x = 1
    world.second.root.a.x = 2
    commit(world.second)
    assert world.first.root.a.x == 1
    with pytest.raises(errors.ConflictError):
        commit(world.first)
    world.first.transaction_manager.abort()
    assert world.first.root.a.x == 2
    world.first.root.a.x += 1
    commit(world.first)


def test_the_first_committer_wins(world):
    world.first.root.a.x = 1
    world.second.root.a.x = 2
    commit(world.first)
    with pytest.raises(errors.ConflictError) as caught:
        commit(world.second)
    assert caught.value.oid == world.first.root.a._p_oid
    world.second.transaction_manager.abort()
    assert world.second.root.a.x == 1


def test_a_committer_is_not_invalidated_by_its_own_changes(world):
    a = world.first.root.a
    a.x = 1
    commit(world.first)
    assert a._p_changed is False
    world.first.transaction_manager.begin()
    assert a._p_changed is False


def test_a_conflict_that_the_class_resolves_is_merged(world):
    world.first.root.counter.n += 3
    world.second.root.counter.n += 4
    commit(world.first)
    commit(world.second)
    assert world.second.root.counter.n == 7
    world.first.transaction_manager.begin()
    assert world.first.root.counter.n == 7


def test_a_merged_object_is_loaded_again_also_in_explicit_mode(db, world):
    manager = transaction.TransactionManager(explicit=True)
    explicit = db.open(manager)
    manager.begin()
    counter = explicit.root.counter
    counter.n += 4
    world.first.root.counter.n += 3
    commit(world.first)
    manager.commit()
    assert counter._p_changed is None
    assert counter.n == 7
    manager.begin()
    assert counter.n == 7
    counter.n += 1
    manager.commit()


def test_an_object_created_after_the_snapshot_is_a_conflict_for_get(world):
    world.second.root.c = c = Item()
    commit(world.second)
    with pytest.raises(errors.ReadConflictError):
        world.first.get(c._p_oid)
    world.first.transaction_manager.begin()
    assert world.first.get(c._p_oid) is world.first.root.c


def test_write_skew_is_possible(world):
    first, second = world.first.root, world.second.root
    first.a.x = first.b.x + 1
    second.b.x = second.a.x + 1
    commit(world.first)
    commit(world.second)


# readCurrent


def test_with_read_current_there_is_no_write_skew(world):
    world.first.readCurrent(world.first.root.b)
    world.first.root.a.x = world.first.root.b.x + 1
    world.second.readCurrent(world.second.root.a)
    world.second.root.b.x = world.second.root.a.x + 1
    commit(world.first)
    with pytest.raises(errors.ReadConflictError) as caught:
        commit(world.second)
    assert caught.value.oid == world.second.root.a._p_oid
    world.second.transaction_manager.abort()
    assert world.second.root.a.x == 1


def test_read_current_holds_where_nothing_has_changed(world):
    world.first.readCurrent(world.first.root.b)
    world.first.root.a.x = 1
    commit(world.first)


def test_read_current_loads_a_ghost(world):
    world.second.cacheMinimize()
    ghost = world.second.get(world.first.root.a._p_oid)
    assert ghost._p_changed is None
    world.second.readCurrent(ghost)
    world.second.root.b.x = 1
    world.first.root.a.x = 1
    commit(world.first)
    with pytest.raises(errors.ReadConflictError):
        commit(world.second)


def test_read_current_of_an_object_that_was_not_read_since_it_changed_marks_the_new_revision(world):
    a = world.first.root.a
    a._p_activate()
    world.second.root.a.x = 1
    commit(world.second)
    world.first.transaction_manager.begin()
    world.first.readCurrent(a)
    world.first.root.b.x = 1
    commit(world.first)


def test_read_current_on_an_object_of_another_connection_is_refused(world):
    with pytest.raises(errors.InvalidObjectReference, match="its readCurrent"):
        world.first.readCurrent(world.second.root.a)
    with pytest.raises(errors.InvalidObjectReference, match="its readCurrent"):
        world.first.readCurrent(Item())


def test_read_current_on_an_object_that_is_written_too_is_one_check(world, monkeypatch):
    checked = []
    storage = world.first.db().storage
    check = storage.checkCurrentSerialInTransaction
    monkeypatch.setattr(
        storage,
        "checkCurrentSerialInTransaction",
        lambda oid, *rest: checked.append(oid) or check(oid, *rest),
    )
    root = world.first.root
    world.first.readCurrent(root.a)
    world.first.readCurrent(root.b)
    root.a.x = 1
    commit(world.first)
    assert checked == [root.b._p_oid]


def test_read_current_on_a_new_object_says_nothing(world):
    c = Item()
    world.first.add(c)
    world.first.readCurrent(c)
    commit(world.first)
    assert c._p_serial > z64


@pytest.mark.parametrize("boundary", ["begin", "commit", "abort"])
def test_marks_of_read_current_last_until_the_boundary(world, boundary):
    world.first.readCurrent(world.first.root.a)
    getattr(world.first.transaction_manager, boundary)()
    world.second.root.a.x = 1
    commit(world.second)
    world.first.root.b.x = 1
    commit(world.first)


def test_no_update_is_lost_in_any_interleaving(world):
    """Two transactions of three steps each, in every order, against the serial outcome."""
    for order in set(itertools.permutations("aaabbb")):
        start = world.first.root.a.x
        done = {"a": 0, "b": 0}
        committed = 0
        connections = {"a": world.first, "b": world.second}
        for connection in connections.values():
            connection.transaction_manager.begin()
        for who in order:
            connection = connections[who]
            if done[who] == 0:
                seen = connection.root.a.x
                assert seen == start or seen == start + committed
            elif done[who] == 1:
                connection.root.a.x += 1
            else:
                try:
                    commit(connection)
                    committed += 1
                except errors.ConflictError:
                    connection.transaction_manager.abort()
            done[who] += 1
        world.first.transaction_manager.begin()
        assert world.first.root.a.x == start + committed
        assert committed >= 1
