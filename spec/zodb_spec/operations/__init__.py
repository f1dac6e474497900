"""The table of operations on connections, in the order in which a newcomer would learn them."""

from zodb_spec.operations import objects, sessions, transactions

__all__ = ["objects", "sessions", "transactions"]
