"""What is found a place while a pack is under way is lost."""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from relstorage.adapters.sqlite.adapter import Sqlite3Adapter
from relstorage.options import Options
from relstorage.storage import RelStorage
from ZODB.serialize import referencesf

logging.disable()
with tempfile.TemporaryDirectory() as folder:
    options = Options(blob_dir=folder + "/blobs")
    storage = RelStorage(Sqlite3Adapter(folder, {}, options=options), options=options)
    db = ZODB.DB(storage)
    root = db.open().root()
    root["here"] = thing = PersistentMapping(value=1)
    transaction.commit()
    del root["here"]
    transaction.commit()
    time.sleep(0.01)

    def references(data):
        """Find references, and give the object a place while the first ones are looked for."""
        if "there" not in root:
            root["there"] = thing
            transaction.commit()
        return referencesf(data)

    problem = ""
    storage.new_instance().pack(time.time(), references)
    try:
        db.open(transaction.TransactionManager()).root()["there"]["value"]
    except KeyError as error:
        problem = f"to read root['there'] raises a {type(error).__name__}"
    db.close()
if problem:
    sys.exit(f"storage.pack-keeps-what-is-reached-meanwhile.relstorage: {problem}")
