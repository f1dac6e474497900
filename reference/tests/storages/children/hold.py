"""Open the storage named by the arguments, say so, and hold it until the input ends."""

# ruff: noqa: T201 - the test reads what is printed

import sys

from zodb_reference.storages import SQLiteStorage

path, mode = sys.argv[1:]
storage = SQLiteStorage(path, read_only=mode == "read")
print("open", flush=True)
sys.stdin.read()
storage.close()
