"""Exploring the model: every choice of a program in a small world, and whether the laws hold.

    python -m zodb_spec.explore --help

A person can do the same with `explore`, `shortest` and `Bounds`, see the module `exploring`.
"""

from zodb_spec.explore.bounds import Bounds
from zodb_spec.explore.checking import broken, laws
from zodb_spec.explore.exploring import Exploration, Violation, explore, shortest
from zodb_spec.explore.several import LARGE_WORLDS
from zodb_spec.explore.small import SmallWorld, begin
from zodb_spec.explore.storages import LARGE_STORAGE_WORLDS, STORAGE_WORLDS, StorageBounds
from zodb_spec.explore.worlds import SMALL_WORLDS

__all__ = [
    "LARGE_STORAGE_WORLDS",
    "LARGE_WORLDS",
    "SMALL_WORLDS",
    "STORAGE_WORLDS",
    "Bounds",
    "Exploration",
    "SmallWorld",
    "StorageBounds",
    "Violation",
    "begin",
    "broken",
    "explore",
    "laws",
    "shortest",
]
