"""To store a blob has failed; who goes on commits a record of a blob that is not there."""

import contextlib
import logging
import sys
import tempfile

from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.POSException import POSKeyError, StorageError
from ZODB.serialize import ObjectWriter
from ZODB.utils import load_current, z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs")
    oid, meta = storage.new_oid(), TransactionMetaData()
    storage.tpc_begin(meta)
    record = ObjectWriter().serialize(Blob())
    try:
        storage.storeBlob(oid, z64, record, folder + "/missing", "", meta)
    except FileNotFoundError:
        pass
    try:
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
    except StorageError:
        storage.tpc_abort(meta)
    problem = ""
    with contextlib.suppress(POSKeyError):
        tid = load_current(storage, oid)[1]
        problem = "the record of a blob is committed, and what the blob holds is not there"
        storage.loadBlob(oid, tid)
        problem = ""
    storage.close()
if problem:
    sys.exit(f"storage.blob-failed-is-left-out: {problem}")
