"""An object whose class is missing forgets the arguments of `__new__` with its state."""

import logging
import sys
import types

import transaction
import ZODB
from persistent import Persistent

logging.disable()


class Named(Persistent):
    """An object that is made with an argument."""

    __module__ = "shop"

    def __new__(cls, name):
        self = Persistent.__new__(cls)
        self.name = name
        return self

    def __getnewargs__(self):
        return (self.name,)


module = sys.modules["shop"] = types.ModuleType("shop")
module.Named = Named
db = ZODB.DB(None)
manager = transaction.TransactionManager()
db.open(manager).root()["named"] = Named("Jim")
manager.commit()
del module.Named  # as if the application that has it was not installed

connection = db.open(transaction.TransactionManager())
named = connection.root()["named"]
before = named.__getnewargs__()
connection.cacheMinimize()
try:
    after = named.__getnewargs__()
except AttributeError as error:
    sys.exit(f"broken.keeps-new-arguments: they were {before!r}, and now there is {error!r}")
if after != before:
    sys.exit(f"broken.keeps-new-arguments: they were {before!r}, and now they are {after!r}")
