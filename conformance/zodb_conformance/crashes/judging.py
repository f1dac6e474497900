"""The judge: opens a storage after a crash, looks at what is there, and holds the clauses against
it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zodb_spec.chapters.storage import durability
from zodb_spec.clause import id_of
from zodb_spec.crash import (
    BLOB,
    ROOT,
    Continued,
    Crash,
    Found,
    Told,
    Written,
    current,
    is_current,
    last_of,
    lasts_of,
    oids_taken,
    outcomes,
    stored_in,
)

from zodb_conformance.crashes.finding import found_in
from zodb_conformance.crashes.ledger import Book
from zodb_conformance.crashes.stream import Step
from zodb_conformance.crashes.working import Worker
from zodb_conformance.showing import apart, short
from zodb_conformance.supervisor.child import describe

Loss = Literal["process", "unsynced", "new", "some", "names"]
"""What was lost in a crash: the memory of the process; with it all that was not synced into files;
the same of a storage that has only just been made; or some pages of that; or the names in folders
that were not synced.
"""

Rule = Callable[[Crash], bool]
"""A clause, as a predicate."""

AFTERWARDS = "after the crash"


@dataclass(frozen=True)
class Examined:
    """A crash that was looked into.

    crash  the crash
    error  why the storage could not be opened and read, or why work did not go on; "" for none
    """

    crash: Crash
    error: str = ""


@dataclass(frozen=True)
class Judged:
    """What came of holding the clauses against a crash.

    held     the ids of those that were compared with what was found, the broken one included
    broken   the id of the one that is broken, "" for none
    expected, observed  the same in words
    """

    held: tuple[str, ...]
    broken: str = ""
    expected: str = ""
    observed: str = ""


def rules_for(told: Told, loss: Loss) -> tuple[Rule, ...]:
    """The clauses on what a crash may leave: of several that are broken, the first gets the
    verdict.
    """
    if not told.finished and (told.doubtful is None or loss == "new"):
        making = durability.vote_is_not_commit, durability.making_can_be_interrupted
        # No MUST asks a disk to keep what was written where only some pages are there, or no names.
        return making if loss in ("some", "names") else (*making, durability.goes_on_after_kill)
    in_pack = told.packed == len(told.finished)
    if loss == "unsynced":
        power, pack = durability.survives_power_loss, durability.pack_survives_power_loss
        blob, on = durability.blob_survives_power_loss, durability.goes_on_after_kill
        return (pack if in_pack else power, blob, on)
    if loss == "new":  # a storage that was packed has files that are newer
        return () if told.packed else (durability.new_survives_power_loss,)
    if loss == "some":
        return durability.survives_some_writes, durability.goes_on_after_kill
    if loss == "names":
        return (durability.syncs_the_folder,)
    return (
        durability.reopens_after_kill,
        durability.vote_is_not_commit,
        durability.pack_survives_kill if in_pack else durability.survives_kill,
        durability.whole_or_absent,
        durability.blob_survives_kill,
        durability.goes_on_after_kill,
    )


OF_WHAT_IS_FOUND = (
    durability.vote_is_not_commit,
    durability.survives_kill,
    durability.pack_survives_kill,
    durability.whole_or_absent,
    durability.blob_survives_kill,
    durability.blob_survives_power_loss,
)
"""The clauses that say nothing where the storage can't be opened."""

OF_BLOBS = (durability.blob_survives_kill, durability.blob_survives_power_loss)
"""The clauses that say nothing where there are no blobs."""


def rules_of(losses: Iterable[Loss]) -> set[str]:
    """The ids of all clauses on crashes of some sorts."""
    one = (Written(bytes(8), {}),)
    told = Told(), Told(one), Told(one, packed=1)
    return {id_of(rule) for loss in losses for each in told for rule in rules_for(each, loss)}


def examine(
    open_storage: Callable[[], Any],
    told: Told,
    oids: Iterable[bytes],
    capabilities: Collection[str],
) -> Examined:
    """Open a storage after a crash, and look at what is there; it is closed in the end.

    told          what it had told
    oids          those of which the program knows
    capabilities  those of the storage (see `found_in`)
    """
    try:
        storage = open_storage()
        try:
            found = found_in(storage, oids, capabilities)
        finally:
            storage.close()
    except Exception as error:  # noqa: BLE001  # whatever it is, the storage can't be used
        return Examined(Crash(told), describe(error))
    return Examined(Crash(told, found))


def go_on(
    open_storage: Callable[[], Any],
    book: Book,
    examined: Examined,
    capabilities: Collection[str],
    waiting: Callable[[], None],
) -> Examined:
    """Commit once more after a crash that left what it should, and look what is there when the
    storage is opened the next time.

    waiting  is called now and then
    """
    told, found = examined.crash.told, examined.crash.found
    assert found is not None
    settle(book, told, found)
    worker, ledger = Worker(open_storage, book, lambda _: waiting()), book.ledger
    try:
        worker.open()
        worker.perform(Step(ledger.step + 1, "commit", values=(f"{ledger.step + 1} {AFTERWARDS}",)))
        worker.close()
        written = ledger.finished[-1].written
        again = examine(open_storage, ledger.told(), ledger.oids(), capabilities)
    except Exception as error:  # noqa: BLE001  # whatever it is, work does not go on
        return stuck(examined, describe(error))
    whole = again.crash.found is not None and durability.whole_or_absent(again.crash)
    oid = next(oid for oid in written.records if oid != ROOT)
    continued = Continued(oid, written.tid, whole)
    return Examined(examined.crash._replace(continued=continued), again.error)


