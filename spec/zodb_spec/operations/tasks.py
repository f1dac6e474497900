"""What databases do themselves when a transaction is committed: with versions, and with others that
they undo.
"""

from __future__ import annotations

from collections.abc import Iterator

from zodb_spec.operations import undoing, versioning
from zodb_spec.world import Change, Manager, Undo, World


def are_clear(world: World, manager: Manager) -> bool:
    """Whether it is clear what comes of it."""
    return all(
        versioning.is_clear_change(world, each) for each in manager.changes if type(each) is Change
    ) and undoing.are_clear(world, list(undos(manager)))


def undos(manager: Manager) -> Iterator[Undo]:
    """The transactions that are to be undone."""
    return (each for each in manager.changes if type(each) is Undo)


def done(world: World, task: Change | Undo) -> list[World]:
    """The worlds in which it is done."""
    if type(task) is Undo:
        return [undoing.undone(world, task)]
    assert type(task) is Change
    return versioning.changed(world, task)
