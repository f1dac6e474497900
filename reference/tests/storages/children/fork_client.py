"""Fork while a client is open; the child tries to use it, and to make another one.

Prints what became of that.
"""

# ruff: noqa: T201 - the test reads what is printed

import os
import sys

from zodb_reference.errors import StorageError
from zodb_reference.oids import z64
from zodb_reference.storages import ClientStorage

client = ClientStorage(sys.argv[1])
child = os.fork()
if not child:
    for use in (lambda: client.load(z64), lambda: ClientStorage(sys.argv[1])):
        try:
            use()
        except StorageError as error:
            print(error, flush=True)
    client.close()
    sys.exit()
_, status = os.waitpid(child, 0)
print("child ended with", status, flush=True)
client.close()
