"""Looking at objects and connections: whether they are what the model says.

Every function that looks gives None where they are, and otherwise a `Mismatch`: what was expected
and observed in words, and the Python expression that is true where the target conforms, for the
witness.
"""

from __future__ import annotations

from typing import Any

from zodb_spec.operations.choices import in_limbo, place
from zodb_spec.world import ADDED, CHANGED, GHOST, LOADED, Name, Object, World, state_of

from zodb_conformance.bench import Bench
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
from zodb_conformance.comparing import Mismatch, agrees, comparison, in_words
from zodb_conformance.showing import short

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
