"""Faults in iterating over what a storage has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice, takewhile
from typing import Any

from zodb_reference.errors import POSKeyError
from zodb_reference.oids import z64
from zodb_reference.storages.history import Notes, Record, just_after
from zodb_reference.storages.iteration import RecordCopy, TransactionCopy
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

Bound = bytes | None
Current = tuple[bytes, bytes, bytes, Bound]


@double("storage.iterator-tells-all", also="storage.iterator-tells-many")
def the_first_record_is_all() -> Fault:
    """Of each transaction, the first record alone is told.

    A copy lacks most of the objects.
    """

    def records(correct: Any, transaction: TransactionCopy) -> Iterator[RecordCopy]:
        return islice(correct(transaction), 1)

    return around(TransactionCopy, "__iter__", records)


@double("storage.iterator-tells-the-notes")
def notes_are_made_readable() -> Fault:
    """What is said of a transaction loses its line breaks when it is iterated over.

    A copy is no copy.
    """

    def begin(correct: Any, transaction: TransactionCopy, notes: Any, records: Any) -> None:
        correct(transaction, notes, records)
        transaction.description = b" ".join(transaction.description.split())

    return around(TransactionCopy, "__init__", begin)


@double(
    "storage.iterator-tells-the-pickled-extension", also="storage.iterated-stand-for-transactions"
)
def the_extension_is_not_pickled() -> Fault:
    """A transaction of an iteration has its extension unpickled alone.

    It can't be passed on to a storage, which asks for the bytes.
    """

    def begin(correct: Any, transaction: TransactionCopy, notes: Any, records: Any) -> None:
        correct(transaction, notes, records)
        transaction.extension = transaction.extension
        transaction.extension_bytes = b""

    return around(TransactionCopy, "__init__", begin)


@double("storage.iterator-has-bounds", also="storage.iterator-takes-names")
def the_end_is_left_out() -> Fault:
    """An iteration ends before the transaction that it is to end with.

    Every copy lacks the last transaction.
    """

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        return (each for each in correct(storage, start, stop) if each.tid != stop)

    return around(ReadableStorage, "iterator", iterator)


@double("storage.iterator-may-have-nothing")
def bounds_are_put_in_order() -> Fault:
    """Bounds in the wrong order are exchanged.

    Who asks for what is later than the last transaction he has gets what he has.
    """

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        if start is not None and stop is not None and stop < start:
            start, stop = stop, start
        found: Iterator[TransactionCopy] = correct(storage, start, stop)
        return found

    return around(ReadableStorage, "iterator", iterator)


@double("storage.iterator-tells-what-was-committed")
def an_iteration_begins_with_the_storage() -> Fault:
    """An iteration from the first tid on tells that the storage was made.

    A copy begins with a transaction that nobody has committed, and no storage takes its tid.
    """
    made = TransactionCopy(Notes(z64, " ", b"system", b"", b""), ())

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        found: Iterator[TransactionCopy] = correct(storage, start, stop)
        return chain([made], found) if start == z64 else found

    return around(ReadableStorage, "iterator", iterator)


@double("storage.iterator-takes-names")
def the_bounds_have_other_names() -> Fault:
    """The bounds of an iteration have other names than the interface says.

    Programs that are written by it fail.
    """

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, end: Bound = None
    ) -> Iterator[TransactionCopy]:
        found: Iterator[TransactionCopy] = correct(storage, start, end)
        return found

    return around(ReadableStorage, "iterator", iterator)


@double(
    "storage.iterator-shows-the-time-of-its-call",
    also="storage.iterator-leaves-votes-out",
)
def an_iteration_never_ends() -> Fault:
    """An iteration goes on to what is committed while it is gone through.

    To copy a busy database takes for ever, and the copy is of no moment.
    """

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        yield from correct(storage, start, stop)

    return around(ReadableStorage, "iterator", iterator)


def _with_the_vote(storage: TwoPhaseStorage, told: Iterator[Any]) -> Iterator[Any]:
    """What is told, and the transaction that has voted by now, if it is there in the end."""
    commit = storage._commit
    voted = commit.tid if commit is not None and commit.prepared is not None else None

    def all_of_it() -> Iterator[Any]:
        yield from told
        if voted is not None:
            yield from storage._iterate(voted, voted)

    return all_of_it()


@double("storage.iterator-leaves-votes-out")
def a_vote_that_is_finished_is_told() -> Fault:
    """An iteration tells a transaction that had voted when it was asked for, and is finished since.

    Who continues a copy with what came after that moment has it twice.
    """

    def iterator(
        correct: Any, storage: TwoPhaseStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[Any]:
        return _with_the_vote(storage, correct(storage, start, stop))

    return around(TwoPhaseStorage, "iterator", iterator)


@double("storage.iterator-shows-nothing-uncommitted", also="storage.iterator-leaves-votes-out")
def a_vote_is_iterated_over() -> Fault:
    """A transaction that has voted is told, as if it were finished.

    A copy has what was aborted.
    """

    def iterator(
        correct: Any, storage: TwoPhaseStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[Any]:
        found = list(correct(storage, start, stop))
        commit = storage._commit
        if commit is not None and commit.prepared is not None:
            found.append(TransactionCopy(commit.prepared, commit.prepared.records))
        return iter(found)

    return around(TwoPhaseStorage, "iterator", iterator)


@double("storage.iterator-gives-records-again")
def records_are_told_once() -> Fault:
    """The records of a transaction are told once, and then there are none.

    Whoever counts them first copies nothing.
    """

    def records(correct: Any, transaction: TransactionCopy) -> Iterator[RecordCopy]:
        found, transaction._records = list(correct(transaction)), ()
        return iter(found)

    return around(TransactionCopy, "__iter__", records)


@double("storage.iterator-tells-many")
def a_hundred_transactions_are_a_page() -> Fault:
    """An iteration ends after a hundred transactions.

    The copy of a large database is a small one.
    """

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        return islice(correct(storage, start, stop), 100)

    return around(ReadableStorage, "iterator", iterator)


@double("storage.iterators-are-independent")
def there_is_one_iterator() -> Fault:
    """An iteration that begins ends the one that is under way.

    Of two programs that make copies at once, one has half of it.
    """
    newest: dict[int, int] = {}

    def iterator(
        correct: Any, storage: ReadableStorage, start: Bound = None, stop: Bound = None
    ) -> Iterator[TransactionCopy]:
        number = newest[id(storage)] = newest.get(id(storage), 0) + 1
        return takewhile(lambda _: newest[id(storage)] == number, correct(storage, start, stop))

    return around(ReadableStorage, "iterator", iterator)


@double("storage.iterator-says-what-is-shared")
def what_is_shared_is_left_out() -> Fault:
    """A record that shares the data of an earlier one is told without data.

    In a copy, the objects that were brought back by an undo are gone.
    """

    def told(correct: Any, storage: ReadableStorage, record: Record) -> Record:
        found: Record = correct(storage, record)
        return found._replace(data=None) if found.data_txn is not None else found

    return around(ReadableStorage, "_told", told)


@double("storage.iterator-tells-what-was-uncreated")
def what_has_no_data_is_not_told() -> Fault:
    """A record without data is left out of an iteration.

    In a copy, what was undone is there for good.
    """

    def records(correct: Any, transaction: TransactionCopy) -> Iterator[RecordCopy]:
        return (record for record in correct(transaction) if record.data is not None)

    return around(TransactionCopy, "__iter__", records)


@double("storage.record-iteration")
def a_hundred_records_are_enough() -> Fault:
    """The iteration over current records ends after a hundred.

    A program that mends all records mends some.
    """
    told: dict[int, int] = {}

    def following(correct: Any, storage: ReadableStorage, next: Bound = None) -> Current:  # noqa: A002
        told[id(storage)] = 1 if next is None else told.get(id(storage), 0) + 1
        found: Current = correct(storage, next)
        return (*found[:3], None) if told[id(storage)] >= 100 else found

    return around(ReadableStorage, "record_iternext", following)


@double("storage.record-iteration-of-one")
def there_is_always_a_second_one() -> Fault:
    """With the first of the current records there is always something that leads to a second one.

    A program that goes on where there is one alone fails.
    """

    def following(correct: Any, storage: ReadableStorage, next: Bound = None) -> Current:  # noqa: A002
        found: Current = correct(storage, next)
        return found if next is not None or found[3] else (*found[:3], just_after(found[0]))

    return around(ReadableStorage, "record_iternext", following)


@double("storage.record-iteration-of-nothing")
def nothing_is_a_record() -> Fault:
    """In an empty storage, the first current record is one without data.

    Programs fail on it that are prepared for an error.
    """

    def following(correct: Any, storage: ReadableStorage, next: Bound = None) -> Any:  # noqa: A002
        try:
            found: Any = correct(storage, next)
        except ValueError:
            return z64, z64, None, None
        return found

    return around(ReadableStorage, "record_iternext", following)


@double("storage.record-iteration-passes-over-the-uncreated")
def what_is_gone_ends_the_iteration() -> Fault:
    """The iteration over current records fails at an object that has none.

    It can't be gone through any more before the storage is packed.
    """

    def first(correct: Any, storage: ReadableStorage, at_least: bytes) -> bytes | None:
        return storage._open_history().next_oid(at_least)

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Any:
        try:
            return correct(storage, oid, version)
        except POSKeyError:
            raise POSKeyError(oid) from None

    return together(
        around(ReadableStorage, "_first_existing", first), around(ReadableStorage, "load", load)
    )


@double("storage.record-iteration-beside-commits")
def what_was_changed_comes_again() -> Fault:
    """When all current records were told, one comes again that was changed meanwhile.

    Objects are counted twice.
    """
    begun: dict[int, bytes] = {}
    changed: dict[int, bytes] = {}

    def following(correct: Any, storage: ReadableStorage, next: Bound = None) -> Current:  # noqa: A002
        if next is not None and next == changed.get(id(storage)):
            return (*correct(storage, next)[:3], None)
        if next is None:
            begun[id(storage)] = storage.lastTransaction()
        oid, tid, data, rest = correct(storage, next)
        if tid > begun[id(storage)]:
            changed[id(storage)] = oid
        return oid, tid, data, rest or changed.get(id(storage))

    return around(ReadableStorage, "record_iternext", following)


@double("storage.iterated-stand-for-transactions")
def iterated_transactions_keep_one_note() -> Fault:
    """A transaction of an iteration keeps what the last storage has noted with it, for all.

    Two storages into which it is copied at once take each other's notes for their own.
    """

    def data(transaction: TransactionCopy, ob: object) -> object:
        return [*transaction._data.values()][-1]

    return instead(TransactionCopy, "data", data)
