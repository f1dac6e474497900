"""Kill oneself at a given step of a second commit of a blob to the storage named by the argument.

The data and the content of a revision are the same.
"""

import os
import signal
import sys

from zodb_reference.blobfiles import new_file
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage

path, step = sys.argv[1:]
storage = SQLiteStorage(path)
serial = z64
for number in range(2):

    def pass_step(name, is_last=number == 1):
        """Die at the step of this name, in the second commit."""
        if is_last and step == name:
            os.kill(os.getpid(), signal.SIGKILL)

    content = new_file(storage.temporaryDirectory())
    content.write_bytes(b"%d" % number)
    meta = TransactionMetaData()
    storage.tpc_begin(meta)
    storage.storeBlob(p64(1), serial, b"%d" % number, str(content), "", meta)
    pass_step("stored")
    storage.tpc_vote(meta)
    pass_step("voted")
    serial = storage.tpc_finish(meta)
    pass_step("finished")
