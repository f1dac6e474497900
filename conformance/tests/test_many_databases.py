"""Several databases on one bench: names, looks and blame across them, and programs that show it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from group_runs import NEWCOMER, TARGET
from persistent.wref import WeakRef
from script_runs import Fake, holds, taken
from zodb_conformance.bench import Bench
from zodb_conformance.blaming import Stand
from zodb_conformance.comparing import Mismatch, agrees
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.matching import look, look_at, look_at_connections
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.results import Step, Tally
from zodb_conformance.runner import render
from zodb_conformance.running import Run
from zodb_conformance.scripts import resolved
from zodb_conformance.targets import Target, resolve
from zodb_conformance.targets.opening import opener
from zodb_conformance.telling import deviation_of, program_of
from zodb_spec.preludes import GROUPS, LINKED, MANY, PRELUDE
from zodb_spec.world import Stored

ZODB = pytest.importorskip("ZODB", reason="ZODB is what these tests look at")

Execute = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Two groups that share an object of each of two databases."""
    run = taken(TARGET, LINKED, tmp_path, footprint=False)
    yield run
    run.bench.close()


def texts(run: Run) -> list[str]:
    return [line.text for line in run.bench.lines]


# The bench.


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(opener(resolve(Plan(target="zodb-file")), tmp_path))
    bench.perform("db2 = open_db(databases=db.databases, database_name='second')")
    bench.hold("db2")
    yield bench
    bench.close()


def test_a_further_database_is_opened_in_a_folder_of_its_own(bench: Bench, tmp_path: Path) -> None:
    assert sorted(path.parent.name for path in tmp_path.glob("*/Data.fs")) == ["1", "2"]
    assert bench.variables["db"].databases["second"] is bench.variables["db2"]


def test_oids_and_tids_are_named_for_each_database_by_itself(bench: Bench) -> None:
    assert [line.text for line in bench.lines][-2:] == [
        "db2_tid1 = db2.lastTransaction()",
        "db2_oid0 = bytes(8)",
    ]
    bench.perform("connection1 = db2.open(); x = Thing(); connection1.add(x)")
    bench.bind_oid("db2", 1, "x")
    assert bench.lines[-1].text == "db2_oid1 = x._p_oid"
    assert (bench.oid("db", 1), bench.oid("db2", 1)) == (None, bench.variables["x"]._p_oid)


def test_a_new_transaction_is_noticed_in_the_database_that_has_it(bench: Bench) -> None:
    bench.perform("connection1 = db2.open(); connection1.root()['a'] = 1; transaction.commit()")
    assert bench.moved() == {"db2"}
    assert bench.moved() == frozenset()


def test_all_databases_are_closed_in_the_end(bench: Bench) -> None:
    closed: list[str] = []
    for name, held in bench.databases.items():
        held.real = SimpleNamespace(close=partial(closing, held.real, closed, name))
    bench.close()
    assert closed == ["db2", "db"]


def closing(database: Any, closed: list[str], name: str) -> None:
    closed.append(name)
    database.close()


def test_a_further_database_that_is_not_empty_ends_everything() -> None:
    def open_db(**options: Any) -> Any:
        if options:
            raise TargetUnusable("the database is not empty")
        return ZODB.DB(None)

    bench = Bench(open_db)
    with pytest.raises(TargetUnusable):
        bench.perform("db2 = open_db(database_name='second')")
    bench.close()


# Scripts.


@pytest.mark.parametrize("script", MANY)
@pytest.mark.parametrize("target", ["zodb-mapping", "zodb-file", "zodb-demo"])
def test_nothing_is_found_where_nothing_is_wrong(target: str, script: tuple[Step, ...]) -> None:
    tally = Tally()
    assert perform(resolve(Plan(target=target)), resolved(script), tally, lawful=True) is None
    assert tally.steps == len(script)


