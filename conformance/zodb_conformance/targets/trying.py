"""What a storage can do and can't announce, because no interface has a word for it: found out by
trying it once, in a folder that is thrown away.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from persistent.mapping import PersistentMapping

from zodb_conformance.storagekit import Layer, commit, newest
from zodb_conformance.targets.announcing import Announced

DURABLE, READ_ONLY = "durable", "read-only"
ROOT = bytes(8)

EMPTY = pickle.dumps(PersistentMapping, 3) + pickle.dumps({"data": {}}, 3)
"""The record of an empty root, the least that can be committed."""

UNTRIED = Announced(frozenset(), frozenset({DURABLE, READ_ONLY}))
"""What is known of storages that are not tried."""

Opening = Callable[[Path], Any]
"""Opens the storage of a folder."""


def tried(open_storage: Opening, open_read_only: Opening | None = None) -> Announced:
    """Whether storages keep in their folders what was committed, and can be opened there so that
    nothing can be changed.

    open_read_only  how that may be done, None where no way is known

    Of what fails nothing is known: the checks will come to the same, and tell.  Nor is it of those
    who keep their data elsewhere, in a place that others may know.
    """
    answers: dict[str, bool | None] = {DURABLE: None, READ_ONLY: None}
    where = TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True)
    with where as place, suppress(Exception):
        folder = Path(place)
        with closing(open_storage(folder)) as storage:
            storage.registerDB(Layer())
            tid = commit(storage, (ROOT, bytes(8), EMPTY))
        with closing(open_storage(folder)) as storage:
            answers[DURABLE] = _is_shown(storage, tid) and (any(folder.iterdir()) or None)
        if answers[DURABLE] and open_read_only is not None:
            with closing(open_read_only(folder)) as storage:
                answers[READ_ONLY] = bool(storage.isReadOnly()) and _is_shown(storage, tid)
    return Announced(
        frozenset(name for name, answer in answers.items() if answer),
        frozenset(name for name, answer in answers.items() if answer is None),
    )


def _is_shown(storage: Any, tid: bytes) -> bool:
    """Whether a storage shows what was committed to another then."""
    try:
        known: bytes = newest(storage).load(ROOT)[1]
    except KeyError:
        return False
    return known == tid
