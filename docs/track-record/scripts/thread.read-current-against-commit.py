"""What a refused transaction has stored is committed by the next one, whoever that is."""

import logging
import sys
import tempfile

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.POSException import ReadConflictError

logging.disable()


class Another:
    """A data manager in whose vote another transaction is committed."""

    def sortKey(self):  # noqa: N802
        return ""

    def tpc_vote(self, txn):
        with db.transaction() as other:
            other.root()["limit"]["value"] = 2

    def abort(self, txn):
        """Do nothing, as in all that follow."""

    tpc_begin = commit = tpc_finish = tpc_abort = abort


with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    db = ZODB.DB(RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options))
    connection = db.open()
    root = connection.root()
    root["limit"], root["account"] = PersistentMapping(value=1), PersistentMapping(value=1)
    transaction.commit()

    if root["limit"]["value"] == 1:
        connection.readCurrent(root["limit"])
        root["account"]["value"] = "refused"
    transaction.get().join(Another())
    try:
        transaction.commit()
        is_refused = False
    except ReadConflictError:
        transaction.abort()
        is_refused = True
    with db.transaction() as other:
        other.root()["limit"]["value"] = 3
    with db.transaction() as other:
        found = other.root()["account"]["value"]
    db.close()
if is_refused and found != 1:
    sys.exit(
        f"thread.read-current-against-commit: {found!r} was refused, and is there after the commit"
        " of somebody else"
    )
