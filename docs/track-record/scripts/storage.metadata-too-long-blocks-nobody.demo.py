"""After a begin that is refused, nobody can begin any more."""

import sys
import tempfile
import threading

from ZODB.Connection import TransactionMetaData
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage

with tempfile.TemporaryDirectory() as folder:
    storage = DemoStorage(changes=FileStorage(folder + "/changes.fs"))
    meta = TransactionMetaData(description="d" * 70000)
    try:
        storage.tpc_begin(meta)
    except Exception:
        storage.tpc_abort(meta)
    begin = threading.Thread(target=storage.tpc_begin, args=(TransactionMetaData(),), daemon=True)
    begin.start()
    begin.join(5)
if begin.is_alive():
    sys.exit("storage.metadata-too-long-blocks-nobody.demo: the next transaction waits for ever")