def stuck(examined: Examined, error: str) -> Examined:
    """The crash as one behind which work did not go on."""
    if examined.error:
        return examined
    crash = examined.crash._replace(continued=Continued(b"", b"", found=False))
    return Examined(crash, error)


def settle(book: Book, told: Told, found: Found) -> None:
    """Say in the ledger what became of the transaction that was open."""
    *_, history = outcomes(told, found)
    kept = told.doubtful is not None and found.last == last_of(history) > last_of(told.finished)
    book.settle(kept=kept, tid=found.last if kept else b"")


def judge(examined: Examined, rules: Iterable[Rule]) -> Judged:
    """Hold clauses against a crash, up to the first that is broken."""
    held = []
    for rule in rules:
        if rule is durability.goes_on_after_kill and examined.crash.continued is None:
            continue
        found = examined.crash.found
        if (rule in OF_WHAT_IS_FOUND and found is None) or (
            rule in OF_BLOBS and found is not None and not found.blobs
        ):
            continue
        held.append(id_of(rule))
        if not rule(examined.crash):
            return Judged(tuple(held), held[-1], *_in_words(examined))
    return Judged(tuple(held))


def _in_words(examined: Examined) -> tuple[str, str]:
    """What a broken clause expects, and what was found."""
    told, found, after = examined.crash
    if found is None:
        return "the storage to be opened and read again", f"it raised {examined.error}"
    if after is not None:
        return (
            "work to go on after it was opened again",
            f"it raised {examined.error}" if examined.error else _of_continued(after, told, found),
        )
    whole = next((each for each in told.refused if _shows(found, each)), None)
    if whole is not None:
        return "nothing of a transaction that was never finished", f"it shows {_named(whole)}"
    return _difference(told, found) or _of_blobs(told, found)


def _of_blobs(told: Told, found: Found) -> tuple[str, str]:
    """What of the blobs is not there as it was stored."""
    for oid, holds in found.blobs.items():
        wanted = stored_in(oid, told, found)
        if holds != wanted:
            texts = apart([wanted] if holds is None else [wanted, holds])
            seen = "its file can't be read" if holds is None else f"it holds {texts[-1]}"
            return f"the blob {oid.hex()} to hold {texts[0]}", seen
    return "each transaction as a whole or not at all", "one is there in part"


def _shows(found: Found, written: Written) -> bool:
    values = {value for value in written.records.values() if value not in (None, BLOB)}
    return not values.isdisjoint(known[0] for known in found.current.values() if known)


def _named(written: Written) -> str:
    return short(next((value for value in written.records.values() if value), "nothing"), 40)


def _of_continued(after: Continued, told: Told, found: Found) -> str:
    if after.oid in oids_taken(told, found):
        return f"a new object got the oid {after.oid.hex()}, which another one has"
    if after.tid <= found.last:
        return f"the next transaction got the tid {after.tid.hex()}, which is not later"
    return "what was committed then is not there when it is opened the next time"


def _difference(told: Told, found: Found) -> tuple[str, str] | None:
    """What differs from what was told: the first object that is not as any history leaves it, or
    the tids; None where it is none of that.
    """
    histories = outcomes(told, found)
    states = [current(history) for history in histories]
    for oid, seen in found.current.items():
        if seen is None and oid in told.garbage:
            continue
        if all(seen != state.get(oid) for state in states):
            known = [*dict.fromkeys(state.get(oid) for state in states), seen]
            *wanted, shown = _states(known)
            return f"object {oid.hex()} to be {' or '.join(wanted)}", f"it is {shown}"
    fitting = [history for history in histories if is_current(history, told, found)] or histories
    if all(found.last not in lasts_of(history, told) for history in fitting):
        lasts = " or ".join(last_of(history).hex() for history in fitting)
        return f"the last transaction to be {lasts}", f"it is {found.last.hex()}"
    if found.unlisted:
        return "its transactions to be listed", f"it raised {found.unlisted}"
    listed = [each.tid.hex() for each in found.transactions or ()]
    since = [each.tid.hex() for each in told.finished[told.packed :]]
    if found.transactions is not None and not (found.forgets or set(since) <= set(listed)):
        return (
            f"the transactions {', '.join(since)} to be listed",
            f"listed are {', '.join(listed)}",
        )
    return None


def _states(states: Sequence[tuple[str, bytes] | None]) -> list[str]:
    """What is known of an object, each in words that tell it from the others."""
    values = iter(apart([known[0] for known in states if known is not None]))
    return [
        "absent" if known is None else f"{next(values)} of transaction {known[1].hex()}"
        for known in states
    ]
