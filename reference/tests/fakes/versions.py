"""Databases with versions, and what the tests of them do again and again."""

import transaction
from sample_objects import Item


def opened(db, version="", **options):
    """Return a connection with a transaction manager of its own."""
    return db.open(version, transaction_manager=transaction.TransactionManager(), **options)


def commit(connection):
    """Commit what was changed through a connection."""
    connection.transaction_manager.commit()


def change(connection, name, x):
    """Commit a change of an item of the root; return it."""
    obj = connection.root()[name]
    obj.x = x
    commit(connection)
    return obj


def item(connection, name, x):
    """Return a new item of the root, which is committed."""
    obj = connection.root()[name] = Item()
    obj.x = x
    commit(connection)
    return obj


def ended(end, *arguments):
    """Commit or abort a version, in a transaction of its own."""
    manager = transaction.TransactionManager()
    end(*arguments, txn=manager.get())
    manager.commit()


def shown(db, name, *versions):
    """Return what connections in these versions have as `x` of an item of the root."""
    found = []
    for version in versions:
        connection = opened(db, version)
        found.append(connection.root()[name].x)
        connection.transaction_manager.abort()
        connection.close()
    return found
