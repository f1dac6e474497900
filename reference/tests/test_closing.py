"""What becomes of connections, and of what is under way in them, when their database is closed."""

import threading
from contextlib import contextmanager

import pytest
import transaction
from damaged_storage import Damaged
from persistent import Persistent
from sample_objects import Item
from transaction.interfaces import NoTransaction
from zodb_reference import DB, errors
from zodb_reference.oids import z64
from zodb_reference.storages import MemoryStorage


class Stops(Persistent):
    """Calls a function when its state is asked for."""

    _v_stop = int

    def __getstate__(self):
        self._v_stop()
        return super().__getstate__()


def test_closing_a_database_ends_what_is_under_way(db, connection, manager):
    connection.root.item = item = Item()
    calls = []
    connection.onCloseCallback(lambda: calls.append("closed"))
    db.close()
    assert connection.opened is None
    assert item._p_jar is None
    assert calls == ["closed"]
    manager.commit()
    with pytest.raises(errors.ConnectionStateError):
        connection.root()


def test_a_closed_database_opens_no_connection_and_may_be_closed_again(db):
    db.close()
    with pytest.raises(errors.ConnectionStateError, match="'unnamed' is closed"):
        db.open()
    db.close()


def test_a_closed_database_tells_no_last_transaction(db):
    db.close()
    with pytest.raises(errors.ConnectionStateError, match="'unnamed' is closed"):
        db.lastTransaction()


def test_closing_a_database_closes_its_storage():
    storage = Damaged()
    storage.store = MemoryStorage.store.__get__(storage)
    DB(storage).close()
    assert storage.closed


def test_a_connection_that_cannot_be_closed_does_not_keep_the_storage_open(
    db, connection, manager, monkeypatch, caplog
):
    storage = db.storage
    closed = []
    monkeypatch.setattr(storage, "close", lambda: closed.append(True))
    monkeypatch.setattr(storage, "afterCompletion", lambda: 1 / 0, raising=False)
    db.close()
    assert closed == [True]
    assert "could not be closed" in caplog.text
    manager.abort()


def test_nothing_is_changed_while_its_database_is_being_closed(db, connection, manager, caplog):
    root = connection.root()
    connection.onCloseCallback(lambda: root.update(x=1))
    db.close()
    assert connection.opened is None
    assert "ConnectionStateError: the database 'unnamed' is closed" in caplog.text
    assert not manager.registeredSynchs()


def test_a_participant_that_cannot_be_aborted_does_not_keep_the_connection_open(
    db, connection, manager, participate, caplog
):
    def fail():
        raise ZeroDivisionError

    participate(abort=fail)
    connection.root.x = 1
    db.close()
    assert connection.opened is None
    assert "could not be closed" in caplog.text
    manager.begin()


def test_an_interrupt_in_closing_one_connection_keeps_no_other_open_nor_the_storage(
    db, connection, other
):
    interrupts = [KeyboardInterrupt]

    def interrupt_once():
        if interrupts:
            raise interrupts.pop()

    connection.onCloseCallback(interrupt_once)
    other.onCloseCallback(interrupt_once)
    with pytest.raises(KeyboardInterrupt):
        db.close()
    assert (connection.opened, other.opened).count(None) == 1
    with pytest.raises(errors.StorageError, match="closed"):
        db.storage.load(z64)


def close_elsewhere(db):
    closer = threading.Thread(target=db.close)
    closer.start()
    closer.join()


def test_closing_from_another_thread_shuts_what_has_no_changes(db):
    connection = db.open(transaction.manager)  # which stands for another manager in each thread
    root, current = connection.root(), transaction.get()
    close_elsewhere(db)
    assert connection.opened is None
    assert transaction.get() is current
    transaction.begin()
    for use in connection.root, lambda: root.update(x=1), lambda: connection.get_connection("2"):
        with pytest.raises(errors.ConnectionStateError, match="closed"):
            use()
    connection.close()
    assert connection.transaction_manager is None
    assert not transaction.manager.registeredSynchs()


def test_a_connection_whose_change_was_refused_has_no_changes(db):
    connection = db.open(transaction.TransactionManager(explicit=True))
    connection.transaction_manager.begin()
    root = connection.root()
    connection.transaction_manager.abort()
    with pytest.raises(NoTransaction):
        root["x"] = 1
    close_elsewhere(db)
    assert connection.opened is None
    connection.close()


