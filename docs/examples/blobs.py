"""A film in a database: written in pieces, rolled back to a savepoint, read as a file."""

import transaction
from zodb_reference import DB
from zodb_reference.blobs import Blob

connection = DB("cinema.sqlite").open()
film = connection.root()["film"] = Blob()

with film.open("w") as file:
    file.write(b"opening credits, ")
savepoint = transaction.savepoint()
with film.open("a") as file:
    file.write(b"a bad ending")
savepoint.rollback()
with film.open("a") as file:
    file.write(b"a good ending")
transaction.commit()

with film.open() as file:
    print(file.read().decode())
connection.close()
connection.db().close()
