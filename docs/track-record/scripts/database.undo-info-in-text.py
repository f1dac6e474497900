"""A transaction is not found by the description that the log tells."""

import logging
import sys
import tempfile

import ZODB

logging.disable()
with tempfile.TemporaryDirectory() as directory:
    db = ZODB.DB(f"{directory}/data.fs")
    with db.transaction("spring cleaning") as connection:
        connection.root()["a"] = 1
    described = db.undoLog(0, 1)[0]["description"]
    found = db.undoInfo(0, 1, {"description": described})
    db.close()
if not found:
    sys.exit(f"database.undo-info-in-text: nothing is described as {described!r}")
