"""To open a connection to a database that was closed fails by accident."""

import logging
import sys

import ZODB

logging.disable()
db = ZODB.DB(None)
db.close()
try:
    db.open()
except ZODB.POSException.POSError:
    sys.exit(0)
except Exception as error:
    sys.exit(f"database.closed-says-so: {error!r} is raised")
