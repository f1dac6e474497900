"""Auditing: the records that the storage has, compared with those of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zodb_spec.operations.choices import INSIDE
from zodb_spec.values import same
from zodb_spec.world import Fact, Number, Plain, Record, Stored, Value, World

from zodb_conformance.bench import VALUES, Bench
from zodb_conformance.comparing import MISSING, Mismatch, comparison, in_words, unwrapped
from zodb_conformance.showing import short


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
