"""Revisions: what every read returns, before, during and after a commit.

Each call of a storage that reads is here as a function of its history.  A transaction that has not
been finished is no part of that: whatever is read beside it, by whomever, is what was there before.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, step
from zodb_spec.protocol.world import NEVER, Data, Notes, Oid, Store, Tid, Transaction


@step("protocol.load", MUST, rules="STOR-22")
def load(store: Store, oid: Oid) -> tuple[Data, Tid] | None:
    """`load` gives the data of the current revision and its tid."""
    found = store.current(oid)
    if found is None or found[1].value is None:
        return None
    return found[1].value, found[0]


@step("protocol.load-missing", MUST, rules="STOR-22 STOR-43 STOR-53", error="POSKeyError")
def load_missing(store: Store, oid: Oid) -> bool:
    """`load` fails for an object that was never stored, that was deleted, or of which the creation
    was undone.
    """
    return load(store, oid) is None


@step("protocol.load-before", MUST, rules="STOR-23", needs="old-revisions")
def load_before(store: Store, oid: Oid, tid: Tid) -> tuple[Data | None, Tid, Tid | None] | None:
    """`loadBefore` gives the data of the newest revision that is earlier than a tid, the tid of
    that revision, and the tid of the one that followed it, None where it is the current one.  Where
    all revisions of an object are later it gives None.

    tid: NEVER stands for one that is later than all others
    """
    return earlier(store, oid, tid)


def earlier(store: Store, oid: Oid, tid: Tid) -> tuple[Data | None, Tid, Tid | None] | None:
    """The newest revision of an object that is earlier than a tid, and those of it and the next."""
    places = store.places
    end = len(places) if tid == NEVER else places[tid]
    following = None
    for each, revision in reversed(store.lineage(oid)):
        if places[each] < end:
            return revision.value, each, following
        following = each
    return None


@step("protocol.load-before-missing", MUST, rules="STOR-23", error="POSKeyError")
def load_before_missing(store: Store, oid: Oid) -> bool:
    """`loadBefore` fails for an object that was never stored."""
    return store.current(oid) is None


@step("protocol.load-before-deletion", MUST, rules="STOR-24", error="POSKeyError")
def load_before_deletion(store: Store, oid: Oid, tid: Tid) -> bool:
    """Where the revision that `loadBefore` has to give is a deletion, or the undo of a creation, it
    fails, or gives None; which of them, a storage may choose.
    """
    found = load_before(store, oid, tid)
    return found is not None and found[0] is None


@step("protocol.load-serial", MUST, rules="STOR-25", needs="old-revisions")
def load_serial(store: Store, oid: Oid, tid: Tid) -> Data | None:
    """`loadSerial` gives the data of the revision that a transaction has stored."""
    found = dict(store.lineage(oid)).get(tid)
    return None if found is None else found.value


@step("protocol.load-serial-missing", MUST, rules="STOR-25", error="POSKeyError")
def load_serial_missing(store: Store, oid: Oid, tid: Tid) -> bool:
    """`loadSerial` fails where the transaction has not stored the object, or has deleted it."""
    return load_serial(store, oid, tid) is None


@step("protocol.last-transaction", MUST, rules="STOR-15 STOR-17")
def last_transaction(store: Store) -> Tid:
    """`lastTransaction` gives the tid of the transaction that was finished last, and not that of
    one that is being committed; in a storage where there is none, eight zero bytes.
    """
    return store.last


@step("protocol.get-tid", MUST, rules="STOR-15 STOR-65", needs="serving")
def get_tid(store: Store, oid: Oid) -> Tid:
    """`getTid` gives the tid of the current revision."""
    return store.serial(oid)


@step("protocol.history", MUST, rules="STOR-26", needs="history old-revisions")
def history(store: Store, oid: Oid) -> list[Tid]:
    """`history` lists the revisions of an object, newest first, each with the tid and the
    description of its transaction.  It may leave out those that have outlived a pack.
    """
    return [tid for tid, _ in reversed(store.lineage(oid))]


def unpacked(store: Store) -> tuple[Tid, ...]:
    """The tids of the transactions since the storage was packed."""
    return store.tids[store.places.get(store.packed, -1) + 1 :]


@step("protocol.iteration", MUST, rules="STOR-27 STOR-28", needs="iteration old-revisions")
def iteration(store: Store, start: Tid, stop: Tid) -> list[Transaction]:
    """`iterator` lists the transactions from one tid to another, both included, in the order of
    their tids, each with its description and its records: what each object came to hold, None where
    it was deleted.

    start, stop: NEVER stands for no bound
    """
    places = store.places
    first = places[start] if start != NEVER else 0
    last = places[stop] if stop != NEVER else len(places) - 1
    return list(store.history[first : last + 1])


@step("protocol.notes", MUST, rules="STOR-27 STOR-6", needs="iteration old-revisions")
def notes(store: Store) -> list[tuple[Tid, Notes]]:
    """`iterator` shows of each transaction the user, the description and the further notes that the
    storage was told with it, and no others; also where what stands for it has stood for another one
    before.
    """
    return [(each.tid, each.notes) for each in store.history if each.revisions]


@step("protocol.record-iteration", MUST, rules="STOR-42", needs="record-iteration")
def record_iteration(store: Store) -> list[Oid]:
    """`record_iternext` leads from one object to the next, in the order of their oids, each with
    the tid and the data of its current revision; what was deleted is not among them.
    """
    return [oid for oid in store.known() if load(store, oid) is not None]
