"""Faults of storages that are packed while others work."""

from __future__ import annotations

from typing import Any

from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double("thread.loading-against-pack")
def what_was_read_is_kept_for_the_next_reader() -> Fault:
    """A storage keeps the current revisions that were read, and forgets them when one is written.
    What is written while it is being read is kept in the old state.

    From then on nobody sees the new one, and who writes works from what is gone.
    """

    def load_before(correct: Any, storage: Any, oid: bytes, tid: bytes) -> Any:
        kept, found = vars(storage).setdefault("kept", {}), correct(storage, oid, tid)
        if found is None or found[2] is not None:
            return found
        return kept.setdefault(oid, found)

    def tpc_finish(correct: Any, storage: Any, *args: Any) -> bytes:
        tid: bytes = correct(storage, *args)
        vars(storage).get("kept", {}).clear()
        return tid

    return together(
        around(ReadableStorage, "loadBefore", load_before),
        around(TwoPhaseStorage, "tpc_finish", tpc_finish),
    )


@double("thread.packing-against-commit")
def a_pack_keeps_what_there_was_when_it_began() -> Fault:
    """A pack takes what is to be kept when it begins, and puts that in the place of all there is
    when it ends.

    Whatever was committed in between is gone.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        before = {oid: list(kept) for oid, kept in storage._history._revisions.items()}
        correct(storage, *args, **options)
        revisions = storage._history._revisions
        for oid in revisions:
            revisions[oid] = [each for each in revisions[oid] if each in before.get(oid, ())]

    return around(PackableStorage, "pack", pack)
