"""A block ends well although its database was closed under it, and its changes are lost."""

import logging
import sys

import ZODB

logging.disable()
db = ZODB.DB(None)
try:
    with db.transaction() as connection:
        connection.root()["a"] = 1
        db.close()
except Exception:
    sys.exit(0)
sys.exit("database.transaction-loss-is-told: no error was raised")
