"""After a crash between vote and finish, the last transaction is one that there never was."""

import logging
import shutil
import sys
import tempfile

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs")
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.store(storage.new_oid(), z64, b"data", "", meta)
    storage.tpc_vote(meta)
    # What is in the file now is what a process leaves that is killed.
    shutil.copy(folder + "/Data.fs", folder + "/Left.fs")
    storage.tpc_abort(meta)
    storage.close()
    left = FileStorage(folder + "/Left.fs")
    listed, last = list(left.iterator()), left.lastTransaction()
    left.close()
if last != z64 and not listed:
    sys.exit("storage.vote-is-not-commit: no transaction is there, and lastTransaction tells one")
if listed:
    sys.exit("storage.vote-is-not-commit: a transaction is there that was not finished")
