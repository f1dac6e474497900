"""Undo, as operations on a storage."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.storage import reversals
from zodb_spec.clause import id_of
from zodb_spec.operation import Argument, Outcome, refused
from zodb_spec.protocol import choices
from zodb_spec.protocol.committing import declared, doubted, is_running, passes, unstored
from zodb_spec.protocol.reading import gives, seen, source
from zodb_spec.protocol.world import ROOT, STORAGE, Name, World

Outcomes = Sequence[Outcome]
MOST_BACK = 4
"""How many of the newest transactions are undone."""

RAREST_FIRST = (
    reversals.undo_merged,
    reversals.undo_several,
    reversals.undo_changed_back,
    reversals.undo,
)
"""The clauses by which an undo passes; the first that there is a reason for is told."""


def _backs(world: World, *before: str) -> Sequence[str]:
    """How many transactions there are after each of the newest that can be undone."""
    return [str(back) for back in range(len(reversals.undo_log(world.store)))][:MOST_BACK]


def _can_be_undone(world: World, handle: Name, meta: Name, back: str) -> bool:
    if handle != STORAGE or not is_running(world, handle, meta) or back not in _backs(world):
        return False
    commit = choices.own(world, meta)
    undone = reversals.undo_log(world.store)[int(back)]
    return (
        not commit.refusals
        and not commit.tid
        and bool(undone.revisions)
        and reversals.is_clear(world.store, commit, undone)
    )


@declared(
    Argument("handle", choices.committing),
    Argument("transaction", choices.running),
    Argument("back", _backs),
    line=lambda world, handle, meta, back: (
        f"{handle}.undo({source(world)}.undoLog({back}, {int(back) + 1})[0]['id'], {meta})"
    ),
    sensible=_can_be_undone,
    weight=8,
    needs="undo",
)
def undo_transaction(world: World, handle: Name, meta: Name, back: str) -> Outcomes:
    """Have a transaction undone."""
    commit = choices.own(world, meta)
    undone = reversals.undo_log(world.store)[int(back)]
    found = reversals.reversal(world, commit, undone)
    error = refused(world, reversals.undo_refused)
    if reversals.undo_refused(found):
        return unstored(world, commit, reversals.undo_refused, error)
    restored = {oid: fact for oid, fact in found.items() if fact is not None}
    after = commit._replace(
        writes={**commit.writes, **restored}, undone=commit.undone | restored.keys()
    )
    reasons = {fact.clause for fact in restored.values()}
    reason = next(clause for clause in RAREST_FIRST if id_of(clause) in reasons)
    leaves_no_root = ROOT in restored and restored[ROOT].value is None
    is_safe_to_refuse = (
        reason == reversals.undo_merged
        or leaves_no_root
        or reversals.ends_once_more(world.store, found)
    )
    if not is_safe_to_refuse:
        return [passes(world._replace(commit=after), reason)]
    return [
        passes(world._replace(commit=doubted(after, reversals.undo_refused)), reason),
        *unstored(world, commit, reversals.undo_refused, error)[:1],
    ]


@declared(
    line=lambda world: f"{seen(world)} = undo_log_of({source(world)})",
    needs="undo",
)
def list_undo_log(world: World) -> Outcomes:
    """List what can be undone."""
    told = ", ".join(each.notes.description for each in reversals.undo_log(world.store))
    return [gives(world, reversals.undo_log, f"[{told}]")]
