"""A double as a target: the fault is in place as long as one of its databases is open."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zodb_conformance.doubles.double import Double, registered
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.targets.base import DOUBLE, Storage, Target
from zodb_conformance.targets.editions import CURRENT, in_edition


class _Planted:
    """The fault of one double, and how many databases and storages keep it in place."""

    def __init__(self, double: Double, target: Target) -> None:
        self._double = double
        self._target = target
        self._open = 0
        self._fault = ExitStack()

    def open_database(self, directory: Path, **options: Any) -> Any:
        """Open a database of the double."""

        def opened() -> Any:
            correct = in_edition(self._target, options.get("edition", CURRENT))
            return correct.open_database(directory, **options)

        return self._faulty(opened)

    def open_storage(self, storage: Storage, directory: Path) -> Any:
        """Open a storage of the double alone."""
        return self._faulty(lambda: storage.open(directory))

    def _faulty(self, open_it: Callable[[], Any]) -> Any:
        """What is opened with the fault in place, which stays there until it is closed."""
        self._enter()
        try:
            opened = open_it()
        except BaseException:
            self._leave()
            raise
        close, mend = opened.close, ExitStack()
        mend.callback(self._leave)

        def close_and_mend() -> None:
            with mend:
                close()

        opened.close = close_and_mend
        return opened

    def _enter(self) -> None:
        if self._open == 0:
            self._fault.enter_context(self._double.plant())
        self._open += 1

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0:
            self._fault.close()


def target_of(double: Double) -> Target:
    """The double as a target."""
    correct = double.stands_on()
    assert correct.plain is not None
    plain = _faulty(double, correct.plain, plain=True)
    return replace(_faulty(double, correct), plain=plain)


def _faulty(double: Double, correct: Target, *, plain: bool = False) -> Target:
    planted = _Planted(double, correct)
    call = f"({double.name!r}{', plain=True' * plain})"

    def storage(*, read_only: bool = False) -> Storage:
        assert correct.storage is not None
        chosen = correct.storage.read_only if read_only else correct.storage
        assert chosen is not None
        place = f"{double.name!r}, pathlib.Path(directory.name)"
        return Storage(
            partial(planted.open_storage, chosen),
            (
                "import pathlib",
                "import tempfile",
                "from zodb_conformance.doubles import open_double_storage",
                "directory = tempfile.TemporaryDirectory()",
                f"storage = open_double_storage({place}, plain={plain}, read_only={read_only})",
            ),
        )

    assert correct.storage is not None
    opened = storage()._replace(over=correct.storage.over, lost=correct.storage.lost)
    if correct.storage.read_only is not None:
        opened = opened._replace(read_only=storage(read_only=True))
    return replace(
        correct,
        name=DOUBLE + double.name,
        open_database=planted.open_database,
        lines=("from zodb_conformance.doubles import open_double", f"db = open_double{call}"),
        database=f"zodb_reference.DB, made faulty: {double.summary}",
        storage=opened,
        connections=None,
    )


def named(name: str) -> Target:
    """The target that a name with the prefix stands for.

    Raises TargetUnusable where there is no such double.
    """
    found = registered().get(name.removeprefix(DOUBLE))
    if found is None:
        raise TargetUnusable(
            f"there is no double {name.removeprefix(DOUBLE)!r}; "
            "`zodb-conformance list doubles` lists them"
        )
    return target_of(found)


def open_double(name: str, *, plain: bool = False, **options: Any) -> Any:
    """An open database of a double, for witnesses.

    name     the name of the double
    plain    whether its storage is to be one that can do less (see `Target`)
    options  go to the constructor of the database
    """
    target = named(name)
    chosen = target.plain if plain and target.plain else target
    folder = TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True)
    database = chosen.open_database(Path(folder.name), **options)
    weakref.finalize(database, folder.cleanup)
    return database


def open_double_storage(
    name: str, directory: Path, *, plain: bool = False, read_only: bool = False
) -> Any:
    """An open storage of a double, for witnesses.

    name       the name of the double
    directory  its folder
    plain      whether it is to be one that can do less (see `Target`)
    read_only  whether it is to be opened read-only
    """
    target = named(name)
    chosen = target.plain if plain and target.plain else target
    assert chosen.storage is not None
    storage = chosen.storage.read_only if read_only else chosen.storage
    assert storage is not None
    return storage.open(directory)
