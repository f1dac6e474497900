"""Mixes: of which operations scripts are made, and how they begin."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from zodb_spec.clause import STORAGE_ALONE, Part
from zodb_spec.editions import Edition
from zodb_spec.operation import Operation, Step, operations
from zodb_spec.preludes import (
    ADDED,
    CURRENT_READS,
    EXCHANGED,
    GROUPS,
    LINKED,
    MANY,
    OPTIONS_TOGETHER,
    OUTSIDE,
    PAST,
    PRELUDE,
    SAVED,
    SHARED,
    THREE,
    UNSYNCHRONIZED,
    VERSION,
    VERSION_GROUPS,
    VERSIONS,
)
from zodb_spec.protocol.preludes import (
    BLOBS,
    COUNTED,
    LINKED_RECORDS,
    SEVERAL_CLIENTS,
    STORED,
    TIMED,
)
from zodb_spec.script import mix


class Mix(NamedTuple):
    """One sort of scripts.

    weights   how often an operation is chosen, in place of the weight that the table gives it; 0
              leaves it out
    preludes  how scripts begin, in turn, so that they spend their steps on more than getting
              started
    needs     the capability without which a target can't do what is in it, "" for none
    edition   the only edition in which there is what is in it, None for one that fits all
    part      of which of the two tables its operations are
    """

    weights: Mapping[str, int]
    preludes: Sequence[tuple[Step, ...]] = (PRELUDE, SHARED)
    needs: str = ""
    edition: Edition | None = None
    part: Part = "connection"

    def fits(self, capabilities: Collection[str], edition: Edition) -> bool:
        """Whether a target with these capabilities can be driven by it in an edition."""
        return self.edition in (None, edition) and (not self.needs or self.needs in capabilities)

    def prelude(self, number: int) -> tuple[Step, ...]:
        """How the script of that number begins."""
        return self.preludes[number % len(self.preludes)]

    def part_for(self, capabilities: Collection[str]) -> Mix | None:
        """The part of the mix that a target with these capabilities can do, None where there is
        none.
        """
        beyond = {
            name
            for name, each in operations(self.part).items()
            if not set(each.needs.split()) <= set(capabilities)
        }
        preludes = [each for each in self.preludes if beyond.isdisjoint(step[0] for step in each)]
        if not preludes:
            return None
        return self._replace(
            weights={**self.weights, **dict.fromkeys(beyond, 0)}, preludes=preludes
        )

    def choice(self) -> tuple[Operation, ...]:
        """The operations that scripts choose from, each as often as its weight says."""
        return mix(self.weights, self.part)


MIXES: dict[str, Mix] = {
    "everything": Mix({}),
    "objects": Mix(
        {
            "new": 6,
            "add": 5,
            "link": 12,
            "commit": 12,
            "get": 5,
            "invalidate": 8,
            "set-unpicklable": 2,
            "close": 1,
            "open": 1,
            "doom": 0,
        }
    ),
    "isolation": Mix(
        {
            "new": 1,
            "add": 0,
            "get": 1,
            "root": 0,
            "set": 12,
            "link": 2,
            "unlink": 0,
            "increment": 10,
            "set-unpicklable": 0,
            "forget": 0,
            "read": 8,
            "commit": 14,
            "commit-sabotaged": 0,
            "doom": 0,
            "open": 0,
            "close": 0,
            "read-current": 12,
        }
    ),
    "connections": Mix(
        {
            "open": 6,
            "close": 8,
            "sync": 3,
            "sweep": 2,
            "read": 8,
            "commit": 8,
            "doom": 0,
            "set-unpicklable": 0,
        }
    ),
    "failures": Mix(
        {
            "commit-sabotaged": 8,
            "set-unpicklable": 5,
            "link": 12,
            "add": 5,
            "change-after-failure": 6,
        }
    ),
    "savepoints": Mix(
        {
            "new": 5,
            "add": 4,
            "set": 20,
            "link": 8,
            "increment": 6,
            "set-unpicklable": 0,
            "minimize": 4,
            "read": 8,
            "root": 1,
            "get": 1,
            "forget": 0,
            "read-current": 1,
            "savepoint": 12,
            "rollback": 8,
            "commit": 3,
            "begin": 1,
            "abort": 3,
            "open": 0,
            "close": 1,
            "change-after-failure": 0,
        },
        (PRELUDE, SAVED, LINKED, SAVED),
    ),
    "databases": Mix(
        {
            "open-database": 1,
            "get-connection": 4,
            "new": 6,
            "add": 4,
            "link": 16,
            "commit": 14,
            "read": 8,
            "savepoint": 4,
            "set-unpicklable": 0,
            "doom": 0,
        },
        MANY,
    ),
    "history": Mix(
        {
            "open-historical": 8,
            "close": 6,
            "set": 10,
            "increment": 8,
            "read": 12,
            "root": 4,
            "get": 6,
            "commit": 12,
            "commit-sabotaged": 1,
            "set-unpicklable": 0,
            "doom": 0,
            "minimize": 3,
        },
        (SHARED, PAST),
        needs="historical",
        edition=Edition.CURRENT,
    ),
    "options": Mix(
        {
            "open-as": 3,
            "close": 4,
            "sync": 4,
            "set": 12,
            "increment": 8,
            "read": 16,
            "invalidate": 10,
            "commit": 14,
            "begin": 6,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (UNSYNCHRONIZED, CURRENT_READS, OPTIONS_TOGETHER),
        edition=Edition.C,
    ),
    "versions": Mix(
        {
            "open-as": 3,
            "close": 4,
            "set": 12,
            "increment": 6,
            "read": 12,
            "new": 4,
            "link": 8,
            "get": 4,
            "commit": 16,
            "commit-version": 2,
            "abort-version": 1,
            "commit-with-version": 8,
            "invalidate": 6,
            "savepoint": 3,
            "rollback": 3,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (VERSION, VERSIONS, VERSION_GROUPS),
        needs="versions",
        edition=Edition.C,
    ),
    "closings": Mix(
        {
            "close-database": 6,
            "open-database": 6,
            "get-connection": 6,
            "open": 4,
            "close": 3,
            "root": 5,
            "new": 6,
            "add": 4,
            "link": 10,
            "set": 8,
            "commit": 10,
            "abort": 4,
            "savepoint": 3,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (GROUPS, THREE, OUTSIDE, ADDED),
        needs="several-databases",
        edition=Edition.CURRENT,
    ),
    "exchanges": Mix(
        {
            "exchange": 12,
            "invalidate": 6,
            "new": 10,
            "set": 8,
            "link": 8,
            "increment": 4,
            "read": 12,
            "get": 6,
            "minimize": 6,
            "gc": 3,
            "set-cache-size": 2,
            "commit": 12,
            "abort": 6,
            "savepoint": 5,
            "rollback": 5,
            "forget": 2,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (SHARED, EXCHANGED, SAVED, LINKED),
    ),
    "invalid-caches": Mix(
        {
            "invalidate-cache": 4,
            "invalidate-one-cache": 3,
            "sweep": 3,
            "open-as": 1,
            "close": 4,
            "set": 8,
            "increment": 4,
            "read": 16,
            "get": 4,
            "deactivate": 4,
            "invalidate": 4,
            "minimize": 4,
            "read-current": 3,
            "begin": 6,
            "abort": 6,
            "commit": 12,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (SHARED, SAVED, LINKED, SHARED),
        needs="cache-invalidation",
    ),
    "undo": Mix(
        {
            "undo": 2,
            "commit-with-undo": 12,
            "pack": 2,
            "new": 4,
            "link": 10,
            "set": 10,
            "read": 12,
            "get": 6,
            "commit": 14,
            "open-historical": 3,
            "open-as": 2,
            "commit-version": 1,
            "commit-with-version": 2,
            "exchange": 2,
            "invalidate-cache": 1,
            "invalidate-one-cache": 1,
            "set-unpicklable": 0,
            "doom": 0,
        },
        (SHARED, PAST, LINKED),
        needs="undo",
    ),
    "storage": Mix({}, ((), STORED), needs=STORAGE_ALONE, part="storage"),
    "storage-blobs": Mix(
        {
            "store-blob": 30,
            "store": 12,
            "undo-transaction": 16,
            "pack-storage": 5,
            "delete-object": 5,
            "call-as-stranger": 0,
            "abort-as-stranger": 0,
        },
        (BLOBS,),
        needs="blobs",
        part="storage",
    ),
    "storage-clients": Mix(
        {
            "open-client": 8,
            "catch-up": 8,
            "client-oid": 4,
            "close-client": 2,
            "list-announced": 12,
            "undo-transaction": 4,
            "call-as-stranger": 0,
            "abort-as-stranger": 0,
        },
        (SEVERAL_CLIENTS,),
        needs="several-clients",
        part="storage",
    ),
    "storage-upkeep": Mix(
        {
            "undo-transaction": 24,
            "pack-storage": 4,
            "take-time": 6,
            "pack-past": 8,
            "delete-object": 8,
            "call-as-stranger": 0,
        },
        (STORED, LINKED_RECORDS, COUNTED, TIMED),
        needs=STORAGE_ALONE,
        part="storage",
    ),
    "storage-restoring": Mix(
        {
            "begin-with-tid": 16,
            "restore-record": 20,
            "restore-hinted": 24,
            "restore-end": 6,
            "tpc-begin": 5,
            "begin-noted": 1,
            "store": 14,
            "store-blob": 1,
            "undo-transaction": 14,
            "take-time": 2,
            "call-as-stranger": 0,
            "abort-as-stranger": 0,
        },
        (STORED, (), LINKED_RECORDS, COUNTED),
        needs="restoring",
        part="storage",
    ),
}
"""All mixes, by name."""

MACHINES = (
    "everything",
    "objects",
    "savepoints",
    "databases",
    "history",
    "options",
    "versions",
    "undo",
    "storage",
)
"""Those that machines perform as well."""
