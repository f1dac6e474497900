"""Ctrl-C at any moment: nothing is done by half, and everything goes on."""

import io
import threading
from contextlib import suppress
from itertools import count

import pytest
import transaction
from interrupting import Interrupt
from persistent import Persistent
from zodb_reference import DB
from zodb_reference.persistentclass import PersistentMetaClass
from zodb_reference.scratch import Scratch
from zodb_reference.storages import sqlite_file

# Some callbacks of weak references are interrupted too, and Python goes on after them.
SWALLOWED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Account(Persistent):
    def __init__(self, balance):
        self.balance = balance


def transfer(connection):
    """Move an amount from one account to another, and open a pair of new ones."""
    first, second = connection.root.accounts
    first.balance -= 10
    second.balance += 10
    connection.root.newest = newest = Account(first.balance)
    newest.other = Account(second.balance)
    return newest, newest.other


def balances(connection):
    newest = connection.root.newest
    return [account.balance for account in (*connection.root.accounts, newest, newest.other)]


def in_another_thread(work, db):
    """Return what `work` does with a connection, where it need not wait for that."""
    results = []

    def run():
        with db.transaction() as connection:
            results.append(work(connection))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10)
    assert results, "another thread waits, or has failed"
    return results[0]


def commit(db, connection):
    new = transfer(connection)
    return connection.transaction_manager.commit, new


class Failure(Exception):
    pass


class Refusing:
    """A participant that votes after the connection, and against the commit."""

    abort = tpc_begin = commit = tpc_finish = tpc_abort = lambda self, transaction: None

    def sortKey(self):  # noqa: N802
        return "~"

    def tpc_vote(self, transaction):
        raise Failure


def fail_to_commit(db, connection):
    connection.transaction_manager.get().join(Refusing())
    return commit(db, connection)


def abort(db, connection):
    new = transfer(connection)
    return connection.transaction_manager.abort, new


def make_savepoint(db, connection):
    new = transfer(connection)
    connection.transaction_manager.savepoint()
    return connection.transaction_manager.savepoint, (*new, *transfer(connection))


def roll_back(db, connection):
    new = transfer(connection)
    savepoint = connection.transaction_manager.savepoint()
    new += transfer(connection)
    connection.transaction_manager.savepoint()
    connection.cacheMinimize()
    return savepoint.rollback, (*new, *transfer(connection))


def roll_back_to_the_start(db, connection):
    connection.root.started = True
    savepoint = connection.transaction_manager.savepoint()
    new = transfer(connection)
    connection.root.terms.percent = 2
    connection.transaction_manager.savepoint()
    return savepoint.rollback, new


def commit_savepoints(db, connection):
    new = transfer(connection)
    connection.transaction_manager.savepoint()
    connection.cacheMinimize()
    return connection.transaction_manager.commit, (*new, *transfer(connection))


def abort_savepoints(db, connection):
    _, new = roll_back(db, connection)
    return connection.transaction_manager.abort, new


def import_file(db, connection):
    file = connection.exportFile(connection.root.newest._p_oid, io.BytesIO())
    file.seek(0)
    new = [*transfer(connection)]
    connection.transaction_manager.savepoint()
    new += transfer(connection)
    return lambda: new.append(connection.importFile(file)), new


def exchange(db, connection):
    new = [*transfer(connection), Account(0), Account(0)]
    for old, taken in zip(connection.root.accounts, new[2:], strict=True):
        connection.exchange(old, taken)
    return new


def exchange_one(db, connection):
    first, new = connection.root.accounts[0], [*transfer(connection), Account(0)]
    return lambda: connection.exchange(first, new[2]), new


def exchange_a_new_one(db, connection):
    new = [*transfer(connection), Account(0)]
    connection.add(new[0])
    return lambda: connection.exchange(new[0], new[2]), new


def abort_exchange(db, connection):
    new = exchange(db, connection)
    return connection.transaction_manager.abort, new


def roll_back_exchange(db, connection):
    connection.root.started = True
    savepoint = connection.transaction_manager.savepoint()
    new = exchange(db, connection)
    connection.transaction_manager.savepoint()
    connection.cacheMinimize()
    return savepoint.rollback, new


