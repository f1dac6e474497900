"""The way of one connection's changes through the two phases of a commit."""

from functools import partial
from pathlib import Path
from typing import Any

from zodb_reference.blobfiles import spare
from zodb_reference.errors import StorageTransactionError
from zodb_reference.identity import IdentityMap
from zodb_reference.joint import claim_storage, joint_of
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.scratch import Scratch
from zodb_reference.snapshot import Snapshot
from zodb_reference.storing import Storing


class Commit(Storing):
    """One commit of one connection; one object is made for each.

    `copied` are the oids of what was stored as a savepoint has kept it: each object is in `written`
    or in `copied`, or in both where it has changed meanwhile.
    """

    def __init__(
        self,
        connection: Any,
        transaction: Any,
        snapshot: Snapshot,
        objects: IdentityMap,
        registered: list[Any],
    ) -> None:
        super().__init__(connection, objects, registered)
        self.transaction = transaction
        self.voted = False
        self.serial: bytes | None = None  # under which the storage has finished it
        self._was_finishing = False
        self.copied: set[bytes] = set()
        self.stale: set[bytes] = set()  # what must be loaded again when this has finished
        self._snapshot = snapshot
        # Of a new object, who refers to it strongly decides where it belongs. That may be another
        # database, which stores later; what is put off until then is stored by `vote` (XREF-37).
        self._writer.adopts_weakly = connection.group.is_lone()
        self._joint = joint_of(transaction)
        self._meta = TransactionMetaData(
            transaction.user,
            transaction.description,
            {**transaction.extension, **self._joint.note(connection)},
        )

    # The phases

    def begin(self) -> None:
        """Begin the storage's transaction."""
        claim_storage(self.transaction, self._connection.db().storage, self._connection)
        self._snapshot.begin(self._meta)
        self._joint.begun(self._connection, self._snapshot, self._meta)

    def date(self) -> None:
        """Take the tid that the commit has in all databases."""
        self._joint.date(self._connection, self._snapshot, self._meta)

    def put(self, oid: bytes, serial: bytes, record: bytes, content: Path | None = None) -> None:
        """Hand a record to the storage; blobs are read from there when this has finished."""
        self._joint.require_noted(self._connection)
        if content is None:
            self._snapshot.store(oid, serial, record, self._meta)
        else:
            self._snapshot.store_blob(oid, serial, record, str(content), self._meta)
            self.stale.add(oid)

    def store_saved(self, scratch: Scratch) -> None:
        """Store what savepoints have kept, as far as it was not changed since then (SAVE-12).

        That includes what is not reachable any more (LIFE-52).
        """
        for oid, serial, record in scratch.records(but=self.written):
            content = scratch.content(oid)
            if content is None:
                self.put(oid, serial, record)
            else:
                self.put_blob(oid, serial, record, partial(spare, content))
            self.copied.add(oid)

    def check_current(self, read: dict[bytes, bytes]) -> None:
        """Make the commit fail where an object is not in the revision that was read (CONN-32).

        What is stored is checked as a write (CONN-36).
        """
        for oid, serial in read.items():
            if oid not in self.written and oid not in self.copied:
                self._snapshot.check_current(oid, serial, self._meta)

    def vote(self) -> None:
        """Store what was put off or has changed meanwhile; let the storage vote."""
        self.store_put_off()
        self.store_changes()
        self.stale.update(self._snapshot.vote(self._meta))  # the storage has merged these
        self.voted = True

    def finish(self) -> None:
        """Make it all durable and visible; this may be called again after an interrupt."""
        again, self._was_finishing = self._was_finishing, True
        if self.serial is None:
            try:
                self.serial = self._snapshot.finish(self._meta, self.written.keys() | self.copied)
            except StorageTransactionError:
                if not again:
                    raise
                return  # the interrupt has come right after the storage had finished
        self._objects.settle(self.written, self.sizes, self.serial)
        self._objects.settle_copied(self.copied, self.serial)
        self._objects.invalidate(self.stale)

    def abort(self) -> None:
        """Make the storage forget it; this may be called in any phase (TXN-4)."""
        self._snapshot.abort(self._meta)
