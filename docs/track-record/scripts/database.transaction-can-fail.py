"""The connection of a block stays open if the commit of the block fails."""

import logging
import sys

import ZODB

logging.disable()
db = ZODB.DB(None)
try:
    with db.transaction() as connection:
        connection.root()["a"] = 1
        with db.transaction() as other:
            other.root()["a"] = 2
except ZODB.POSException.ConflictError:
    pass
if connection.opened is not None:
    sys.exit("database.transaction-can-fail: the connection is still open")
