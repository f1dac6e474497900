"""A database over an MVCCMappingStorage takes its own past for the future."""

import logging
import sys

import transaction
import ZODB
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage

logging.disable()
db = ZODB.DB(MVCCMappingStorage())
root = db.open().root()
root["number"] = 1
transaction.commit()
try:
    db.open(transaction.TransactionManager(), at=root._p_serial)
except ValueError as error:
    sys.exit(
        f"historical.present-is-a-point.mvcc: the last transaction is {db.lastTransaction()!r} for"
        f" the database, and to open it at the last one raises {error!r}"
    )