def test_a_connection_that_a_reference_leads_to_is_tied_to_its_object(tmp_path: Path) -> None:
    run = taken(TARGET, NEWCOMER, tmp_path)
    name = f"connection{len(NEWCOMER)}"
    assert texts(run)[-1] == f"{name} = one6._p_jar"
    assert run.bench.variables[name] is run.bench.variables["one6"]._p_jar
    assert run.world.connections[name].group == "connection6"
    run.bench.close()


def test_new_objects_that_a_savepoint_has_stored_have_no_serial_yet(tmp_path: Path) -> None:
    script: tuple[Step, ...] = (
        *PRELUDE,
        ("new", "x", "Thing"),
        ("link", "root1", "'a'", "x", "strong"),
        ("savepoint", "manager1", "savepoint1"),
    )
    run = taken(TARGET, script, tmp_path)
    run.bench.variables["x"]._p_deactivate()
    run.bench.variables["x"]._p_activate()
    assert look(run.bench, run.world, {}, "test.cause", audited=True) is None
    run.bench.variables["x"]._p_serial = b"\xee" * 8
    found = look(run.bench, run.world, {}, "test.cause", audited=True)
    assert found is not None
    assert found.expected == "x to have no serial yet: eight zero bytes"
    assert not holds(run, found.expression)
    run.bench.variables["x"]._p_serial = bytes(8)
    assert holds(run, found.expression)
    run.bench.close()


def test_what_a_rollback_has_to_restore_is_looked_at(tmp_path: Path) -> None:
    script: tuple[Step, ...] = (
        *PRELUDE,
        ("set", "root1", "'a'", "one"),
        ("savepoint", "manager1", "savepoint1"),
        ("set", "root1", "'a'", "text"),
        ("savepoint", "manager1", "savepoint2"),
    )
    run = taken(TARGET, script, tmp_path)
    real = run.bench.variables["root1"]
    assert real["a"] == "text"
    run.bench.variables["savepoint1"] = SimpleNamespace(rollback=lambda: None)
    finding = run.take(("rollback", "savepoint1"), len(script) + 1)
    assert finding is not None
    assert finding.mismatch.clause == "savepoint.rollback-restores"
    run.bench.close()


def test_what_a_late_joiner_returned_to_is_looked_at_when_it_is_loaded(tmp_path: Path) -> None:
    script: tuple[Step, ...] = (
        *GROUPS,
        ("set", "root3", "'b'", "one"),
        ("commit", "manager1"),
        ("set", "root1", "'a'", "one"),
        ("savepoint", "manager1", "savepoint1"),
        ("set", "root3", "'b'", "text"),
        ("rollback", "savepoint1"),
    )
    run = taken(TARGET, script, tmp_path)
    run.bench.variables["root3"]._p_activate()
    vars(run.bench.variables["root3"])["data"]["b"] = "text"
    finding = run.take(("read", "root3", "'b'", "seen"), len(script) + 1)
    assert finding is not None
    assert finding.mismatch.clause == "savepoint.late-joiners-aborted"
    run.bench.close()


# What is wrong with objects.


CROSS: list[tuple[Callable[[Run], Any], str]] = [
    # what two4 refers to in place of one2, an object of the other database of its group
    (lambda run: run.bench.variables["one1"], "that object in another group"),
    (lambda run: run.bench.variables["root2"], "another object of that database"),
    (lambda run: run.bench.variables["root4"], "an object of another database"),
]


@pytest.mark.parametrize(("held", "what"), CROSS, ids=[what for _, what in CROSS])
def test_a_reference_across_databases_leads_to_one_object(
    run: Run, held: Callable[[Run], Any], what: str
) -> None:
    right = run.bench.variables["two4"]
    assert right.a is run.bench.variables["one2"]
    run.bench.variables["two4"] = Fake(right, a=held(run))
    found = look_at(run.bench, Stand(run.world, "two4", None, "test.cause"), audited=True)
    assert found is not None
    assert found.expected == "two4.a to be a reference to oid1"
    assert (found.clause == "xref.leads-to-the-group") is ("another database" not in what)
    if "group" not in what:
        assert not holds(run, found.expression)
    run.bench.variables["two4"] = right
    assert holds(run, found.expression)


