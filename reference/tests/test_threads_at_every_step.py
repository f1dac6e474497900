"""Two threads on one database: one is halted at each of its steps while the other does its part.

What a thread may meet, whatever the step, is either what was there before or what is there after,
or an error that says what has happened.
"""

import contextlib
from functools import partial

import pytest
import transaction
from persistent import Persistent
from sample_objects import Item
from zodb_conformance.schedules import Halt, at_every_step, meanwhile
from zodb_reference import DB, errors
from zodb_reference.oids import z64


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


class Slow(Persistent):
    """Calls `_v_halt` when it is emptied."""

    _v_halt = int

    def _p_deactivate(self):
        self._v_halt()
        super()._p_deactivate()


def test_a_connection_whose_cache_is_being_emptied_is_opened_after_that():
    db, manager, halt, events = DB(), transaction.TransactionManager(), Halt(), []
    connection = db.open(manager)
    connection.root.slow = slow = Slow()
    manager.commit()
    connection.close()

    def note_emptied():
        halt()
        events.append("emptied")

    slow._v_halt = note_emptied
    meanwhile(db.cacheMinimize, lambda: events.append(db.open(manager)), halt)
    assert events == ["emptied", connection]
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


@pytest.mark.parametrize("packs_first", [True, False])
def test_packing_takes_nothing_from_who_loads_and_commits_meanwhile(packs_first):
    def schedule(halt):
        db, manager = DB(), transaction.TransactionManager()
        connection = db.open(manager)
        for x in range(2):
            connection.root.old = Item()
            connection.root.old.x = x
            manager.commit()
        connection.root.kept = connection.root.old
        del connection.root.old
        manager.commit()
        connection.cacheMinimize()

        def work():
            old = connection.root.kept
            seen = old.x
            connection.root.new = Item()
            connection.root.new.old = old
            manager.commit()
            return seen

        both = (db.pack, work) if packs_first else (work, db.pack)
        assert 1 in meanwhile(*both, halt)
        with db.transaction() as another:
            another.cacheMinimize()
            found = another.root.new.old.x, len(db.history(z64, 10))
        db.close()
        return found

    outcomes = at_every_step(schedule)
    assert {x for x, _ in outcomes} == {1}
    # What the commit has replaced goes as well where it comes first.
    assert {length for _, length in outcomes} == {1, 2}


def test_groups_that_take_from_one_pool_at_once_get_connections_of_their_own(collection):
    one, two = collection.databases["1"], collection.databases["2"]

    def schedule(halt):
        one.setPoolSize(0)  # so that the groups are new each time
        one.setPoolSize(7)
        two.open(transaction.TransactionManager()).close()
        groups = [one.open(transaction.TransactionManager()) for _ in range(2)]
        others = meanwhile(*(partial(each.get_connection, "2") for each in groups), halt)
        for each, other in zip(groups, others, strict=True):
            assert other.transaction_manager is each.transaction_manager
            assert other.connections is each.connections
            assert other.connections == {"1": each, "2": other}
            each.close()
        return others[0] is others[1]

    assert at_every_step(schedule) == {False}
