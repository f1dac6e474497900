"""Telling: a witness shows a deviation on its own, and says nothing where there is none."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import faulty_databases
import pytest
from zodb_conformance.performing import perform
from zodb_conformance.plan import Plan
from zodb_conformance.programs import Line
from zodb_conformance.results import Step, Tally
from zodb_conformance.runner import render
from zodb_conformance.scripts import resolved
from zodb_conformance.targets import Target, resolve
from zodb_conformance.telling import deviation_of, needed, program_of, program_of_steps
from zodb_spec.preludes import PRELUDE

REFERENCE = resolve(Plan(target="reference-memory"))
NEW: Step = ("new", "x", "Thing")
STORED: tuple[Step, ...] = (
    *PRELUDE,
    NEW,
    ("set", "x", "b", "nan"),
    ("link", "root1", "'a'", "x", "strong"),
    ("new", "w", "Named"),
    ("link", "root1", "'b'", "w", "list"),
    ("commit", "manager1"),
    ("begin", "manager2"),
)
FAULTS: dict[str, tuple[Step, ...]] = {
    "sync_fails": (*PRELUDE, ("sync", "connection1")),
    "adds_nothing": (*PRELUDE, NEW, ("add", "connection1", "x")),
    "adds_anything": (*PRELUDE, ("add", "connection2", "root1")),
    "loses_b": (*STORED, ("read", "root2", "'a'", "y"), ("read", "y", "b", "z")),
    "gets_the_root": (*STORED, ("get", "connection2", "1", "y")),
    "gets_the_next": (*STORED, ("forget", "root2"), ("get", "connection2", "1", "y")),
    "gets_from_another": (*STORED, ("get", "connection2", "1", "y")),
    "stands_still": STORED,
    "runs_backwards": STORED,
    "takes_changes_when_closed": (
        *PRELUDE,
        ("close", "connection1"),
        ("mark-changed", "root1"),
    ),
}
"""Faults of a database, each with a script that shows it."""


def faulty(name: str) -> Target:
    """The reference with a fault, and how a plain program opens it."""
    return replace(
        REFERENCE,
        open_database=getattr(faulty_databases, name),
        lines=("import faulty_databases", f"db = faulty_databases.{name}('')"),
    )


def told(name: str, script: tuple[Step, ...], target: Target | None = None) -> str:
    """The witness of what is found on a faulty target, told for another one where one is given."""
    finding = perform(faulty(name), resolved(script), Tally())
    assert finding is not None
    return program_of(finding, target or faulty(name))


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program with plain Python, far from the suite."""
    path = folder / "witness.py"
    path.write_text(program, encoding="utf-8")
    fakes = Path(faulty_databases.__file__).parent
    paths = [str(fakes), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_witness_shows_the_fault_and_is_silent_without_it(name: str, tmp_path: Path) -> None:
    finding = perform(faulty(name), resolved(FAULTS[name]), Tally())
    assert finding is not None
    shown = run(program_of(finding, faulty(name)), tmp_path)
    mismatch = finding.mismatch
    sentence = f"{mismatch.clause}: expected {mismatch.expected}; {mismatch.observed}"
    assert (shown.returncode, shown.stdout) == (1, "")
    lines = shown.stderr.splitlines()
    by_an_error = " raises " in mismatch.observed
    assert lines[0].startswith("Traceback" if by_an_error else sentence[:60])
    assert any(line.startswith(sentence[:60]) for line in lines)
    silent = run(program_of(finding, faulty("faultless")), tmp_path)
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "", "")


@pytest.mark.parametrize("name", FAULTS)
def test_a_witness_needs_nothing_of_the_suite(name: str) -> None:
    nodes = list(ast.walk(ast.parse(told(name, FAULTS[name]))))
    imported = [a.name for node in nodes if isinstance(node, ast.Import) for a in node.names]
    imported += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    assert imported
    assert not {module for module in imported if module.startswith("zodb_")}


def test_a_witness_says_what_it_shows_and_quotes_what_it_uses() -> None:
    program = told("loses_b", FAULTS["loses_b"])
    assert program.startswith("# Shows a deviation from identity.ghost-loads: ")
    assert "class Thing(Persistent):" in program
    assert "class Named(Persistent):" in program
    assert "class Counter(Persistent):" not in program