def test_an_object_that_the_program_does_not_hold_has_to_belong_to_the_other_database(
    run: Run,
) -> None:
    assert run.take(("forget", "one2"), 90) is None
    assert look_at(run.bench, Stand(run.world, "two4", None, ""), audited=True) is None
    right = run.bench.variables["two4"]
    stranger = Fake(right, _p_oid=run.bench.oid("db", 1))
    run.bench.variables["two4"] = Fake(right, a=stranger)
    found = look_at(run.bench, Stand(run.world, "two4", None, ""), audited=True)
    assert found is not None
    assert not holds(run, found.expression)


def test_a_weak_reference_across_databases_leads_to_the_other_one(run: Run) -> None:
    reference = WeakRef(run.bench.variables["one2"])
    weak = Stored(1, weak=True, database="db")
    assert agrees(run.bench, run.world, "connection4", weak, reference)
    reference.dm = run.bench.variables["connection4"]
    assert not agrees(run.bench, run.world, "connection4", weak, reference)
    assert agrees(run.bench, run.world, "connection2", Stored(1, weak=True), reference)


def test_an_oid_may_stand_for_one_object_in_each_database(run: Run) -> None:
    one, two = (run.bench.variables[name] for name in ("one1", "two3"))
    assert one._p_oid == two._p_oid
    assert look_at(run.bench, Stand(run.world, "two3", None, ""), audited=True) is None


def test_the_serial_is_one_of_the_objects_own_database(run: Run) -> None:
    real = run.bench.variables["two3"]
    wrong = run.bench.databases["db"].last
    run.bench.variables["two3"] = Fake(real, _p_serial=wrong)
    found = look_at(run.bench, Stand(run.world, "two3", None, ""), audited=True)
    assert found is not None
    assert found.expression == "two3._p_serial == db2_tid2"
    assert not holds(run, found.expression)


# What is wrong with connections.


def looked_at(run: Run, name: str, **shown: Any) -> Mismatch:
    """What is found where a connection shows something else."""
    real = run.bench.variables[name]
    right = {"transaction_manager": real.transaction_manager, "db": real.db}
    run.bench.variables[name] = fake = SimpleNamespace(
        **{**right, "connections": real.connections, **shown}
    )
    if "connections" not in shown:
        run.bench.variables["connection1"].connections["second"] = fake
    found = look_at_connections(run.bench, run.world, "test.cause")
    assert found is not None
    assert not holds(run, found.expression)
    run.bench.variables[name] = real
    run.bench.variables["connection1"].connections["second"] = real
    assert holds(run, found.expression)
    return found


def test_the_members_of_a_group_are_what_they_should_be(run: Run) -> None:
    assert look_at_connections(run.bench, run.world, "") is None


def test_a_member_belongs_to_its_database(run: Run) -> None:
    found = looked_at(run, "connection3", db=run.bench.variables["connection1"].db)
    assert found.expected == "connection3 to be a connection of db2"


def test_a_member_works_for_the_manager_of_its_group(run: Run) -> None:
    found = looked_at(run, "connection3", transaction_manager=None)
    assert found.expected == "connection3 to work for manager1"


def test_the_members_share_one_mapping(run: Run) -> None:
    connections = dict(run.bench.variables["connection1"].connections)
    found = looked_at(run, "connection3", connections=connections)
    assert found.expected == "connection3 and connection1 to share their mapping of connections"


def test_the_mapping_names_the_members(run: Run) -> None:
    connections = run.bench.variables["connection1"].connections
    connections["second"], right = run.bench.variables["connection4"], connections["second"]
    found = look_at_connections(run.bench, run.world, "test.cause")
    assert found is not None
    assert found.clause == "test.cause"
    assert not holds(run, found.expression)
    connections["second"] = right
    assert holds(run, found.expression)


