"""Faults in what a pack takes for garbage."""

from __future__ import annotations

import io
import pickle
from typing import Any

from zodb_reference.errors import POSKeyError
from zodb_reference.oids import z64
from zodb_reference.storages.history import just_after
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together
from zodb_conformance.storagekit import oids_in


def _spared(is_spared: Any) -> Fault:
    """Objects that can't be reached stay all the same, where `is_spared(history, oid)` says so."""

    def doomed(correct: Any, storage: Any, upto: bytes, reached: Any) -> Any:
        found = correct(storage, upto, reached)
        if reached is None:
            return found
        return {
            oid: gone
            for oid, gone in found.items()
            if oid in reached or not is_spared(storage._history, oid)
        }

    return around(PackableStorage, "_doomed", doomed)


def _referred_to_by(history: Any, oid: bytes) -> list[bytes]:
    record = history.find(oid)
    return oids_in(record.data) if record and record.data else []


@double("storage.gc-removes-unreachable", also="storage.gc-and-cycles storage.gc-lasts")
def references_are_counted() -> Fault:
    """What another object refers to stays, even if that is garbage.

    It takes as many packs as there are links in a chain to get rid of it.
    """

    def is_referred_to(history: Any, oid: bytes) -> bool:
        return any(oid in _referred_to_by(history, other) for other in history._oids)

    return _spared(is_referred_to)


@double(
    "storage.gc-removes-what-was-let-go",
    also="storage.gc-spares-what-later-states-show storage.gc-asks-of-what-stays",
)
def what_was_reached_once_stays() -> Fault:
    """What a revision leads to stays, even if the pack removes that.

    Garbage goes one pack later than it could, and on the last day never.
    """

    def staying(correct: Any, storage: Any, oid: bytes, upto: bytes) -> list[bytes]:
        records = (
            storage._history.find(oid, just_after(one.tid))
            for one in storage._history.revisions(oid)
        )
        return [record.data for record in records if record.data is not None]

    return around(PackableStorage, "_staying", staying)


@double("storage.gc-and-cycles")
def pairs_keep_each_other() -> Fault:
    """Two objects that refer to each other stay, even if nobody else refers to them.

    What has a parent and is its child, as in every tree, is never collected.
    """

    def is_of_a_pair(history: Any, oid: bytes) -> bool:
        return any(
            oid in _referred_to_by(history, other) for other in _referred_to_by(history, oid)
        )

    return _spared(is_of_a_pair)


@double("storage.gc-leaves-no-object")
def what_was_seen_is_remembered() -> Fault:
    """A storage shows an object that a pack has removed if somebody has asked for it before.

    A broken link works for one, and not for another.
    """

    def load(correct: Any, storage: Any, oid: bytes, *args: Any) -> Any:
        seen = vars(storage).setdefault("seen", {})
        try:
            seen[oid] = correct(storage, oid, *args)
        except POSKeyError:
            if oid not in seen:
                raise
        return seen[oid]

    return around(ReadableStorage, "load", load)


@double("storage.gc-lasts", on="reference-sqlite")
def garbage_comes_back() -> Fault:
    """What was collected is hidden, and shows again when the storage is opened anew.

    The file grows, however often it is packed.
    """

    def forget(correct: Any, history: Any, upto: bytes, doomed: Any) -> None:
        whole = [oid for oid, gone in doomed.items() if len(gone) == len(history.revisions(oid))]
        vars(history).setdefault("hidden", set()).update(whole)
        correct(history, upto, {oid: doomed[oid] for oid in doomed if oid not in whole})

    def find(correct: Any, history: Any, oid: bytes, *args: Any, **options: Any) -> Any:
        if oid in vars(history).get("hidden", ()):
            return None
        return correct(history, oid, *args, **options)

    return together(
        around(SQLiteHistory, "forget", forget),
        around(SQLiteHistory, "find", find),
        around(SQLiteHistory, "newest", find),
    )


@double("storage.gc-goes-far")
def fifty_are_enough() -> Fault:
    """A pack asks for the references of fifty records, and of no more.

    Small databases are packed, large ones are lost.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        asked = []

        def of_fifty(data: bytes) -> Any:
            asked.append(data)
            return references(data) if len(asked) <= 50 else []

        correct(storage, upto, references and of_fifty)

    return around(PackableStorage, "_pack", begin)


def _weakly_referred_to(data: bytes) -> list[bytes]:
    found: list[bytes] = []

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, form: Any) -> None:
            if isinstance(form, list):
                found.append(form[1][0])

    unpickler = Unpickler(io.BytesIO(data))
    unpickler.load()
    unpickler.load()
    return found


@double("storage.gc-and-weak-references")
def weak_references_are_strong() -> Fault:
    """A weak reference keeps its object.

    What was put into a cache, to go when nobody needs it, is there for ever.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        def all_of_them(data: bytes) -> list[bytes]:
            return [*references(data), *_weakly_referred_to(data)]

        correct(storage, upto, references and all_of_them)

    return around(PackableStorage, "_pack", begin)


