"""To delete an attribute of an object whose class is missing fails, and marks the object as changed
all the same; from then on the transaction can't be committed.
"""

import logging
import sys
import types

import transaction
import ZODB
from persistent import Persistent

logging.disable()
module = sys.modules["shop"] = types.ModuleType("shop")
module.Order = type("Order", (Persistent,), {"__module__": "shop"})
db = ZODB.DB(None)
manager = transaction.TransactionManager()
root = db.open(manager).root()
root["order"] = module.Order()
root["order"].total = 10
manager.commit()
del module.Order  # as if the application that has it was not installed

other = transaction.TransactionManager()
root = db.open(other).root()
try:
    del root["order"].total
except Exception:
    pass
root["something"] = "else"
try:
    other.commit()
except Exception as error:
    sys.exit(
        "broken.deletion-refused: the deletion was refused, and the commit of something else"
        f" fails: {error!r}"
    )
