"""A run: one script performed on a target, step by step, beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zodb_spec.clause import clauses
from zodb_spec.explore.checking import broken, laws
from zodb_spec.operation import Operation, Outcome, Raised, Returned, operations
from zodb_spec.operations.choices import tid_name
from zodb_spec.world import Name, World

from zodb_conformance.auditing import audit, audit_all
from zodb_conformance.bench import Bench
from zodb_conformance.blaming import Sight, names_of
from zodb_conformance.comparing import Mismatch, agrees
from zodb_conformance.contradicting import (
    RECORDING,
    Scene,
    contradiction,
    owned_by,
    recorded,
    recorded_in_words,
)
from zodb_conformance.matching import (
    look,
    look_at_connections,
    look_at_databases,
    look_at_landing,
)
from zodb_conformance.programs import Done
from zodb_conformance.results import Recorder, Step
from zodb_conformance.scripts import Finding, beginning
from zodb_conformance.showing import short
from zodb_conformance.targets.base import Target
from zodb_conformance.targets.opening import opener
from zodb_conformance.tying import newcomers

NOTHING = "transaction.all-or-nothing"
SABOTAGED = ("transaction.failure-stores-nothing", "transaction.second-phase-failure")
DANGLING = "reach.no-dangling-reference"
"""The law that needs a look at records, and not only at what the program holds."""

NOWHERE: frozenset[Name] = frozenset()
"""The databases with a new last transaction, where none has one."""

STORING = ("commit", "savepoint")
"""How the operations begin by which new objects come to belong to a database."""

RECORDED = ("commit", "undo", "pack")
"""How the operations begin that say whether there is a new last transaction."""

OPENING = ("open", "open-as", "open-historical", "get-connection", "close")
"""The operations by which connections are opened and closed."""


class Run:
    """One script on fresh databases (see the module's text).

    target     what to perform it on
    recorder   is told of every step before it is performed, and of the clauses that were compared
               after it
    footprint  whether everything that a step could have touched is looked at after it
    lawful     whether the laws are checked after it: of the world that the target has led to, which
               where footprints are looked at is what the target shows
    """

    def __init__(
        self,
        target: Target,
        directory: Path,
        recorder: Recorder,
        *,
        footprint: bool = True,
        lawful: bool = False,
    ) -> None:
        self.recorder = recorder
        self.footprint = footprint
        self.lawful = lawful
        self.world: World = beginning(target)
        self.bench = Bench(opener(target, directory))
        for name in self.world.managers:
            self.bench.manager(name)
        self.taken: list[Step] = []
        self.numbers: list[int] = []
        self.seen: dict[str, Sight] = {}
        self.known_oids: dict[Name, int] = {}
        self.audited = "raw-records" in target.capabilities
        recorder.script()

    def at(self, number: int) -> World:
        """The world in which the step of that number is to be taken."""
        if self.world.step != number:
            self.world = self.world._replace(step=number)
        return self.world

    def take(self, step: Step, number: int) -> Finding | None:
        """Perform a step that makes sense, and compare."""
        operation = operations()[step[0]]
        arguments = step[1:]
        before = self.at(number)
        line = operation.line(before, *arguments)
        outcomes, trace = operation.outcomes(before, arguments)
        if step[0] == "get":
            self.bench.need_oid(before.connections[arguments[0]].database, int(arguments[1]))
        self.recorder.step(step)
        self.taken.append(step)
        self.numbers.append(number)
        done = self.bench.perform(line, number)
        moved = self.bench.moved() if operation.name.startswith(RECORDED) else NOWHERE
        outcome = next((each for each in outcomes if self._fits(each, done, moved)), None)
        if outcome is None:
            scene = Scene(self.world, self.bench, self.seen, self.audited)
            wrong = contradiction(scene, step, outcomes, trace, done, moved)
            return self._finding(wrong, step)
        self.world = outcome.world
        mismatch = self._bind(before, outcome, done)
        if mismatch is None and self.footprint:
            mismatch = self._look(before, outcome, operation)
        if mismatch is None and self.lawful:
            mismatch = _judged(before, step, outcome)
        if mismatch is not None:
            return self._finding(mismatch, step)
        self.recorder.exercised(trace)
        return None

    def end(self) -> Finding | None:
        """Look at every record, when all steps are taken."""
        if self.lawful and self.footprint:
            in_force = laws(self.world.edition)
            self.recorder.exercised(clause.id for group in in_force for clause in group)
        if not self.audited or not self.taken:
            return None
        mismatch = next(audit_all(self.bench, self.world), None)
        if mismatch is not None:
            return self._finding(mismatch, ("end",))
        self.recorder.exercised((DANGLING,))
        return None

    # What was observed.

    def _fits(self, outcome: Outcome, done: Done, moved: frozenset[Name]) -> bool:
        seen = outcome.seen
        if isinstance(seen, Raised):
            if done.error is None or names_of(done.error).isdisjoint(seen.errors):
                return False
            return seen.recorded is None or moved == recorded(self.world, outcome.world)
        if done.error is not None:
            return False
        variables = self.bench.variables
        if seen.kind == "value":
            assert seen.value is not None
            return agrees(self.bench, self.world, None, seen.value, variables[done.variable])
        if seen.kind == "object" or seen.kind == "connection":
            return variables[done.variable] is variables[seen.bind]
        if seen.kind == "new connection":
            made = variables[done.variable]
            return all(made is not variables[name] for name in self.world.connections)
        if seen.kind == "new object":
            return self._is_found(outcome, seen, variables[done.variable])
        return seen.kind not in RECORDING or moved == recorded(self.world, outcome.world)

    def _is_found(self, outcome: Outcome, seen: Returned, real: Any) -> bool:
        found = outcome.world.objects[seen.bind]
        assert found.owner.value is not None
        connection, oid = found.owner.value
        variables = self.bench.variables
        known = self.bench.oid(outcome.world.connections[connection].database, oid)
        return (
            type(real).__name__ == found.kind
            and owned_by(self.bench, outcome.world, real, connection)
            and (known is None or real._p_oid == known)
            and all(real is not variables[name] for name in self.world.objects)
        )

    def _bind(self, before: World, outcome: Outcome, done: Done) -> Mismatch | None:
        """Tie what the step brought into the world to the variables of the bench."""
        seen = outcome.seen
        bench, world = self.bench, outcome.world
        if isinstance(seen, Returned) and seen.kind == "object" and done.variable != seen.bind:
            bench.variables.pop(done.variable, None)
        bench.variables.pop("seen", None)
        if len(world.connections) > len(before.connections):
            for connection, thing in newcomers(world, bench.variables):
                bench.bind_connection(connection, thing)
        # Most steps leave all databases as they are.
        return None if world.databases is before.databases else self._bind_databases(before)

    def _bind_databases(self, before: World) -> Mismatch | None:
        """Tie the databases that the step opened, and what it gave away in them or recorded."""
        bench, world = self.bench, self.world
        for name in before.databases.keys() - world.databases.keys():
            del bench.databases[name]
        for name, database in world.databases.items():
            if name not in bench.databases:
                bench.hold(name)
            if database.next_oid > self.known_oids.get(name, 1):
                self.known_oids[name] = database.next_oid
                self._bind_oids(name)
            if database.last not in bench.databases[name].tids:
                mismatch = self._bind_tid(name, database.last)
                if mismatch is not None:
                    return mismatch
        return None

    def _bind_tid(self, database: Name, number: int) -> Mismatch | None:
        """Tie the tid of the transaction that the step recorded."""
        held = self.bench.databases[database]
        latest = max(held.tids, key=held.tids.__getitem__)
        self.bench.bind_tid(database, number)
        if held.last > held.tids[latest]:
            return None
        expected = "the tid of this transaction to be greater than all before it"
        observed = f"it is {short(held.last)}"
        expression = f"{tid_name(database, number)} > {tid_name(database, latest)}"
        return Mismatch("transaction.tids-increase", 0, expected, observed, expression)

    def _bind_oids(self, database: Name) -> None:
        """Tie the oids of a database that the step gave away."""
        held = self.bench.databases[database]
        for name, thing in self.world.objects.items():
            owner = thing.owner.value
            if (
                owner is not None
                and self.world.connections[owner[0]].database == database
                and owner[1] not in held.oids
                and self.bench.variables[name]._p_oid
            ):
                self.bench.bind_oid(database, owner[1], name)

    def _look(self, before: World, outcome: Outcome, operation: Operation) -> Mismatch | None:
        """Look at everything that the step could have touched, records first: objects show them."""
        if operation.name.startswith(STORING) and len(self.world.databases) > 1:
            mismatch = look_at_landing(self.bench, before, self.world)
            if mismatch is not None:
                return mismatch
        if operation.name in ("open-database", "close-database"):
            mismatch = look_at_databases(self.bench, self.world, outcome.clause)
            if mismatch is not None:
                return mismatch
        if operation.name.startswith(RECORDED):
            mismatch = self._look_at_records(before, outcome, operation)
            if mismatch is not None:
                return mismatch
        elif operation.name in OPENING or len(self.world.connections) > len(before.connections):
            mismatch = look_at_connections(self.bench, self.world, outcome.clause)
            if mismatch is not None:
                return mismatch
        return look(self.bench, self.world, self.seen, outcome.clause, audited=self.audited)

    def _look_at_records(
        self, before: World, outcome: Outcome, operation: Operation
    ) -> Mismatch | None:
        if operation.name == "pack" and self.audited:
            mismatch = next(audit_all(self.bench, self.world), None)
            if mismatch is not None:  # what was stored was looked at when it was
                return mismatch._replace(clause=outcome.clause, step=0)
        due = recorded(before, self.world)
        for name in self.world.databases:
            if self.audited and name in due:
                mismatch = next(audit(self.bench, self.world, name), None)
                if mismatch is not None:
                    return mismatch
        if isinstance(outcome.seen, Raised):
            for name, held in self.bench.databases.items():
                last = self.world.databases[name].last
                if held.last != held.tids[last]:
                    return Mismatch(
                        NOTHING if outcome.clause not in SABOTAGED else outcome.clause,
                        0,
                        "nothing to be stored by a commit that failed",
                        recorded_in_words(self.world, {name}),
                        f"{name}.lastTransaction() == {tid_name(name, last)}",
                    )
        return None

    def _finding(self, mismatch: Mismatch, step: Step) -> Finding:
        return Finding(
            mismatch, step[0], tuple(self.numbers), tuple(self.taken), tuple(self.bench.lines)
        )


def _judged(before: World, step: Step, outcome: Outcome) -> Mismatch | None:
    law = broken(before, step, outcome)
    if law is None:
        return None
    return Mismatch(law, 0, clauses()[law].summary, "that is not what the steps led to", "False")
