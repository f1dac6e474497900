"""Durability: what a crash leaves, of the process or of the whole machine.

When `tpc_finish` returns, the program tells others that the work is done, and nobody can take that
back. So from then on the transaction is there whatever happens, and until `tpc_finish` is called it
is not. In between nobody can know, and either is right; but never a part.

A process that is killed loses what it holds in memory, and nothing that it gave to the operating
system. When the power fails, that is lost as well, but for what was synced: this is the difference
between the two halves of the chapter. A disk is free
in what it does with the rest, and each clause of the second half says which part of it is taken to
be there. What was written when the storage was made has reached the disk long ago, except in the
clauses that speak of a new one, and of folders.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, crash
from zodb_spec.crash import (
    Crash,
    current,
    is_current,
    is_listed,
    last_of,
    lasts_of,
    oids_taken,
    outcomes,
    stored_in,
)


@crash("storage.reopens-after-kill", MUST, rules="STOR-68", needs="durable")
def reopens_after_kill(case: Crash) -> bool:
    """A storage that holds something, and whose process was killed, can be opened again by another,
    which finds everything readable: without a repair, without a lock that nobody holds any more,
    and whatever the killed one was about, be it a transaction, a pack, an undo, or opening and
    closing the storage.
    """
    return case.found is not None


@crash("storage.making-can-be-interrupted", SHOULD, rules="STOR-68 STOR-8", needs="durable")
def making_can_be_interrupted(case: Crash) -> bool:
    """A storage that was about to be made, and in which no transaction was finished yet, can be
    opened after a crash as well, of the process or of the machine, and lists no transactions then,
    but for one that was being finished. Nothing is lost where it can't be opened; but somebody has
    to remove by hand what was left of it.
    """
    found = case.found
    if found is None or found.unlisted:
        return False
    return len(found.transactions or ()) <= (case.told.doubtful is not None)


@crash("storage.vote-is-not-commit", MUST, rules="STOR-68", needs="durable")
def vote_is_not_commit(case: Crash) -> bool:
    """A crash before `tpc_finish` is called leaves nothing of a transaction, also where the vote
    had passed: nobody may come to see what the program could still have given up, and
    `lastTransaction` does not tell its tid.
    """
    assert case.found is not None
    if case.told.doubtful is None and case.found.last > last_of(case.told.finished):
        return False
    refused = {value for each in case.told.refused for value in each.records.values()}
    shown = {known[0] for known in case.found.current.values() if known is not None}
    listed = {value for each in case.found.transactions or () for value in each.records.values()}
    others = filter(None, (*case.told.finished, case.told.doubtful))
    by_right = {value for each in others for value in each.records.values()}
    return refused.isdisjoint({*shown, *listed} - {None} - by_right)


@crash("storage.survives-kill", MUST, rules="STOR-8 STOR-68", needs="durable")
def survives_kill(case: Crash) -> bool:
    """Every transaction for which `tpc_finish` has returned is there when the storage is opened
    again after its process was killed: what it stored is current, or what later ones stored, and
    `lastTransaction` tells no earlier one.
    """
    told, found = case.told, case.found
    assert found is not None
    doubtful = {} if told.doubtful is None else told.doubtful.records
    for oid, left in current(told.finished).items():
        seen = found.current.get(oid)
        is_newer = oid in doubtful and doubtful[oid] == (seen and seen[0])
        if seen != left and not is_newer and not (seen is None and oid in told.garbage):
            return False
    return found.last >= lasts_of(told.finished, told)[-1]


@crash("storage.pack-survives-kill", MUST, rules="STOR-47 STOR-68", needs="durable pack")
def pack_survives_kill(case: Crash) -> bool:
    """A pack that is killed, at whatever point, loses no more than it may remove: all that was
    current before is there when the storage is opened again, and so it is where the process is
    killed when the pack has returned.
    """
    return survives_kill(case)


@crash("storage.whole-or-absent", MUST, rules="STOR-8 STOR-68", needs="durable")
def whole_or_absent(case: Crash) -> bool:
    """A transaction that was being finished when the process was killed is there as a whole, or not
    at all, and everything agrees on which it is: `lastTransaction`, what is loaded of each object,
    and the list of transactions.
    """
    told, found = case.told, case.found
    assert found is not None
    return any(
        found.last in lasts_of(history, told)
        and is_current(history, told, found)
        and is_listed(history, told, found)
        for history in outcomes(told, found)
    )


@crash("storage.blob-survives-kill", MUST, rules="STOR-61 STOR-8", needs="durable blobs")
def blob_survives_kill(case: Crash) -> bool:
    """A blob whose record is there after a kill is there with what it holds: what was stored in the
    same call, and nothing of what others stored before or wanted to store.
    """
    told, found = case.told, case.found
    assert found is not None
    return all(holds == stored_in(oid, told, found) for oid, holds in found.blobs.items())


@crash("storage.goes-on-after-kill", MUST, rules="STOR-68 STOR-8", needs="durable")
def goes_on_after_kill(case: Crash) -> bool:
    """When the storage has been opened again after a crash, of the process or of the machine, work
    goes on: a transaction can be committed, its tid is later than all there are, the oid of a new
    object is that of no other (which was not packed away), and when the storage is opened the next
    time all of it is there.
    """
    found, after = case.found, case.continued
    if after is None:
        return True
    assert found is not None
    return after.found and after.oid not in oids_taken(case.told, found) and after.tid > found.last


def _is_intact(case: Crash) -> bool:
    return case.found is not None and all(
        holds(case) for holds in (vote_is_not_commit, survives_kill, whole_or_absent)
    )


@crash("storage.survives-power-loss", MUST, rules="STOR-8", needs="durable")
def survives_power_loss(case: Crash) -> bool:
    """Every transaction for which `tpc_finish` has returned is there, and none in part, also where
    the power fails and the disk holds nothing of what was written into files and not synced; and of
    what became of the names of files either all, as it does where a file system writes names first
    and contents later, or what was done before something was synced.
    """
    return _is_intact(case)


@crash("storage.pack-survives-power-loss", MUST, rules="STOR-47 STOR-8", needs="durable pack")
def pack_survives_power_loss(case: Crash) -> bool:
    """Nothing is lost where the power fails during a pack, or when it has returned and nothing was
    committed since: what takes the place of the old file is on the disk before it takes it.
    """
    return _is_intact(case)


@crash("storage.blob-survives-power-loss", MUST, rules="STOR-61 STOR-8", needs="durable blobs")
def blob_survives_power_loss(case: Crash) -> bool:
    """What a blob holds is on the disk when `tpc_finish` returns, like its record: a blob whose
    record is there after a power failure is there as a whole.
    """
    return blob_survives_kill(case)


@crash("storage.new-survives-power-loss", MUST, rules="STOR-8", needs="durable")
def new_survives_power_loss(case: Crash) -> bool:
    """A storage that has only just been made survives that the power fails: what it takes to open
    it is on the disk before its first transaction is finished, and does not wait there to be
    written some time.
    """
    return _is_intact(case)


@crash("storage.survives-some-writes", SHOULD, rules="STOR-8", needs="durable")
def survives_some_writes(case: Crash) -> bool:
    """Nothing that was finished is lost where the power fails and the disk has some of the pages
    that were not synced and lacks others, in whatever order they were written: a transaction of
    which some pages are missing is not taken for one. A storage that only ever writes at the end of
    its file can rely on file systems that do not make a file longer before its data are there; not
    all do so.
    """
    return _is_intact(case)


@crash("storage.syncs-the-folder", SHOULD, rules="STOR-8", needs="durable")
def syncs_the_folder(case: Crash) -> bool:
    """Nothing that was finished is lost where the power fails and names are lost as well, but for
    those in folders that were synced themselves: POSIX promises no more, so that a file that is
    made, or renamed, is found after a power failure only if its folder was synced. The file systems
    in wide use promise more.
    """
    return _is_intact(case)
