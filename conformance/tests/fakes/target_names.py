"""The registered targets, for tests that are done with each of them.

Those for which more is needed than ZODB are tested where it is installed, and where that is asked
for: `-m storages`.
"""

from __future__ import annotations

import atexit
import importlib.util
from collections.abc import Iterable
from typing import Any

import pytest
from zodb_conformance.targets import registered

MODULES = {
    "relstorage-postgresql": ("relstorage", "psycopg2"),
    "relstorage-sqlite": ("relstorage",),
    "tempstorage": ("tempstorage",),
    "zeo": ("ZEO",),
    "zlib": ("zc.zlibstorage",),
}
"""What targets need, by what their names begin with."""

PLAIN = tuple(name for name in registered() if not name.startswith(tuple(MODULES)))
"""The targets that need no more than ZODB."""


def installed(module: str) -> bool:
    """Whether a module can be imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def each_of(names: Iterable[str]) -> list[Any]:
    """The names as parameters of a test, with the marks that they need."""
    return [_parameter(name) for name in names]


def _parameter(name: str) -> Any:
    needed = next((MODULES[each] for each in MODULES if name.startswith(each)), None)
    if needed is None:
        return name
    missing = [module for module in needed if not installed(module)]
    reason = f"{name} needs {', '.join(missing)}; tox -e storages installs it"
    skipped = pytest.mark.skipif(bool(missing), reason=reason)
    return pytest.param(name, marks=[pytest.mark.storages, skipped])


EACH = each_of(registered())


def clean(program: dict[str, Any]) -> None:
    """Remove what the lines of a target left, when they have been performed."""
    if "stop" in program:
        atexit.unregister(program["stop"])
        program["stop"]()
    if "directory" in program:
        program["directory"].cleanup()
