"""What is done with a storage, through its protocol alone; to import this package is to declare all
of it.

``world``       the nouns, and how they are told as Python
``committing``  the two phases: begin, store, delete, check, vote, finish, abort
``reading``     everything that is read
``blobs``       storing blobs, and reading what they hold
``undoing``     undo
``restoring``   writing what another storage has committed, as it was
``upkeep``      pack, closing and opening again
``snapshots``   instances with snapshots of their own
``clients``     other clients of the same storage

The steps call the clauses of the chapters in `zodb_spec.chapters.storage`.
"""

from __future__ import annotations

from zodb_spec.protocol import (
    blobs,
    clients,
    committing,
    reading,
    restoring,
    snapshots,
    undoing,
    upkeep,
)

__all__ = [
    "blobs",
    "clients",
    "committing",
    "reading",
    "restoring",
    "snapshots",
    "undoing",
    "upkeep",
]
