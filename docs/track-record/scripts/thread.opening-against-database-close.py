"""A database can't be closed while another thread opens a connection to it."""

import sys
import threading

import transaction
import ZODB

failures = []
database = ZODB.DB(None)


def close_database():
    """What another thread does, when the server is shut down."""
    try:
        database.close()
    except KeyError as error:
        failures.append(error)


class Manager(transaction.TransactionManager):
    """A manager with which a connection registers at an unlucky moment."""

    def registerSynch(self, connection):  # noqa: N802
        thread = threading.Thread(target=close_database)
        thread.start()
        thread.join()
        super().registerSynch(connection)


database.open(transaction_manager=Manager())
if failures:
    database.close()  # which does nothing, since it was called before
    still_open = hasattr(database, "storage")
    sys.exit(
        "thread.opening-against-database-close: close() raises KeyError, and the storage is"
        f" {'still open after a second one' if still_open else 'closed'}"
    )
