"""A blob of a FileStorage can't be loaded any more when a new one comes for it after the vote."""

import sys
import tempfile
from pathlib import Path

from ZODB.Connection import TransactionMetaData
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

with tempfile.TemporaryDirectory() as folder:
    storage = FileStorage(folder + "/Data.fs", blob_dir=folder + "/blobs")

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
    try:
        serial = storage.load(z64)[1]
        Path(storage.loadBlob(z64, serial)).read_bytes()
    except Exception as error:
        problem = f"to load the blob raises {type(error).__name__}"
    storage.close()
if problem:
    sys.exit(f"storage.blob-after-vote-spares: {problem}")