def test_a_member_that_stays_open_is_blamed_on_what_closes_it(run: Run) -> None:
    run.bench.variables["connection1"] = SimpleNamespace(close=lambda: None)
    assert run.take(("close", "connection1"), 90) is None
    finding = run.take(("set", "root3", "'b'", "one"), 91)
    assert finding is not None
    assert finding.mismatch.clause == "group.closes-together"
    assert finding.mismatch.observed == "nothing is raised"


def test_a_connection_that_a_reference_leads_to_has_to_be_a_new_one(tmp_path: Path) -> None:
    run = taken(TARGET, NEWCOMER[:-1], tmp_path)
    stranger = Fake(run.bench.variables["one2"], _p_jar=run.bench.variables["connection2"])
    stranger.__class__ = type("Thing", (Fake,), {"__slots__": ()})
    run.bench.variables["two6"]._p_activate()
    vars(run.bench.variables["two6"])["a"] = stranger
    finding = run.take(NEWCOMER[-1], len(NEWCOMER))
    assert finding is not None
    assert finding.mismatch.clause == "xref.leads-to-the-group"
    assert "its jar is" in finding.mismatch.observed
    assert not holds(run, finding.mismatch.expression)
    run.bench.close()


def test_an_object_that_a_reference_leads_to_is_none_of_another_group(tmp_path: Path) -> None:
    run = taken(TARGET, NEWCOMER[:-1], tmp_path)
    run.bench.variables["two6"]._p_activate()
    vars(run.bench.variables["two6"])["a"] = run.bench.variables["one2"]
    finding = run.take(NEWCOMER[-1], len(NEWCOMER))
    assert finding is not None
    assert finding.mismatch.clause == "xref.leads-to-the-group"
    assert finding.mismatch.expression == "one6 is not one2"
    run.bench.close()


def test_an_object_that_a_reference_leads_to_is_of_its_kind(run: Run) -> None:
    assert run.take(("forget", "one2"), 90) is None
    right = run.bench.variables["two4"]
    vars(right)["a"] = Fake(right.a)
    finding = run.take(("read", "two4", "a", "again"), 91)
    assert finding is not None
    assert finding.mismatch.clause == "xref.accepted"
    assert finding.mismatch.expression == "type(again).__name__ == 'Thing'"


def test_the_connection_that_a_reference_opens_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = taken(TARGET, NEWCOMER[:-1], tmp_path)
    open_apart(monkeypatch)
    finding = run.take(NEWCOMER[-1], len(NEWCOMER))
    assert finding is not None
    assert finding.mismatch.clause == "group.opens-what-is-missing"
    assert finding.mismatch.expected.endswith("to share their mapping of connections")
    assert not holds(run, finding.mismatch.expression)
    run.bench.close()


def test_another_member_than_the_one_that_is_there_is_told_and_can_be_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_apart(monkeypatch)
    finding = run.take(("get-connection", "connection1", "db2", "again"), 90)
    assert finding is not None
    assert finding.mismatch.expression == "again is connection3"
    assert not holds(run, finding.mismatch.expression)
    run.bench.variables["again"] = run.bench.variables["connection3"]
    assert holds(run, finding.mismatch.expression)


def test_a_connection_that_is_in_use_already_is_told_and_can_be_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ZODB.DB.open", lambda self, **options: run.bench.variables["connection1"])
    finding = run.take(("open", "db", "manager1", "connection90"), 90)
    assert finding is not None
    assert finding.mismatch.expected == "a new connection"
    assert not holds(run, finding.mismatch.expression)
    run.bench.variables["connection90"] = run.bench.variables["db"]
    assert holds(run, finding.mismatch.expression)


# What is wrong with databases.


def test_a_database_has_to_be_in_the_collection_that_it_was_opened_into(tmp_path: Path) -> None:
    alone = replace(TARGET, open_database=lambda directory, **options: ZODB.DB(None))
    run = Run(alone, tmp_path, Tally())
    finding = run.take(("open-database", "db2", "second", "inside"), 1)
    assert finding is not None
    assert finding.mismatch.clause == "collection.joined-by-mapping"
    assert finding.mismatch.expected == "the collection of db to be {'unnamed': db, 'second': db2}"
    assert not holds(run, finding.mismatch.expression)
    both = {"unnamed": run.bench.variables["db"], "second": run.bench.variables["db2"]}
    run.bench.variables["db"].databases = both
    assert holds(run, finding.mismatch.expression)
    run.bench.close()


