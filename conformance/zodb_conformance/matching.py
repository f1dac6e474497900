"""Comparison of what was observed with what the model says.

Every function gives None where it does, and otherwise a `Mismatch`: what was expected and observed
in words, and the Python expression that is true where the target conforms, for the witness.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from persistent.wref import WeakRef
from zodb_spec.operations.choices import INSIDE, dereferenced, in_limbo, place
from zodb_spec.values import EXPRESSIONS, same
from zodb_spec.world import (
    ADDED,
    CHANGED,
    GHOST,
    LOADED,
    Fact,
    InMemory,
    Name,
    Number,
    Object,
    Plain,
    Record,
    Stored,
    Value,
    World,
    state_of,
)

from zodb_conformance.bench import VALUES, Bench
from zodb_conformance.blaming import (
    FRESH,
    OWNED,
    Blame,
    Sight,
    Stand,
    of_contents,
    of_fact,
    of_serial,
)
from zodb_conformance.showing import short

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


# Values.


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
    if value.weak:
        return isinstance(real, WeakRef) and bool(real.oid == bench.oids.get(value.oid))
    held = world.held(connection, value.oid)
    if held is not None:
        return real is bench.variables[held]
    return (
        getattr(real, "_p_oid", None) == bench.oids.get(value.oid)
        and getattr(real, "_p_jar", None) is bench.variables[connection]
    )


def in_words(value: Value) -> str:
    """A value of the model as Python text."""
    if type(value) is Plain:
        return EXPRESSIONS[value.name]
    if type(value) is Number:
        return str(value.n)
    if type(value) is InMemory:
        return f"a {'weak ' if value.weak else ''}reference to {value.target}"
    if type(value) is Stored:
        return f"a {'weak ' if value.weak else ''}reference to oid{value.oid}"
    return "a value that can't be pickled"


def comparison(where: str, value: Value) -> str:
    """The Python expression that is true if `where` has this value."""
    if type(value) is Plain and value.name in AS_PICKLES:
        return f"pickle.dumps({where}) == pickle.dumps({EXPRESSIONS[value.name]})"
    if type(value) is InMemory:
        return f"{where}{dereferenced(value)} is {value.target}"
    if type(value) is Stored:
        oid = "oid" if value.weak else "_p_oid"
        return f"{where}{INSIDE[value.inside]}.{oid} == oid{value.oid}"
    return f"{where} == {in_words(value)}"


# Objects.


def look(
    bench: Bench, world: World, seen: dict[Name, Sight], cause: str, *, audited: bool
) -> Mismatch | None:
    """Look at every object that the program holds, without loading anything.

    seen     what was looked at before, so that what has not changed since is not compared again; it
             is brought up to date
    cause    the clause by which the last step passed
    audited  whether the records are looked at as well
    """
    for name, thing in world.objects.items():
        if in_limbo(world, name):
            seen.pop(name, None)
            continue
        real = bench.variables[name]
        owner = thing.owner.value
        snapshot = 0 if owner is None else world.connections[owner[0]].snapshot
        sight = Sight(thing, snapshot, real._p_changed, real._p_jar, real._p_oid)
        before = seen.get(name)
        if before == sight:
            continue
        mismatch = look_at(bench, Stand(world, name, before, cause), audited=audited)
        if mismatch is not None:
            return mismatch
        seen[name] = sight
    return None


def look_at(bench: Bench, stand: Stand, *, audited: bool) -> Mismatch | None:
    """Look at one object; `audited` as for `look`."""
    for mismatch in (_owner(bench, stand), _status(bench, stand)):
        if mismatch is not None:
            return mismatch
    owner = stand.thing.owner.value
    if owner is not None:
        connection = stand.world.connections[owner[0]]
        if not connection.is_open.value or bench.variables[stand.name]._p_changed is None:
            return None
        serial = _serial(bench, stand)
        if serial is not None:
            return serial
    return _contents(bench, stand, audited=audited)


def _owner(bench: Bench, stand: Stand) -> Mismatch | None:
    name, fact = stand.name, stand.thing.owner
    real = bench.variables[name]
    half = (real._p_jar is None) != (real._p_oid is None)
    blame = Blame(OWNED) if half else of_fact(stand, fact)
    if fact.value is None:
        if real._p_jar is None and real._p_oid is None:
            return None
        observed = f"{name} has jar {short(real._p_jar)} and oid {short(real._p_oid)}"
        expression = f"{name}._p_jar is None and {name}._p_oid is None"
        expected = f"{name} to be unsaved: no jar and no oid"
        return Mismatch(*blame, expected, observed, expression)
    connection, oid = fact.value
    if real._p_jar is not bench.variables[connection] or not isinstance(real._p_oid, bytes):
        observed = f"{name} has jar {short(real._p_jar)} and oid {short(real._p_oid)}"
        expression = f"{name}._p_jar is {connection} and {name}._p_oid is not None"
        return Mismatch(*blame, f"{name} to be owned by {connection}", observed, expression)
    taken = [
        number for number, known in bench.oids.items() if known == real._p_oid and number != oid
    ]
    if taken:
        expression = f"oid{oid} != oid{taken[0]}"
        observed = f"it is that of oid{taken[0]}"
        return Mismatch(FRESH, 0, f"a fresh oid for {name}", observed, expression)
    if bench.oids.get(oid) != real._p_oid:
        expression = f"{name}._p_oid == oid{oid}"
        observed = f"it has {short(real._p_oid)}"
        return Mismatch(*blame, f"{name} to have oid{oid}", observed, expression)
    return None


def _status(bench: Bench, stand: Stand) -> Mismatch | None:
    world, name, fact = stand.world, stand.name, stand.thing.status
    real = bench.variables[name]
    owner = stand.thing.owner.value
    if owner is not None and not world.connections[owner[0]].is_open.value:
        return None
    strict = fact.step == world.step
    allowed: tuple[bool | None, ...]
    if fact.value == CHANGED:
        allowed = (True,)
    elif fact.value == ADDED:
        allowed = (True, False)
    elif fact.value == GHOST and strict:
        allowed = (None,)
    elif (fact.value == LOADED and strict) or owner is None:
        allowed = (False,)
    else:
        allowed = (None, False)
    if real._p_changed in allowed:
        return None
    words = " or ".join(str(value) for value in allowed)
    expression = f"{name}._p_changed in {allowed!r}"
    observed = f"{name}._p_changed is {short(real._p_changed)}"
    blame = of_fact(stand, fact)
    return Mismatch(*blame, f"{name}._p_changed to be {words}", observed, expression)


def _serial(bench: Bench, stand: Stand) -> Mismatch | None:
    world, name, thing = stand.world, stand.name, stand.thing
    if thing.status.value == ADDED:
        return None
    tid = thing.base if thing.status.value == CHANGED else state_of(world, name).value[1]
    real = bench.variables[name]._p_serial
    if tid not in bench.tids or real == bench.tids[tid]:
        return None
    blame = of_serial(stand, newer=real > bench.tids[tid])
    expected = f"{name} to have the serial of transaction {tid}"
    other = [number for number, known in bench.tids.items() if known == real]
    observed = f"it has that of transaction {other[0]}" if other else f"it has {short(real)}"
    return Mismatch(*blame, expected, observed, f"{name}._p_serial == tid{tid}")


def _contents(bench: Bench, stand: Stand, *, audited: bool) -> Mismatch | None:
    world, name, thing = stand.world, stand.name, stand.thing
    record = state_of(world, name)
    state = record.value[0]
    if state is None:
        return None
    real = bench.variables[name]
    held = contents(real)
    connection = None if thing.owner.value is None else thing.owner.value[0]
    for attribute in sorted({*state, *held}):
        where = place(world, name, attribute)
        if attribute not in state:
            blame = of_contents(stand, record, audited=audited)
            gone = _absence(thing, name, attribute)
            observed = f"it is {short(held[attribute])}"
            return Mismatch(*blame, f"{where} to be missing", observed, gone)
        value = state[attribute]
        if attribute in held and agrees(bench, world, connection, value, held[attribute]):
            continue
        blame = of_contents(stand, record, audited=audited)
        observed = f"it is {short(held[attribute])}" if attribute in held else "it is missing"
        expected = f"{where} to be {in_words(value)}"
        return Mismatch(*blame, expected, observed, comparison(where, value))
    return None


def contents(real: Any) -> dict[str, Any]:
    """What an object that is loaded holds, by the names that the model uses."""
    data = vars(real)
    if type(real).__name__ == "PersistentMapping":
        return {repr(key): value for key, value in data["data"].items()}
    return {
        key: value for key, value in data.items() if key != "name" and not key.startswith("_v_")
    }


def _absence(thing: Object, name: Name, attribute: str) -> str:
    if thing.kind == "PersistentMapping":
        return f"{attribute} not in {name}"
    return f"not hasattr({name}, {attribute!r})"


# Connections.


def look_at_connections(bench: Bench, world: World) -> Mismatch | None:
    """Look at every open connection: that it works for the manager that it was opened under."""
    for name, connection in world.connections.items():
        real, manager = bench.variables[name], bench.variables[connection.manager]
        if connection.is_open.value and real.transaction_manager is not manager:
            return Mismatch(
                connection.is_open.clause,
                connection.is_open.step,
                f"{name} to work for {connection.manager}",
                f"its transaction_manager is {short(real.transaction_manager)}",
                f"{name}.transaction_manager is {connection.manager}",
            )
    return None


# Records.


def audit(bench: Bench, world: World, database: str) -> Iterator[Mismatch]:
    """Compare the records of the newest transaction with what the storage has."""
    newest = world.databases[database].history[-1]
    for oid, fact in newest.records.items():
        yield from _audit_record(bench, oid, newest.tid, fact)


def audit_all(bench: Bench, world: World, database: str) -> Iterator[Mismatch]:
    """Compare the current records of all objects with what the storage has.

    That none of their references dangles follows: the model's records are a law unto it.
    """
    history = world.databases[database]
    for oid in history.oids():
        found = history.revision(oid, history.last)
        assert found is not None, "it has a record, or its oid would not be known"
        yield from _audit_record(bench, oid, *found)


def _audit_record(bench: Bench, oid: int, tid: int, fact: Fact[Record]) -> Iterator[Mismatch]:
    where = f"record_of(db, oid{oid})"
    expected = f"a record of {fact.value.kind} under oid{oid}, stored by transaction {tid}"
    try:
        real_tid, kind, state = bench.variables["record_of"](bench.database, bench.oids[oid])
    except Exception as error:  # noqa: BLE001  # whatever keeps a record from being read
        observed = f"reading it raises {short(error)}"
        yield Mismatch(fact.clause, fact.step, expected, observed, f"{where}[1]")
        return
    if real_tid != bench.tids[tid]:
        observed = f"its newest record has tid {short(real_tid)}"
        yield Mismatch(fact.clause, fact.step, expected, observed, f"{where}[0] == tid{tid}")
    elif kind != fact.value.kind:
        observed = f"it is a {short(kind)}"
        yield Mismatch(
            fact.clause, fact.step, expected, observed, f"{where}[1] == {fact.value.kind!r}"
        )
    else:
        stated = fact.value.state or {}
        yield from _audit_state(bench, oid, stated, state, fact.clause, fact.step)


def _audit_state(
    bench: Bench, oid: int, state: Any, real: Any, clause: str, step: int
) -> Iterator[Mismatch]:
    held = real if isinstance(real, dict) else {}
    mapping = set(held) == {"data"}
    if mapping:
        held = {repr(key): value for key, value in held["data"].items()}
    where = f"record_of(db, oid{oid})[2]" + ("['data']" if mapping else "")
    for attribute in sorted({*state, *held} - {"name"}):
        key = attribute if mapping else repr(attribute)
        if attribute not in state or attribute not in held:
            absent = "missing from" if attribute not in state else "in"
            expression = f"{key} {'not in' if attribute not in state else 'in'} {where}"
            yield Mismatch(
                clause,
                step,
                f"{key} to be {absent} the record of oid{oid}",
                "it is not",
                expression,
            )
        elif not _record_agrees(bench, state[attribute], held[attribute]):
            expected = f"{key} in the record of oid{oid} to be {in_words(state[attribute])}"
            kind = _value_clause(state[attribute]) or clause
            expression = _record_comparison(f"{where}[{key}]", state[attribute])
            yield Mismatch(kind, step, expected, f"it is {short(held[attribute])}", expression)


def _value_clause(value: Value) -> str | None:
    return {Plain: "record.value-comes-back", Stored: "record.reference-comes-back"}.get(
        type(value)
    )


def _record_agrees(bench: Bench, value: Value, real: Any) -> bool:
    if type(value) is Stored:
        real = unwrapped(value, real)
        return real is not MISSING and _oid_of(real, value.weak) == bench.oids.get(value.oid)
    if type(value) is Plain:
        return same(VALUES[value.name], real)
    return type(value) is not Number or real == value.n


def _oid_of(real: Any, weak: bool) -> Any:
    """The oid in a reference as a record has it (see `record_of`)."""
    if not (isinstance(real, tuple) and len(real) == 2 and real[0] == "reference"):
        return None
    form = real[1]
    if weak:
        return form[1][0] if isinstance(form, list) and form[0] == "w" else None
    if isinstance(form, tuple):
        return form[0]
    return form if isinstance(form, bytes) else None


def _record_comparison(where: str, value: Value) -> str:
    if type(value) is Stored:
        form = f"{where}{INSIDE[value.inside]}[1]"
        return (
            f"{form}[1][0] == oid{value.oid}"
            if value.weak
            else f"oid{value.oid} in ({form}, {form}[0])"
        )
    return comparison(where, value)
