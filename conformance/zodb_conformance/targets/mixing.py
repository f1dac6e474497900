"""Mixed targets: the first database on one implementation, and every further one on another."""

from __future__ import annotations

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.targets.base import SEVERAL, Target, changed, over


def mixed(first: Target, second: Target) -> Target:
    """The target that opens its first database as one target does, and every further one on the
    storage of another.

    One `DB` stands over both storages, that of the first.  Where one of the two does not say how
    its storage is opened alone, the further databases are opened as the second one opens its own.
    It can do what both can.

    Raises TargetUnusable where one of them is mixed already.
    """
    for target in (first, second):
        if target.second is not None:
            raise TargetUnusable(
                f"{target.name} is mixed already: its further databases are on "
                f"{target.second.name}. Name two targets that are not"
            )
    # Of the first one there is one database; of the second one there may be more.
    capabilities = (first.capabilities | {SEVERAL}) & second.capabilities
    together = first.connections is not None and second.connections is not None
    return changed(
        first,
        name=f"{first.name} with {second.name}",
        level="storage" if together and "storage" in (first.level, second.level) else "connection",
        database=first.database if together else f"{first.database} and {second.database}",
        capabilities=capabilities,
        unknown=first.unknown | second.unknown | (first.capabilities ^ second.capabilities),
        distributions=tuple(dict.fromkeys((*first.distributions, *second.distributions))),
        second=_under(first, second) if together else second,
    )


def _under(first: Target, second: Target) -> Target:
    """The connections of one target over the storage of another."""
    assert first.connections is not None
    assert second.storage is not None
    return over(second.name, first.connections, second.storage, knows_editions=first.knows_editions)
