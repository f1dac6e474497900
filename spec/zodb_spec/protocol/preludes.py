"""How scripts on a storage begin, so that they spend their steps on more than getting started."""

from __future__ import annotations

from zodb_spec.operation import Step
from zodb_spec.protocol.world import ROOT, STORAGE


def committed(number: int, *writes: tuple[str, str]) -> tuple[Step, ...]:
    """A commit of records: for each the oid, and the word for what it holds.

    number: is in the names that the commit gives
    """
    meta = f"meta{number}"
    return (
        ("tpc-begin", STORAGE, meta),
        *(("store", STORAGE, meta, oid, "current", data) for oid, data in writes),
        ("tpc-vote", STORAGE, meta),
        ("tpc-finish", STORAGE, meta, f"tid{number}"),
    )


STORED: tuple[Step, ...] = (
    ("new-oid", "oid1"),
    *committed(2, (ROOT, "'one'"), ("oid1", "counter")),
    *committed(3, ("oid1", "counter")),
)
"""A root and a counter, of which there are two revisions."""

LINKED_RECORDS: tuple[Step, ...] = (
    ("new-oid", "oid1"),
    ("new-oid", "oid2"),
    *committed(3, (ROOT, "refers"), ("oid1", "'one'"), ("oid2", "'two'")),
    *committed(4, ("oid1", "refers")),
)
"""A root that leads to an object, and a third one that leads to that."""

TIMED: tuple[Step, ...] = (
    *LINKED_RECORDS,
    ("take-time", "moment5"),
    *committed(6, (ROOT, "'one'"), ("oid1", "'two'")),
)
"""What `LINKED_RECORDS` has stored, and a root that leads nowhere since a time that was noted."""

COUNTED: tuple[Step, ...] = (
    ("new-oid", "oid1"),
    *committed(2, (ROOT, "'one'"), ("oid1", "counter")),
    *committed(3, ("oid1", "counter")),
    *committed(4, (ROOT, "'two'"), ("oid1", "counter")),
    *committed(5, (ROOT, "'three'")),
    *committed(6, (ROOT, "'two'")),
)
"""A root that was changed and changed back, and a counter that has counted several times."""

SEVERAL_CLIENTS: tuple[Step, ...] = (
    *STORED,
    ("open-client", "client4"),
    ("open-client", "client5"),
)
"""What `STORED` has stored, and two more clients of it."""

BLOBS: tuple[Step, ...] = (
    ("new-oid", "oid1"),
    ("tpc-begin", STORAGE, "meta2"),
    ("store", STORAGE, "meta2", ROOT, "current", "refers"),
    ("store-blob", STORAGE, "meta2", "oid1", "current"),
    ("tpc-vote", STORAGE, "meta2"),
    ("tpc-finish", STORAGE, "meta2", "tid2"),
    ("tpc-begin", STORAGE, "meta3"),
    ("store-blob", STORAGE, "meta3", "oid1", "current"),
    ("tpc-vote", STORAGE, "meta3"),
    ("tpc-finish", STORAGE, "meta3", "tid3"),
)
"""A root that leads to a blob, of which there are two revisions."""
