"""The gate between the rule catalogue and the clauses: neither says what the other does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import zodb_spec.contents  # noqa: F401  # states all clauses
from tables import for_all
from zodb_spec.answers import (
    ANSWERS,
    ELSEWHERE,
    LATER,
    OF_THEIR_EDITION,
    OPPOSITES,
    STATED,
    STRONGER,
    WEAKER,
)
from zodb_spec.clause import Clause, Level, clauses
from zodb_spec.editions import CURRENT, EDITIONS

CATALOGUE = Path(__file__).parent.parent / "rules.md"
ROW = re.compile(r"\| [A-Z]+-\d+ \|")
TEXT_ONLY = ("caller", "unobservable")
STRENGTH = {Level.MAY: 0, Level.SHOULD: 1, Level.MUST: 2}
ABSENT = (".", "!")
"""Marks of editions in which a row does not apply.  Where it is the second, the opposite holds, as
the row says in brackets: this is what a clause states that is not in force any more.
"""


class Row(NamedTuple):
    """One row of the catalogue."""

    id: str
    level: Level
    binds: str
    rule: str
    error: str
    source: str
    chapter: str
    marks: tuple[str, ...]


def read(line: str) -> Row:
    id, level, *middle, marks = (cell.strip() for cell in line.strip().strip("|").split(" | "))
    binds, rule, error, source, chapter = middle
    return Row(id, Level(level), binds, rule, error, source, chapter, tuple(marks.split()))


LINES = [line for line in CATALOGUE.read_text(encoding="utf-8").splitlines() if ROW.match(line)]
ROWS = {row.id: row for row in map(read, LINES)}
STATED_ROWS = [row for row in ROWS.values() if row.chapter in STATED]


def covering(row: Row) -> list[Clause]:
    return [clause for clause in clauses().values() if row.id in clause.rules]


def rows_of(clause: Clause) -> list[Row]:
    return [ROWS[id] for id in clause.rules]


def is_over(clause: Clause) -> bool:
    """Whether a clause states what held in older editions alone."""
    return CURRENT not in clause.editions


every_row = for_all(STATED_ROWS)
every_clause = for_all(clauses().values())


def test_no_row_was_lost_in_reading_the_catalogue() -> None:
    text = CATALOGUE.read_text(encoding="utf-8")
    stated = re.search(r"^(\d+) rules of the system", text, re.MULTILINE)
    assert stated is not None
    assert len(LINES) == len(ROWS) == int(stated[1])


def test_every_row_belongs_to_a_known_chapter_and_has_a_mark_for_every_edition() -> None:
    for row in ROWS.values():
        assert row.chapter in ("main", "many", "connection", "storage", "facilities"), row.id
        assert len(row.marks) == len(EDITIONS), row.id
        assert set(row.marks) <= set("+~.!*"), row.id


@every_row
def test_a_stated_row_is_covered_by_a_clause_or_has_an_answer(row: Row) -> None:
    assert covering(row) or row.id in ANSWERS, f"{row.id} needs a clause or an answer: {row.rule}"


@every_row
def test_a_row_is_covered_at_its_full_strength(row: Row) -> None:
    levels = [clause.level for clause in covering(row)]
    assert row.id in ANSWERS or max(STRENGTH[level] for level in levels) >= STRENGTH[row.level]


@every_row
def test_where_the_opposite_held_a_clause_states_it_or_the_answers_say_why_not(row: Row) -> None:
    held = {edition for edition, mark in zip(EDITIONS, row.marks, strict=True) if mark == "!"}
    stated = {edition for clause in covering(row) if is_over(clause) for edition in clause.editions}
    missing = {edition.name for edition in held - stated}
    if covering(row) and all(clause.part in OF_THEIR_EDITION for clause in covering(row)):
        missing = set()
    assert bool(missing) == (row.id in OPPOSITES), f"{missing}: {row.rule}"


@every_row
def test_a_row_that_nobody_can_check_is_covered_by_text_alone(row: Row) -> None:
    kinds = {clause.kind for clause in covering(row)}
    assert row.binds not in TEXT_ONLY or kinds <= {"text"}


@every_clause
def test_a_clause_names_rows_of_the_catalogue(clause: Clause) -> None:
    assert clause.rules
    assert set(clause.rules) <= set(ROWS)


@every_clause
def test_a_clause_is_as_strong_as_its_rows_or_the_answers_say_why_not(clause: Clause) -> None:
    strongest = max(STRENGTH[row.level] for row in rows_of(clause))
    assert (STRENGTH[clause.level] < strongest) == (clause.id in WEAKER)


@every_clause
def test_a_clause_is_no_stronger_than_its_rows_or_the_answers_say_why(clause: Clause) -> None:
    strongest = max(STRENGTH[row.level] for row in rows_of(clause))
    assert (STRENGTH[clause.level] > strongest) == (clause.id in STRONGER)


@every_clause
def test_a_clause_binds_whom_its_rows_bind_or_the_answers_say_why_not(clause: Clause) -> None:
    bound = {row.binds for row in rows_of(clause)}
    assert (clause.binds not in bound) == (clause.id in ELSEWHERE)


@every_clause
def test_a_clause_is_not_in_force_where_none_of_its_rows_applies(clause: Clause) -> None:
    absent = "." if is_over(clause) else ABSENT
    for edition in clause.editions:
        marks = [row.marks[EDITIONS.index(edition)] for row in rows_of(clause)]
        assert not set(marks) <= set(absent), f"{clause.id} in {edition.name}"


@every_clause
def test_a_clause_is_in_force_where_all_its_rows_apply_or_the_answers_say_why_not(
    clause: Clause,
) -> None:
    missing = {
        edition.name
        for number, edition in enumerate(EDITIONS)
        if all(row.marks[number] not in ABSENT for row in rows_of(clause))
        and edition not in clause.editions
    }
    later = clause.id in LATER or clause.part in OF_THEIR_EDITION
    assert is_over(clause) or bool(missing) <= later, missing
    assert missing or clause.id not in LATER


def test_every_answer_is_about_something_and_gives_a_reason() -> None:
    stated = {row.id for row in STATED_ROWS}
    assert {id for id in ANSWERS if id not in stated or covering(ROWS[id])} == set()
    assert set(OPPOSITES) <= stated
    assert set(WEAKER) | set(STRONGER) | set(LATER) | set(ELSEWHERE) <= set(clauses())
    reasons = [ANSWERS, WEAKER, STRONGER, LATER, OPPOSITES, ELSEWHERE, OF_THEIR_EDITION]
    assert all(reason for found in reasons for reason in found.values())
