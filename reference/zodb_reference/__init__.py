"""A small object database, the reference for the specification of its kind.

`DB` is what a program begins with: `DB()` keeps its objects in memory, `DB("path.sqlite")` in a
file, `DB(storage)` in any storage that speaks the ecosystem's storage protocol.
"""

from zodb_reference.db import DB

__all__ = ["DB"]
