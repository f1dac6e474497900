"""Comparing: whether a value is what the model says, and what is told where something is not."""

from __future__ import annotations

from typing import Any, NamedTuple

from persistent.wref import WeakRef
from zodb_spec.chapters.current_reads import ABORTED
from zodb_spec.editions import Edition
from zodb_spec.operations.choices import (
    DATABASE,
    INSIDE,
    dereferenced,
    may_have_another,
    oid_name,
)
from zodb_spec.values import EXPRESSIONS, same
from zodb_spec.world import (
    Database,
    InMemory,
    Name,
    Number,
    Oid,
    Plain,
    Stored,
    Tid,
    Value,
    World,
)

from zodb_conformance.bench import VALUES, Bench

MISSING = object()
AS_PICKLES = frozenset(
    {"nan", "negative-zero", "complex", "recursive-list", "recursive-dict", "instance"}
)


class Mismatch(NamedTuple):
    """One disagreement.

    clause      the clause that established what was expected
    step        the number of the step at which it did, 0 where that is the step itself
    expected    what was expected, in words
    observed    what was seen, in words
    expression  the Python expression that is true where the target conforms
    """

    clause: str
    step: int
    expected: str
    observed: str
    expression: str


def agrees(bench: Bench, world: World, connection: Name | None, value: Value, real: Any) -> bool:
    """Whether a real value is what the model says, seen in an object of a connection (None for an
    unsaved one).
    """
    if type(value) is Plain:
        return same(VALUES[value.name], real)
    if type(value) is Number:
        return type(real) is int and real == value.n
    if type(value) is InMemory or type(value) is Stored:
        real = unwrapped(value, real)
        if real is MISSING:
            return False
        if type(value) is InMemory:
            return refers_to(bench, value, real)
        assert type(value) is Stored
        return connection is not None and _is_stored(bench, world, connection, value, real)
    return True


def unwrapped(value: InMemory | Stored, real: Any) -> Any:
    """What the container of a reference holds, `MISSING` where it is another container."""
    if value.inside == "list":
        return real[1] if type(real) is list and len(real) == 2 and real[0] == 0 else MISSING
    if value.inside == "dict":
        return real["k"] if type(real) is dict and list(real) == ["k"] else MISSING
    return real


def refers_to(bench: Bench, value: InMemory, real: Any) -> bool:
    """Whether a real reference leads to the object that the program holds."""
    target = bench.variables[value.target]
    if value.weak:
        return isinstance(real, WeakRef) and real() is target
    return real is target


def _is_stored(bench: Bench, world: World, connection: Name, value: Stored, real: Any) -> bool:
    database = value.database or world.connections[connection].database
    oid = bench.oid(database, value.oid)
    if value.weak:
        return (
            isinstance(real, WeakRef)
            and bool(real.oid == oid)
            and (not value.database or belongs(bench, real.dm, database))
        )
    member = world.member(connection, database) if value.database else connection
    if value.database and world.edition == Edition.A:
        member = None  # as long as it stays in memory it may lead to any connection
    if member is None:  # a connection of the group that the program has not seen yet
        return getattr(real, "_p_oid", None) == oid and belongs(
            bench, getattr(real, "_p_jar", None), database
        )
    if may_have_another(world, member, value.oid):
        return True
    held = world.held(member, value.oid)
    if held is not None:
        return real is bench.variables[held]
    return (
        getattr(real, "_p_oid", None) == oid
        and getattr(real, "_p_jar", None) is bench.variables[member]
    )


def belongs(bench: Bench, real: Any, database: Name) -> bool:
    """Whether something is a connection to a database."""
    try:
        return real.db() is bench.databases[database].real
    except Exception:  # noqa: BLE001  # whatever keeps it from saying so
        return False


def promises_serial(database: Database, oid: Oid, tid: Tid, version: str) -> bool:
    """Whether it is promised with which serial connections in a version, or in the trunk, show the
    revision `tid` of an object.

    It isn't where another version has stored the object since, or has given it up: who sees nothing
    of that may be shown the old serial or the new one.
    """
    if not database.versions:
        return True
    shown = {"", version}
    later = [
        each.records[oid] for each in database.history if each.tid >= tid and oid in each.records
    ]
    return all(each.clause != ABORTED and each.value.version in shown for each in later)


def in_words(value: Value, database: Name = DATABASE) -> str:
    """A value of the model as Python text.

    database: that of the object that holds it
    """
    if type(value) is Plain:
        return EXPRESSIONS[value.name]
    if type(value) is Number:
        return str(value.n)
    if type(value) is InMemory:
        return f"a {'weak ' if value.weak else ''}reference to {value.target}"
    if type(value) is Stored:
        oid = oid_name(value.database or database, value.oid)
        return f"a {'weak ' if value.weak else ''}reference to {oid}"
    return "a value that can't be pickled"


def comparison(where: str, value: Value, database: Name = DATABASE) -> str:
    """The Python expression that is true if `where` has this value.

    database: that of the object that holds it
    """
    if type(value) is Plain and value.name in AS_PICKLES:
        return f"pickle.dumps({where}) == pickle.dumps({EXPRESSIONS[value.name]})"
    if type(value) is InMemory:
        return f"{where}{dereferenced(value)} is {value.target}"
    if type(value) is Stored:
        reference = f"{where}{INSIDE[value.inside]}"
        oid, jar = ("oid", "dm") if value.weak else ("_p_oid", "_p_jar")
        same = f"{reference}.{oid} == {oid_name(value.database or database, value.oid)}"
        return f"{same} and {reference}.{jar}.db() is {value.database}" if value.database else same
    return f"{where} == {in_words(value)}"
