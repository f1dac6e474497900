"""The form of the example and text clauses; whether they are true is for the suite to find out."""

from __future__ import annotations

import ast
import doctest
import inspect

import zodb_spec.contents  # noqa: F401  # states all clauses
from tables import for_all
from zodb_spec.clause import Clause, clauses


def of_kind(kind: str) -> list[Clause]:
    return [clause for clause in clauses().values() if clause.kind == kind]


def lines_of(clause: Clause) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(clause.text, clause.id)


def calls(clause: Clause) -> set[str]:
    """The names of the functions that the example calls."""
    tree = ast.parse("".join(line.source for line in lines_of(clause)))
    return {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@for_all(of_kind("example"))
def test_an_example_can_fail(clause: Clause) -> None:
    can_fail = {"raises", "offers"}
    assert any(line.want for line in lines_of(clause)) or can_fail & calls(clause)


@for_all(of_kind("example"))
def test_what_an_example_wants_is_the_exact_value_of_one_expression(clause: Clause) -> None:
    for line in lines_of(clause):
        if line.want:
            ast.parse(line.source, mode="eval")
            ast.literal_eval(line.want)
            assert line.exc_msg is None, "expect errors by `with raises(...)`"
        assert not line.options, "the suite compares all lines in one way"


@for_all(of_kind("example"))
def test_an_example_uses_no_private_attribute(clause: Clause) -> None:
    tree = ast.parse("".join(line.source for line in lines_of(clause)))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used -= {name for name in used if name.startswith("__") and name.endswith("__")}
    assert not {n for n in used if n.startswith("_") and not n.startswith(("_p_", "_v_"))}


@for_all(of_kind("example") + of_kind("text"))
def test_the_rule_is_stated_before_it_is_shown(clause: Clause) -> None:
    stated = clause.text.partition(">>>")[0].strip()
    assert stated[0].isupper() or stated[0] == "`"
    assert stated.endswith(".")


@for_all(of_kind("example") + of_kind("text"))
def test_the_text_is_the_whole_of_the_function(clause: Clause) -> None:
    (function,) = ast.parse(inspect.getsource(clause.function)).body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 1
    assert not inspect.signature(clause.function).parameters


@for_all(of_kind("text"))
def test_a_text_has_nothing_to_execute(clause: Clause) -> None:
    assert not lines_of(clause)
    assert clause.binds in ("caller", "unobservable") or clause.level.value == "MAY"


@for_all(of_kind("example"))
def test_an_example_can_be_checked(clause: Clause) -> None:
    assert clause.binds in ("storage", "connection", "dependency")


@for_all(of_kind("example") + of_kind("text"))
def test_a_clause_covers_a_row_of_the_catalogue(clause: Clause) -> None:
    assert clause.rules
