"""A small object database, the reference for the specification of its kind.

`DB` is what a program begins with: `DB()` keeps its objects in memory, `DB("path.sqlite")` in a
file, `DB(storage)` in any storage that speaks the ecosystem's storage protocol. `connection` is
short for a database with one connection, which are closed together. `resetCaches` lets all
connections load their objects anew.
"""

from zodb_reference import db_of_2006  # noqa: F401 - which DB makes for its edition
from zodb_reference.connections import resetCaches
from zodb_reference.db import DB, connection

__all__ = ["DB", "connection", "resetCaches"]
