"""What the tests of the reference share: a database, its connections, and objects in it."""

import importlib
import sys
from pathlib import Path

import pytest
import transaction
from zodb_reference import DB
from zodb_reference.blobs import Blob

FAKES = Path(__file__).parent / "fakes"
sys.path.insert(0, str(FAKES))


@pytest.fixture
def db():
    """A database in memory."""
    database = DB()
    yield database
    database.close()


@pytest.fixture
def collection():
    """Two databases in memory, "1" and "2", and room for more."""
    with importlib.import_module("several_databases").Collection() as databases:
        databases.add("1")
        databases.add("2")
        yield databases


@pytest.fixture(params=importlib.import_module("several_databases").AMBIGUOUS)
def edition(request):
    """An edition in which a new object that two databases reach is refused."""
    return request.param


@pytest.fixture(params=[("1", "2"), ("2", "1")], ids=["first-stores-first", "second-stores-first"])
def pair(request, edition):
    """Two connections of one group; the database "1" stores first at commit."""
    connected = importlib.import_module("several_databases").connected
    yield from connected(edition, *request.param)


@pytest.fixture
def connection(db):
    """An open connection with a transaction manager of its own."""
    return db.open(transaction_manager=transaction.TransactionManager())


@pytest.fixture
def manager(connection):
    """The transaction manager of `connection`."""
    return connection.transaction_manager


@pytest.fixture
def other(db, connection):
    """A second connection, opened after the first, with another transaction manager."""
    return db.open(transaction_manager=transaction.TransactionManager())


@pytest.fixture
def item(connection):
    """An object in the database, with x = 1."""
    return stored(connection, "item", 1)


@pytest.fixture
def blob(connection):
    """A blob in the database, with the content "one"."""
    blob = connection.root()["blob"] = Blob(b"one")
    connection.transaction_manager.commit()
    return blob


@pytest.fixture
def old(connection):
    """An object in the database, with x = "old"."""
    return stored(connection, "old", "old")


@pytest.fixture
def start(manager, item):
    """A savepoint of a transaction that the connection has joined, with x = 2 in `item`."""
    item.x = 2
    return manager.savepoint()


def stored(connection, name, x):
    """A new object in the database, an item of the root with this name and this x."""
    obj = importlib.import_module("sample_objects").Item()
    obj.x = x
    connection.root()[name] = obj
    connection.transaction_manager.commit()
    return obj


class Participant:
    """Another participant of a transaction, which does in one phase what a test wants."""

    def __init__(self, sort_key, phases):
        self.sort_key = sort_key
        self.phases = phases

    def sortKey(self):  # noqa: N802
        return self.sort_key

    def __getattr__(self, name):
        if name in ("abort", "tpc_begin", "commit", "tpc_vote", "tpc_finish", "tpc_abort"):
            return lambda transaction: self.phases.get(name, int)()
        raise AttributeError(name)


@pytest.fixture
def participate(manager):
    """Let another participant join the transaction of `manager`.

    The functions given are called in the phases of these names. The sort key "" lets it go first,
    "~" last.
    """

    def join(sort_key="", **phases):
        manager.get().join(Participant(sort_key, phases))

    return join
