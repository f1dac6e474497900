"""Oids and tids: the names that a storage gives to objects and to transactions.

Both are eight bytes, and opaque but for their order.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example("storage.begins-without-transaction", MUST, rules="STOR-17")
def begins_without_transaction() -> None:
    """The last transaction of a storage in which nothing was ever stored is eight zero bytes, and
    then that of its last commit.

    >>> newest(storage).lastTransaction() == z64
    True
    >>> tid = commit(storage, (storage.new_oid(), z64, content("one")))
    >>> newest(storage).lastTransaction() == tid > z64
    True
    """
