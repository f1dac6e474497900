"""What groups hold is given up once, and in time; and databases that close in the wrong moment."""

import gc
import threading
import weakref

import pytest
import transaction
from sample_objects import Item
from several_databases import Collection
from zodb_reference.connections import Connection
from zodb_reference.errors import ConnectionStateError, InvalidObjectReference


@pytest.fixture
def released(monkeypatch):
    """The connections whose resources were given up, in this order, however often."""
    connections = []
    release = Connection.release

    def record(connection):
        connections.append(connection)
        release(connection)

    monkeypatch.setattr(Connection, "release", record)
    return connections


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("name", ["1", "2"])
def test_closing_a_database_releases_the_whole_group_once(collection, released, is_open, name):
    for each in collection.databases.values():
        each.take_connection()  # that which has made the root is out of the way
    pair = collection.connect("1", "2")
    if not is_open:
        pair[0].close()
    collection.databases[name].close()
    assert [released.count(connection) for connection in pair] == [1, 1]
    for each in list(collection.databases.values()):
        each.close()
    assert [released.count(connection) for connection in pair] == [1, 1]


def test_a_group_that_cannot_be_opened_is_released(collection, released, monkeypatch):
    pair = collection.connect("1", "2")
    pair[0].close()
    monkeypatch.setattr(pair[1].db().storage, "lastTransaction", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pair[0].db().open(transaction.TransactionManager())
    assert sorted(map(id, released)) == sorted(map(id, pair))


def test_a_secondary_that_cannot_be_opened_is_released(collection, released, monkeypatch):
    (one,) = collection.connect("1")
    with monkeypatch.context() as patch:
        patch.setattr(collection.databases["2"].storage, "lastTransaction", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            one.get_connection("2")
    assert [connection.db().database_name for connection in released] == ["2"]


def test_a_pool_keeps_nothing_of_a_group_that_has_ended(collection):
    pair = collection.connect("1", "2")
    references = [weakref.ref(connection) for connection in pair]
    pair[0].close()
    collection.databases["2"].close()
    del pair
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_a_refused_close_calls_no_callback(collection):
    one, two = collection.connect("1", "2")
    calls = []
    one.onCloseCallback(lambda: calls.append(1))
    two.root.x = 1
    with pytest.raises(ConnectionStateError):
        one.close()
    assert calls == []
    two.transaction_manager.commit()
    one.close()
    assert calls == [1]


def test_a_database_that_closes_while_its_group_is_opened_is_told(collection, monkeypatch):
    pair = collection.connect("1", "2")
    pair[0].close()
    one, two = collection.databases.values()
    take = one.take_connection

    def take_and_close(view):
        taken = take(view)
        two.close()
        return taken

    monkeypatch.setattr(one, "take_connection", take_and_close)
    manager = transaction.TransactionManager()
    with pytest.raises(ConnectionStateError, match="the database '2' is closed"):
        one.open(manager)
    assert not manager.registeredSynchs()
    assert [connection.opened for connection in pair] == [None, None]


class Closing:
    """Lets another thread close a database in one phase, between two members of a group."""

    abort = tpc_begin = commit = tpc_vote = tpc_finish = tpc_abort = lambda self, transaction: None

    def __init__(self, sort_key, phase, db):
        self.sort_key = sort_key

        def close(transaction):
            thread = threading.Thread(target=db.close)
            thread.start()
            thread.join(10)
            assert not thread.is_alive()

        setattr(self, phase, close)

    def sortKey(self):  # noqa: N802
        return self.sort_key


@pytest.mark.parametrize("name", ["1", "2"])
@pytest.mark.parametrize("phase", ["tpc_begin", "commit", "tpc_vote"])
def test_a_database_that_closes_within_a_commit_makes_it_fail_as_a_whole(
    collection, released, name, phase
):
    one, two = collection.connect("1", "2")
    new = one.root.new = Item()
    two.root.x = 1
    manager = one.transaction_manager
    manager.get().join(Closing(f"{one.sortKey()}!", phase, collection.databases[name]))
    with pytest.raises(Exception, match="closed"):
        manager.commit()
    manager.abort()
    assert (new._p_jar, new._p_oid) == (None, None)
    (left,) = collection.databases.values()
    with left.transaction() as another:
        assert not {"new", "x"}.intersection(another.root())
    one.close()
    assert {one, two} <= set(released)
    assert left.open(transaction.TransactionManager()) not in (one, two)


def test_the_savepoints_of_one_transaction_are_not_those_of_the_next():
    """In the edition in which a savepoint ends the newness of objects, once it is complete."""
    with Collection(edition="2005-06-16") as collection:
        collection.add("1")
        collection.add("2")
        one, two = collection.connect("1", "2")
        manager = one.transaction_manager
        one.root.x = 1
        manager.savepoint()
        manager.commit()
        two.root.new = one.root.new = Item()
        with pytest.raises(InvalidObjectReference, match="it would be a guess"):
            manager.savepoint()
        manager.abort()
