"""A transaction that undoes something and changes an object waits for itself for ever."""

import logging
import sys
import tempfile
import threading

import transaction
import ZODB

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    for number in range(2):
        root["number"] = number
        transaction.commit()

    def undo_and_change():
        """Undo what was done last, and change the same database."""
        manager = transaction.TransactionManager()
        db.undo(db.undoLog(0, 1)[0]["id"], manager.get())
        db.open(manager).root()["other"] = 1
        manager.commit()

    thread = threading.Thread(target=undo_and_change, daemon=True)
    thread.start()
    thread.join(5)
if thread.is_alive():
    sys.exit("database.undo-beside-changes: the commit waits for itself for ever")
