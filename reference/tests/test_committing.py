import gc
import pickle
import weakref

import pytest
import transaction
from persistent import Persistent
from persistent.mapping import PersistentMapping
from zodb_reference import DB, errors
from zodb_reference.oids import maxtid, z64


class Item(Persistent):
    pass


class Hooked(Persistent):
    """Calls a function when its state is asked for."""

    _v_hook = None

    def __getstate__(self):
        state = super().__getstate__()
        if self._v_hook is not None:
            self._v_hook()
        return state


class Participant:
    """Another participant of a transaction, which does in one phase what a test wants."""

    def __init__(self, manager, sort_key="", **phases):
        self.transaction_manager = manager
        self.sort_key = sort_key
        self.phases = phases
        manager.get().join(self)

    def sortKey(self):  # noqa: N802
        return self.sort_key

    def __getattr__(self, name):
        if name in ("abort", "tpc_begin", "commit", "tpc_vote", "tpc_finish", "tpc_abort"):
            return lambda transaction: self.phases.get(name, int)()
        raise AttributeError(name)


def raising(error):
    def fail(*args, **keywords):
        raise error

    return fail


@pytest.fixture
def old(connection, manager):
    """An object in the database, with x = "old"."""
    connection.root.old = old = Item()
    old.x = "old"
    manager.commit()
    return old


def stored(db, oid):
    return db.storage.loadBefore(oid, maxtid)[0]


# What a commit stores


def test_what_a_commit_has_stored_others_see(connection, manager, old, other):
    old.x = "new"
    connection.root.added = added = PersistentMapping(y=1)
    manager.commit()
    other.sync()
    assert other.root.old.x == "new"
    assert other.root.added["y"] == 1
    assert other.get(added._p_oid) is other.root.added


def test_an_object_gets_its_oid_when_it_is_stored_and_not_before(connection, manager):
    connection.root.item = item = Item()
    assert (item._p_oid, item._p_jar) == (None, None)
    manager.commit()
    assert item._p_jar is connection
    assert connection.get(item._p_oid) is item


def test_after_a_commit_objects_have_its_serial_and_keep_their_state(db, connection, manager, old):
    old.x = "new"
    old.other = other = Item()
    other.y = 1
    manager.commit()
    for obj in (old, other):
        assert obj._p_serial == db.lastTransaction()
        assert obj._p_changed is False
    assert (vars(old)["x"], vars(other)["y"]) == ("new", 1)


def test_new_objects_that_refer_to_each_other_are_stored(connection, manager, other):
    first, second = Item(), Item()
    first.next, second.next = second, first
    connection.root.first = first
    manager.commit()
    other.sync()
    assert other.root.first.next.next is other.root.first


def test_long_chains_of_new_objects_are_stored(connection, manager, other):
    connection.root.chain = item = Item()
    for _ in range(5000):
        item.next = Item()
        item = item.next
    manager.commit()
    other.sync()
    assert other.get(item._p_oid)._p_oid == item._p_oid


def test_a_change_inside_of_a_plain_value_is_not_noticed(connection, manager, old):
    old.values = [1]
    manager.commit()
    serial = old._p_serial
    old.values.append(2)
    manager.commit()
    assert old._p_serial == serial
    old._p_changed = True
    manager.commit()
    old._p_deactivate()
    assert old.values == [1, 2]


def test_an_object_whose_flag_is_reset_is_not_stored(db, connection, manager, old):
    serial = old._p_serial
    old.x = "new"
    old._p_changed = False
    manager.commit()
    assert old._p_serial == serial
    # The transaction had been joined, and is recorded without records.
    assert db.lastTransaction() > serial


def test_a_transaction_without_changes_is_not_recorded(db, connection, manager, old):
    last = db.lastTransaction()
    assert connection.root.old.x == "old"
    manager.commit()
    assert db.lastTransaction() == last


def test_user_description_and_extension_reach_the_storage(db, connection, manager):
    current = manager.get()
    current.setUser("ärla")
    current.note("first")
    current.setExtendedInfo("request", 7)
    connection.root.x = 1
    manager.commit()
    info = db.storage.history(z64)[0]
    assert info["user_name"] == "/ ärla".encode()
    assert info["description"] == b"first"
    assert info["request"] == 7


# Changes in the middle of a commit


def test_an_object_added_by_getstate_is_stored(connection, manager, other):
    late = Item()
    late.x = "late"
    connection.root.hooked = hooked = Hooked()
    hooked._v_hook = lambda: connection.add(late)
    manager.commit()
    other.sync()
    assert other.get(late._p_oid).x == "late"


