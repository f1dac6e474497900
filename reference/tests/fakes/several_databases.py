"""A collection of databases in memory, of any edition, and connections to them."""

import transaction
from zodb_reference import DB
from zodb_reference.oids import maxtid


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
        primary = self.databases[names[0]].open(transaction.TransactionManager())
        return [primary, *(primary.get_connection(name) for name in names[1:])]


def record_of(obj):
    """The current record of a stored object."""
    return obj._p_jar.db().storage.loadBefore(obj._p_oid, maxtid)[0]