def test_a_connection_whose_changes_were_aborted_has_none(db, connection, manager):
    connection.root.x = 1
    manager.abort()
    close_elsewhere(db)
    assert connection.opened is None


def test_what_a_savepoint_has_kept_is_disowned_with_its_state_after_closing(db, manager):
    connection = db.open(manager)
    connection.root.item = item = Item()
    item.x = 1
    manager.savepoint()
    connection.cacheMinimize()
    close_elsewhere(db)
    manager.abort()
    assert (item._p_jar, item.x) == (None, 1)
    connection.close()


class Gone(MemoryStorage):
    """A storage that refuses everything once it is closed."""

    is_closed = False

    def close(self):
        self.is_closed = True
        super().close()

    def lastTransaction(self):  # noqa: N802
        self.afterCompletion()
        return super().lastTransaction()

    def afterCompletion(self):  # noqa: N802
        if self.is_closed:
            raise errors.StorageError("closed")


def test_a_manager_works_on_when_another_thread_has_closed_the_database(manager, db):
    gone = DB(Gone())
    connection, other = gone.open(manager), db.open(manager)
    close_elsewhere(gone)
    manager.begin()
    other.root.x = 1
    manager.commit()
    assert other.root.x == 1
    assert connection.opened is None


def test_a_connection_that_is_closed_while_it_is_opened_leaves_nothing(monkeypatch):
    db, manager = DB(), transaction.TransactionManager()
    last = db.storage.lastTransaction

    def close_first():
        db.close()
        return last()

    monkeypatch.setattr(db.storage, "lastTransaction", close_first)
    with pytest.raises(errors.ConnectionStateError, match="'unnamed' is closed"):
        db.open(manager)
    assert not manager.registeredSynchs()


def test_closing_from_another_thread_leaves_it_what_it_does_with_others(db, manager, participate):
    connection = db.open(manager)
    calls = []
    participate(tpc_finish=lambda: calls.append("finished"), abort=lambda: calls.append("aborted"))
    close_elsewhere(db)
    manager.commit()
    assert calls == ["finished"]
    connection.close()


def test_closing_from_another_thread_makes_the_commit_of_changes_fail(db):
    connection = db.open(transaction.manager)
    connection.root.x = item = Item()
    close_elsewhere(db)
    with pytest.raises(errors.ConnectionStateError, match="'unnamed' is closed"):
        transaction.commit()
    transaction.abort()
    assert item._p_jar is None
    connection.close()
    assert connection.opened is None


def test_closing_one_database_from_another_thread_divides_no_transaction(db):
    manager = transaction.TransactionManager()
    other = DB(databases=db.databases, database_name="other")
    mine, theirs = db.open(manager), other.open(manager)
    mine.root.x = 1
    close_elsewhere(db)
    theirs.root.x = 1
    with pytest.raises(errors.ConnectionStateError, match="'unnamed' is closed"):
        manager.commit()
    manager.abort()
    assert not hasattr(theirs.root, "x")
    theirs.close()
    other.close()


def test_closing_leaves_changes_of_other_databases_to_the_thread_that_has_made_them(db, manager):
    other = DB()
    mine, theirs = db.open(manager), other.open(manager)
    theirs.root.x = 1
    close_elsewhere(db)
    assert mine.opened is None
    manager.commit()
    assert theirs.root.x == 1
    other.undo(other.undoLog()[0]["id"], manager.get())
    third = DB()
    third.open(manager)
    close_elsewhere(third)
    manager.commit()
    assert not hasattr(theirs.root, "x")
    theirs.close()
    other.close()


@contextmanager
def done_by_another(work):
    """Have `work` done by a thread that lives as long as the block."""
    done, over = threading.Event(), threading.Event()

    def do():
        work()
        done.set()
        over.wait()

    thread = threading.Thread(target=do)
    thread.start()
    done.wait()
    yield
    over.set()
    thread.join()


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("begins", [True, False])
def test_who_has_opened_a_connection_or_begun_in_it_last_is_using_it(db, explicit, begins):
    manager = transaction.TransactionManager(explicit=explicit)
    connections = []

    def open_it():
        connections.append(db.open(manager))

    if begins:
        open_it()
    with done_by_another(manager.begin if begins else open_it):
        db.close()
    (connection,) = connections
    assert (connection.opened, connection.transaction_manager) == (None, manager)
    connection.close()
    assert connection.transaction_manager is None


