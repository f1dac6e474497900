"""A DemoStorage votes for the transaction None."""

import sys

from ZODB.DemoStorage import DemoStorage

storage = DemoStorage()
try:
    storage.tpc_vote(None)
except Exception:
    pass
else:
    sys.exit("storage.none-is-no-transaction.demo: the storage votes for the transaction None")