def test_an_object_changed_by_getstate_of_another_is_stored_again(connection, manager, old, other):
    """Whichever of the two is stored first."""
    hooked = Hooked()
    old.hooked = hooked
    old.x = "new"
    hooked._v_hook = lambda: setattr(old, "x", "newer")
    manager.commit()
    assert (old.x, old._p_changed) == ("newer", False)
    other.sync()
    assert other.root.old.x == "newer"


def test_a_new_object_changed_by_getstate_of_another_is_stored_again(connection, manager, other):
    first, hooked = Item(), Hooked()
    first.hooked = hooked
    hooked._v_hook = lambda: setattr(first, "x", "changed")
    connection.root.first = first
    manager.commit()
    other.sync()
    assert other.root.first.x == "changed"


def test_getstate_may_change_its_own_object(connection, manager, other):
    class Stamped(Hooked):
        def __getstate__(self):
            self.stored = self.stored + 1
            return super().__getstate__()

    globals()["Stamped"] = Stamped
    Stamped.__qualname__ = "Stamped"
    connection.root.stamped = stamped = Stamped()
    stamped.stored = 0
    manager.commit()
    other.sync()
    assert other.root.stamped.stored == stamped.stored == 1


def test_objects_that_never_come_to_rest_are_refused(connection, manager, old):
    first, second = Hooked(), Hooked()
    first.x = second.x = 0
    first._v_hook = lambda: setattr(second, "x", second.x + 1)
    second._v_hook = lambda: setattr(first, "x", first.x + 1)
    connection.root.first, connection.root.second = first, second
    with pytest.raises(errors.POSError, match=r"go on changing .*: Hooked; a __getstate__"):
        manager.commit()
    manager.abort()
    assert first._p_jar is second._p_jar is None


@pytest.mark.parametrize("phase", ["commit", "tpc_vote"])
def test_what_another_participant_changes_before_the_vote_is_stored(
    connection, manager, old, other, phase
):
    def change():
        old.x = "late"
        old.new = late
        connection.add(added)

    late, added = Item(), Item()
    connection.root.y = 1
    Participant(manager, **{phase: change})
    manager.commit()
    other.sync()
    assert other.root.old.x == "late"
    for obj in (late, added):
        assert other.get(obj._p_oid)._p_oid == obj._p_oid


@pytest.mark.parametrize("phase", ["tpc_vote", "tpc_finish"])
def test_what_another_participant_changes_after_the_vote_is_refused(
    db, connection, manager, old, phase
):
    def change():
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            old.x = "late"
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            connection.add(Item())

    connection.root.y = 1
    Participant(manager, sort_key="\0" if phase == "tpc_finish" else "~", **{phase: change})
    manager.commit()
    assert (old.x, old._p_changed) == ("old", False)


def test_what_an_after_commit_hook_changes_is_refused_or_not_stored(
    connection, manager, old, other
):
    def change(success):
        with pytest.raises(ValueError, match="Committed"):
            old.x = "late"

    connection.root.y = 1
    manager.get().addAfterCommitHook(change)
    manager.commit()
    assert old.x == "old"


def test_an_object_that_getstate_of_another_has_deactivated_is_not_loaded_in_its_old_state(
    connection, manager, old
):
    hooked = Hooked()
    old.hooked = hooked
    old.x = "new"

    def deactivate():
        old._p_deactivate()
        old.x += " and more"

    hooked._v_hook = deactivate
    with pytest.raises(errors.ConnectionStateError, match="deactivated"):
        manager.commit()
    manager.abort()
    assert old.x == "old"


# Failures


class Failure(Exception):
    pass


FAILURES = [Failure(), KeyboardInterrupt(), errors.ConflictError()]
# In which phase another participant fails, and whether it comes before the connection or after it,
# that is unless the connection has finished by then.
PARTICIPATIONS = [
    *((phase, "") for phase in ("tpc_begin", "commit", "tpc_vote", "tpc_finish")),
    *((phase, "~") for phase in ("tpc_begin", "commit", "tpc_vote")),
]
CALLS = ["new_oid", "tpc_begin", "store", "tpc_vote", "tpc_finish"]


@pytest.fixture
def changes(connection, old):
    """Make changes of every kind; return the new objects."""
    old.x = "new"
    old.implicit = implicit = Item()
    implicit.deep = deep = Item()
    explicit = Item()
    connection.add(explicit)
    for obj in (implicit, deep, explicit):
        obj.x = "new"
    return implicit, deep, explicit


