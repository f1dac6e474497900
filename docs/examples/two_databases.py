"""An order refers to a customer in another database, and both get a new object."""

import transaction
from persistent.mapping import PersistentMapping
from zodb_reference import DB
from zodb_reference.errors import InvalidObjectReference

databases = {}
people = DB("people.sqlite", databases=databases, database_name="people")
orders = DB("orders.sqlite", databases=databases, database_name="orders")

in_people = people.open()
in_orders = in_people.get_connection("orders")
in_people.root.ada = PersistentMapping(name="Ada")
transaction.commit()
in_orders.root.newest = PersistentMapping(customer=in_people.root.ada)
transaction.commit()

with orders.transaction() as connection:
    customer = connection.root.newest["customer"]
    print(customer["name"], "is in", customer._p_jar.db().database_name)

address = PersistentMapping(city="London")
in_people.root.ada["address"] = in_orders.root.newest["address"] = address
try:
    transaction.commit()
except InvalidObjectReference as error:
    print("refused:", error.args[0])
    transaction.abort()

in_people.add(address)
in_people.root.ada["address"] = in_orders.root.newest["address"] = address
transaction.commit()
print("with add, it is in", address._p_jar.db().database_name)
