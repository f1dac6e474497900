"""How examples are performed, reported, and turned into scripts that run without the suite."""

from __future__ import annotations

import ast
import builtins
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from tables import for_all
from zodb_conformance import runner
from zodb_conformance.doctests import program
from zodb_conformance.examples import lines_of, run_example
from zodb_conformance.plan import Plan
from zodb_conformance.quoting import PREAMBLE, QUOTABLE, names_used, quotations
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.targets import CAPABILITIES, Target, reference
from zodb_conformance.targets.storages import CALLS
from zodb_reference.connections import Connection
from zodb_spec.clause import MUST, Clause, clauses
from zodb_spec.editions import EDITIONS

Execute = Callable[[str], subprocess.CompletedProcess[str]]
EXAMPLES = [stated for stated in clauses().values() if stated.kind == "example"]


def clause(text: str) -> Clause:
    """A clause whose example is `text`."""

    def function() -> None:
        pass

    function.__doc__ = f"A rule.\n\n{text}"
    return Clause(
        "test.rule", "example", MUST, "connection", (), (), EDITIONS, (), (), (), function
    )


def run(stated: Clause | str, tmp_path: Path, target: Target | None = None) -> Deviation | None:
    stated = clause(stated) if isinstance(stated, str) else stated
    return run_example(stated, target or reference.memory(), tmp_path, Tally())


def found(stated: Clause | str, tmp_path: Path, target: Target | None = None) -> Deviation:
    deviation = run(stated, tmp_path, target)
    assert deviation is not None
    return deviation


def test_an_example_that_holds_is_no_deviation(tmp_path: Path) -> None:
    assert run(">>> connection.root()['a'] = 1\n>>> tm.commit()\n>>> 1 + 1\n2", tmp_path) is None


def test_another_value_is_a_deviation(tmp_path: Path) -> None:
    deviation = found(">>> 1 + 1\n3", tmp_path)
    assert deviation.message == "expected `1 + 1` to give 3; it gave 2"


def test_a_value_that_the_example_is_silent_about_may_be_any(tmp_path: Path) -> None:
    assert run(">>> 1 + 1\n>>> connection.root()", tmp_path) is None


@pytest.mark.parametrize(
    "lines", [">>> for n in 1, 2:\n...     print(n)", ">>> print(1, '', '2')"], ids=["loop", "call"]
)
def test_what_a_line_prints_is_compared_by_its_script_as_well(lines: str, execute: Execute) -> None:
    def ended(shown: str) -> subprocess.CompletedProcess[str]:
        stated = clause(f"{lines}\n{shown}\n")
        return execute(program(stated, lines_of(stated), reference.memory()))

    assert ended("1\n2").returncode == 0
    assert ended("1\n3").stderr == "test.rule: expected '1 3', got '1 2'\n"


def test_an_error_is_a_deviation(tmp_path: Path) -> None:
    deviation = found(">>> 1 / 0\n1", tmp_path)
    assert deviation.message == (
        "expected `1 / 0` to succeed; it raised ZeroDivisionError('division by zero')"
    )


def test_an_error_that_would_end_the_process_is_told_by_its_script_as_well(
    tmp_path: Path, execute: Execute
) -> None:
    deviation = found(">>> raise SystemExit('bye')", tmp_path)
    assert deviation.observed == "it raised SystemExit('bye')"
    assert execute(deviation.witness).stderr.endswith("\ntest.rule: SystemExit: bye\n")


def test_of_several_lines_that_belong_together_the_one_is_named_that_raised(tmp_path: Path) -> None:
    deviation = found(">>> for n in 1, 0:\n...     1 / n", tmp_path)
    assert deviation.expected == "`1 / n` to succeed"


@pytest.mark.parametrize(
    ("body", "observed"), [("pass", "nothing was raised"), ("{}['a']", "got KeyError('a')")]
)
def test_a_missing_or_another_error_is_a_deviation(
    body: str, observed: str, tmp_path: Path
) -> None:
    deviation = found(f">>> with raises('TypeError'):\n...     {body}", tmp_path)
    assert (deviation.expected, deviation.observed) == ("TypeError", observed)


def test_a_base_class_of_the_error_will_do(tmp_path: Path) -> None:
    assert run(">>> with raises('LookupError'):\n...     {}['a']", tmp_path) is None


