"""The table of operations: what a program does with objects, transactions, savepoints, connections
and databases.

They are declared in the order of these imports, which is that in which raw scripts count them.
"""

from zodb_spec.operations import (  # noqa: I001  # see above
    objects,
    finding,
    transactions,
    savepoints,
    sessions,
    databases,
    versions,
    caching,
    exchanging,
    revisions,
    closing,
)

__all__ = [
    "caching",
    "closing",
    "databases",
    "exchanging",
    "finding",
    "objects",
    "revisions",
    "savepoints",
    "sessions",
    "transactions",
    "versions",
]
