import gc
import threading

import pytest
import transaction
from persistent.mapping import PersistentMapping
from sample_objects import Item
from several_databases import Collection
from transaction.interfaces import TransactionFailedError
from undoing import UNDOING, in_steps
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from zodb_reference import DB, errors
from zodb_reference.oids import p64
from zodb_reference.snapshot import SharedSnapshot


@pytest.fixture(params=UNDOING)
def db(request, tmp_path):
    """A database over one of the storages that support undo."""
    database = DB(UNDOING[request.param](tmp_path))
    yield database
    database.close()


@pytest.fixture
def steps(db, connection, manager):
    """An object whose x was set to 0, 1 and 2, in a transaction each, described by the number."""
    return in_steps(connection, manager)


def undo(db, *descriptions, txn=None):
    """Undo the transactions with these descriptions; in one of its own unless one is given."""
    ids = {entry["description"]: entry["id"] for entry in db.undoLog(0, 100)}
    own = transaction.TransactionManager()
    db.undoMultiple([ids[each] for each in descriptions], txn or own.get())
    if txn is None:
        own.commit()


# What it does


def test_the_object_has_its_earlier_state_in_all_connections(db, connection, manager, other, steps):
    other.sync()
    item = other.root.item
    assert (item.x, steps.x) == (2, 2)
    undo(db, "2")
    assert (item.x, steps.x) == (2, 2)
    for each in (connection, other):
        each.sync()
    assert (item.x, steps.x) == (1, 1)


def test_nothing_happens_before_the_commit(db, connection, manager, other, steps):
    last = db.lastTransaction()
    undo(db, "2", txn=manager.get())
    other.sync()
    assert other.root.item.x == 2
    manager.abort()
    assert db.lastTransaction() == last
    undo(db, "2", txn=manager.get())
    manager.commit()
    assert db.lastTransaction() > last
    assert steps.x == 1  # in the connection that shares the transaction as well
    other.sync()
    assert other.root.item.x == 1


def test_the_current_transaction_of_the_thread_is_the_default(db, steps):
    db.undo(db.undoLog()[0]["id"])
    transaction.commit()
    with db.transaction() as connection:
        assert connection.root.item.x == 1


def test_the_description_of_the_transaction_is_kept(db, manager, steps):
    manager.get().note("back")
    manager.get().setUser("somebody")
    manager.get().setExtendedInfo("ticket", 42)
    undo(db, "2", txn=manager.get())
    manager.commit()
    entry = db.undoLog()[0]
    assert (entry["description"], entry["user_name"], entry["ticket"]) == ("back", "/ somebody", 42)


def test_several_transactions_are_undone_from_the_newest_on(db, connection, steps):
    undo(db, "2", "1")
    connection.sync()
    assert steps.x == 0
    (entry,) = db.undoLog(0, 1)
    assert entry["id"] not in [each["id"] for each in db.undoLog(1, 100)]


def test_ids_in_a_wrong_order_change_nothing(db, connection, steps):
    last = db.lastTransaction()
    with pytest.raises(errors.UndoError):
        undo(db, "1", "2")
    connection.sync()
    assert steps.x == 2
    assert db.lastTransaction() == last


def test_what_was_asked_for_in_two_calls_is_one_transaction(db, connection, manager, steps):
    undo(db, "2", txn=manager.get())
    undo(db, "1", txn=manager.get())
    manager.commit()
    assert steps.x == 0
    undo(db, "")
    connection.sync()
    assert steps.x == 2


def test_undoing_an_undo_restores(db, connection, manager, steps):
    manager.get().note("undo")
    undo(db, "2", txn=manager.get())
    manager.commit()
    undo(db, "undo")
    connection.sync()
    assert steps.x == 2


def test_an_object_whose_creation_is_undone_is_gone(db, connection, manager, other):
    connection.root.item = item = Item()
    manager.get().note("create")
    manager.commit()
    other.sync()
    theirs = other.root.item
    undo(db, "create")
    other.sync()
    assert not hasattr(other.root, "item")
    with pytest.raises(errors.POSKeyError):
        _ = theirs.x
    del theirs
    gc.collect()  # the error above has led to it
    with pytest.raises(errors.POSKeyError):
        other.get(item._p_oid)


def test_what_was_changed_since_is_in_the_way(db, connection, manager, steps):
    last = db.lastTransaction()
    with pytest.raises(errors.UndoError):
        undo(db, "1")
    connection.sync()
    assert steps.x == 2
    assert db.lastTransaction() == last
    with db.transaction() as again:  # nothing is left of it in the storage
        again.root.x = 1


def test_an_unknown_id_is_refused_by_the_commit(db, manager, steps):
    known = db.undoLog()[0]["id"]
    db.undo(known[:4][::-1] + known[4:], manager.get())
    with pytest.raises(errors.UndoError):
        manager.commit()
    manager.abort()


