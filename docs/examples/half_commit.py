"""The process dies when the first of two databases has finished, and the second has not."""

import os

import transaction
from zodb_reference import DB

databases = {}
people = DB("people.sqlite", databases=databases, database_name="people")
orders = DB("orders.sqlite", databases=databases, database_name="orders")
in_people = people.open()
in_people.root.visits = 1
in_people.get_connection("orders").root.visits = 1

_, second = sorted(databases.values(), key=lambda db: db.storage.sortKey())
second.storage.tpc_finish = lambda *_: os._exit(9)
transaction.commit()