def test_a_database_has_to_be_in_no_other_collection(tmp_path: Path) -> None:
    joined: dict[str, Any] = {}

    def open_database(directory: Path, *, database_name: str = "unnamed", **_: Any) -> Any:
        return ZODB.DB(None, databases=joined, database_name=database_name)

    run = Run(replace(TARGET, open_database=open_database), tmp_path, Tally())
    finding = run.take(("open-database", "db2", "second", "outside"), 1)
    assert finding is not None
    assert finding.mismatch.expected == "the collection of db to be {'unnamed': db}"
    assert not holds(run, finding.mismatch.expression)
    run.bench.close()


# Programs.

APART = (
    "import ZODB.Connection",
    "def apart(self, name): return self.db().databases[name].open(self.transaction_manager)",
    "ZODB.Connection.Connection.get_connection = apart",
)
"""Lines that make ZODB open the members of a group apart from each other."""


def open_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what these lines do."""
    monkeypatch.setattr(
        "ZODB.Connection.Connection.get_connection",
        lambda self, name: self.db().databases[name].open(self.transaction_manager),
    )


def faulty(monkeypatch: pytest.MonkeyPatch) -> Target:
    """ZODB with that fault, as a target whose lines plant it."""
    open_apart(monkeypatch)
    return replace(TARGET, lines=(*TARGET.lines[:-1], *APART, TARGET.lines[-1]))


def test_a_witness_opens_its_databases_itself(
    monkeypatch: pytest.MonkeyPatch, execute: Execute
) -> None:
    with monkeypatch.context() as patched:
        target = faulty(patched)
        finding = perform(target, resolved(GROUPS), Tally())
        assert finding is not None
    assert finding.mismatch.clause == "group.opens-what-is-missing"
    program = program_of(finding, target)
    assert program.count("def open_db(") == 1
    shown = execute(program)
    assert (shown.returncode, shown.stderr.partition(":")[0]) == (1, finding.mismatch.clause)
    assert execute(program_of(finding, TARGET)).returncode == 0


def test_a_witness_ties_a_connection_that_a_reference_leads_to(
    tmp_path: Path, execute: Execute
) -> None:
    run = taken(TARGET, NEWCOMER, tmp_path)
    name = f"connection{len(NEWCOMER)}"
    run.bench.variables[name].connections.pop("unnamed")
    finding = run.take(("get-connection", "connection6", "db2", "again"), 90)
    assert finding is not None
    deviation = deviation_of(finding, "test.check", TARGET)
    assert f"{name} = one6._p_jar" in deviation.trace
    assert execute(deviation.witness).returncode == 0
    run.bench.close()


@pytest.mark.parametrize(
    ("connection", "oid", "line", "there"),
    [
        (f"connection{len(NEWCOMER)}", "1", f"connection{len(NEWCOMER)}.get(oid1)", "one6"),
        ("connection3", "0", "connection3.get(db2_oid0)", "root3"),
        ("connection3", "1", "connection3.get(db2_oid1)", "two3"),
    ],
)
def test_a_script_across_databases_is_told_without_performing_it(
    connection: str, oid: str, line: str, there: str, execute: Execute
) -> None:
    script = (*NEWCOMER, ("get", connection, oid, "again"))
    _, lines, place, program = render(Plan(target="zodb-mapping"), script)
    assert f"connection{len(NEWCOMER)} = one6._p_jar" in lines or connection == "connection3"
    assert (place, lines[-1]) == (len(lines), f"again = {line}")
    ended = execute(f"{program}\nassert again is {there}\n")
    assert (ended.returncode, ended.stderr) == (0, "")
