"""Nobody reads from a MappingStorage while it is packed."""

import sys
import threading
import time

import ZODB
from ZODB.utils import maxtid, z64

storage = ZODB.DB(None).storage
waiting = []


def references(_):
    """Find that a record refers to nothing, and whether another thread can read meanwhile."""
    reader = threading.Thread(target=storage.loadBefore, args=(z64, maxtid), daemon=True)
    reader.start()
    reader.join(1)
    waiting.append(reader.is_alive())
    return []


time.sleep(0.01)
storage.pack(time.time(), references)
if any(waiting):
    sys.exit("storage.pack-holds-nobody-up: a thread that reads waits for the end of the pack")
