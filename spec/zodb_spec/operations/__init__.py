"""The table of operations: what a program does with objects, transactions and connections.

They are declared in the order of these imports, which is that in which raw scripts count them.
"""

from zodb_spec.operations import objects, transactions, sessions  # noqa: I001  # see above

__all__ = ["objects", "sessions", "transactions"]