def _later(storage: Any, seen: bytes) -> Any:
    """The records of the transactions after `seen`."""
    return [
        record
        for transaction in storage._history._transactions
        if transaction.tid > seen
        for record in transaction.records
    ]


@double(
    "storage.gc-spares-what-was-reached-since",
    also="storage.gc-spares-what-later-states-show storage.gc-spares-what-was-undone"
    " storage.gc-among-undos",
)
def only_that_time_counts() -> Fault:
    """A pack for a time keeps what could be reached then, and what was stored since.

    What was taken out of one place before, and put into another one later, is lost.
    """

    def reach_later(
        correct: Any, storage: Any, reached: Any, seen: bytes, upto: bytes, references: Any
    ) -> bytes:
        for record in _later(storage, seen):
            reached[record.oid] = None
            seen = record.tid
        return seen

    def staying(correct: Any, storage: Any, oid: bytes, upto: bytes) -> list[bytes]:
        record = storage._history.find(oid, just_after(upto))
        return [record.data] if record and record.data is not None else []

    return together(
        around(PackableStorage, "_reach_later", reach_later),
        around(PackableStorage, "_staying", staying),
    )


def _references_of(is_followed: Any) -> Fault:
    """Of the records later than the pack, only those lead anywhere of which `is_followed(history,
    record)` says so.
    """

    def reach_later(
        correct: Any, storage: Any, reached: Any, seen: bytes, upto: bytes, references: Any
    ) -> bytes:
        for record in _later(storage, seen):
            follows = record.data is not None and is_followed(storage._history, record)
            found = references(record.data) if follows else ()
            storage._reach(reached, [record.oid, *found], upto, references)
            seen = record.tid
        return seen

    def staying(correct: Any, storage: Any, oid: bytes, upto: bytes) -> list[bytes]:
        history = storage._history
        records = [history.find(oid, just_after(upto))]
        records += [each for each in _later(storage, upto) if each.oid == oid]
        return [
            each.data
            for each in records
            if each is not None
            and each.data is not None
            and (each.tid <= upto or is_followed(history, each))
        ]

    return together(
        around(PackableStorage, "_reach_later", reach_later),
        around(PackableStorage, "_staying", staying),
    )


@double("storage.gc-spares-what-later-states-show")
def only_then_and_now_count() -> Fault:
    """A pack for a time keeps what could be reached then, and what can be reached now.

    A snapshot in between, or an undo, shows objects that lead nowhere.
    """
    return _references_of(lambda history, record: history.find(record.oid) == record)


@double("storage.gc-spares-what-was-undone", also="storage.gc-among-undos")
def an_undo_is_of_the_past() -> Fault:
    """What an undo has brought back counts as stored when it was stored first.

    What was deleted by mistake, and brought back, is collected when that mistake is old enough.
    """
    return _references_of(lambda history, record: record.data_txn is None)


@double("storage.gc-spares-what-can-be-undone", also="storage.gc-spares-what-later-states-show")
def only_now_counts() -> Fault:
    """A pack for a time keeps what can be reached now.

    Who takes back a deletion gets an object that leads nowhere.
    """

    def staying(correct: Any, storage: Any, oid: bytes, upto: bytes) -> list[bytes]:
        record = storage._history.find(oid)
        return [record.data] if record and record.data is not None else []

    return around(PackableStorage, "_staying", staying)


def _dropped(storage: Any, oids: Any) -> None:
    """Remove objects, as if they had never been."""
    history = storage._history
    for oid in oids:
        history._revisions.pop(oid, None)
        history._oids.remove(oid)


@double("storage.gc-spares-what-came-since", also="storage.gc-spares-what-is-new")
def what_is_new_is_garbage() -> Fault:
    """A pack for a time removes the objects that were not there yet.

    What was created while the pack was done is lost.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        history = storage._history
        new = [oid for oid in history._oids if history.revisions(oid)[0].tid > upto]
        correct(storage, upto, references)
        _dropped(storage, new)

    return around(PackableStorage, "_pack", begin)


@double("storage.gc-spares-what-is-new")
def what_nothing_leads_to_yet_is_garbage() -> Fault:
    """A pack for a time removes what nothing leads to, though it was stored later.

    An import that stores objects first, and refers to them then, loses them in between.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        correct(storage, upto, references)
        if references is None:
            return
        reached: set[bytes] = set()
        todo = [z64]
        while todo:
            oid = todo.pop()
            if oid not in reached:
                reached.add(oid)
                for record in storage._history._revisions.get(oid, ()):
                    todo += references(record.data) if record.data is not None else ()
        _dropped(storage, set(storage._history._oids) - reached)

    return around(PackableStorage, "_pack", begin)