def test_closing_leaves_alone_what_another_thread_does_in_the_same_transaction(db, manager):
    other = DB()
    db.open(manager)
    theirs = other.open(manager)
    with done_by_another(lambda: theirs.root().update(x=1)):
        db.close()
    manager.commit()
    assert theirs.root.x == 1
    theirs.close()
    other.close()


def test_closing_leaves_a_commit_to_other_databases_alone(db, manager, monkeypatch):
    other = DB()
    db.open(manager)
    theirs = other.open(manager)
    theirs.root.x = 1
    vote = other.storage.tpc_vote

    def close_and_vote(*arguments):
        db.close()
        return vote(*arguments)

    monkeypatch.setattr(other.storage, "tpc_vote", close_and_vote)
    manager.commit()
    assert theirs.root.x == 1
    theirs.close()
    other.close()


def test_closing_aborts_what_a_thread_has_left_that_has_ended(db, manager):
    connections = []

    def work():
        connections.append(db.open(manager))
        connections[0].root.x = 1

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    db.close()
    assert connections[0].opened is None
    assert manager.get()._resources == []


@pytest.fixture
def transfer(tmp_path):
    """A database in a file, with two objects that are to change together, and a connection."""
    db = DB(tmp_path / "test.sqlite")
    with db.transaction() as connection:
        connection.root.first, connection.root.second = Stops(), Stops()
    connection = db.open(transaction.TransactionManager())
    return db, connection, connection.root.first, connection.root.second


def assert_no_half_transaction(path):
    db = DB(path)
    with db.transaction() as connection:
        assert not hasattr(connection.root.first, "x")
        assert not hasattr(connection.root.second, "x")
    db.close()


def test_what_closing_has_aborted_is_not_committed_by_half(tmp_path, transfer):
    """The database closes between two changes of a program that goes on to commit them."""
    db, connection, first, second = transfer
    manager = connection.transaction_manager
    refusals = []

    def go_on():
        with pytest.raises(errors.ConnectionStateError, match="closed") as refusal:
            second.x = 1
        manager.commit()
        refusals.append(refusal)

    first.x = 1
    connection.onCloseCallback(go_on)
    db.close()
    assert len(refusals) == 1
    assert_no_half_transaction(tmp_path / "test.sqlite")


def test_a_commit_that_the_database_closes_over_is_not_stored_by_half(tmp_path, transfer):
    """Another thread closes the database between two records of a commit."""
    db, connection, first, second = transfer

    def close():
        closer = threading.Thread(target=db.close)
        closer.start()
        closer.join()

    second._v_stop = close
    first.x = second.x = 1
    with pytest.raises(errors.StorageError, match="closed"):
        connection.transaction_manager.commit()
    assert_no_half_transaction(tmp_path / "test.sqlite")


def test_a_savepoint_under_way_is_left_to_its_thread_by_closing(transfer, caplog):
    db, connection, first, second = transfer
    manager = connection.transaction_manager

    def close():
        closer = threading.Thread(target=db.close)
        closer.start()
        closer.join()

    first.late = late = Stops()
    second._v_stop = close
    second.x = 1
    manager.savepoint()
    with pytest.raises(errors.ConnectionStateError, match="closed"):
        manager.commit()
    manager.abort()
    assert (late._p_jar, late._p_oid) == (None, None)
    connection.close()
    assert not caplog.records


def test_a_commit_under_way_is_not_aborted_by_closing(db, connection, manager, caplog):
    """What has reached the storage stays; memory and storage agree."""
    connection.root.item = item = Item()
    close = db.storage.close
    finish = db.storage.tpc_finish

    def finish_then_close(*arguments):
        tid = finish(*arguments)
        db.close()
        return tid

    db.storage.close = int
    db.storage.tpc_finish = finish_then_close
    manager.commit()
    assert item._p_jar is connection
    assert item._p_serial == db.storage.lastTransaction()
    assert caplog.records == []
    close()


def test_a_block_whose_changes_the_database_closed_over_fails(db):
    def work():
        with db.transaction() as connection:
            connection.root.x = 1
            db.close()

    with pytest.raises(errors.ConnectionStateError, match="changes are lost"):
        work()


def test_a_block_that_changed_nothing_may_outlive_the_database(db):
    with db.transaction() as connection:
        assert not hasattr(connection.root, "x")
        db.close()


def test_an_explicit_manager_without_a_transaction_is_left_alone(db):
    manager = transaction.TransactionManager(explicit=True)
    connection = db.open(manager)
    db.close()
    assert connection.opened is None
