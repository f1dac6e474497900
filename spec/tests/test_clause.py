"""Stating clauses: what is registered, what is refused, and what a trace notes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import zodb_spec.contents
from zodb_spec import clause as module
from zodb_spec.clause import (
    MAY,
    MUST,
    Clause,
    clauses,
    example,
    id_of,
    law,
    step,
    text,
    tracing,
)
from zodb_spec.editions import CURRENT, EDITIONS, Edition
from zodb_spec.situations import situations


@pytest.fixture(autouse=True)
def _no_clause_of_these_tests_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_registry", dict(clauses()))


def documented(*arguments: Any) -> Any:
    """The first line goes on
    in the next.

    More is told here.
    """
    return arguments


def silent() -> None:
    pass


@pytest.mark.parametrize(
    "id",
    ["nodot", "Test.upper", "test.", ".rule", "test.two words", "test.a.b", "test.-a", "test_a.b"],
)
def test_an_id_that_is_not_readable_and_dotted_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="write it as chapter"):
        law(id, MUST, rules="")(documented)


@pytest.mark.parametrize("state", [step, law, example, text])
def test_an_id_is_stated_once(state: Callable[..., Any]) -> None:
    state("test.rule", MUST, rules="")(documented)
    with pytest.raises(ValueError, match="is taken by documented"):
        state("test.rule", MUST, rules="")(documented)


def test_a_clause_without_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="has no text: its docstring"):
        step("test.rule", MUST, rules="")(silent)
    assert "test.rule" not in clauses()


def test_a_clause_says_what_it_was_stated_with() -> None:
    function = step(
        "test.rule",
        MAY,
        rules="LIFE-1 ISO-2",
        binds="storage",
        error="KeyError ConflictError",
        needs="iteration",
        without="undo pack",
        situations="somewhere",
        since=Edition.B,
    )(documented)
    clause = clauses()["test.rule"]
    assert id_of(function) == clause.id == "test.rule"
    assert (clause.kind, clause.level, clause.binds) == ("step", MAY, "storage")
    assert clause.rules == ("LIFE-1", "ISO-2")
    assert clause.error == ("KeyError", "ConflictError")
    assert (clause.needs, clause.without) == (("iteration",), ("undo", "pack"))
    assert clause.situations == ("somewhere",)
    assert clause.editions == (Edition.B, Edition.C, CURRENT)


def test_a_clause_is_in_force_in_all_editions_from_the_first_to_the_last_that_it_names() -> None:
    law("test.always", MUST, rules="")(documented)
    law("test.once", MUST, rules="", since=Edition.C, until=Edition.C)(documented)
    assert clauses()["test.always"].editions == EDITIONS
    assert clauses()["test.once"].editions == (Edition.C,)


def test_the_text_of_a_clause_is_the_docstring_and_its_summary_the_first_paragraph() -> None:
    law("test.rule", MUST, rules="")(documented)
    clause = clauses()["test.rule"]
    assert clause.text == ("The first line goes on\nin the next.\n\nMore is told here.")
    assert clause.summary == "The first line goes on in the next."


def test_a_clause_knows_its_chapter_and_its_code() -> None:
    clause = clauses()["object.oids-never-return"]
    assert clause.chapter == "step_laws"
    assert clause.source.startswith('@law("object.oids-never-return"')


# Traces.


def test_a_trace_notes_the_steps_that_are_called_in_their_order() -> None:
    one = step("test.one", MUST, rules="")(documented)
    two = step("test.two", MUST, rules="")(documented)
    with tracing() as trace:
        assert two(2) == (2,)
        assert one(1, 3) == (1, 3)
        two()
    one()
    assert trace == ["test.two", "test.one", "test.two"]


def test_a_trace_inside_another_is_its_own() -> None:
    one = step("test.one", MUST, rules="")(documented)
    with tracing() as outer:
        one()
        with tracing() as inner:
            one()
            one()
        one()
    assert (len(outer), len(inner)) == (2, 2)


def test_an_error_ends_its_trace() -> None:
    one = step("test.one", MUST, rules="")(documented)
    with tracing() as outer:
        with pytest.raises(KeyError), tracing():
            raise KeyError
        one()
    assert outer == ["test.one"]


def test_laws_and_examples_are_in_no_trace() -> None:
    rule = law("test.law", MUST, rules="")(documented)
    with tracing() as trace:
        rule()
    assert trace == []
    assert rule is documented


# The clauses of the specification.


def of_kind(kind: str) -> list[Clause]:
    return [clause for clause in zodb_spec.contents.reading_order() if clause.kind == kind]


def test_situations_that_clauses_name_are_declared() -> None:
    named = {name for clause in clauses().values() for name in clause.situations}
    assert named <= set(situations())


def test_a_law_is_about_a_world_or_about_a_step() -> None:
    for clause in of_kind("law"):
        names = clause.function.__code__.co_varnames[: clause.function.__code__.co_argcount]
        assert names in (("world",), ("before", "step", "outcome")), clause.id


@pytest.mark.parametrize("clause", [pytest.param(c, id=c.id) for c in of_kind("step")])
def test_a_step_that_can_refuse_says_with_which_error(clause: Clause) -> None:
    refuses = clause.id.endswith(("refused", "refuses")) or "-refuses-" in clause.id
    assert not refuses or clause.error


def test_the_reading_order_has_every_clause_once() -> None:
    ids = [clause.id for clause in zodb_spec.contents.reading_order()]
    assert sorted(ids) == sorted(clauses())


def test_a_chapter_is_read_as_it_is_written() -> None:
    objects = [c for c in zodb_spec.contents.reading_order() if c.chapter == "objects"]
    assert [clause.id for clause in objects[:2]] == [
        "object.unsaved-or-owned",
        "object.add-foreign-refused",
    ]
    chapters = [clause.chapter for clause in zodb_spec.contents.reading_order()]
    assert list(dict.fromkeys(chapters))[:3] == ["objects", "tracking", "persistence"]
