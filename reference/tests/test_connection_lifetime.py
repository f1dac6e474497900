import pytest
import transaction
from sample_objects import Item
from zodb_reference import errors
from zodb_reference.oids import z64

# Opening and closing


def test_a_connection_is_bound_to_the_manager_that_it_is_opened_with(db):
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    assert connection.transaction_manager is manager
    connection.root.x = 1
    transaction.abort()
    manager.commit()
    with db.transaction() as another:
        assert another.root.x == 1


def test_a_connection_is_bound_to_the_manager_of_the_thread_by_default(db):
    connection = db.open()
    assert connection.transaction_manager is transaction.manager.manager
    connection.root.x = 1
    transaction.commit()
    connection.close()
    with db.transaction() as another:
        assert another.root.x == 1


def test_the_name_of_a_version_is_refused_and_that_of_the_trunk_warned_of(db):
    with pytest.raises(TypeError, match="no version 'v'"):
        db.open("v")
    with pytest.warns(DeprecationWarning, match="leave out the empty string") as warned:
        connection = db.open("")
    assert warned[0].filename == __file__
    assert connection.transaction_manager is transaction.manager.manager
    assert connection.before is None


def test_a_connection_knows_its_database_open_and_closed(db, connection):
    assert connection.db() is db
    connection.close()
    assert connection.db() is db


def test_a_connection_is_the_only_one_of_its_group(db, connection):
    assert connection.connections == {"unnamed": connection}
    assert connection.get_connection("unnamed") is connection
    with pytest.raises(KeyError):
        connection.get_connection("other")


def test_a_closed_connection_refuses_everything(connection, manager, item):
    other = connection.root.other = Item()
    manager.commit()
    other._p_deactivate()
    connection.close()
    for refused in (
        lambda: connection.get(z64),
        lambda: connection.add(Item()),
        connection.root,
        lambda: connection.root.other,
        connection.isReadOnly,
        connection.sync,
        lambda: other.x,
        other._p_activate,
    ):
        with pytest.raises(errors.ConnectionStateError, match="closed"):
            refused()
    assert other._p_changed is None


def test_a_loaded_object_of_a_closed_connection_cannot_be_changed(connection, item):
    connection.close()
    with pytest.raises(errors.ConnectionStateError, match="closed"):
        item.x = 2
    assert (item.x, item._p_changed) == (1, False)


def test_closing_a_closed_connection_does_nothing(db, connection):
    connection.close()
    connection.close()
    assert db.open(transaction.TransactionManager()) is connection
    assert db.open(transaction.TransactionManager()) is not connection


def test_a_connection_with_changes_cannot_be_closed(connection, manager, item):
    item.x = 2
    connection.onCloseCallback(manager.commit)
    with pytest.raises(errors.ConnectionStateError, match="commit or abort"):
        connection.close()
    assert connection.root.item.x == 2
    manager.commit()
    connection.close()


def test_a_closed_connection_is_not_told_of_transactions_any_more(connection, manager, item):
    connection.close()
    assert not manager.registeredSynchs()
    manager.begin()


def test_closing_tolerates_a_manager_that_has_forgotten_the_connection(connection, manager):
    manager.clearSynchs()
    connection.close()
    assert connection.opened is None


def test_a_connection_opened_again_has_its_objects_and_the_newest_state(
    db, connection, item, other
):
    same = connection.root.same = Item()
    same.x = 1
    connection.transaction_manager.commit()
    other.sync()
    connection.close()
    other.root.item.x = 2
    other.transaction_manager.commit()
    assert db.open(transaction.TransactionManager()) is connection
    assert connection.root.item is item
    assert item._p_changed is None
    assert item.x == 2
    assert same._p_changed is False


def test_close_calls_the_callbacks_while_the_connection_is_open_and_once(db, connection):
    calls = []
    connection.onCloseCallback(lambda: calls.append(connection.opened is not None))
    connection.onCloseCallback(lambda: calls.append("second"))
    connection.close()
    db.open(transaction.TransactionManager()).close()
    assert calls == [True, "second"]


def test_a_failing_callback_is_logged_and_prevents_nothing(connection, caplog):
    calls = []
    connection.onCloseCallback(lambda: 1 / 0)
    connection.onCloseCallback(lambda: calls.append("second"))
    connection.close()
    assert connection.opened is None
    assert calls == ["second"]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


def test_a_callback_may_close_the_connection_or_keep_it_open(connection, manager, item):
    connection.onCloseCallback(lambda: setattr(item, "x", 2))
    with pytest.raises(errors.ConnectionStateError, match="commit or abort"):
        connection.close()
    manager.abort()
    connection.onCloseCallback(connection.close)
    connection.close()
    assert connection.opened is None


def test_close_clears_the_debug_information(connection):
    connection.setDebugInfo("a", 1)
    connection.setDebugInfo("b")
    assert connection.getDebugInfo() == ("a", 1, "b")
    connection.close()
    assert connection.getDebugInfo() == ()


def test_a_connection_that_cannot_be_opened_stays_closed(db, connection, monkeypatch):
    connection.close()
    monkeypatch.setattr(db.storage, "lastTransaction", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        db.open(transaction.TransactionManager())
    assert connection.opened is None


def test_the_storage_is_synchronized_where_a_transaction_begins_and_nowhere_else(
    db, connection, manager
):
    synced = []
    db.storage.sync = lambda: synced.append(True)
    connection.root.x = 1
    manager.commit()
    manager.abort()
    connection.close()
    assert db.open(manager) is connection
    assert synced == []
    manager.begin()
    assert synced == [True]
    connection.sync()
    assert synced == [True, True]


def test_the_storage_is_told_of_the_end_of_transactions_and_of_connections(db, connection, manager):
    ended = []
    db.storage.afterCompletion = lambda: ended.append(True)
    connection.root.x = 1
    manager.commit()
    assert ended == [True]
    manager.abort()
    assert ended == [True] * 2
    connection.close()
    assert ended == [True] * 3
