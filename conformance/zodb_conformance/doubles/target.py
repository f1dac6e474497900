"""A double as a target: the fault is in place as long as one of its databases is open."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from zodb_conformance.doubles.double import Double, registered
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.targets.base import DOUBLE, Target
from zodb_conformance.targets.editions import CURRENT, in_edition
from zodb_conformance.targets.reference import memory


class _Planted:
    """The fault of one double, and how many databases keep it in place."""

    def __init__(self, double: Double, target: Target) -> None:
        self._double = double
        self._target = target
        self._databases = 0
        self._fault = ExitStack()

    def open_database(self, directory: Path, **options: Any) -> Any:
        """Open a database of the double."""
        self._enter()
        try:
            correct = in_edition(self._target, options.get("edition", CURRENT))
            database = correct.open_database(directory, **options)
        except BaseException:
            self._leave()
            raise
        close, mend = database.close, ExitStack()
        mend.callback(self._leave)

        def close_and_mend() -> None:
            with mend:
                close()

        database.close = close_and_mend
        return database

    def _enter(self) -> None:
        if self._databases == 0:
            self._fault.enter_context(self._double.plant())
        self._databases += 1

    def _leave(self) -> None:
        self._databases -= 1
        if self._databases == 0:
            self._fault.close()


def target_of(double: Double) -> Target:
    """The double as a target."""
    correct = memory()
    assert correct.plain is not None
    plain = _faulty(double, correct.plain, f"db = open_double({double.name!r}, plain=True)")
    return replace(_faulty(double, correct, f"db = open_double({double.name!r})"), plain=plain)


def _faulty(double: Double, correct: Target, opening: str) -> Target:
    return replace(
        correct,
        name=DOUBLE + double.name,
        open_database=_Planted(double, correct).open_database,
        lines=("from zodb_conformance.doubles import open_double", opening),
        database=f"zodb_reference.DB, made faulty: {double.summary}",
        storage=None,
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
    return chosen.open_database(Path(), **options)
