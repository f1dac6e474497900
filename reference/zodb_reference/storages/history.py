"""What a storage keeps: transactions and the records that they wrote, all of them, in order.

A `History` keeps every revision of every object, under the oid and the tid of the transaction that
wrote it. Nothing is ever overwritten, which is what makes snapshots, historical connections and
undo possible; only packing takes revisions away. The two-phase commit around it, and with it all
that the storage protocol refuses, is in `zodb_reference.storages.twophase`; a history may rely on
being called by one thread at a time.

Of one object there are trunk records, which everybody sees, and those of versions (edition
2006-08-16), of which at most the newest counts: it hides the trunk from who looks at its version,
and holds the object until a later trunk record ends that (VER-31). A transaction writes at most one
record of each kind; where it writes both, the one of the version is the newer one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One revision of one object.

    `data` is None where the object ceased to exist. `data_txn` names the earlier transaction whose
    data were stored again, if that is what happened. `version` is "" for the trunk, and `blob` the
    name of the content of a blob, "" where there is none.
    """

    oid: bytes
    tid: bytes
    data: bytes | None
    data_txn: bytes | None = None
    version: str = ""
    blob: str = ""


class Revision(NamedTuple):
    """What is known of a record without reading its data."""

    tid: bytes
    version: str
    has_data: bool


def just_after(tid: bytes) -> bytes:
    """Return what is greater than `tid`, and not greater than any later tid."""
    return tid + b"\0"


class MetaData(Protocol):
    """What a storage reads of the object that stands for a transaction (TXN-13)."""

    @property
    def user(self) -> bytes:
        """The name of the user."""

    @property
    def description(self) -> bytes:
        """What the transaction is for."""

    @property
    def extension_bytes(self) -> bytes:
        """A pickled dictionary of whatever else the program noted, empty if nothing."""


@dataclass(frozen=True)
class Notes:
    """What is known of a transaction beside its records."""

    tid: bytes
    status: str
    user: bytes
    description: bytes
    extension_bytes: bytes


@dataclass(frozen=True)
class Transaction(Notes):
    """A transaction that is, or is to be, part of a history."""

    records: tuple[Record, ...]


class History(Protocol):
    """Keeps transactions. Oids and tids are eight bytes, and None stands for "there is none".

    A bound of tids may be longer (`just_after`). Where what was kept can't be read any more, each
    method may raise `StorageError` of the storage's errors; damaged data is never returned.
    """

    def last_tid(self) -> bytes:
        """Return the tid of the last published transaction, z64 before the first."""

    def last_oid(self) -> bytes:
        """Return the greatest oid that was ever published, z64 before the first."""

    def packed(self) -> bytes:
        """Return the tid up to which it was packed, z64 where it never was."""

    def newest(self, oid: bytes) -> Revision | None:
        """Return the newest revision."""

    def find(
        self, oid: bytes, before: bytes | None = None, *, trunk: bool = False
    ) -> Record | None:
        """Return the newest record, or the newest with a tid less than `before`.

        With `trunk`, those of versions are passed over.
        """

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """Return the tid of the first trunk record later than `tid`."""

    def revisions(self, oid: bytes) -> tuple[Revision, ...]:
        """Return all revisions of an object, the oldest first."""

    def blobs(self, oid: bytes) -> set[str]:
        """Return the names of the contents that all revisions of an object have."""

    def all_blobs(self) -> set[str]:
        """Return the names of the contents that all revisions of all objects have."""

    def next_oid(self, at_least: bytes) -> bytes | None:
        """Return the first oid of which there is a record, of those that are not less."""

    def held(self) -> dict[bytes, str]:
        """Return the oids whose newest record is in a version, each with the version's name."""

    def notes(self, at_least: bytes, at_most: bytes, *, newest: bool = False) -> Notes | None:
        """Return the notes of the first transaction with a tid within these bounds, or the newest.

        The status of those that were packed is "p".
        """

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """Return the records of the transaction `tid`, in the order in which they were stored.

        Those of versions come last.
        """

    def count(self) -> int:
        """Return the number of objects."""

    def size(self) -> int:
        """Return about how many bytes all this takes."""

    def prepare(self, transaction: Transaction) -> None:
        """Make sure that `publish(transaction)` can't fail, without showing anything of it.

        What an earlier `prepare` was given, and `publish` was not, is dropped. Raises
        `StorageError` where the transaction can't be kept; then nothing has changed.
        """

    def publish(self, transaction: Transaction) -> None:
        """Make the prepared `transaction` part of what the other methods tell, for good.

        It may be called again for one transaction: an interrupt may have come in between.
        """

    def forget(self, upto: bytes, doomed: Mapping[bytes, Collection[Revision]]) -> None:
        """Remove revisions, and the transactions up to `upto` that have no others.

        They are given by oid, and are not later than `upto`, which `packed` tells from then on. All
        of that is kept for good, or nothing: then this raises `StorageError`.
        """

    def close(self) -> None:
        """Release what belongs to the operating system."""
