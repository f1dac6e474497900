"""An undo that is refused raises no UndoError at a ZEO client."""

import logging
import sys
import tempfile
import time

import transaction
import ZEO
import ZODB
from ZODB.POSException import UndoError

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs")
    db = ZODB.DB(ZEO.client(address))
    root = db.open().root()
    for number in range(2):
        root["number"] = number
        transaction.commit()
    id = db.undoLog(0, 1)[0]["id"]
    time.sleep(0.01)
    db.pack()
    db.undo(id)
    problem = ""
    try:
        transaction.commit()
    except UndoError:
        pass
    except Exception as error:
        problem = f"storage.pack-ends-undo: a {type(error).__name__} is raised: {error}"
    transaction.abort()
    db.close()
    stop()
sys.exit(problem or 0)
