"""New prices are made in a version, while the shop goes on with the old ones."""

import transaction
from zodb_reference import DB
from zodb_reference.errors import VersionLockError

db = DB("shop.sqlite", edition="2006-08-16")
shop = db.open(transaction_manager=transaction.TransactionManager())
shop.root().update(tea=3)
shop.transaction_manager.commit()

office = db.open("prices of May", transaction_manager=transaction.TransactionManager())
office.root().update(tea=4)
office.transaction_manager.commit()
print("in the shop", shop.root()["tea"], "and in the office", office.root()["tea"])

shop.root().update(coffee=5)
try:
    shop.transaction_manager.commit()
except VersionLockError as error:
    print("refused:", error)
    shop.transaction_manager.abort()

db.commitVersion("prices of May")
transaction.commit()
shop.sync()
print("in the shop", shop.root()["tea"], "and versions left:", db.versions())
db.close()