def test_a_target_that_does_not_open_is_a_deviation(tmp_path: Path) -> None:
    deviation = found(">>> later = 1", tmp_path / "no folder can be made here")
    assert deviation.trace == ("db = open_db()",)


def test_the_trace_ends_with_the_first_line_that_fails(tmp_path: Path) -> None:
    deviation = found(">>> a = 1\n>>> a\n2\n>>> a = 3\n>>> a\n4", tmp_path)
    assert deviation.trace[3:] == ("a = 1", "a")
    assert deviation.script == (("example", "test.rule"),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(">>> a = 1\n>>> a\n2\n>>> a", "a", id="another value"),
        pytest.param(">>> [\n...     1]\n2", "[", id="another value of several lines"),
        pytest.param(">>> if True:\n...     a = 1\n...     a / 0", "    a / 0", id="an error"),
        pytest.param(">>> def f():\n...     1 / 0\n>>> f()", "f()", id="an error further in"),
    ],
)
def test_the_line_that_fails_is_marked(text: str, line: str, tmp_path: Path) -> None:
    deviation = found(text, tmp_path)
    assert deviation.noticed_at is not None
    assert deviation.trace[deviation.noticed_at - 1] == line


def test_each_line_is_noted_before_it_is_performed(tmp_path: Path) -> None:
    noted: list[Step] = []

    class Noting(Tally):
        def step(self, step: Step) -> None:
            noted.append(step)

    opened: list[int] = []

    def open_database(directory: Path) -> Any:
        opened.append(len(noted))
        return FakeDatabase()

    run_example(clause(">>> 1"), opening(open_database), tmp_path, Noting())
    # Three lines open it, and after the last one everything is closed.
    assert noted == [("example", "test.rule", str(number)) for number in range(1, 6)]
    assert opened == [1]


def test_each_schedule_is_noted_before_it_is_performed(tmp_path: Path) -> None:
    """Or a line with many of them would seem to hang."""
    noted: list[Step] = []

    class Noting(Tally):
        def step(self, step: Step) -> None:
            noted.append(step)

    text = ">>> at_every_step(lambda halt: meanwhile(lambda: abs(1), int, halt))\n{(1, 0)}"
    found = run_example(clause(text), reference.memory(), tmp_path, Noting())
    assert found is None
    assert noted.count(("example", "test.rule", "4")) > 3
    assert noted[-1] == ("example", "test.rule", "5")


def test_an_example_is_told_up_to_the_line_where_it_stopped() -> None:
    id = "connection.two-in-one-transaction"
    steps = [("example", id, str(number)) for number in range(1, 8)]
    told, trace, place, script = runner.render(Plan(), steps)
    assert (told, place) == (id, len(trace))
    assert trace[-1] == "tm.commit()"
    assert script.endswith("tm.commit()\n")


def opening(open_database: Callable[..., Any]) -> Target:
    """A target that opens its databases so."""
    return replace(reference.memory(), open_database=open_database)


