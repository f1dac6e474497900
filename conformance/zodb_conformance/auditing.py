"""Auditing: the records that the storage has, compared with those of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from zodb_spec.operations.choices import INSIDE, oid_name, tid_name
from zodb_spec.values import same
from zodb_spec.world import Fact, Name, Number, Oid, Plain, Record, Stored, Tid, Value, World

from zodb_conformance.bench import VALUES, Bench
from zodb_conformance.blaming import SEES_OWN, names_of
from zodb_conformance.comparing import (
    MISSING,
    Mismatch,
    comparison,
    in_words,
    promises_serial,
    unwrapped,
)
from zodb_conformance.showing import short

ACROSS = "xref.accepted"
"""The clause that says how a reference across databases is stored."""
COPIED = "savepoint.commit-stores"
"""The clause by which a commit stores what a savepoint has written down."""


class Place(NamedTuple):
    """Where a record is: the world that says what it should be, its database, its oid, and the
    version in which it is looked at, "" for the trunk.
    """

    world: World
    database: Name
    oid: Oid
    version: str = ""

    @property
    def name(self) -> str:
        """The Python name of the oid."""
        return oid_name(self.database, self.oid)

    @property
    def reading(self) -> str:
        """The Python expression that takes the record apart."""
        version = f", {self.version!r}" if self.version else ""
        return f"record_of({self.database}, {self.name}{version})"


def audit(bench: Bench, world: World, database: Name) -> Iterator[Mismatch]:
    """Compare the records of the newest transaction of a database with what the storage has."""
    last = world.databases[database].history[-1]
    for oid, fact in last.records.items():
        place = Place(world, database, oid, fact.value.version)
        yield from _audit_record(bench, place, last.tid, fact)


def audit_all(bench: Bench, world: World) -> Iterator[Mismatch]:
    """Compare the current records of all objects with what the storages have, in the trunk and in
    the versions that hold them.

    That none of their references dangles follows: the model's records are a law unto it.  What the
    trunk has was right when it was stored; so it is the version to blame, where one holds the
    object, if it is wrong now.
    """
    for database, history in world.databases.items():
        for oid in history.oids():
            holder = history.holder(oid)
            for version in dict.fromkeys((holder, "")):
                found = history.revision(oid, history.last, version)
                if found is None:
                    continue
                tid, fact = found
                if version != holder:
                    held = history.revision(oid, history.last, holder)
                    assert held is not None
                    fact = fact._replace(clause=SEES_OWN, step=held[1].step)
                yield from _audit_record(bench, Place(world, database, oid, version), tid, fact)


def _audit_record(bench: Bench, place: Place, tid: Tid, fact: Fact[Record]) -> Iterator[Mismatch]:
    where = place.reading
    expected = f"a record of {fact.value.kind} under {place.name}, stored by transaction {tid}"
    held = bench.databases[place.database]
    version = [place.version] if place.version else []
    is_gone = fact.value.state is None
    try:
        real_tid, kind, state = bench.variables["record_of"](
            held.real, held.oids[place.oid], *version
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever keeps a record from being read
        if is_gone and "KeyError" in names_of(error):
            return
        observed = f"reading it raises {short(error)}"
        yield Mismatch(fact.clause, fact.step, expected, observed, f"{where}[1]")
        return
    if is_gone:
        expected = f"no record under {place.name}"
        observed = f"there is one, of {short(kind)}"
        yield Mismatch(fact.clause, fact.step, expected, observed, f"{where} is None")
        return
    database = place.world.databases[place.database]
    is_promised = promises_serial(database, place.oid, tid, place.version)
    if is_promised and real_tid != held.tids[tid]:
        observed = f"its newest record has tid {short(real_tid)}"
        expression = f"{where}[0] == {tid_name(place.database, tid)}"
        yield Mismatch(fact.clause, fact.step, expected, observed, expression)
    elif kind != fact.value.kind:
        observed = f"it is a {short(kind)}"
        yield Mismatch(
            fact.clause, fact.step, expected, observed, f"{where}[1] == {fact.value.kind!r}"
        )
    else:
        yield from _audit_state(bench, place, fact, state)


def _audit_state(bench: Bench, place: Place, fact: Fact[Record], real: Any) -> Iterator[Mismatch]:
    state = fact.value.state or {}
    held = real if isinstance(real, dict) else {}
    mapping = set(held) == {"data"}
    if mapping:
        held = {repr(key): value for key, value in held["data"].items()}
    where = place.reading + ("[2]['data']" if mapping else "[2]")
    for attribute in sorted({*state, *held} - {"name"}):
        key = attribute if mapping else repr(attribute)
        if attribute not in state or attribute not in held:
            absent = "missing from" if attribute not in state else "in"
            expression = f"{key} {'not in' if attribute not in state else 'in'} {where}"
            yield Mismatch(
                fact.clause,
                fact.step,
                f"{key} to be {absent} the record of {place.name}",
                "it is not",
                expression,
            )
        elif not _record_agrees(bench, place, state[attribute], held[attribute]):
            value = state[attribute]
            expected = (
                f"{key} in the record of {place.name} to be {in_words(value, place.database)}"
            )
            kind = _value_clause(value, fact) or fact.clause
            expression = _record_comparison(f"{where}[{key}]", place, value)
            yield Mismatch(kind, fact.step, expected, f"it is {short(held[attribute])}", expression)


def _value_clause(value: Value, fact: Fact[Record]) -> str | None:
    if fact.clause == COPIED and not (type(value) is Stored and value.database):
        return None  # it was written down before, and may be what was written down still earlier
    if type(value) is Stored:
        return ACROSS if value.database else "record.reference-comes-back"
    return "record.value-comes-back" if type(value) is Plain else None


def _record_agrees(bench: Bench, place: Place, value: Value, real: Any) -> bool:
    if type(value) is Stored:
        real = unwrapped(value, real)
        oid = bench.oid(value.database or place.database, value.oid)
        own = place.world.databases[place.database].name
        target = None if real is MISSING else _target_of(real, value.weak, own)
        return target == (_name_of(place, value), oid)
    if type(value) is Plain:
        return same(VALUES[value.name], real)
    return type(value) is not Number or real == value.n


def _name_of(place: Place, value: Stored) -> str:
    """The name of the database that a reference leads to."""
    return place.world.databases[value.database or place.database].name


def _target_of(real: Any, weak: bool, own: str) -> tuple[str, Any] | None:
    """Where a reference in a record leads to (see `record_of`): the name of the database, and the
    oid; None where it is no such reference.

    own  the name of the database that the record is in
    """
    if not (isinstance(real, tuple) and len(real) == 2 and real[0] == "reference"):
        return None
    match real[1]:
        case ["w", (oid,)] if weak:
            return own, oid
        case ["w", (oid, str(name))] if weak:
            return name, oid
        case ["m", (str(name), oid, _)] | ["n", (str(name), oid)] if not weak:
            return name, oid
        case (oid, _) if not weak and isinstance(real[1], tuple):
            return own, oid
        case bytes(oid) if not weak:
            return own, oid
    return None


def _record_comparison(where: str, place: Place, value: Value) -> str:
    if type(value) is not Stored:
        return comparison(where, value, place.database)
    form = f"{where}{INSIDE[value.inside]}[1]"
    oid = oid_name(value.database or place.database, value.oid)
    if not value.database:
        return f"{form}[1][0] == {oid}" if value.weak else f"{oid} in ({form}, {form}[0])"
    name = repr(_name_of(place, value))
    return f"{form}[1] == ({oid}, {name})" if value.weak else f"{form}[1][:2] == ({name}, {oid})"