def test_the_ids_are_those_of_the_time_of_the_call(db, connection, manager, steps):
    ids = [db.undoLog()[0]["id"]]
    db.undoMultiple(ids, manager.get())
    ids.append(b"nonsense")
    manager.commit()
    assert steps.x == 1


@pytest.mark.parametrize("nonsense", [None, 7, "text", ["text"], [None]])
def test_what_is_no_id_is_refused_at_once(db, manager, steps, nonsense):
    with pytest.raises(TypeError):
        db.undo(nonsense, manager.get())
    with pytest.raises(TypeError):
        db.undoMultiple(nonsense, manager.get())
    assert db.undoMultiple([], manager.get()) is None
    manager.commit()
    assert steps.x == 2


def test_what_is_no_transaction_is_refused_at_once(db, manager, steps):
    with pytest.raises(TypeError, match="no transaction"):
        db.undo(db.undoLog()[0]["id"], manager)


def test_one_id_may_be_given_as_such(db, manager, steps):
    db.undoMultiple(db.undoLog()[0]["id"], manager.get())
    manager.commit()
    assert steps.x == 1


# In one transaction with something else


def test_changes_of_the_same_database_in_one_transaction_are_refused(
    db, connection, manager, steps
):
    connection.root.other = PersistentMapping()
    undo(db, "2", txn=manager.get())
    done = threading.Event()

    def commit():
        with pytest.raises(errors.StorageTransactionError, match="work of the database 'unnamed'"):
            manager.commit()
        manager.abort()
        done.set()

    threading.Thread(target=commit, daemon=True).start()
    assert done.wait(10), "it blocks"
    with db.transaction() as another:
        assert another.root.item.x == 2
        assert not hasattr(another.root, "other")


@pytest.mark.parametrize("changed", [True, False])
def test_what_has_to_be_current_is_so_beside_undo(db, connection, manager, steps, changed):
    connection.root.other = other = PersistentMapping()
    manager.commit()
    connection.readCurrent(other)
    connection.readCurrent(steps)
    if changed:
        with db.transaction() as another:
            another.root.other["x"] = 1
    undo(db, "2", txn=manager.get())
    if changed:
        with pytest.raises(errors.ReadConflictError):
            manager.commit()
        manager.abort()
        undo(db, "2", txn=manager.get())
    manager.commit()
    assert steps.x == 1


def test_what_was_asked_for_since_a_savepoint_is_forgotten_by_the_way_back(db, manager, steps):
    undo(db, "2", txn=manager.get())
    savepoint = manager.savepoint()
    undo(db, "1", txn=manager.get())
    savepoint.rollback()
    savepoint.rollback()
    manager.commit()
    assert steps.x == 1


def test_who_joins_after_a_savepoint_leaves_by_the_way_back_and_may_come_again(
    db, connection, manager, steps
):
    connection.root.x = 1
    savepoint = manager.savepoint()
    undo(db, "2", txn=manager.get())
    savepoint.rollback()
    connection.root()._p_invalidate()
    manager.commit()
    assert steps.x == 2
    savepoint = manager.savepoint()
    undo(db, "2", txn=manager.get())
    savepoint.rollback()
    undo(db, "2", txn=manager.get())
    manager.commit()
    assert steps.x == 1


