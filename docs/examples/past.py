"""Looking at what was there before, and bringing it back."""

import transaction
from zodb_reference import DB

db = DB()
root = db.open().root()
for price in (10, 12, 99):
    root["price"] = price
    transaction.get().note(f"the price is {price}")
    transaction.commit()

last, earlier = db.history(root._p_oid, size=2)
past = db.open(transaction.TransactionManager(), at=earlier["tid"])
print(earlier["description"], "-", past.root()["price"], "then,", root["price"], "now")
past.close()

db.undo(db.undoLog(0, 1)[0]["id"])
transaction.get().note("no, it is not")
transaction.commit()
print(root["price"], "-", db.undoLog(0, 1)[0]["description"])
