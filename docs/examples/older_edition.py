"""What was allowed in June 2005, and is not allowed today."""

import transaction
from persistent.mapping import PersistentMapping
from zodb_reference import DB
from zodb_reference.errors import InvalidObjectReference

for edition in ("2005-06-10", "current"):
    databases = {}
    people = DB(databases=databases, database_name="people", edition=edition)
    orders = DB(databases=databases, database_name="orders", edition=edition)
    ada = people.open().root()["ada"] = PersistentMapping(name="Ada")
    transaction.commit()
    orders.open().root()["customer"] = ada  # these two were opened separately
    try:
        transaction.commit()
        print(edition, "stored")
    except InvalidObjectReference:
        print(edition, "refused")
        transaction.abort()
