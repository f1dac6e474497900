"""What lines of Python find open when they begin: a database, or a storage alone.

An opening says so three times: as the lines themselves, as the names that these lines call when
they are performed in this process, and as the Python by which a script defines those names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

from zodb_spec.clause import Part

from zodb_conformance.quoting import QUOTABLE, names_used
from zodb_conformance.targets import storages
from zodb_conformance.targets.base import Target
from zodb_conformance.targets.opening import definition_of_open_db, opener

Names = dict[str, Any]


class Opening(NamedTuple):
    """One sort of beginning (see the module's text).

    lines    what every example begins with, as a doctest
    names    gives what these lines call, for a target and a folder in which to work; what is opened
             is closed with the stack.  It is given the names that the lines find, in which they
             leave what they bind
    defined  gives the lines of a script that do the same as the first of its statements, and define
             what the others call
    """

    lines: str
    names: Callable[[Target, Path, ExitStack, Names], Names]
    defined: Callable[[Target, Sequence[str]], str]


def end(thing: Any, how: str) -> None:
    """Abort or close something, which may fail where it is broken already or was never made."""
    with suppress(Exception, SystemExit):
        getattr(thing, how)()


def _databases(target: Target, directory: Path, stack: ExitStack, names: Names) -> Names:
    open_database = opener(target, directory)

    def open_db(**options: Any) -> Any:
        db = open_database(**options)
        stack.callback(end, db, "close")
        stack.callback(lambda: end(names.get("connection"), "close"))
        stack.callback(lambda: end(names.get("tm"), "abort"))
        stack.callback(end, names["transaction"], "abort")
        return db

    def opened(db: Any, **options: Any) -> Any:
        connection = QUOTABLE["opened"](db, **options)
        stack.callback(end, connection, "close")
        stack.callback(end, connection.transaction_manager, "abort")
        return connection

    return {"open_db": open_db, "opened": opened}


def _databases_defined(target: Target, statements: Sequence[str]) -> str:
    first, *others = statements
    if "open_db" in names_used("\n".join(others)):
        return f"{definition_of_open_db(target)}\n{first}"
    return "\n".join(target.lines)


def _storages(target: Target, directory: Path, stack: ExitStack, _names: Names) -> Names:
    opened = storages.Storages(target, directory)
    stack.callback(opened.close)
    return dict(opened.calls())


def _storages_defined(target: Target, statements: Sequence[str]) -> str:
    first, *others = statements
    if names_used("\n".join(others)).isdisjoint(storages.CALLS) and target.storage is not None:
        return "\n".join(target.storage.lines)
    return f"{storages.definitions(target)}\n{first}"


OPENINGS: dict[Part, Opening] = {
    "connection": Opening(
        """
>>> db = open_db()
>>> tm = transaction.TransactionManager()
>>> connection = db.open(transaction_manager=tm)

""",
        _databases,
        _databases_defined,
    ),
    "storage": Opening(
        """
>>> storage = open_storage()
>>> layer = Layer()
>>> storage.registerDB(layer)

""",
        _storages,
        _storages_defined,
    ),
}
"""How the examples of each part of the specification begin."""
