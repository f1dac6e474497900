"""What the site says of clauses, rules and operations is what the code says."""

from dataclasses import replace

import facts
import pytest
from zodb_conformance import suite
from zodb_conformance.schedules import meanwhile
from zodb_conformance.stories import story_of
from zodb_conformance.things import Thing
from zodb_spec import answers
from zodb_spec.chapters import objects
from zodb_spec.clause import clauses
from zodb_spec.editions import CURRENT, EDITIONS, Edition
from zodb_spec.operation import all_operations

CATALOGUE = facts.catalogue((facts.ROOT / "spec" / "rules.md").read_text(encoding="utf-8"))
CLAUSE = clauses()["object.add-assigns-oid"]
CHAPTERS = facts.chapters(clauses().values())
EXAMPLE = clauses()["storing.values-are-copied"]


def test_every_row_of_the_catalogue_is_read():
    text = (facts.ROOT / "spec" / "rules.md").read_text(encoding="utf-8")
    assert f"{len(CATALOGUE)} rules of the system" in text
    assert CATALOGUE["LIFE-5"].owner == "main"
    assert CATALOGUE["LIFE-5"].section == "Object life cycle, reachability, identity"
    assert CATALOGUE["LIFE-5"].text.startswith("add(ob) of an object already owned")


def test_a_chapter_says_its_editions_where_all_its_clauses_share_them():
    found = {chapter.name: facts.common_editions(chapter.clauses) for chapter in CHAPTERS}
    assert found["versions"] == "2006-08-16 alone"
    assert found["historical"] == found["historical_interface"] == "the current edition"
    assert found["objects"] == found["cache_invalidation"] == ""


def test_a_name_of_examples_is_told_with_its_arguments():
    assert facts.call("meanwhile", meanwhile) == "meanwhile(first, second, halt)"
    assert facts.call("Thing", Thing) == "Thing"


def test_nothing_is_missing_in_the_clauses_as_they_stand():
    covering = {rule: [clause.id] for clause in clauses().values() for rule in clause.rules}
    gaps = [gap for clause in clauses().values() for gap in facts.gaps_of_clause(clause, CATALOGUE)]
    assert [*gaps, *facts.gaps_of_catalogue(CATALOGUE, covering)] == []


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        ({"rules": ("LIFE-0",)}, "names an unknown rule LIFE-0"),
        ({"situations": ("at-full-moon",)}, "names an unknown situation at-full-moon"),
        ({"needs": ("telepathy",)}, "names an unknown capability telepathy"),
        ({"without": ("telepathy",)}, "names an unknown capability telepathy"),
    ],
)
def test_a_clause_that_names_what_does_not_exist_has_a_gap(change, gap):
    assert list(facts.gaps_of_clause(replace(CLAUSE, **change), CATALOGUE)) == [
        f"clause {CLAUSE.id} {gap}"
    ]


def test_a_clause_of_examples_alone_has_a_gap():
    def bare():
        pass

    bare.__doc__ = ">>> 1 + 1\n2"
    assert list(facts.gaps_of_clause(replace(EXAMPLE, function=bare), CATALOGUE)) == [
        f"clause {EXAMPLE.id} has examples, but no text"
    ]


def test_a_rule_without_clause_and_without_answer_is_a_gap(monkeypatch):
    rules = {"LIFE-5": CATALOGUE["LIFE-5"], "XGC-1": CATALOGUE["XGC-1"]}
    gap = "rule LIFE-5 is neither covered by a clause nor answered"
    monkeypatch.setattr(answers, "ANSWERS", {})
    assert list(facts.gaps_of_catalogue(rules, {})) == [gap]
    monkeypatch.setattr(answers, "ANSWERS", {"LIFE-5": "a reason"})
    assert list(facts.gaps_of_catalogue(rules, {})) == []
    assert list(facts.gaps_of_catalogue({}, {})) == ["there is an answer to an unknown rule LIFE-5"]


