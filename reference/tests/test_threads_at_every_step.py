"""Two threads on one database: one is halted at each of its steps while the other does its part.

What a thread may meet, whatever the step, is either what was there before or what is there after,
or an error that says what has happened.
"""

import contextlib

import pytest
import transaction
from zodb_conformance.schedules import at_every_step, meanwhile
from zodb_reference import DB, errors


def told(work):
    """A function that does `work`, and returns the error that refuses it."""

    def do():
        try:
            return work()
        except (errors.POSError, KeyError) as refusal:
            return type(refusal)

    return do


def closed_while(work):
    """What becomes of work(connection) and its commit while another thread closes the database."""

    def schedule(halt):
        db = DB()
        manager = transaction.TransactionManager()
        connection = db.open(manager)
        connection.root.x = 0
        manager.commit()
        before = db.lastTransaction()
        db.storage.close = int  # so that it can be asked in the end

        def work_and_commit():
            try:
                work(connection)
                manager.commit()
            finally:
                manager.abort()
                connection.close()
                manager.begin()  # which the database does not keep from being done

        refusal, _ = meanwhile(told(work_and_commit), db.close, halt)
        assert connection.transaction_manager is None
        assert not manager.registeredSynchs()
        return refusal, "stored" if db.storage.lastTransaction() != before else "not stored"

    return at_every_step(schedule)


STORED_OR_REFUSED = {(None, "stored"), (errors.ConnectionStateError, "not stored")}


def test_closing_loses_no_change_of_another_thread_in_silence():
    assert closed_while(lambda connection: connection.root().update(x=1)) == STORED_OR_REFUSED


def test_closing_loses_no_undo_of_another_thread_in_silence():
    def undo(connection):
        db = connection.db()
        db.undo(db.undoLog()[0]["id"], connection.transaction_manager.get())

    assert closed_while(undo) == STORED_OR_REFUSED


@pytest.mark.parametrize("reduce", ["cacheMinimize", "cacheFullSweep"])
@pytest.mark.parametrize("is_open", [True, False])
def test_emptying_all_caches_spares_what_another_thread_is_about_to_change(reduce, is_open):
    db, manager = DB(), transaction.TransactionManager()
    with db.transaction() as connection:
        connection.root().update(x=0, y=0)

    def schedule(halt):
        connection = db.open(manager)
        connection.root()._p_activate()
        if not is_open:
            connection.close()

        def change():
            used = connection if is_open else db.open(manager)
            used.root()["x"] += 1
            manager.commit()
            used.close()

        meanwhile(change, getattr(db, reduce), halt)
        with db.transaction() as connection:
            connection.cacheMinimize()
            return {*connection.root()} == {"x", "y"}

    assert at_every_step(schedule) == {True}
    db.close()


def test_a_connection_opened_while_its_database_is_closed_is_closed_too():
    def schedule(halt):
        db, manager = DB(), transaction.TransactionManager()
        opened, _ = meanwhile(told(lambda: db.open(manager)), db.close, halt)
        if opened is errors.ConnectionStateError:
            assert not manager.registeredSynchs()
            return "refused"
        with contextlib.suppress(errors.ConnectionStateError):
            return opened.root()
        return "closed"

    assert at_every_step(schedule) == {"refused", "closed"}


@pytest.mark.parametrize("closed", ["1", "2"])
def test_no_connection_to_a_database_that_is_closed_comes_into_a_group(collection, closed):
    def schedule(halt):
        databases = {}
        for name in "1", "2":
            DB(databases=databases, database_name=name)
        manager, closes = transaction.TransactionManager(), databases[closed].close
        connection = databases["1"].open(manager)
        meanwhile(told(lambda: connection.get_connection("2")), closes, halt)
        with contextlib.suppress(errors.ConnectionStateError, KeyError):
            return connection.connections[closed].root()
        connection.close()
        assert not manager.registeredSynchs()
        return "closed"

    assert at_every_step(schedule) == {"closed"}
