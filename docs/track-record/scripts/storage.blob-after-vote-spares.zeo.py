"""A blob can't be loaded by a ZEO client with a shared folder to which a new one came too late."""

import logging
import sys
import tempfile
from pathlib import Path

import ZEO
from ZODB.Connection import TransactionMetaData
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    blobs = folder + "/blobs"
    address, stop = ZEO.server(folder + "/Data.fs", blob_dir=blobs)
    storage = ZEO.client(address, blob_dir=blobs, shared_blob_dir=True)

    def commit_blob(serial, content, *, late):
        """Commit the content of a blob; with `late` it comes after the vote."""
        path, meta = folder + "/given", TransactionMetaData()
        Path(path).write_bytes(content)
        storage.tpc_begin(meta)
        if late:
            storage.tpc_vote(meta)
        storage.storeBlob(z64, serial, b"data", path, "", meta)
        if not late:
            storage.tpc_vote(meta)
        return storage.tpc_finish(meta)

    first, problem = commit_blob(z64, b"old", late=False), ""
    try:
        commit_blob(first, b"late", late=True)
    except Exception:  # as it should be
        pass
    serial = storage.load(z64)[1]
    try:
        found = Path(storage.loadBlob(z64, serial)).read_bytes()
        if found != (b"old" if serial == first else b"late"):
            problem = f"the blob holds {found!r}, of the transaction before: {serial == first}"
    except Exception as error:
        problem = f"to load the blob raises {type(error).__name__}"
    storage.close()
    stop()
if problem:
    sys.exit(f"storage.blob-after-vote-spares.zeo: {problem}")
