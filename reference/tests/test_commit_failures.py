import gc
import pickle
import weakref

import pytest
import transaction
from persistent import Persistent
from sample_objects import Hooked, Item
from zodb_reference import errors
from zodb_reference.oids import z64


def raising(error):
    def fail(*args, **keywords):
        raise error

    return fail


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


@pytest.fixture(params=["in-memory", "saved", "saved-and-emptied"])
def changes(request, connection, manager, old):
    """Make changes of every kind, perhaps with a savepoint; return the new objects."""
    old.x = "new"
    old.implicit = implicit = Item()
    implicit.deep = deep = Item()
    explicit = Item()
    connection.add(explicit)
    for obj in (implicit, deep, explicit):
        obj.x = "new"
    if request.param != "in-memory":
        manager.savepoint()
    if request.param == "saved-and-emptied":
        connection.cacheMinimize()
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
    db, connection, manager, old, changes, phase, error, sort_key, participate
):
    last = db.lastTransaction()
    participate(sort_key, **{phase: raising(error)})
    with pytest.raises(type(error)):
        manager.commit()
    assert_nothing_happened(db, connection, manager, old, changes, last)


@pytest.mark.parametrize("sort_key", ["", "~"])
def test_a_failed_commit_ends_even_if_the_cleaning_up_is_interrupted(
    db, connection, manager, old, changes, sort_key, participate
):
    last = db.lastTransaction()
    participate(sort_key, tpc_vote=raising(Failure()), tpc_abort=raising(KeyboardInterrupt("once")))
    with pytest.raises(KeyboardInterrupt):
        manager.commit()
    manager.abort()
    assert db.storage.tpc_transaction() is None
    assert_nothing_happened(db, connection, manager, old, changes, last)


@pytest.mark.parametrize("error", FAILURES, ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_where_the_storage_fails_nothing_has_happened(
    db, connection, manager, old, changes, monkeypatch, call, error
):
    last = db.lastTransaction()
    old.y = Item()  # wants an oid in any case
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
    connection, manager, old, changes, participate
):
    participate(commit=raising(Failure()))
    with pytest.raises(Failure):
        manager.commit()
    with pytest.raises(transaction.interfaces.TransactionFailedError):
        old.x = "later"
    with pytest.raises(transaction.interfaces.TransactionFailedError):
        connection.add(changes[0])
    assert changes[0]._p_jar is None
    manager.abort()
    assert old.x == "old"


def test_a_failure_leaves_nothing_to_be_committed_later(
    db, connection, manager, old, changes, participate
):
    participate(commit=raising(Failure()))
    with pytest.raises(Failure):
        manager.commit()
    manager.abort()
    last = db.lastTransaction()
    manager.commit()
    assert db.lastTransaction() == last


def test_an_old_transaction_cannot_abort_what_a_later_user_does(
    db, connection, manager, old, participate
):
    old.x = "new"
    participate(commit=raising(Failure()))
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


def test_a_commit_is_gone_when_it_has_ended_with_all_that_it_held(
    connection, manager, old, participate
):
    """Without waiting for the garbage collector: it holds all objects that it has written."""
    gc.collect()
    gc.disable()
    try:
        old.x = "new"
        connection.root.item = Item()
        commits = []
        participate(tpc_vote=lambda: commits.append(weakref.ref(connection._commit)))
        manager.commit()
        assert commits[0]() is None

        old.x = "newer"
        participate(tpc_vote=lambda: commits.append(weakref.ref(connection._commit)) or 0)
        participate(sort_key="~", tpc_vote=raising(Failure))
        with pytest.raises(Failure):
            manager.commit()
        manager.abort()
        assert commits[1]() is None
    finally:
        gc.enable()
