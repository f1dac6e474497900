"""After the return to a savepoint before an import, what was imported is still owned."""

import io
import logging
import sys

import transaction
import ZODB
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
connection = db.open()
root = connection.root()

root["shop"] = PersistentMapping(name="north")
transaction.commit()
file = connection.exportFile(root["shop"]._p_oid, io.BytesIO())
file.seek(0)

root["other"] = 1
savepoint = transaction.savepoint()
copy = connection.importFile(file)
name = copy["name"]
savepoint.rollback()

if copy._p_jar is not None or copy._p_oid is not None:
    sys.exit(
        f"import.rollback-disowns: the imported object still has the oid {copy._p_oid!r} after the"
        " return to the savepoint before"
    )
