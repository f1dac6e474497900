"""One thread changes an object while another one empties all caches; the object loses its state."""

import sys
import threading

import transaction
import ZODB
from persistent.mapping import PersistentMapping


class Manager(transaction.TransactionManager):
    """A manager that another thread overtakes when a connection joins, as may happen any time."""

    is_overtaken = False

    def get(self):
        if self.is_overtaken:
            self.is_overtaken = False
            thread = threading.Thread(target=database.cacheMinimize)
            thread.start()
            thread.join()
        return super().get()


database, manager = ZODB.DB(None), Manager()
connection = database.open(transaction_manager=manager)
mapping = connection.root()["mapping"] = PersistentMapping({"kept": 1})
manager.commit()
manager.is_overtaken = True
mapping["number"] = 1
manager.commit()

other = database.open(transaction_manager=transaction.TransactionManager())
try:
    found = dict(other.root()["mapping"])
except KeyError as error:
    found = f"{type(error).__name__}({error})"
if found != {"kept": 1, "number": 1}:
    sys.exit(f"thread.emptying-against-change: what was committed is read as {found}")
