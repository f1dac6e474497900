import pytest
import transaction
from zodb_reference import DB


@pytest.fixture
def db():
    """A database in memory."""
    database = DB()
    yield database
    database.close()


@pytest.fixture
def connection(db):
    """An open connection with a transaction manager of its own."""
    return db.open(transaction.TransactionManager())


@pytest.fixture
def manager(connection):
    """The transaction manager of `connection`."""
    return connection.transaction_manager


@pytest.fixture
def other(db, connection):
    """A second connection, opened after the first, with another transaction manager."""
    return db.open(transaction.TransactionManager())
