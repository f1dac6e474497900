"""The first of two contents is what a blob has that is stored twice in one transaction."""

import logging
import sys
import tempfile
from pathlib import Path

import ZEO
from ZODB.blob import Blob
from ZODB.Connection import TransactionMetaData
from ZODB.serialize import ObjectWriter
from ZODB.utils import z64

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    address, stop = ZEO.server(folder + "/Data.fs", blob_dir=folder + "/blobs")
    storage, meta = ZEO.client(address, blob_dir=folder + "/cache"), TransactionMetaData()
    record = ObjectWriter().serialize(Blob())
    storage.tpc_begin(meta)
    for content in b"one", b"two":
        path = Path(storage.temporaryDirectory(), "content")
        path.write_bytes(content)
        storage.storeBlob(z64, z64, record, str(path), "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    with storage.openCommittedBlobFile(z64, tid) as file:
        found = file.read()
    storage.close()
    stop()
if found != b"two":
    sys.exit(f"storage.blob-stored-twice: b'two' was stored last, and the blob has {found!r}")
