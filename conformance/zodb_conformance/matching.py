"""Looking at objects and connections: whether they are what the model says.

Every function that looks gives None where they are, and otherwise a `Mismatch`: what was expected
and observed in words, and the Python expression that is true where the target conforms, for the
witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zodb_spec.operations.choices import DATABASE, all_known, in_limbo, oid_name, place, tid_name
from zodb_spec.world import (
    ADDED,
    CHANGED,
    GHOST,
    LOADED,
    NEVER,
    Name,
    Object,
    Stored,
    Value,
    World,
    state_of,
)

from zodb_conformance.bench import Bench
from zodb_conformance.blaming import (
    BELONGS,
    FRESH,
    LANDS,
    LEADS,
    OWNED,
    TAKEN_BACK,
    Blame,
    Sight,
    Stand,
    of_contents,
    of_fact,
    of_serial,
    returned_to,
)
from zodb_conformance.comparing import (
    MISSING,
    Mismatch,
    agrees,
    belongs,
    comparison,
    in_words,
    promises_serial,
    unwrapped,
)
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
    all_clear = all_known(world)
    for name, thing in world.objects.items():
        if not all_clear and in_limbo(world, name):
            seen.pop(name, None)
            continue
        real = bench.variables[name]
        owner = thing.owner.value
        snapshot = NEVER if owner is None else world.connections[owner[0]].snapshot
        before = seen.get(name)
        returned = returned_to(world, thing, before) if real._p_changed is None else None
        sight = Sight(thing, snapshot, real._p_changed, real._p_jar, real._p_oid, returned)
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
    database = stand.world.connections[connection].database
    oids, expected = bench.databases[database].oids, oid_name(database, oid)
    taken = [number for number, known in oids.items() if known == real._p_oid and number != oid]
    if taken:
        other = oid_name(database, taken[0])
        observed = f"it is that of {other}"
        return Mismatch(FRESH, 0, f"a fresh oid for {name}", observed, f"{expected} != {other}")
    if oids.get(oid) != real._p_oid:
        expression = f"{name}._p_oid == {expected}"
        observed = f"it has {short(real._p_oid)}"
        return Mismatch(*blame, f"{name} to have {expected}", observed, expression)
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
    assert thing.owner.value is not None, "only what is owned has a serial"
    connection, oid = world.connections[thing.owner.value[0]], thing.owner.value[1]
    tid = thing.base if thing.status.value == CHANGED else state_of(world, name).value[1]
    if tid == NEVER and oid not in connection.created:
        return None
    if not promises_serial(world.databases[connection.database], oid, tid, connection.view.version):
        return None
    tids = bench.databases[connection.database].tids
    real = bench.variables[name]._p_serial
    if tid not in tids or real == tids[tid]:
        return None
    blame = of_serial(stand, newer=real > tids[tid])
    other = [number for number, known in tids.items() if known == real and number != NEVER]
    observed = f"it has that of transaction {other[0]}" if other else f"it has {short(real)}"
    if tid == NEVER:
        expected, text = f"{name} to have no serial yet: eight zero bytes", "bytes(8)"
    else:
        expected = f"{name} to have the serial of transaction {tid}"
        text = tid_name(connection.database, tid)
    return Mismatch(*blame, expected, observed, f"{name}._p_serial == {text}")


def _contents(bench: Bench, stand: Stand, *, audited: bool) -> Mismatch | None:
    world, name, thing = stand.world, stand.name, stand.thing
    state = state_of(world, name).value[0]
    if state is None:
        return None
    real = bench.variables[name]
    held = contents(real)
    connection = None if thing.owner.value is None else thing.owner.value[0]
    database = DATABASE if connection is None else world.connections[connection].database
    for attribute in sorted({*state, *held}):
        where = place(world, name, attribute)
        if attribute not in state:
            leaked = _is_leaked(bench, stand, attribute, held)
            blame = of_contents(stand, audited=audited, leaked=leaked)
            gone = _absence(thing, name, attribute)
            observed = f"it is {short(held[attribute])}"
            return Mismatch(*blame, f"{where} to be missing", observed, gone)
        value = state[attribute]
        if attribute in held and agrees(bench, world, connection, value, held[attribute]):
            continue
        leaked = _is_leaked(bench, stand, attribute, held)
        blame = of_contents(stand, audited=audited, leaked=leaked)
        if _is_of_another_group(bench, value, held.get(attribute, MISSING)):
            blame = Blame(LEADS)
        if _is_taken_back(bench, world, value, held.get(attribute, MISSING)):
            blame = Blame(TAKEN_BACK)
        observed = f"it is {short(held[attribute])}" if attribute in held else "it is missing"
        expected = f"{where} to be {in_words(value, database)}"
        return Mismatch(*blame, expected, observed, comparison(where, value, database))
    return None


def _is_leaked(bench: Bench, stand: Stand, attribute: str, held: Mapping[str, Any]) -> bool:
    """Whether an attribute that is wrong is what a savepoint of another connection has stored."""
    world, owner = stand.world, stand.thing.owner.value
    if owner is None:
        return False
    for name, connection in world.connections.items():
        if name == owner[0] or connection.database != world.connections[owner[0]].database:
            continue
        record = connection.saved.get(owner[1])
        state = {} if record is None else record.value.state or {}
        if attribute in state and attribute in held:
            return agrees(bench, world, owner[0], state[attribute], held[attribute])
    return False


def _is_of_another_group(bench: Bench, value: Value, real: Any) -> bool:
    """Whether a reference across databases has led to the right one, by way of a connection that is
    not of the group.
    """
    if type(value) is not Stored or not value.database or value.weak:
        return False
    return belongs(bench, getattr(unwrapped(value, real), "_p_jar", None), value.database)


def _is_taken_back(bench: Bench, world: World, value: Value, real: Any) -> bool:
    """Whether a reference has led to an object that has lost the place of another one again."""
    if type(value) is not Stored or value.weak:
        return False
    target = unwrapped(value, real)
    return any(
        thing.owner.clause == TAKEN_BACK and bench.variables[name] is target
        for name, thing in world.objects.items()
    )


def contents(real: Any) -> dict[str, Any]:
    """What an object that is loaded holds, by the names that the model uses."""
    data = vars(real)
    if type(real).__name__ == "PersistentMapping":
        return {repr(key): value for key, value in data.get("data", {}).items()}
    return {
        key: value for key, value in data.items() if key != "name" and not key.startswith("_v_")
    }


def _absence(thing: Object, name: Name, attribute: str) -> str:
    if thing.kind == "PersistentMapping":
        return f"{attribute} not in {name}"
    return f"not hasattr({name}, {attribute!r})"


def look_at_landing(bench: Bench, before: World, world: World) -> Mismatch | None:
    """Look at the objects that have come to belong to a database by the last step: whether it is
    the right one.

    before: the world before the step
    """
    for name, thing in world.objects.items():
        owner = thing.owner.value
        known = before.objects.get(name)
        if owner is None or known is None or known.owner.value is not None:
            continue
        database = world.connections[owner[0]].database
        jar = bench.variables[name]._p_jar
        for other, connection in world.connections.items():
            if jar is bench.variables.get(other) and connection.database != database:
                return Mismatch(
                    LANDS,
                    0,
                    f"{name} to be owned by {owner[0]}",
                    f"it is owned by {other}",
                    f"{name}._p_jar is {owner[0]}",
                )
    return None


# Databases and connections.


def look_at_databases(bench: Bench, world: World, cause: str) -> Mismatch | None:
    """Look at every database: that it knows those of its collection, and no others.

    cause: the clause by which the last step passed
    """
    for name, found in world.databases.items():
        members = {
            other.name: other_name
            for other_name, other in world.databases.items()
            if other.collection == found.collection
        }
        real: Any = getattr(bench.variables[name], "databases", None)
        known = {called: bench.variables[member] for called, member in members.items()}
        if isinstance(real, Mapping) and dict(real) == known:
            continue
        told = ", ".join(f"{called!r}: {member}" for called, member in members.items())
        return Mismatch(
            cause,
            0,
            f"the collection of {name} to be {{{told}}}",
            f"it is {short(real)}",
            f"{name}.databases == {{{told}}}",
        )
    return None


def look_at_connections(bench: Bench, world: World, cause: str) -> Mismatch | None:
    """Look at every open connection: that it works for the manager that it was opened under, that
    it belongs to its database and its version, and that the members of its group know each other.

    cause: the clause by which the last step passed
    """
    for name, connection in world.connections.items():
        if not connection.is_open.value:
            continue
        version, real = connection.view.version, bench.variables[name]
        if version and real.getVersion() != version:
            return Mismatch(
                BELONGS,
                0,
                f"{name} to be in the version {version!r}",
                f"it is in {short(real.getVersion())}",
                f"{name}.getVersion() == {version!r}",
            )
        wrong = _wrong_connection(bench, world, name)
        if wrong is not None:
            fact = connection.is_open
            return Mismatch(fact.clause if fact.step == world.step else cause, 0, *wrong)
    return None


def _wrong_connection(bench: Bench, world: World, name: Name) -> tuple[str, str, str] | None:
    """What is wrong with a connection: what was expected and observed, and the expression."""
    connection, real = world.connections[name], bench.variables[name]
    manager = real.transaction_manager
    if manager is not bench.variables[connection.manager]:
        return (
            f"{name} to work for {connection.manager}",
            f"its transaction_manager is {short(manager)}",
            f"{name}.transaction_manager is {connection.manager}",
        )
    if not belongs(bench, real, connection.database):
        return (
            f"{name} to be a connection of {connection.database}",
            f"it is {short(real)}",
            f"{name}.db() is {connection.database}",
        )
    group = [each for each in world.group(name) if world.connections[each].is_open.value]
    if len(group) == 1:
        return None
    shared: Any = getattr(bench.variables[group[0]], "connections", None)
    own: Any = getattr(real, "connections", None)
    if own is None or own is not shared:
        return (
            f"{name} and {group[0]} to share their mapping of connections",
            f"{name} has {short(own)}",
            f"{name}.connections is {group[0]}.connections",
        )
    entry = world.databases[connection.database].name
    if shared.get(entry) is not real:
        return (
            f"{name} to stand under {entry!r} in the connections of its group",
            f"they are {short(shared)}",
            f"{name}.connections.get({entry!r}) is {name}",
        )
    return None