def assert_nothing_happened(db, connection, manager, old, changes, last):
    for obj in changes:
        assert (obj._p_jar, obj._p_oid, obj._p_serial, obj._p_changed) == (None, None, z64, False)
        assert obj.x == "new"
    assert old._p_changed is None
    assert db.lastTransaction() == last
    assert connection.objects.new == {}
    assert all(obj._p_jar is connection for _, obj in connection.objects.cache.items())

    manager.abort()
    assert old.x == "old"
    assert not hasattr(old, "implicit")
    implicit, deep, explicit = changes
    old.implicit = implicit
    manager.commit()
    with db.transaction() as another:
        another.add(explicit)
    with db.transaction() as another:
        assert another.root.old.implicit.deep.x == "new"
        assert another.get(explicit._p_oid).x == "new"
    assert connection.get(deep._p_oid) is deep


@pytest.mark.parametrize("error", FAILURES, ids=repr)
@pytest.mark.parametrize(("phase", "sort_key"), PARTICIPATIONS)
def test_where_another_participant_fails_nothing_has_happened(
    db, connection, manager, old, changes, phase, error, sort_key
):
    last = db.lastTransaction()
    Participant(manager, sort_key, **{phase: raising(error)})
    with pytest.raises(type(error)):
        manager.commit()
    assert_nothing_happened(db, connection, manager, old, changes, last)