class FakeDatabase:
    """A database that notes when it or one of its connections is closed."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def open(self, transaction_manager: Any) -> Any:
        close = partial(self.calls.append, "close connection")
        return SimpleNamespace(transaction_manager=transaction_manager, close=close)

    def close(self) -> None:
        self.calls.append("close db")


@pytest.mark.parametrize("end", ["", ">>> 1 / 0"])
def test_everything_is_ended_however_the_example_ends(end: str, tmp_path: Path) -> None:
    db = FakeDatabase()
    text = (
        ">>> other = opened(db)\n"
        ">>> tm.get().join(Participant('own', db.calls))\n"
        ">>> other.transaction_manager.get().join(Participant('other', db.calls))\n"
        ">>> transaction.get().join(Participant('thread', db.calls))\n"
    )
    run_example(clause(text + end), opening(lambda directory: db), tmp_path, Tally())
    # One connection has looked whether it is empty.
    assert db.calls == [
        "close connection",
        *("abort other", "close connection"),
        *("abort thread", "abort own", "close connection"),
        "close db",
    ]


def test_what_opens_a_connection_passes_its_options_on(tmp_path: Path) -> None:
    deviation = found(">>> opened(db, no_such_option=1)", tmp_path)
    assert "no_such_option" in deviation.observed


def test_what_the_target_does_not_provide_has_no_name(tmp_path: Path) -> None:
    target = reference.memory()
    nothing = Target("x", target.open_database, target.lines, extras={"PersistentMetaClass": None})
    assert "NameError" in found(">>> PersistentMetaClass", tmp_path, nothing).observed


@pytest.mark.parametrize(
    "text",
    [
        ">>> 1 + 1\n3",
        ">>> connection.root()['a'], 2\n(1, 2)",
        ">>> with raises('TypeError'):\n...     tm.commit()",
        ">>> connection.root()['thing'] = lent_class\n>>> opened(db).root()['thing']\n1",
        ">>> thing = AskedByName('Jim')\n>>> Named.__getnewargs__(thing)\n()",
        ">>> type(PersistentMetaClass) is z64 and patch and WeakRef\n1",
        ">>> other = open_db()\n>>> other is db\nTrue",
    ],
)
@pytest.mark.parametrize("target", [reference.memory, reference.sqlite])
def test_a_witness_fails_with_one_sentence(
    text: str, target: Any, tmp_path: Path, execute: Execute
) -> None:
    script = found(text, tmp_path, target()).witness
    assert [word for word in ("doctest", "zodb_spec", "zodb_conformance") if word in script] == []
    ended = execute(script)
    assert ended.returncode == 1
    *traceback, sentence = ended.stderr.splitlines()
    assert sentence.startswith("test.rule: ")
    # What the lines themselves expect has no traceback, what the target raises has one.
    assert bool(traceback) == ("KeyError" in sentence)


def test_a_witness_ends_well_where_the_deviation_does_not_show(
    tmp_path: Path, execute: Execute
) -> None:
    with patch.object(Connection, "sortKey", lambda self: "the same"):
        script = found(clauses()["transaction.sort-keys"], tmp_path).witness
    ended = execute(script)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_witness_passes_the_options_of_a_database_on(tmp_path: Path, execute: Execute) -> None:
    text = ">>> open_db(database_name='other').database_name\n'main'"
    ended = execute(found(text, tmp_path, reference.sqlite()).witness)
    assert ended.stderr == "test.rule: expected 'main', got 'other'\n"


def test_a_quotation_brings_what_it_needs() -> None:
    quoted = quotations(["thing = AskedByName('Jim')"])
    assert [source.split("(")[0] for source in quoted] == ["class Asked", "class AskedByName"]


def test_annotations_need_no_names() -> None:
    source = "def f(a: A, *b: B) -> C:\n    d: D = e\n    g: G\n    return h(lambda x: x)"
    assert names_used(source) == {"e", "h", "x"}


def test_what_examples_need_can_be_declared() -> None:
    assert {need for stated in clauses().values() for need in stated.needs} <= set(CAPABILITIES)


GIVEN = {
    "connection": {"db", "open_db", "opened", "tm", "connection"},
    "storage": {"storage", "layer", *CALLS},
}


@for_all(EXAMPLES)
def test_an_example_uses_only_names_that_are_there(stated: Clause) -> None:
    source = "".join(
        line.removeprefix(prefix) + "\n"
        for line in stated.text.splitlines()
        for prefix in (">>> ", "... ")
        if line.startswith(prefix)
    )
    bound = {
        name.id
        for name in ast.walk(ast.parse(source))
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    bound |= {
        alias.name.split(".")[0] if isinstance(node, ast.Import) else alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    bound |= {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler | ast.arg)
        for name in [getattr(node, "name", None) or getattr(node, "arg", None)]
    }
    given = GIVEN[stated.part] | reference.memory().extras.keys()
    assert names_used(source) <= bound | given | {*QUOTABLE, *PREAMBLE, *vars(builtins)}


@for_all(EXAMPLES)
def test_an_example_that_opens_another_database_says_so(stated: Clause) -> None:
    assert ("open_db(" in stated.text) == ("several-databases" in stated.needs), stated.id


@for_all([stated for stated in EXAMPLES if stated.part == "storage"])
def test_an_example_that_opens_a_storage_again_says_what_that_needs(stated: Clause) -> None:
    for call, need in (
        ("reopened(", "durable"),
        ("read_only=True", "read-only"),
        ("client_of(", "several-clients"),
        ("layer_over(", "layers"),
        ("cut_off(", "reconnecting"),
    ):
        assert call not in stated.text or need in stated.needs, (stated.id, need)
