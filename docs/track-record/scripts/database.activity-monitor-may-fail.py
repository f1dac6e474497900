"""A connection can't be closed where the activity monitor fails."""

import logging
import sys
from types import SimpleNamespace

import ZODB


def fail(_connection):
    """Fail, when told of a connection."""
    raise RuntimeError("the monitor fails")


logging.disable()
db = ZODB.DB(None)
db.setActivityMonitor(SimpleNamespace(closedConnection=fail))
connection = db.open()
try:
    connection.close()
except RuntimeError as error:
    sys.exit(f"database.activity-monitor-may-fail: to close the connection raises {error!r}")