@pytest.mark.parametrize("error", FAILURES, ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_where_the_storage_fails_nothing_has_happened(
    db, connection, manager, old, changes, monkeypatch, call, error
):
    last = db.lastTransaction()
    with monkeypatch.context() as patch:
        patch.setattr(db.storage, call, raising(error))
        with pytest.raises(type(error)):
            manager.commit()
    assert_nothing_happened(db, connection, manager, old, changes, last)


@pytest.mark.parametrize("error", [*FAILURES, RecursionError()], ids=repr)
@pytest.mark.parametrize("new", [True, False])
def test_where_getstate_fails_nothing_has_happened(
    db, connection, manager, old, changes, error, new
):
    connection.root.hooked = hooked = Hooked()
    if not new:
        manager.abort()
        connection.root.hooked = hooked
        manager.commit()
        old.x, old.implicit = "new", changes[0]
        changes[0].deep = changes[1]
        connection.add(changes[2])
        hooked.y = 1
    last = db.lastTransaction()
    hooked._v_hook = raising(error)
    with pytest.raises(type(error)):
        manager.commit()
    hooked._v_hook = None
    assert_nothing_happened(db, connection, manager, old, changes, last)


def test_where_a_state_cannot_be_pickled_nothing_has_happened(
    db, connection, manager, old, changes
):
    last = db.lastTransaction()
    changes[1].problem = lambda: 0
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        manager.commit()
    del changes[1].problem
    assert_nothing_happened(db, connection, manager, old, changes, last)


def test_where_the_extension_cannot_be_pickled_nothing_has_happened(
    db, connection, manager, old, changes
):
    last = db.lastTransaction()
    manager.get().setExtendedInfo("f", lambda: 0)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        manager.commit()
    assert_nothing_happened(db, connection, manager, old, changes, last)


def test_an_aborted_transaction_leaves_nothing(db, connection, manager, old, changes):
    last = db.lastTransaction()
    manager.abort()
    assert_nothing_happened(db, connection, manager, old, changes, last)


def test_objects_that_were_stored_in_vain_get_other_oids(db, connection, manager, monkeypatch):
    connection.root.item = item = Item()
    used = []
    with monkeypatch.context() as patch:
        patch.setattr(db.storage, "tpc_vote", lambda meta: used.append(item._p_oid) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            manager.commit()
    manager.abort()
    connection.root.item = item
    manager.commit()
    assert item._p_oid not in [*used, None]


def test_an_object_that_refuses_assignments_loses_its_identity_all_the_same(connection, manager):
    class Frozen(Persistent):
        def __delattr__(self, name):
            raise TypeError(name)

    frozen = Frozen()
    connection.add(frozen)
    manager.abort()
    assert (frozen._p_jar, frozen._p_oid) == (None, None)


def test_an_object_that_does_not_take_its_identity_is_not_owned_by_halves(connection, manager):
    class Frozen(Persistent):
        def __setattr__(self, name, value):
            if name == "_p_jar":
                raise TypeError(name)
            super().__setattr__(name, value)

    frozen = Frozen()
    with pytest.raises(TypeError, match="_p_jar"):
        connection.add(frozen)
    assert (frozen._p_jar, frozen._p_oid) == (None, None)
    connection.root.x = 1
    manager.commit()


def test_a_new_object_that_was_emptied_makes_the_commit_fail_and_can_be_filled_again(
    connection, manager, other
):
    item = Item()
    item.x = 1
    connection.add(item)
    item._p_invalidate()
    with pytest.raises(errors.ConnectionStateError, match="lost"):
        _ = item.x
    with pytest.raises(errors.ConnectionStateError, match="lost"):
        manager.commit()
    manager.abort()
    with pytest.raises(AttributeError):
        _ = item.x
    item.x = 2
    connection.root.item = item
    manager.commit()
    other.sync()
    assert other.root.item.x == 2


def test_an_added_object_cannot_be_deactivated_before_it_is_stored(connection, manager):
    item = Item()
    item.x = 1
    connection.add(item)
    item._p_deactivate()
    connection.cacheMinimize()
    assert vars(item)["x"] == 1


def test_after_a_failure_changes_are_refused_until_the_transaction_ends(
    connection, manager, old, changes
):
    Participant(manager, commit=raising(Failure()))
    with pytest.raises(Failure):
        manager.commit()
    with pytest.raises(transaction.interfaces.TransactionFailedError):
        old.x = "later"
    with pytest.raises(transaction.interfaces.TransactionFailedError):
        connection.add(changes[0])
    assert changes[0]._p_jar is None
    manager.abort()
    assert old.x == "old"


def test_a_failure_leaves_nothing_to_be_committed_later(db, connection, manager, old, changes):
    Participant(manager, commit=raising(Failure()))
    with pytest.raises(Failure):
        manager.commit()
    manager.abort()
    last = db.lastTransaction()
    manager.commit()
    assert db.lastTransaction() == last


def test_an_old_transaction_cannot_abort_what_a_later_user_does(db, connection, manager, old):
    old.x = "new"
    Participant(manager, commit=raising(Failure()))
    with pytest.raises(Failure):
        manager.commit()
    connection.close()
    later = transaction.TransactionManager()
    assert db.open(later) is connection
    connection.root.old.x = "later"
    manager.abort()
    assert connection.root.old.x == "later"
    later.commit()
    with db.transaction() as another:
        assert another.root.old.x == "later"


def test_tpc_abort_is_tolerated_at_any_time(connection, manager, old):
    current = manager.get()
    connection.tpc_abort(current)
    old.x = "new"
    connection.tpc_begin(current)
    connection.tpc_abort(current)
    connection.tpc_abort(current)
    assert old.x == "old"
    manager.abort()
    old.x = "newer"
    manager.commit()


def test_the_phases_out_of_order_are_refused(connection, manager):
    for phase in (connection.commit, connection.tpc_vote, connection.tpc_finish):
        with pytest.raises(errors.StorageTransactionError, match="has not begun"):
            phase(manager.get())


# Two connections in one transaction


def test_changes_of_two_connections_in_one_transaction_are_refused_and_neither_is_stored(
    db, connection, manager, old
):
    second = db.open(manager)
    last = db.lastTransaction()
    old.x = "first"
    second.root.added = added = Item()
    with pytest.raises(errors.StorageTransactionError, match="one connection only"):
        manager.commit()
    manager.abort()
    assert db.lastTransaction() == last
    assert (old.x, added._p_jar) == ("old", None)
    old.x = "alone"
    manager.commit()
    assert second.root.old.x == "alone"


def test_two_connections_to_different_storages_commit_together(connection, manager):
    with_other = DB()
    second = with_other.open(manager)
    connection.root.x = second.root.x = 1
    manager.commit()
    for db in (connection.db(), with_other):
        with db.transaction() as another:
            assert another.root.x == 1
    with_other.close()


def test_a_commit_is_gone_when_it_has_ended_with_all_that_it_held(connection, manager, old):
    """Without waiting for the garbage collector: it holds all objects that it has written."""
    gc.collect()
    gc.disable()
    try:
        old.x = "new"
        connection.root.item = Item()
        commits = []
        Participant(manager, tpc_vote=lambda: commits.append(weakref.ref(connection._commit)))
        manager.commit()
        assert commits[0]() is None

        old.x = "newer"
        Participant(manager, tpc_vote=lambda: commits.append(weakref.ref(connection._commit)) or 0)
        Participant(manager, sort_key="~", tpc_vote=raising(Failure))
        with pytest.raises(Failure):
            manager.commit()
        manager.abort()
        assert commits[1]() is None
    finally:
        gc.enable()
