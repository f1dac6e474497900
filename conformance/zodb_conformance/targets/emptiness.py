"""Before the suite writes, it looks whether there is anything that it could spoil.

A folder of its own keeps a database apart from all others, but a server has none, and what a
function opens is up to the function.  So every database is looked at when it is opened, before
anything is stored: it may hold no more than an empty root.  What fails while it is looked at is
left to the checks, which come to the same before they store anything.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import transaction

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.showing import short

ROOT = bytes(8)
NEVER = bytes(8)
"""The tid that stands for "no transaction yet"."""

LATEST = b"\x7f" + b"\xff" * 7
"""A tid after all others."""

MOST_KEYS = 3
"""How many keys of a root are shown."""


def opened(open_database: Callable[..., Any], directory: Path, **options: Any) -> Any:
    """An open database of the target that was found to be empty.

    Raises TargetUnusable where it holds something; it is closed then, as it was found.
    """
    database = open_database(directory, **options)
    _refuse(held(database), database)
    return database


def unspoilt(storage: Any) -> Any:
    """A storage that was found to be empty, before any database uses it.

    Raises TargetUnusable where it holds something; it is closed then, as it was found.
    """
    _refuse(stored(storage), storage)
    return storage


def _refuse(found: str, thing: Any) -> None:
    if not found:
        return
    with suppress(Exception):
        thing.close()
    raise TargetUnusable(
        f"the database is not empty: {found}. It was left as it was found: the suite writes only "
        "into databases that hold nothing, and needs a new one for every script"
    )


def held(database: Any) -> str:
    """What a database holds beside an empty root, in words; "" for nothing."""
    with suppress(Exception):
        return _told_of_keys(_keys(_record(database.storage)))
    with suppress(Exception):
        return _told_of_keys(_keys_by_connection(database))
    return ""


def stored(storage: Any) -> str:
    """What a storage holds beside an empty root, in words; "" for nothing."""
    try:
        record = _record(storage)
    except Exception:  # noqa: BLE001  # no database can be opened over it either
        return ""
    if record is None:
        with suppress(Exception):
            if len(storage) and storage.lastTransaction() not in (None, NEVER):
                return f"it holds {len(storage)} records, and no root among them"
        return ""
    try:
        told = _told_of_keys(_keys(record))
    except Exception as error:  # noqa: BLE001  # somebody's root it is in any case
        return f"its root can't be read ({type(error).__name__}: {error})"
    with suppress(Exception):
        if not told and len(list(islice(storage.iterator(), 2))) > 1:
            return "its root is empty, but it holds more transactions than the one that made it"
    return told


def _told_of_keys(keys: list[Any]) -> str:
    if not keys:
        return ""
    shown = ", ".join(short(key, 30) for key in keys[:MOST_KEYS])
    more = f" and {len(keys) - MOST_KEYS} more" if len(keys) > MOST_KEYS else ""
    return f"its root has the {'key' if len(keys) == 1 else 'keys'} {shown}{more}"


def _record(storage: Any) -> bytes | None:
    """The current record of the root, None where there is none."""
    if hasattr(storage, "poll_invalidations"):
        storage.poll_invalidations()
    try:
        found = storage.loadBefore(ROOT, LATEST)
    except KeyError:
        return None
    return None if found is None else found[0]


class _Reader(pickle.Unpickler):
    """Reads the record of a mapping without the classes of what is in it."""

    def persistent_load(self, reference: Any) -> Any:
        return None

    def find_class(self, module: str, name: str) -> Any:
        return type(name, (_Stub,), {"__module__": module})


class _Stub:
    """Stands for an instance of any class."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _keys(record: bytes | None) -> list[Any]:
    """The keys of the mapping that a record is of."""
    if record is None:
        return []
    reader = _Reader(io.BytesIO(record))
    reader.load()
    state = reader.load()
    return list(state.get("data", state.get("_container", state)))


def _keys_by_connection(database: Any) -> list[Any]:
    """The keys of the root, as a connection shows it; the connection is left as it came."""
    connection = database.open(transaction_manager=transaction.TransactionManager())
    try:
        keys = list(connection.root())
        connection.cacheMinimize()
    finally:
        connection.close()
    return keys
