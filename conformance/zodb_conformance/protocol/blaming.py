"""Whose fault it is where a storage does not do what the model says."""

from __future__ import annotations

from typing import Any, NamedTuple

from zodb_spec.operation import Outcome
from zodb_spec.protocol.world import Data, Oid, Tid, World

from zodb_conformance.results import Step


class Blame(NamedTuple):
    """The clause on which a verdict falls, and the step in which it was established, 0 for the
    step itself.
    """

    clause: str
    step: int = 0


def of_read(world: World, bench: Any, step: Step, outcome: Outcome) -> Blame:
    """Who is to blame for what a read shows: the read itself, where another way of reading shows
    the revision as it should be, and otherwise whoever has stored it.
    """
    if step[0] == "last-transaction":
        return Blame(world.store.latest)
    oid = next((word for word in step[1:] if word in world.store.known()), None)
    if oid is None:
        return _of_all(world, bench, outcome)
    found = world.store.current(oid)
    if found is None:
        return Blame(outcome.clause)
    tid, revision = found
    if _is_shown(bench, oid, tid, revision.value, but=step[0]):
        return Blame(outcome.clause)
    return Blame(revision.clause, revision.step)


def _of_all(world: World, bench: Any, outcome: Outcome) -> Blame:
    """Who is to blame for a list of much: whoever has stored the first thing that is wrong, where
    plain reads show it wrong too.
    """
    for oid in world.store.known():
        found = world.store.current(oid)
        if found is None:
            continue
        tid, revision = found
        if not _is_shown(bench, oid, tid, revision.value, but=""):
            return Blame(revision.clause, revision.step)
    return Blame(outcome.clause)


def _is_shown(bench: Any, oid: Oid, tid: Tid, data: Data | None, *, but: str) -> bool:
    """Whether some other way of reading shows the current revision of an object."""
    ways = {
        "load": f"newest(reader).load({oid})",
        "load-before": f"newest(reader).loadBefore({oid}, b'\\x7f' + b'\\xff' * 7)[:2]",
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
