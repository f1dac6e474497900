"""The bench: databases of the target, and the program that uses them.

It ties the model's oids and tids to the real ones when they are first seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transaction
from zodb_spec.operations.choices import DATABASE, oid_name, tid_name
from zodb_spec.values import EXPRESSIONS
from zodb_spec.world import NEVER, ROOT, Name, Tid

from zodb_conformance.programs import NAMESPACE, Line, Program, quietly

VALUES: dict[str, Any] = {name: eval(text, NAMESPACE) for name, text in EXPRESSIONS.items()}
"""The values of the specification, made once, for comparison."""

FIRST: Tid = 1
"""The tid of the transaction that every database begins with, which stores its root."""

NOBODY = 1 << 48
"""Oids from here on stand for objects that nobody ever made."""


def nobody(oid: int) -> bytes:
    """The real oid for one of the model that no object ever got."""
    return (NOBODY + oid).to_bytes(8, "big")


class Held:
    """A database that is open on the bench.

    real  the database itself
    oids, tids  the real oids and tids for those numbers of the model that are tied
    last  the tid of its last transaction when that was last asked
    """

    def __init__(self, real: Any) -> None:
        self.real = real
        self.last: bytes = self.asked()
        self.oids: dict[int, bytes] = {ROOT: bytes(8)}
        self.tids: dict[int, bytes] = {NEVER: bytes(8), FIRST: self.last}

    @property
    def polling(self) -> Any:
        """What makes the storage look for what others have committed; None where it is told.

        An instance of a storage that brings its own snapshots, and that no connection has, never
        looks by itself, and goes on to say what it said first.
        """
        return getattr(getattr(self.real, "storage", None), "poll_invalidations", None)

    def asked(self) -> bytes:
        """The tid of its last transaction."""
        if self.polling is not None:
            self.polling()
        tid: bytes = self.real.lastTransaction()
        return tid


class Bench(Program):
    """The databases of the target with the program's variables (see the module's text).

    open_db    opens a further database of the target, with the options that it is given
    databases  the databases that are open, by the variables that hold them
    """

    def __init__(self, open_db: Callable[..., Any]) -> None:
        super().__init__()
        self.databases: dict[Name, Held] = {}
        self.variables["open_db"] = open_db
        self.variables[DATABASE] = open_db()
        self.hold(DATABASE)

    def hold(self, name: Name) -> None:
        """Tie the names of the root's oid and of the first tid of a database that was opened."""
        held = self.databases[name] = Held(self.variables[name])
        self.variables[tid_name(name, FIRST)] = held.last
        self._tell_last(name, tid_name(name, FIRST))
        self.variables[oid_name(name, ROOT)] = bytes(8)
        self.lines.append(Line(f"{oid_name(name, ROOT)} = bytes(8)"))

    def manager(self, name: str) -> None:
        """Make a transaction manager."""
        self.variables[name] = transaction.TransactionManager()
        self.lines.append(Line(f"{name} = transaction.TransactionManager()"))

    def oid(self, database: Name, oid: int) -> bytes | None:
        """The real oid for one of the model, None where it is not tied."""
        return self.databases[database].oids.get(oid)

    def bind_oid(self, database: Name, oid: int, variable: str) -> None:
        """Tie a model's oid to that of an object."""
        name, real = oid_name(database, oid), self.variables[variable]._p_oid
        self.databases[database].oids[oid] = real
        self.variables[name] = real
        self.lines.append(Line(f"{name} = {variable}._p_oid"))

    def need_oid(self, database: Name, oid: int) -> None:
        """Make sure that the variable for an oid is there, also where no object ever got it."""
        name = oid_name(database, oid)
        if name not in self.variables:
            self.variables[name] = nobody(oid)
            self.lines.append(Line(f"{name} = {nobody(oid)!r}"))

    def bind_tid(self, database: Name, tid: int) -> None:
        """Tie a model's tid to that of the last transaction."""
        name, held = tid_name(database, tid), self.databases[database]
        held.tids[tid] = self.variables[name] = held.last
        self._tell_last(database, name)

    def _tell_last(self, database: Name, variable: str) -> None:
        if self.databases[database].polling is not None:
            self.lines.append(Line(f"{database}.storage.poll_invalidations()"))
        self.lines.append(Line(f"{variable} = {database}.lastTransaction()"))

    def bind_connection(self, connection: Name, variable: str) -> None:
        """Tie a connection that the program did not open to the jar of an object."""
        self.variables[connection] = self.variables[variable]._p_jar
        self.lines.append(Line(f"{connection} = {variable}._p_jar"))

    def moved(self) -> frozenset[Name]:
        """The databases that have a new last transaction since this was last asked."""
        found = []
        for name, held in self.databases.items():
            before, held.last = held.last, held.asked()
            if held.last != before:
                found.append(name)
        return frozenset(found)

    def close(self) -> None:
        """Abort everything and close the databases, whatever state they are in."""
        for prefix, method in (("manager", "abort"), ("connection", "close")):
            for name, value in self.variables.items():
                if name.startswith(prefix):
                    quietly(getattr(value, method))
        for held in reversed(self.databases.values()):
            quietly(held.real.close)
        self.variables.clear()
