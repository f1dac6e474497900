"""What the reference wrote into a FileStorage, ZODB reads; and the other way round."""

import ZODB
import zodb_reference
from persistent.mapping import PersistentMapping
from ZODB.FileStorage import FileStorage
from zodb_reference.storages import SQLiteStorage

db = zodb_reference.DB(FileStorage("Data.fs"))
with db.transaction() as connection:
    connection.root()["order"] = PersistentMapping(total=10)
db.close()

db = ZODB.DB("Data.fs")
with db.transaction() as connection:
    print("ZODB reads", dict(connection.root()["order"]))
db.close()

db = ZODB.DB(SQLiteStorage("data.sqlite"))
with db.transaction() as connection:
    connection.root()["order"] = PersistentMapping(total=20)
db.close()

db = zodb_reference.DB("data.sqlite")
with db.transaction() as connection:
    print("the reference reads", dict(connection.root()["order"]))
db.close()