def test_chapters_have_a_title_what_they_are_about_and_their_clauses():
    first = facts.chapters(suite.clauses().values())[0]
    assert (first.name, first.title) == ("objects", "Objects and their life")
    assert first.about.startswith("from unsaved to owned")
    assert CLAUSE in first.clauses


def test_the_code_of_a_clause_is_shown_without_text_and_decorators():
    lines = facts.code(CLAUSE.function).splitlines()
    assert lines[0].startswith("def add_assigns_oid(")
    assert lines[1] == "    id = id_of(add_assigns_oid)"


def test_a_place_is_a_path_in_the_repository_and_a_line():
    path, _, line = facts.place(objects.add_assigns_oid).partition(":")
    text = (facts.ROOT / path).read_text(encoding="utf-8").splitlines()
    assert '"object.add-assigns-oid"' in text[int(line) - 1]


@pytest.mark.parametrize(
    ("editions", "words"),
    [
        (EDITIONS, "every edition"),
        (EDITIONS[2:], "since 2005-06-17"),
        ((CURRENT,), "the current edition"),
        ((Edition.C,), "2006-08-16 alone"),
        (EDITIONS[:2], "2005-06-10 to 2005-06-16"),
    ],
)
def test_editions_are_told_in_words(editions, words):
    assert facts.in_force(replace(CLAUSE, editions=editions)) == words


def test_the_sample_shows_every_operation_at_work():
    found = facts.samples(suite.clauses())
    assert found.keys() == all_operations().keys()
    assert all(sample.lines and sample.clauses for sample in found.values())
    assert "object.add-assigns-oid" in found["add"].clauses
    assert found == facts.samples(suite.clauses())


def test_every_step_of_the_model_is_in_the_sample_of_some_operation():
    shown = {id for sample in facts.samples(suite.clauses()).values() for id in sample.clauses}
    steps = {id for id, clause in clauses().items() if clause.kind == "step"}
    assert steps <= shown


def test_the_lines_of_a_docstring_that_explain_fields_are_told_apart():
    text, meanings = facts.described(
        "A thing.\n\nname   what it is called,\n       in short\nsize   in metres"
    )
    assert text == "A thing."
    assert meanings == {"name": "what it is called, in short", "size": "in metres"}


@pytest.mark.parametrize(
    ("marked", "shown"),
    [
        (".. editions: 2005-06-10", "Told in the edition 2005-06-10."),
        (".. editions: 2005-06-16 to current", "Told in the editions 2005-06-16 to current."),
    ],
)
def test_a_story_says_in_which_editions_it_is_told(marked, shown):
    text = facts.with_clauses(story_of("dated", f"Title\n=====\n\n{marked}\n\nText.\n"))
    assert shown in text
    assert marked not in text


def test_what_every_part_of_a_story_needs_is_said_once():
    part = ".. clauses: object.add-assigns-oid\n.. needs: several-databases\n\n>>> 1\n1\n"
    text = f"Title\n=====\n\n.. editions: current\n\n{part}\n{part}"
    shown = facts.with_clauses(story_of("dated", text))
    assert shown.count("several-databases") == 1
    assert "Told in the current edition, where the target declares several-databases." in shown
    other = part.replace("several-databases", "iteration")
    shown = facts.with_clauses(story_of("dated", f"{text}\n{other}"))
    assert shown.count("(where the target declares several-databases)") == 2
    more = part.replace("several-databases", "several-databases iteration")
    shown = facts.with_clauses(story_of("dated", f"{text}\n{more}"))
    assert (
        shown.count("several-databases")
        == shown.count("(where the target declares iteration)")
        == 1
    )


def test_the_clauses_of_some_editions_are_listed_by_the_editions():
    listed = dict(facts.by_range(clauses().values()))
    assert "every edition" not in listed
    assert list(listed)[-1] == "the current edition"
    assert {facts.in_force(clause) for found in listed.values() for clause in found} == {*listed}
    assert [len(found) for found in listed.values()] == [
        sum(facts.in_force(clause) == words for clause in clauses().values()) for words in listed
    ]
