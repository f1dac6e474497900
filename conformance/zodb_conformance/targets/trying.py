"""What a storage can do and can't announce, because no interface has a word for it: found out by
trying it once, in a folder that is thrown away, and in a process of its own: who hangs in it, hangs
nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zodb_conformance.storagekit import Layer, commit, content, newest
from zodb_conformance.targets.base import DURABLE, OLD, READ_ONLY, Storage

ROOT = NEVER = bytes(8)


def found(storage: Storage) -> Iterator[str]:
    """Which of `TRIED` storages can do that are opened like this, as it is found: keep revisions
    that are not current, keep in their folders what was committed, and be opened there so that
    nothing can be changed.

    Where one fails before it has shown anything, nothing is found: the checks will come to the
    same, and tell.  Nor is it of those who keep their data elsewhere, in a place known to others.
    """
    where = TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True)
    with where as place, suppress(Exception):
        folder = Path(place)
        one = storage.open(folder)
        one.registerDB(Layer())
        first = commit(one, (ROOT, NEVER, content(1)))
        second = commit(one, (ROOT, first, content(2)))
        if _shows_the_first(one, first, second):
            yield OLD
        one.close()
        if not any(folder.iterdir()) or _is_new(storage, folder):
            return
        yield DURABLE
        if storage.read_only is not None and _is_read_only(storage.read_only, folder, second):
            yield READ_ONLY


def _shows_the_first(storage: Any, first: bytes, second: bytes) -> bool:
    with suppress(Exception):
        return bool(newest(storage).loadBefore(ROOT, second)[:2] == (content(1), first))
    return False


def _is_new(storage: Storage, folder: Path) -> bool:
    """Whether a folder with files in it is opened as if nothing had ever been committed there.

    Who leaves files behind and can't open them has lost something: that is for the clauses.
    """
    with suppress(Exception), closing(storage.open(folder)) as again:
        return newest(again).lastTransaction() in (None, NEVER)
    return False


def _is_read_only(storage: Storage, folder: Path, last: bytes) -> bool:
    with suppress(Exception), closing(storage.open(folder)) as again:
        return bool(again.isReadOnly()) and bool(newest(again).load(ROOT)[1] == last)
    return False
