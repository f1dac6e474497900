"""The table of operations: what a program does with objects, transactions and connections."""

from zodb_spec.operations import objects, sessions, transactions

__all__ = ["objects", "sessions", "transactions"]
