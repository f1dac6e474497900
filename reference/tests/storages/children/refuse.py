"""Open the storage named by the arguments as a user without privileges; print how that ends."""

# ruff: noqa: T201 - the test reads what is printed

import fcntl  # noqa: F401 - imported late otherwise, from where the user may not read
import os
import sys

from zodb_reference.storages import SQLiteStorage

path, mode = sys.argv[1:]
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    storage = SQLiteStorage(path, read_only=mode == "read")
    print("opened at", int.from_bytes(storage.lastTransaction()))
    storage.close()
except OSError as error:
    print(type(error).__name__, error)
