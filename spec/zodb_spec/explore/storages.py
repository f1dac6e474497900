"""The small worlds of a storage, and how far an exploration goes among its worlds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zodb_spec.clause import Part
from zodb_spec.explore.exploring import Limits
from zodb_spec.explore.small import SmallWorld, words
from zodb_spec.explore.storage_form import canonical
from zodb_spec.operation import Step
from zodb_spec.protocol.preludes import BLOBS, LINKED_RECORDS, STORED, committed
from zodb_spec.protocol.world import ROOT, World


@dataclass(frozen=True)
class StorageBounds(Limits):
    """The bounds of worlds of a storage, beside those of all worlds.

    objects       how many oids there may be beside that of the root, stored or given
    transactions  how many transactions there may be
    handles       how many ways to the storage there may be, itself among them
    aborted       how many things there may be that stood for transactions that were aborted
    """

    objects: int = 1
    transactions: int = 4
    handles: int = 1
    aborted: int = 1
    part: ClassVar[Part] = "storage"

    def allow(self, world: World) -> bool:
        """Whether a world is within the bounds."""
        return (
            len(world.store.oids) <= self.objects
            and len(world.store.history) <= self.transactions
            and len(world.handles) <= self.handles
            and len(world.idle) <= self.aborted
        )

    def form(self, world: World) -> bytes:
        """Its canonical form."""
        return canonical(world)


CALLS = ("tpc-begin", "store", "tpc-vote", "tpc-finish")

GARBAGE: tuple[Step, ...] = (
    ("new-oid", "oid1"),
    *committed(2, (ROOT, "refers"), ("oid1", "'one'")),
)
"""A root, and an object to which it refers as long as nobody stores another root."""

STORAGE_WORLDS: dict[str, SmallWorld[StorageBounds]] = {
    "stores": SmallWorld(
        "Transactions that store two objects over current revisions, others, and nobody's",
        STORED,
        StorageBounds((*CALLS, "check-current", "tpc-abort"), words(data="'two'")),
    ),
    "calls-out-of-order": SmallWorld(
        "The calls of a commit in any order, for the transaction that is current and for others",
        STORED,
        StorageBounds(
            (
                *(*CALLS, "tpc-abort", "begin-again", "begin-twice", "vote-again"),
                *("call-as-stranger", "abort-as-stranger"),
            ),
            words(data="'two'", oid="oid0", serial="current stale"),
        ),
    ),
    "merges": SmallWorld(
        "Transactions that count one counter, whose conflicts can be merged",
        STORED,
        StorageBounds(CALLS, words(data="counter", oid="oid1"), transactions=5),
        resolves=True,
    ),
    "deletions": SmallWorld(
        "An object that is deleted, created again and looked for, by every way to read",
        STORED,
        StorageBounds(
            (
                *(*CALLS, "delete-object", "tpc-abort", "load", "load-before", "load-serial"),
                *("get-tid", "history-of", "iterate", "list-records", "last-transaction"),
            ),
            words(data="'two'", oid="oid1", serial="current stale"),
        ),
    ),
    "undone-transactions": SmallWorld(
        "Transactions that are undone, one or several at once, and undone again",
        STORED,
        StorageBounds(
            (*CALLS, "undo-transaction", "list-undo-log", "load"),
            words(data="'two'", oid="oid0", serial="current"),
        ),
    ),
    "undone-counts": SmallWorld(
        "Transactions that have counted one counter, and are undone by others that leave notes",
        (*STORED, *committed(4, ("oid1", "counter"))),
        StorageBounds(
            ("begin-noted", "undo-transaction", "tpc-vote", "tpc-finish", "list-notes"),
            transactions=5,
        ),
        resolves=True,
    ),
    "restored": SmallWorld(
        "Transactions that restore an object, or its end, between others, and are undone",
        STORED,
        StorageBounds(
            (
                *("begin-with-tid", "restore-record", "restore-hinted", "restore-end", "store"),
                *("undo-transaction", "begin-noted", "tpc-vote", "tpc-finish", "load"),
            ),
            words(chosen="next", data="'two' same", oid="oid0", serial="current"),
        ),
    ),
    "garbage": SmallWorld(
        "An object that the root leads to, or does not any more, or that is deleted; and packs",
        GARBAGE,
        StorageBounds(
            (*CALLS, "delete-object", "pack-storage", "load"),
            words(data="'two'", serial="current"),
            transactions=3,
        ),
    ),
    "packed-for-the-past": SmallWorld(
        "A storage that is packed for times in the past, and without collecting garbage",
        GARBAGE,
        StorageBounds(
            (*CALLS, "take-time", "pack-past", "pack-storage", "pack-without-gc"),
            words(data="'two'", oid="oid0", serial="current"),
        ),
    ),
    "undone-and-packed": SmallWorld(
        "Transactions that are undone, before they are packed and after",
        STORED,
        StorageBounds(
            (*CALLS, "undo-transaction", "list-undo-log", "pack-storage"),
            words(data="'two'", oid="oid0", serial="current"),
        ),
    ),
    "snapshots": SmallWorld(
        "Transactions that finish beside two instances, each with a snapshot of its own",
        STORED,
        StorageBounds(
            (*CALLS, "new-oid", "new-instance", "poll", "release", "load"),
            words(data="'two'", serial="current"),
            objects=2,
            handles=3,
            steps=10,
        ),
    ),
    "packed-beside-a-snapshot": SmallWorld(
        "A storage that is packed beside an instance",
        STORED,
        StorageBounds(
            (*CALLS, "pack-storage", "new-instance", "poll", "load"),
            words(data="'two'", oid="oid0", serial="current"),
            handles=2,
        ),
    ),
    "clients": SmallWorld(
        "Transactions that finish beside another client, which hears of them a little later",
        (*STORED, ("open-client", "client4")),
        StorageBounds(
            (
                *(*CALLS, "open-client", "close-client", "catch-up", "client-oid"),
                *("load", "load-behind", "list-announced"),
            ),
            words(data="'two'", oid="oid0", serial="current stale"),
            handles=2,
        ),
    ),
    "blobs": SmallWorld(
        "A blob that is stored again, taken back, and packed",
        BLOBS,
        StorageBounds(
            (
                *("tpc-begin", "store-blob", "undo-transaction", "tpc-vote", "tpc-finish"),
                *("pack-storage", "load-blob", "open-blob"),
            ),
            words(serial="current stale"),
        ),
    ),
    "reopened": SmallWorld(
        "A storage that is closed and opened again, with oids that were given and not used",
        STORED,
        StorageBounds(
            (*CALLS, "new-oid", "pack-storage", "undo-transaction", "reopen-storage", "load"),
            words(data="'two'", serial="current z64"),
            objects=2,
            steps=10,
        ),
    ),
}
"""The small ones, by name."""

LARGE_STORAGE_WORLDS: dict[str, SmallWorld[StorageBounds]] = {
    "whole-storage": SmallWorld(
        "A storage, an instance beside it, and three objects: all that changes anything",
        LINKED_RECORDS,
        StorageBounds(
            (
                *("new-oid", *CALLS, "delete-object", "check-current", "tpc-abort"),
                *("undo-transaction", "pack-storage", "reopen-storage"),
                *("new-instance", "poll", "release"),
            ),
            words(data="'two' refers counter", serial="current stale"),
            objects=2,
            transactions=5,
            handles=2,
            worlds=1_000_000,
        ),
        resolves=True,
    ),
}
"""Those that take minutes, by name."""
