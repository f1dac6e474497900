"""When a storage is asked to catch up with commits that it learns of from elsewhere."""

import pytest
import transaction
from zodb_reference import DB
from zodb_reference.storages import MemoryStorage

BEFORE_CURRENT = ["2005-06-10", "2005-06-16", "2005-06-17", "2006-08-16"]


class Synchronized(MemoryStorage):
    """Counts how often it was asked."""

    count = 0

    def sync(self, *_):
        self.count += 1

    def since(self):
        count, self.count = self.count, 0
        return count


@pytest.fixture
def storage():
    """A storage that counts."""
    return Synchronized()


@pytest.fixture
def connect(storage):
    """Open a connection of an edition to the storage."""
    opened = []

    def open_it(edition, manager):
        db = DB(storage, edition=edition)
        opened.append(db)
        storage.since()
        return db.open(transaction_manager=manager)

    yield open_it
    for db in opened:
        db.close()


def test_the_storage_catches_up_where_a_transaction_begins(storage, connect):
    manager = transaction.TransactionManager()
    connection = connect("current", manager)
    assert storage.since() == 0
    connection.root()["a"] = 1
    manager.commit()
    connection.root()["a"] = 2
    manager.abort()
    assert storage.since() == 0
    manager.begin()
    assert storage.since() == 1
    connection.sync()
    assert storage.since() == 1


@pytest.mark.parametrize("edition", BEFORE_CURRENT)
def test_the_storage_caught_up_at_every_boundary_before_the_current_edition(
    edition, storage, connect
):
    manager = transaction.TransactionManager()
    connection = connect(edition, manager)
    assert storage.since() == 0
    connection.root()["a"] = 1
    manager.commit()
    assert storage.since() == 1
    manager.abort()
    assert storage.since() == 1
    manager.begin()
    assert storage.since() == 1
    connection.sync()
    assert storage.since() == 2  # the one of the abort, and that of the transaction after it


@pytest.mark.parametrize(
    ("edition", "count"), [("current", 1), *((each, 0) for each in BEFORE_CURRENT)]
)
def test_the_storage_catches_up_when_a_connection_is_opened_in_a_transaction(
    edition, count, storage, connect
):
    manager = transaction.TransactionManager()
    manager.begin()
    connect(edition, manager)
    assert storage.since() == count


def test_a_connection_that_is_opened_in_a_transaction_shows_the_newest_state():
    for edition in ["current", *BEFORE_CURRENT]:
        db = DB(edition=edition)
        manager = transaction.TransactionManager()
        manager.begin()
        with db.transaction() as connection:
            connection.root()["a"] = 1
        assert db.open(transaction_manager=manager).root()["a"] == 1
        db.close()
