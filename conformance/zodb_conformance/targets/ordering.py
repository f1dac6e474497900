"""The order in which the databases of a target take part in a commit.

It is that of the sort keys of their storages, and where these are equal that of addresses.  What
connections do wrong may show in one order only: which database has stored already when the other
one refuses, say.  So whatever is compared with a baseline is done in both orders there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from zodb_conformance.targets.base import Storage, Target, changed, over

MOST = 10**9
"""More databases than a process opens."""


def in_order(target: Target, *, backwards: bool = False) -> Target:
    """The target whose databases take part in a commit in the order in which they were opened, or
    the other way round: each of its storages gets a sort key that says so.

    Its storage has to be one that can be opened alone, and its `DB` one that takes the key from
    the storage when it is made.
    """
    numbers = count(1)

    def in_turn(opened: Any) -> None:
        number = next(numbers)
        key = f"{MOST - number if backwards else number:010}"
        opened.sortKey = lambda: key

    return with_each(target, in_turn)


def with_each(target: Target, change: Callable[[Any], None]) -> Target:
    """The target with something done to each of its storages when it is opened.

    What the target says of itself stays as it is, but for how its databases are opened.
    """
    assert target.storage is not None
    assert target.connections is not None

    def changing(storage: Storage) -> Storage:
        def open_storage(directory: Path) -> Any:
            opened = storage.open(directory)
            change(opened)
            return opened

        versions = storage.versions and changing(storage.versions)
        read_only = storage.read_only and changing(storage.read_only)
        return storage._replace(open=open_storage, versions=versions, read_only=read_only)

    made = over(target.name, target.connections, changing(target.storage))
    return changed(target, open_database=made.open_database, storage=made.storage)