def test_a_transaction_that_has_failed_takes_nothing_any_more(db, manager, participate, steps):
    participate(commit=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    with pytest.raises(TransactionFailedError):
        undo(db, "2", txn=manager.get())
    manager.abort()


def test_nothing_can_be_asked_for_while_it_is_committed(db, manager, participate, steps):
    txn = manager.get()
    undo(db, "2", txn=txn)
    participate("~", commit=lambda: undo(db, "1", txn=txn))
    with pytest.raises(errors.ConnectionStateError, match="committed already"):
        manager.commit()
    manager.abort()
    assert steps.x == 2


@pytest.mark.parametrize("phase", ["tpc_begin", "commit", "tpc_vote"])
def test_where_another_participant_fails_nothing_is_undone(
    db, connection, manager, participate, steps, phase
):
    undo(db, "2", txn=manager.get())
    participate("~", **{phase: lambda: 1 / 0})
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    manager.abort()
    connection.sync()
    assert steps.x == 2
    undo(db, "2")


def test_an_interrupt_at_the_end_leaves_what_the_storage_has(db, connection, manager, steps):
    finish = db.storage.tpc_finish

    def finish_and_stop(*arguments):
        finish(*arguments)
        raise KeyboardInterrupt

    undo(db, "2", txn=manager.get())
    db.storage.tpc_finish = finish_and_stop
    with pytest.raises(KeyboardInterrupt):
        manager.commit()
    db.storage.tpc_finish = finish
    manager.abort()
    connection.sync()
    assert steps.x == 1
    undo(db, "")
    connection.sync()
    assert steps.x == 2


def test_a_closed_database_undoes_nothing(db, steps):
    manager = transaction.TransactionManager()
    undo(db, "2", txn=manager.get())
    db.close()
    with pytest.raises(errors.ConnectionStateError, match="is closed"):
        manager.commit()
    manager.abort()
    for call in (
        lambda: db.undo(b"x"),
        db.undoLog,
        db.undoInfo,
        lambda: db.history(p64(0)),
        db.pack,
    ):
        with pytest.raises(errors.ConnectionStateError, match="is closed"):
            call()


@pytest.fixture
def two():
    """Two databases with an object each, whose x were set to 0 and 1 together."""
    with Collection() as collection:
        for name in "12":
            collection.add(name)
        connections = collection.connect("1", "2")
        for x in range(2):
            for connection in connections:
                connection.root.x = x
            connections[0].transaction_manager.get().note(str(x))
            connections[0].transaction_manager.commit()
        yield [*collection.databases.values(), *connections]


def test_two_databases_undo_in_one_transaction(two):
    one, other, *connections = two
    manager = connections[0].transaction_manager
    for db in (one, other):
        undo(db, "1", txn=manager.get())
    manager.commit()
    assert [connection.root.x for connection in connections] == [0, 0]
    assert one.half_commits() == []


def test_one_database_undoes_where_another_one_changes(two):
    one, _, first, second = two
    manager = first.transaction_manager
    undo(one, "1", txn=manager.get())
    second.root.x = 2
    manager.commit()
    assert [first.root.x, second.root.x] == [0, 2]


def test_where_one_database_cannot_undo_the_other_one_does_not_either(two):
    one, other, first, second = two
    manager = first.transaction_manager
    second.root.x = 2
    manager.commit()
    for db in (one, other):
        undo(db, "1", txn=manager.get())
    with pytest.raises(errors.UndoError):
        manager.commit()
    manager.abort()
    assert [first.root.x, second.root.x] == [1, 2]


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("interrupted", [0, 1])
def test_an_interrupt_between_two_databases_lets_both_finish(
    two, monkeypatch, interrupted, is_done
):
    one, other, *connections = two
    manager = connections[0].transaction_manager
    finish, calls = SharedSnapshot.finish_with, []

    def stop_once(snapshot, *arguments):
        calls.append(snapshot)
        if len(calls) != interrupted + 1:
            return finish(snapshot, *arguments)
        if is_done:
            finish(snapshot, *arguments)
        raise KeyboardInterrupt

    for db in (one, other):
        undo(db, "1", txn=manager.get())
    monkeypatch.setattr(SharedSnapshot, "finish_with", stop_once)
    with pytest.raises(KeyboardInterrupt):
        manager.commit()
    monkeypatch.undo()
    manager.abort()
    assert [connection.root.x for connection in connections] == [0, 0]
    assert one.half_commits() == []


def test_a_database_that_fails_in_the_second_phase_is_logged_as_half_a_commit(
    two, monkeypatch, caplog
):
    one, other, *connections = two
    manager = connections[0].transaction_manager
    for db in (one, other):
        undo(db, "1", txn=manager.get())
    last = max((one, other), key=lambda db: db.storage.sortKey())
    monkeypatch.setattr(last.storage, "tpc_finish", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        manager.commit()
    monkeypatch.undo()
    manager.abort()
    assert "has failed in its second phase" in caplog.text
    (half,) = one.half_commits()
    assert half.missing == (last.database_name,)


# Announcements


def test_what_the_storage_has_merged_is_announced(db, connection, manager, other, steps):
    with db.transaction() as another:
        another.root.merged = Item()
    other.sync()
    merged = other.root.merged
    merged._p_activate()
    vote = db.storage.tpc_vote
    db.storage.tpc_vote = lambda meta: [*(vote(meta) or ()), merged._p_oid]
    undo(db, "2")
    db.storage.tpc_vote = vote
    other.sync()
    assert merged._p_changed is None


class Instances(MVCCMappingStorage):
    """A storage with snapshots of its own, which undoes nothing and says what it is asked for."""

    released = 0

    def supportsUndo(self):  # noqa: N802
        return True

    def undo(self, ident, meta):
        assert (ident, meta) == (b"id", self._transaction)

    def new_instance(self):
        instance = super().new_instance()
        instance.__class__ = type(self)
        instance.release = lambda: setattr(Instances, "released", Instances.released + 1)
        return instance


def test_a_storage_with_snapshots_of_its_own_undoes_in_an_instance_of_its_own():
    db = DB(Instances())
    manager = transaction.TransactionManager()
    before = Instances.released
    db.undo(b"id", manager.get())
    manager.commit()
    assert Instances.released == before + 1
    db.close()
