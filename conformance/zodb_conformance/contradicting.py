"""Contradicting: what is told of a step whose result is none that the model allows, and of whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zodb_spec.operation import Outcome, Raised, Returned
from zodb_spec.operations.choices import DATABASE
from zodb_spec.world import ROOT, Name, World

from zodb_conformance.bench import Bench, Done
from zodb_conformance.blaming import Blame, Sight, Stand, of_error
from zodb_conformance.comparing import Mismatch, in_words
from zodb_conformance.matching import look_at
from zodb_conformance.results import Step
from zodb_conformance.showing import short


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
    *,
    moved: bool,
) -> Mismatch:
    """What a step came to, beside what it should have come to.

    outcomes  what is allowed
    trace     the clauses that were exercised in finding them
    done      what it came to
    moved     whether the database has got a new last transaction by it
    """
    expected = " or ".join(dict.fromkeys(_expectation(outcome) for outcome in outcomes))
    first = outcomes[0]
    if done.error is not None:
        observed = f"it raises {short(done.error, 160)}"
        if isinstance(first.seen, Raised) and first.seen.recorded is not None:
            observed += _recorded(moved)
        blame = of_error(scene.world, trace, first.clause, step[1:], done.error)
        if blame is None and step[0] == "read":
            blame = _misread(scene, first, step[1])
        return Mismatch(*(blame or Blame(first.clause)), expected, observed, "")
    if isinstance(first.seen, Raised):
        blame = _misread(scene, first, step[1]) if step[0] == "read" else Blame(first.clause)
        return Mismatch(*blame, expected, "nothing is raised", "")
    return _wrong_result(scene, step[1], first, first.seen, expected, done.variable)


def _recorded(is_new: bool) -> str:
    return f", and the database has {'a' if is_new else 'no'} new last transaction"


def _expectation(outcome: Outcome) -> str:
    seen = outcome.seen
    if isinstance(seen, Raised):
        recorded = "" if seen.recorded is None else _recorded(seen.recorded)
        return " or ".join(seen.errors) + recorded
    if seen.kind == "value":
        assert seen.value is not None
        return in_words(seen.value)
    return {
        "nothing": "success",
        "anything": "a value",
        "object": f"the object {seen.bind} itself",
        "new object": f"another object, a {outcome.world.objects[seen.bind].kind}"
        if seen.bind in outcome.world.objects
        else "",
        "connection": f"{seen.bind} again",
        "new connection": "a new connection",
        "committed": "a new transaction",
        "not recorded": "no new transaction",
    }[seen.kind]


def _wrong_result(
    scene: Scene, subject: Name, outcome: Outcome, seen: Returned, expected: str, variable: Name
) -> Mismatch:
    """What is wrong with what an operation gave back, or with what became of the history.

    subject   what the operation was applied to
    seen      what it should have given
    variable  where it is
    """
    if seen.kind in ("committed", "not recorded"):
        return _wrong_recording(scene, outcome, seen, expected)
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
        blame = _misread(scene, outcome, subject, wrong.clause)
        return wrong._replace(clause=blame.clause, step=blame.step)
    if seen.kind in ("connection", "new connection"):
        return Mismatch(outcome.clause, 0, expected, observed, "")
    assert seen.value is not None
    blame = _misread(scene, outcome, subject)
    return Mismatch(*blame, expected, observed, f"{variable} == {in_words(seen.value)}")


def _wrong_recording(scene: Scene, outcome: Outcome, seen: Returned, expected: str) -> Mismatch:
    last = scene.world.databases[DATABASE].last
    if seen.kind == "committed":
        observed, moved = "the last transaction is the old one", "!="
    else:
        observed, moved = "the database has a new last transaction", "=="
    expression = f"db.lastTransaction() {moved} tid{last}"
    return Mismatch(outcome.clause, 0, expected, observed, expression)


def _wrong_object(
    scene: Scene, outcome: Outcome, seen: Returned, expected: str, name: Name
) -> Mismatch:
    variables = scene.bench.variables
    real = variables.get(name)
    found = outcome.world.objects[seen.bind]
    assert found.owner.value is not None
    connection, oid = found.owner.value
    twins = [other for other in scene.world.objects if variables[other] is real]
    if twins:
        clause, observed = "identity.connections-apart", f"it is {twins[0]}"
        expression = f"{name} is not {twins[0]}"
    elif getattr(real, "_p_jar", None) is not variables[connection]:
        clause = "identity.connections-apart"
        observed = f"its jar is {short(getattr(real, '_p_jar', None))}"
        expression = f"{name}._p_jar is {connection}"
    elif type(real).__name__ == found.kind:
        clause = "root.oid-is-zero" if oid == ROOT else "record.reference-comes-back"
        observed, expression = f"it is {short(real)}", f"{name}._p_oid == oid{oid}"
    else:
        clause = "root.is-a-mapping" if oid == ROOT else "record.reference-comes-back"
        observed, expression = f"it is {short(real)}", f"type({name}).__name__ == {found.kind!r}"
    return Mismatch(clause, 0, expected, observed, expression)


def _misread(scene: Scene, outcome: Outcome, name: Name, otherwise: str = "") -> Blame:
    """Who is to blame where the attribute of an object is not what it should be.

    otherwise: the clause to blame where the object itself shows nothing wrong
    """
    stand = Stand(scene.world, name, scene.seen.get(name), outcome.clause)
    mismatch = look_at(scene.bench, stand, audited=scene.audited)
    if mismatch is None:
        return Blame(otherwise or outcome.clause)
    return Blame(mismatch.clause, mismatch.step)
