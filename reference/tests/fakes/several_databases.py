"""A collection of databases in memory, of any edition, and connections to them."""

import pytest
import transaction
from zodb_reference import DB
from zodb_reference.errors import InvalidObjectReference
from zodb_reference.oids import maxtid

#: The editions in which a new object that two databases reach is refused.
AMBIGUOUS = ["2005-06-16", "2005-06-17", "2006-08-16", "current"]
#: Those in which a savepoint does not decide where it belongs.
LASTING = AMBIGUOUS[1:]


class Collection:
    """Databases that share a mapping. It closes those that it has opened."""

    def __init__(self, **options):
        self.databases = {}
        self.options = options
        self.opened = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for db in self.opened:
            db.close()

    def add(self, name, storage=None, **options):
        """Open a database under this name."""
        options = {"databases": self.databases, "database_name": name, **self.options, **options}
        db = DB(storage, **options)
        self.opened.append(db)
        return db

    def connect(self, *names):
        """Return connections of one group, with a manager of its own; the first is the primary."""
        primary = self.databases[names[0]].open(
            transaction_manager=transaction.TransactionManager()
        )
        return [primary, *(primary.get_connection(name) for name in names[1:])]


def connected(edition, *names):
    """Yield connections of one group to databases "1" and "2", in this order of their names."""
    with Collection(edition=edition) as collection:
        for name in "12":
            collection.add(name)
        connections = collection.connect(*names)
        yield connections
        connections[0].transaction_manager.abort()


def commit(connection):
    """Commit what a group has changed."""
    connection.transaction_manager.commit()


def refused(connection, *new):
    """Commit in vain; see that the objects are new again."""
    with pytest.raises(InvalidObjectReference, match="it would be a guess") as caught:
        commit(connection)
    connection.transaction_manager.abort()
    for obj in new:
        assert (obj._p_jar, obj._p_oid, obj._p_changed) == (None, None, False)
    return caught.value


def record_of(obj):
    """The current record of a stored object."""
    return obj._p_jar.db().storage.loadBefore(obj._p_oid, maxtid)[0]