def test_what_is_refused_on_the_way_does_not_end_a_witness(tmp_path: Path) -> None:
    script = (*PRELUDE, ("add", "connection2", "root1"), NEW, ("add", "connection1", "x"))
    finding = perform(faulty("refuses_foreign_only"), resolved(script), Tally())
    assert finding is not None
    program = program_of(finding, faulty("refuses_foreign_only"))
    assert "with suppress(Exception):  # it is refused, as it should be" in program
    assert run(program, tmp_path).returncode == 1


def test_an_error_in_looking_counts_as_showing_the_fault(tmp_path: Path) -> None:
    finding = perform(faulty("adds_nothing"), resolved(FAULTS["adds_nothing"]), Tally())
    assert finding is not None
    mismatch = finding.mismatch._replace(expression="x.nothing == 1")
    shown = run(program_of(replace(finding, mismatch=mismatch), faulty("adds_nothing")), tmp_path)
    assert shown.returncode == 1
    assert "; to look at it raises AttributeError(" in shown.stderr


# The deviation.


def test_a_deviation_points_into_its_trace() -> None:
    script = (*STORED, ("read", "root2", "'a'", "y"), ("read", "y", "b", "z"))
    finding = perform(faulty("loses_b"), resolved(script), Tally())
    assert finding is not None
    deviation = deviation_of(finding, "test.check", faulty("loses_b"))
    assert deviation.check == "test.check"
    assert deviation.script == finding.script
    assert deviation.noticed == "read"
    assert deviation.noticed_at == len(deviation.trace)
    assert deviation.trace[deviation.noticed_at - 1] == "seen = y.b"
    assert deviation.message == f"expected {deviation.expected}; {deviation.observed}"


def test_a_name_is_tied_only_where_something_uses_it() -> None:
    lines = [
        Line("tid1 = db.lastTransaction()"),
        Line("manager1 = transaction.TransactionManager()"),
        Line("oid1 = x._p_oid"),
        Line("manager1.commit()", 5),
        Line("tid2 = db.lastTransaction()"),
    ]
    assert [line.text for line in needed(lines)] == [lines[1].text, lines[3].text]
    assert needed(lines, "x._p_serial == tid2")[-1] == lines[4]
    assert needed(lines, "oid1 == oid2")[1] == lines[2]


def test_so_are_the_names_of_other_databases_and_of_connections_that_a_reference_leads_to() -> None:
    lines = [
        Line("db2_tid1 = db2.lastTransaction()"),
        Line("db2_oid0 = bytes(8)"),
        Line("connection3 = connection2.get_connection('second')", 4),
        Line("x = root3['a']", 5),
        Line("connection5 = x._p_jar"),
    ]
    assert needed(lines) == lines[2:4]
    assert needed(lines, "x._p_jar.get(db2_oid0) is connection5.root()") == lines[1:]


def test_a_program_of_steps_ends_with_the_last_of_them(tmp_path: Path) -> None:
    lines = [
        "manager1 = transaction.TransactionManager()",
        "connection1 = db.open(transaction_manager=manager1)",
        "connection1.nothing()",
        "print(connection1.root()._p_oid)",
    ]
    ended = run(program_of_steps(lines, faulty("faultless")), tmp_path)
    assert (ended.returncode, ended.stdout) == (0, f"{bytes(8)!r}\n")
    failed = run(program_of_steps(lines[:-1], faulty("faultless")), tmp_path)
    assert failed.returncode == 1
    assert "AttributeError" in failed.stderr


@pytest.mark.parametrize("oid", ["0", "1", "2"])
def test_a_program_of_a_script_ties_the_oids_that_it_names(oid: str, tmp_path: Path) -> None:
    steps = (PRELUDE[0], NEW, ("add", "connection1", "x"), ("get", "connection1", oid, "y"))
    _, lines, place, program = render(Plan(), steps)
    assert place == len(lines)
    assert [line for line in lines if line.startswith("oid")] != []
    assert "NameError" not in run(program, tmp_path).stderr
