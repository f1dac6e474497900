"""After a pack, a file storage reads what there was before it, from the file of that time."""

import inspect
import logging
import sys
import tempfile
import threading

import transaction
import ZODB
from ZODB.FileStorage import FileStorage

logging.disable()
FILE = inspect.getsourcefile(FileStorage)
reached, released = threading.Event(), threading.Event()


def halt(frame, event, function):
    """Halt the thread where it is about to give the file back that it has read from."""
    where = frame.f_code.co_filename, frame.f_code.co_name
    if event == "c_call" and where == (FILE, "get") and function.__name__ == "append":
        is_given_back = function.__self__ is frame.f_locals["self"]._files
        if is_given_back:
            reached.set()
            released.wait()


def read():
    """Do what another thread does."""
    with database.transaction() as own:
        sys.setprofile(halt)
        own.root()._p_activate()
        sys.setprofile(None)


with tempfile.TemporaryDirectory() as folder:
    database = ZODB.DB(FileStorage(folder + "/Data.fs"))
    manager = transaction.TransactionManager()
    connection = database.open(transaction_manager=manager)
    connection.root()["balance"] = 100
    manager.commit()
    database.pack()
    reader = threading.Thread(target=read)
    reader.start()
    reached.wait(10)
    connection.root()["balance"] = 50
    manager.commit()
    database.pack()
    released.set()
    reader.join()
    connection.cacheMinimize()
    found = connection.root()["balance"]
    database.close()
if found != 50:
    sys.exit(f"thread.loading-against-pack: 50 was committed, and everybody reads {found}")
