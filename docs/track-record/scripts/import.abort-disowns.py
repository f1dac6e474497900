"""After an abort, what was imported is still owned; a reference to it is stored, and not it."""

import io
import logging
import sys

import transaction
import ZODB
import ZODB.POSException
from persistent.mapping import PersistentMapping

logging.disable()
db = ZODB.DB(None)
connection = db.open()
root = connection.root()

root["shop"] = PersistentMapping(name="north")
transaction.commit()
file = connection.exportFile(root["shop"]._p_oid, io.BytesIO())
file.seek(0)

copy = connection.importFile(file)
name = copy["name"]
transaction.abort()

if copy._p_jar is None and copy._p_oid is None:
    sys.exit(0)

root["copy"] = copy
transaction.commit()
connection.close()
root = db.open().root()
try:
    name = root["copy"]["name"]
except ZODB.POSException.POSKeyError as error:
    sys.exit(f"import.abort-disowns: what was committed after the abort is lost: {error!r}")