def _where_something_is_missing(instead: Any) -> Fault:
    """A pack fails that meets a reference to nothing, after `instead(storage, upto)`."""

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        def checked(data: bytes) -> Any:
            oids = references(data)
            for oid in oids:
                if storage._history.find(oid) is None:
                    instead(storage, upto)
                    raise KeyError(oid)
            return oids

        correct(storage, upto, references and checked)

    return around(PackableStorage, "_pack", begin)


@double("storage.gc-and-broken-references", also="storage.gc-passes-over-broken-references")
def what_was_reached_is_thrown_away() -> Fault:
    """A pack that comes to a reference to nothing fails, and throws away what it has reached.

    One missing object costs all the others.
    """
    return _where_something_is_missing(
        lambda storage, upto: _dropped(storage, list(storage._history._oids))
    )


@double("storage.gc-passes-over-broken-references")
def one_missing_object_ends_packing() -> Fault:
    """A pack that comes to a reference to nothing fails.

    A database in which one object is missing can never be packed again.
    """
    return _where_something_is_missing(lambda storage, upto: None)


@double("storage.gc-asks-of-what-stays")
def every_record_is_read() -> Fault:
    """A pack asks for the references of every record that there is.

    One that was damaged years ago, and mended since, keeps a database from being packed.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        for records in storage._history._revisions.values() if references else ():
            for record in records:
                references(record.data) if record.data is not None else ()
        correct(storage, upto, references)

    return around(PackableStorage, "_pack", begin)


@double("storage.gc-keeps-oids-fresh")
def oids_of_garbage_are_free() -> Fault:
    """After a pack, new objects get the oids that follow those which are left.

    A weak reference that led to nothing leads to a stranger.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        storage._last_oid = max(storage._history._oids, default=z64)

    return around(PackableStorage, "pack", pack)


@double("storage.gc-keeps-oids-fresh-for-good", on="reference-sqlite")
def oids_of_garbage_are_free_tomorrow() -> Fault:
    """When a storage is opened, new objects get the oids that follow those which are in it.

    A weak reference that led to nothing leads to a stranger.
    """

    def last(correct: Any, history: SQLiteHistory) -> bytes:
        found, oid = z64, history.next_oid(z64)
        while oid is not None:
            found, oid = oid, history.next_oid(just_after(oid))
        return found

    return around(SQLiteHistory, "last_oid", last)


@double("storage.gc-is-iterated")
def the_list_is_made_before() -> Fault:
    """Who goes through the current records after a pack meets those that were there before.

    A program that looks at every object trips over what is not there.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        records = {oid: storage._history.find(oid) for oid in storage._history._oids}
        correct(storage, *args, **options)
        vars(storage)["listed"] = records

    def following(correct: Any, storage: Any, next: bytes | None = None) -> Any:  # noqa: A002
        records = vars(storage).get("listed")
        if records is None:
            return correct(storage, next)
        oids = [oid for oid in sorted(records) if next is None or oid >= next]
        record = records[oids[0]]
        return oids[0], record.tid, record.data, oids[1] if oids[1:] else None

    return together(
        around(PackableStorage, "pack", pack),
        around(ReadableStorage, "record_iternext", following),
    )


@double("storage.gc-is-optional")
def garbage_is_always_collected() -> Fault:
    """A storage takes the argument `gc`, and collects garbage whatever it says.

    Who leaves that to another program, which knows of other roots, loses what these lead to.
    """

    def pack(correct: Any, storage: Any, t: float, references: Any, gc: bool = True) -> None:
        correct(storage, t, references)

    return around(PackableStorage, "pack", pack)


@double("storage.gc-undone-creations")
def what_was_uncreated_is_kept() -> Fault:
    """A pack leaves what was stored of an object whose creation was undone.

    What nobody can see takes room for ever.
    """

    def doomed(correct: Any, storage: Any, upto: bytes, reached: Any) -> Any:
        found = correct(storage, upto, reached)
        return {oid: gone for oid, gone in found.items() if storage._history.find(oid).data}

    return around(PackableStorage, "_doomed", doomed)


@double("storage.gc-among-undos", also="storage.gc-spares-what-was-undone")
def shared_data_go_with_the_first() -> Fault:
    """A pack that removes a revision removes the data of those that an undo has made from it.

    What was brought back is lost when the time comes at which it was stored first.
    """

    def forget(correct: Any, history: MemoryHistory, upto: bytes, doomed: Any) -> None:
        correct(history, upto, doomed)
        gone = {(oid, one.tid) for oid, revisions in doomed.items() for one in revisions}
        for records in history._revisions.values():
            records[:] = [
                one._replace(data=None) if (one.oid, one.data_txn) in gone else one
                for one in records
            ]

    return around(MemoryHistory, "forget", forget)
