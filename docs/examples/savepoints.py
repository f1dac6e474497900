"""An import that goes back to where the last good row was read."""

import transaction
from persistent.mapping import PersistentMapping
from zodb_reference import DB

db = DB()
root = db.open().root()
root["people"] = PersistentMapping()
for row in ("Ada 1815", "Grace 1906", "Charles about 1790"):
    before = transaction.savepoint()
    person = PersistentMapping()
    try:
        name, year = row.split(" ", 1)
        root["people"][name] = person
        person["born"] = int(year)
    except ValueError:
        before.rollback()
        print("left out:", row)
transaction.commit()
print({name: person["born"] for name, person in root["people"].items()})
