"""Contradicting: what is told of a step whose result is none that the model allows, and of whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from zodb_spec.operation import Outcome, Raised, Returned
from zodb_spec.operations.choices import oid_name, tid_name
from zodb_spec.world import ROOT, Name, Stored, World

from zodb_conformance.bench import Bench
from zodb_conformance.blaming import (
    ACROSS,
    CLOSED_WITH_OTHERS,
    HOME,
    Blame,
    Sight,
    Stand,
    of_error,
)
from zodb_conformance.comparing import Mismatch, belongs, in_words
from zodb_conformance.matching import look_at
from zodb_conformance.programs import Done
from zodb_conformance.results import Step
from zodb_conformance.showing import short

READING = ("read", "unlink")
"""The operations that fail where an object lacks what it should hold."""

RECORDING = ("committed", "not recorded")
"""What a commit gives that passes."""


class Scene(NamedTuple):
    """Where a step was taken.

    world    the world before it
    bench    the target, and the variables of the program
    seen     what objects looked like before it
    audited  whether the records are known to be right
    """

    world: World
    bench: Bench
    seen: Mapping[Name, Sight]
    audited: bool


def contradiction(
    scene: Scene,
    step: Step,
    outcomes: Sequence[Outcome],
    trace: Sequence[str],
    done: Done,
    moved: frozenset[Name],
) -> Mismatch:
    """What a step came to, beside what it should have come to.

    outcomes  what is allowed
    trace     the clauses that were exercised in finding them
    done      what it came to
    moved     the databases that have got a new last transaction by it
    """
    world, first = scene.world, outcomes[0]
    expected = " or ".join(dict.fromkeys(_expectation(world, outcome) for outcome in outcomes))
    if done.error is not None:
        observed = f"it raises {short(done.error, 160)}"
        if isinstance(first.seen, Raised) and first.seen.recorded is not None:
            observed += f", and {recorded_in_words(world, moved)}"
        blame = of_error(scene.world, trace, first.clause, step[1:], done.error)
        if blame is None and step[0] in READING:
            blame = _misread(scene, first, step[1])
        return Mismatch(*(blame or Blame(first.clause)), expected, observed, "")
    if isinstance(first.seen, Raised):
        blame = _still_open(scene, step[1])
        if blame is None and step[0] == "read":
            blame = _misread(scene, first, step[1])
        return Mismatch(*(blame or Blame(first.clause)), expected, "nothing is raised", "")
    if first.seen.kind in RECORDING:
        return _wrong_recording(scene, first, expected, moved)
    wrong = _wrong_result(scene, step[1], first, first.seen, expected, done.variable)
    if first.seen.kind in ("connection", "new connection"):
        return wrong._replace(expression=_is_one_of(scene.world, outcomes, done.variable))
    return wrong


def _is_one_of(world: World, outcomes: Sequence[Outcome], variable: Name) -> str:
    """The Python expression that is true if an operation gave a connection that it may give."""
    return " or ".join(
        f"{variable} is {seen.bind}" if seen.kind == "connection" else _is_unknown(world, variable)
        for outcome in outcomes
        for seen in (outcome.seen,)
        if isinstance(seen, Returned)
    )


def _is_unknown(world: World, connection: str) -> str:
    """The Python expression that is true if a connection is none of those that the program has."""
    return f"all({connection} is not known for known in [{', '.join(world.connections)}])"


def _still_open(scene: Scene, name: Name) -> Blame | None:
    """Who is to blame where a connection serves the program that was closed with another one.

    name: the connection, or an object of it
    """
    world = scene.world
    owner = world.objects[name].owner.value if name in world.objects else (name, 0)
    connection = None if owner is None else world.connections.get(owner[0])
    if connection is None or connection.is_open.clause not in CLOSED_WITH_OTHERS:
        return None
    return Blame(connection.is_open.clause, connection.is_open.step)


def recorded(before: World, after: World) -> frozenset[Name]:
    """The databases in which there is another last transaction after a step than before it."""
    return frozenset(
        name for name, found in before.databases.items() if after.databases[name].last != found.last
    )


def recorded_in_words(world: World, names: Collection[Name]) -> str:
    """That these databases have a new last transaction, in words."""
    if len(world.databases) == 1:
        return f"the database has {'a' if names else 'no'} new last transaction"
    told = " and ".join(name for name in world.databases if name in names) or "no database"
    return f"{told} {'have' if len(names) > 1 else 'has'} a new last transaction"


def _expectation(world: World, outcome: Outcome) -> str:
    seen = outcome.seen
    if isinstance(seen, Raised):
        names = " or ".join(seen.errors)
        if seen.recorded is None:
            return names
        return f"{names}, and {recorded_in_words(world, recorded(world, outcome.world))}"
    if seen.kind == "value":
        assert seen.value is not None
        return in_words(seen.value)
    if seen.kind in RECORDING and len(world.databases) > 1:
        return f"success, and {recorded_in_words(world, recorded(world, outcome.world))}"
    return {
        "nothing": "success",
        "anything": "a value",
        "object": f"the object {seen.bind} itself",
        "new object": f"another object, a {outcome.world.objects[seen.bind].kind}"
        if seen.bind in outcome.world.objects
        else "",
        "connection": f"{seen.bind} again",
        "new connection": "a new connection",
        "new database": "a new database",
        "committed": "a new transaction",
        "not recorded": "no new transaction",
    }[seen.kind]


def _wrong_result(
    scene: Scene, subject: Name, outcome: Outcome, seen: Returned, expected: str, variable: Name
) -> Mismatch:
    """What is wrong with what an operation gave back.

    subject   what the operation was applied to
    seen      what it should have given
    variable  where it is
    """
    real = scene.bench.variables.get(variable)
    observed = f"it is {short(real)}"
    if seen.kind == "object":
        blame = Blame(outcome.clause)
        if seen.value is not None:
            blame = _misread(scene, outcome, subject)
        return Mismatch(*blame, expected, observed, f"{variable} is {seen.bind}")
    if seen.kind == "new object":
        wrong = _wrong_object(scene, outcome, seen, expected, variable)
        if seen.value is None:
            return wrong
        blame = _misread(scene, outcome, subject, _across(seen, wrong.clause))
        return wrong._replace(clause=blame.clause, step=blame.step)
    if seen.kind in ("connection", "new connection"):
        return Mismatch(outcome.clause, 0, expected, observed, "")
    assert seen.value is not None
    blame = _misread(scene, outcome, subject)
    return Mismatch(*blame, expected, observed, f"{variable} == {in_words(seen.value)}")


def _across(seen: Returned, clause: str) -> str:
    """The clause to blame for where a reference leads: another one if it is across databases."""
    is_across = type(seen.value) is Stored and bool(seen.value.database)
    return ACROSS.get(clause, clause) if is_across else clause


def _wrong_recording(
    scene: Scene, outcome: Outcome, expected: str, moved: frozenset[Name]
) -> Mismatch:
    """What is wrong with the databases that a commit has left with a new last transaction."""
    world = scene.world
    due = recorded(world, outcome.world)
    name = next(each for each in world.databases if (each in moved) != (each in due))
    if len(world.databases) > 1:
        observed = recorded_in_words(world, moved)
    elif moved:
        observed = "the database has a new last transaction"
    else:
        observed = "the last transaction is the old one"
    sign = "==" if name in moved else "!="
    expression = f"{name}.lastTransaction() {sign} {tid_name(name, world.databases[name].last)}"
    is_in_part = bool(moved - due) or bool(moved & due)
    clause = HOME if due and is_in_part else outcome.clause
    return Mismatch(clause, 0, expected, observed, expression)


def _wrong_object(
    scene: Scene, outcome: Outcome, seen: Returned, expected: str, name: Name
) -> Mismatch:
    variables = scene.bench.variables
    real = variables.get(name)
    found = outcome.world.objects[seen.bind]
    assert found.owner.value is not None
    connection, oid = found.owner.value
    database = outcome.world.connections[connection].database
    twins = [other for other in scene.world.objects if variables[other] is real]
    if twins:
        clause, observed = "identity.connections-apart", f"it is {twins[0]}"
        expression = f"{name} is not {twins[0]}"
    elif not owned_by(scene.bench, outcome.world, real, connection):
        clause = "identity.connections-apart"
        observed = f"its jar is {short(getattr(real, '_p_jar', None))}"
        if connection in variables:
            expression = f"{name}._p_jar is {connection}"
        else:
            clause = outcome.world.connections[connection].is_open.clause
            jar = f"{name}._p_jar"
            expression = f"{jar}.db() is {database} and {_is_unknown(scene.world, jar)}"
    elif type(real).__name__ == found.kind:
        clause = "root.oid-is-zero" if oid == ROOT else "record.reference-comes-back"
        observed, expression = (
            f"it is {short(real)}",
            f"{name}._p_oid == {oid_name(database, oid)}",
        )
    else:
        clause = "root.is-a-mapping" if oid == ROOT else "record.reference-comes-back"
        observed, expression = f"it is {short(real)}", f"type({name}).__name__ == {found.kind!r}"
    return Mismatch(clause, 0, expected, observed, expression)


def owned_by(bench: Bench, world: World, real: Any, connection: Name) -> bool:
    """Whether an object belongs to a connection, or to some new one to the same database where the
    program has not seen it yet.
    """
    jar = getattr(real, "_p_jar", None)
    if connection in bench.variables:
        return jar is bench.variables[connection]
    known = [bench.variables[name] for name in world.connections if name in bench.variables]
    return all(jar is not each for each in known) and belongs(
        bench, jar, world.connections[connection].database
    )


def _misread(scene: Scene, outcome: Outcome, name: Name, otherwise: str = "") -> Blame:
    """Who is to blame where the attribute of an object is not what it should be.

    otherwise: the clause to blame where the object itself shows nothing wrong
    """
    stand = Stand(scene.world, name, scene.seen.get(name), outcome.clause)
    mismatch = look_at(scene.bench, stand, audited=scene.audited)
    if mismatch is None:
        return Blame(otherwise or outcome.clause)
    return Blame(mismatch.clause, mismatch.step)
