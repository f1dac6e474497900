"""What a storage keeps: transactions and the records that they wrote, all of them, in order.

A `History` keeps every revision of every object, under the oid and the tid of the transaction that
wrote it. Nothing is ever overwritten, which is what makes snapshots, historical connections and
undo possible. The two-phase commit around it, and with it all that the storage protocol refuses, is
in `zodb_reference.storages.twophase`; a history may rely on being called by one thread at a time.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """One revision of one object."""

    oid: bytes
    tid: bytes
    data: bytes


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

    Where what was kept can't be read any more, each method may raise `StorageError` of the
    storage's errors; damaged data is never returned.
    """

    def last_tid(self) -> bytes:
        """Return the tid of the last published transaction, z64 before the first."""

    def last_oid(self) -> bytes:
        """Return the greatest oid that was ever published, z64 before the first."""

    def current_tid(self, oid: bytes) -> bytes | None:
        """Return the tid of the newest revision."""

    def find(self, oid: bytes, before: bytes | None = None) -> Record | None:
        """Return the newest revision, or the newest with a tid less than `before`."""

    def next_tid(self, oid: bytes, tid: bytes) -> bytes | None:
        """Return the tid of the first revision later than `tid`."""

    def read(self, oid: bytes, tid: bytes) -> bytes | None:
        """Return the data of exactly the revision that `tid` wrote."""

    def notes(self, at_least: bytes, at_most: bytes) -> Notes | None:
        """Return the notes of the first transaction with a tid within these bounds."""

    def records(self, tid: bytes) -> tuple[Record, ...]:
        """Return the records of the transaction `tid`, in the order in which they were stored."""

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

    def close(self) -> None:
        """Release what belongs to the operating system."""
