"""To undo what never was a transaction fails by accident."""

import logging
import sys
import tempfile

import transaction
import ZODB

logging.disable()
with tempfile.TemporaryDirectory() as directory:
    db = ZODB.DB(f"{directory}/data.fs")
    db.undo(b"nonsense")
    try:
        transaction.commit()
    except ZODB.POSException.UndoError:
        problem = ""
    except Exception as error:
        problem = f"database.undo-error-says-so: {error!r} is raised"
    transaction.abort()
    db.close()
sys.exit(problem or 0)