def undo(db, connection):
    db.undo(db.undoLog(0, 1)[0]["id"], connection.transaction_manager.get())
    return connection.transaction_manager.commit, ()


def begin(db, connection):
    in_another_thread(transfer, db)
    return connection.transaction_manager.begin, ()


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (commit, "memory"),
        (commit, "sqlite"),
        (fail_to_commit, "memory"),
        (abort, "memory"),
        (begin, "memory"),
        (make_savepoint, "memory"),
        (roll_back, "memory"),
        (roll_back_to_the_start, "memory"),
        (commit_savepoints, "memory"),
        (commit_savepoints, "sqlite"),
        (abort_savepoints, "memory"),
        pytest.param(import_file, "memory", marks=SWALLOWED),
        (exchange_one, "memory"),
        (exchange_a_new_one, "memory"),
        (abort_exchange, "memory"),
        (roll_back_exchange, "memory"),
        (undo, "memory"),
        (undo, "sqlite"),
    ],
)
def test_an_interrupt_leaves_nothing_by_half(act, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_file, "SYNCHRONOUS", "OFF")  # waiting for the disk changes nothing
    monkeypatch.setattr(Scratch, "max_memory", 0)
    db = DB(None if kind == "memory" else tmp_path / "test.sqlite")
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    connection.root.accounts = [Account(100), Account(100)]
    connection.root.terms = PersistentMetaClass("Terms", (), {"percent": 1})
    transfer(connection)
    manager.commit()
    for number in count():
        balances(connection)  # has everything in the cache
        do, new = act(db, connection)
        interrupt = Interrupt(number)
        with suppress(KeyboardInterrupt, Failure), interrupt:
            do()
        manager.abort()
        manager.begin()
        try:
            seen = balances(connection)
            assert connection.root.terms.percent == 1
            for obj in new:
                assert hasattr(obj, "balance")
            assert seen[0] + seen[1] == 200
            assert seen[2:] == seen[:2]
            for obj in new:
                assert obj._p_jar in (None, connection)
                assert (obj._p_jar is None) == (obj._p_oid is None)
                assert obj._p_oid is None or connection.objects.find(obj._p_oid) is obj
            assert connection.objects.new == {}
            assert list(connection.new_objects) == []
            assert connection._scratch is None
            assert in_another_thread(balances, db) == seen
            in_another_thread(transfer, db)
            manager.begin()
            transfer(connection)
            manager.commit()
            assert in_another_thread(balances, db)[0] == seen[0] - 20
            connection.close()
            connection = db.open(manager)
        except BaseException as failure:
            failure.add_note(f"after an interrupt in {interrupt.where}")
            raise
        if not interrupt.where:
            break
    assert number > 20
    db.close()


class InterruptedOnce(dict):
    """Is interrupted before it has removed something."""

    interrupted = False

    def __delitem__(self, key):
        if not self.interrupted:
            self.interrupted = True
            raise KeyboardInterrupt
        super().__delitem__(key)


def test_an_interrupt_after_the_storage_has_finished_leaves_one_object_for_one_oid(db):
    connection = db.open(transaction.TransactionManager())
    connection.objects.new = InterruptedOnce()
    connection.root.pair = Account(1), Account(2)
    with pytest.raises(KeyboardInterrupt):
        connection.transaction_manager.commit()
    connection.close()
    with db.transaction() as again:
        assert again is connection
        first, second = again.root.pair
        assert (first.balance, second.balance) == (1, 2)
        assert again.get(first._p_oid) is first
        first.balance = second.balance = 3
    assert in_another_thread(lambda other: [one.balance for one in other.root.pair], db) == [3, 3]


def test_a_commit_that_was_not_announced_since_it_was_interrupted_is_seen_by_all(db, monkeypatch):
    """As a storage may do that was not written with interrupts in mind."""
    other = db.open(transaction.TransactionManager())
    other.root.x = 1
    other.transaction_manager.commit()
    finish = db.storage.tpc_finish

    def interrupted(transaction, callback):
        finish(transaction)
        raise KeyboardInterrupt

    manager = transaction.TransactionManager()
    db.open(manager).root.x = 2
    monkeypatch.setattr(db.storage, "tpc_finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        manager.commit()
    other.sync()
    assert other.root.x == 2
