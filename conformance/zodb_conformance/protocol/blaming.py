"""Whose fault it is where a storage does not do what the model says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from zodb_spec.operation import Outcome
from zodb_spec.protocol.reading import LATEST, source
from zodb_spec.protocol.world import BLOB, STORAGE, Commit, Data, Oid, Tid, World

from zodb_conformance.blaming import names_of
from zodb_conformance.programs import Done
from zodb_conformance.results import Step

FOREIGN = "StorageTransactionError"
"""What a call raises for a transaction that is not being committed."""

TURNS = ("tpc-finish", "pack-storage", "pack-past", "pack-without-gc", "reopen-storage")
"""The operations after which there may be another last transaction."""

OF_BLOBS = ("load-blob", "open-blob")
"""The operations that read the file of a blob."""

CATCHES_UP = "protocol.client-catches-up"
"""The clause that says what a client shows."""

OWN = (
    "protocol.newer-object",
    "protocol.last-transaction",
    "protocol.client-reads",
    "protocol.client-is-told",
)
"""The clauses of reads that are to blame themselves, whatever handle shows it."""


class Blame(NamedTuple):
    """The clause on which a verdict falls, and the step in which it was established, 0 for the
    step itself.
    """

    clause: str
    step: int = 0


class Cause(NamedTuple):
    """The step after which something is read.

    operation  its name, "" where everything is read once more at the end
    clause     the clause by which it passed
    written    the objects that it has made visible
    """

    operation: str = ""
    clause: str = ""
    written: Collection[Oid] = ()


def of_call(commit: Commit | None, outcome: Outcome, done: Done) -> Blame:
    """Who is to blame for what came of a call.

    A transaction that is not known any more was ended by a call that should have left it alone.
    """
    lost = done.error is not None and FOREIGN in names_of(done.error)
    if commit is not None and commit.spared and lost:
        return Blame(commit.spared)
    return Blame(outcome.clause)


def of_read(world: World, bench: Any, step: Step, outcome: Outcome, cause: Cause) -> Blame:
    """Who is to blame for what a read shows that was right before a step: the read itself, where
    another way of reading shows the revision as it should be; or who has stored it, where the step
    has made it visible; and else that step.
    """
    if step[0] == "last-transaction":
        if cause.operation in ("tpc-abort", "close-client"):
            return Blame(cause.clause)
        is_new = cause.operation in TURNS or not cause.operation
        return Blame(world.store.latest if is_new else outcome.clause)
    if outcome.clause in OWN:
        return Blame(outcome.clause)
    if step[1:] and step[1] in world.handles and step[1] != STORAGE:
        if world.handles[step[1]].is_client:
            return Blame(cause.clause if cause.operation == "open-client" else CATCHES_UP)
        return Blame("protocol.poll")
    if world.is_behind(STORAGE) and not bench.holds(f"{source(world)} is not None"):
        return Blame(CATCHES_UP)
    oids = [word for word in step[1:] if word in world.store.known()]
    for oid in oids or world.store.known():
        found = world.store.current(oid)
        tid, revision = found if found is not None else ("", None)
        data = None if revision is None else revision.value
        if _is_shown(world, bench, oid, tid, data, but=step[0]):
            continue
        if revision is not None and (oid in cause.written or not cause.clause):
            return Blame(revision.clause, revision.step)
        return Blame(cause.clause or outcome.clause)
    return Blame(outcome.clause)


def _is_shown(world: World, bench: Any, oid: Oid, tid: Tid, data: Data | None, *, but: str) -> bool:
    """Whether some other way of reading shows the current revision of an object."""
    if data is not None and data.kind == BLOB and but in OF_BLOBS:
        return any(
            bench.holds(f"read_out({call}) == {data.value}")
            for name, call in {
                "load-blob": f"open({source(world)}.loadBlob({oid}, {tid}), 'rb')",
                "open-blob": f"{source(world)}.openCommittedBlobFile({oid}, {tid})",
            }.items()
            if name != but
        )
    ways = {
        "load": f"{source(world)}.load({oid})",
        "load-before": f"{source(world)}.loadBefore({oid}, {LATEST})[:2]",
    }
    for name, call in ways.items():
        if name == but:
            continue
        if data is None:
            shows = f"fails_with(('KeyError', 'TypeError'), lambda: {call})"
        else:
            shows = f"shown({call}) == ({data.shown}, {tid})"
        if bench.holds(shows):
            return True
    return False
