"""At its start the program looks for half commits, and repairs what it finds."""

import transaction
from zodb_reference import DB

databases = {}
people = DB("people.sqlite", databases=databases, database_name="people")
orders = DB("orders.sqlite", databases=databases, database_name="orders")
in_people = people.open()

for half in people.half_commits():
    print("found in", *half.tids, "and missing in", *half.missing)
    for name in half.missing:
        in_people.get_connection(name).root.visits = 1
    half.repaired_by(transaction.get())
    transaction.commit()
print("half commits:", people.half_commits())
