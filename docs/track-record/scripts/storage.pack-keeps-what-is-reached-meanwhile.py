"""A pack loses an object that is taken out of one place before it, and is put into another one
while it is under way.
"""

import logging
import sys
import tempfile
import time

import transaction
import ZODB
from persistent.mapping import PersistentMapping
from ZODB.serialize import referencesf

logging.disable()


def put_it_there(data, oids=None):
    """Look for references in a record, as a pack does, while another thread commits."""
    if "there" not in root:
        root["there"] = thing
        transaction.commit()
    return referencesf(data, oids)


with tempfile.TemporaryDirectory() as folder:
    db = ZODB.DB(folder + "/Data.fs")
    root = db.open().root()
    root["here"] = PersistentMapping(value=1)
    transaction.commit()
    thing = root.pop("here")
    transaction.commit()
    time.sleep(0.01)
    db.storage.pack(time.time(), put_it_there)
    problem = ""
    try:
        db.open(transaction.TransactionManager()).root()["there"]["value"]
    except KeyError as error:
        problem = f"the object is in its new place, and reading it raises {error!r}"
    db.close()
if problem:
    sys.exit(f"storage.pack-keeps-what-is-reached-meanwhile: {problem}")
