"""What a storage or a database can do that comes with nothing but itself: found out from what it
announces, by interfaces and methods, and not by trying.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from zope.interface import providedBy

from zodb_conformance.targets.base import DURABLE, OLD, READ_ONLY, RESOLUTION, VERSIONS


class Announced(NamedTuple):
    """What something says of itself.

    capabilities  those that it has
    unknown       those of which it does not say whether it has them
    """

    capabilities: frozenset[str]
    unknown: frozenset[str]


Question = Callable[[Any], bool | None]
"""Whether a storage or a database can do something, None where it does not say."""


def of_storage(open_storage: Callable[[Path], Any]) -> Announced:
    """What the storages announce that a function opens in a folder."""
    return _looked_at(open_storage, STORAGES)


def of_database(open_database: Callable[[Path], Any]) -> Announced:
    """What the databases announce that a function opens in a folder."""
    return _looked_at(open_database, DATABASES)


def of_nobody() -> Announced:
    """What is known of storages that are not asked."""
    return _announced(dict.fromkeys(STORAGES))


def _looked_at(open_one: Callable[[Path], Any], questions: dict[str, Question]) -> Announced:
    """The answers of one that is opened to be asked, and closed again.

    Where that fails, nothing is known: the checks will come to the same, and tell.
    """
    answers: dict[str, bool | None] = dict.fromkeys(questions)
    folder = TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True)
    with folder as directory, suppress(Exception):
        asked = open_one(Path(directory))
        for name, question in questions.items():
            with suppress(Exception):
                answers[name] = question(asked)
        asked.close()
    return _announced(answers)


def _announced(answers: dict[str, bool | None]) -> Announced:
    return Announced(
        frozenset(name for name, answer in answers.items() if answer),
        frozenset({RESOLUTION, *(name for name, answer in answers.items() if answer is None)}),
    )


def _has(name: str) -> Question:
    return lambda asked: callable(getattr(asked, name, None))


def _interfaces(asked: Any) -> set[str]:
    """The names of the interfaces that something provides."""
    return {each.__name__ for each in providedBy(asked).flattened()}


def _announces(interface: str, *methods: str) -> Question:
    """Whether something provides an interface; with its methods alone it does not say so."""

    def question(asked: Any) -> bool | None:
        if interface in _interfaces(asked):
            return True
        return None if all(callable(getattr(asked, name, None)) for name in methods) else False

    return question


def _by_its_storage(question: Question) -> Question:
    """What a database can do because its storage can."""

    def question_of_database(database: Any) -> bool | None:
        storage = getattr(database, "storage", None)
        return None if storage is None else question(storage)

    return question_of_database


def _undoes(asked: Any) -> bool | None:
    """The protocol has a question for it; without that, an interface or the method must do."""
    if callable(getattr(asked, "supportsUndo", None)):
        return bool(asked.supportsUndo())
    if "IStorageUndoable" in _interfaces(asked):
        return True
    return None if callable(getattr(asked, "undo", None)) else False


def _has_versions(storage: Any) -> bool | None:
    if callable(getattr(storage, "supportsVersions", None)):
        return bool(storage.supportsVersions())
    return None if callable(getattr(storage, "commitVersion", None)) else False


def _opens_versions(database: Any) -> bool | None:
    if not _opens(database, "version") or not callable(getattr(database, "commitVersion", None)):
        return False
    storage = getattr(database, "storage", None)
    return None if storage is None else _has_versions(storage)


def _opens_the_past(database: Any) -> bool | None:
    return _opens(database, "at") and _opens(database, "before")


def _opens(database: Any, option: str) -> bool | None:
    """Whether `open` takes an option, None where its signature does not say."""
    try:
        known = inspect.signature(database.open).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.name == option for each in known):
        return True
    return None if any(each.kind is each.VAR_KEYWORD for each in known) else False


def _may_have_blobs(database: Any) -> bool | None:
    """Of which class the blobs of a database are, a `Target` alone can say, by its extras: without
    that nothing can be asked of them.
    """
    storage = getattr(database, "storage", None)
    return None if storage is None or "IBlobStorage" in _interfaces(storage) else False


COMMON: dict[str, Question] = {
    "undo": _undoes,
    "pack": _has("pack"),
    "garbage-collection": _has("pack"),  # the interface of storages has it in one breath
    "history": _has("history"),
    VERSIONS: _has_versions,
}
"""What storages and databases are asked alike."""

ALONE = {
    "blobs": _announces("IBlobStorage", "storeBlob", "loadBlob"),
    "deletion": _announces("IExternalGC", "deleteObject"),
    "instances": _announces("IMVCCStorage", "new_instance", "poll_invalidations"),
    "iteration": _announces("IStorageIteration", "iterator"),
    # Whoever undoes keeps what was; of others it is tried, as whatever no interface tells.
    OLD: _announces("IStorageUndoable"),
    DURABLE: lambda _: None,
    READ_ONLY: lambda _: None,
    "record-iteration": _announces("IStorageCurrentRecordIteration", "record_iternext"),
    "restoring": _announces("IStorageRestoreable", "restore"),
    "blob-restoring": _announces("IBlobStorageRestoreable", "restoreBlob"),
    "serving": _announces("IServeable", "getTid", "tpc_transaction"),
}
"""What only storages can tell."""

STORAGES = COMMON | ALONE
DATABASES = COMMON | {name: _by_its_storage(question) for name, question in ALONE.items()}
DATABASES |= {
    "blobs": _may_have_blobs,
    VERSIONS: _opens_versions,
    "historical": _opens_the_past,
    "cache-invalidation": _has("invalidateCache"),
}
