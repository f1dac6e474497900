"""The stories: what they tell works everywhere, and a fault is noticed where they tell of it."""

from __future__ import annotations

import subprocess
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance import checks, runner
from zodb_conformance.doctests import program
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.stories import Part, Story, lines_of, run_story, stories, story_of
from zodb_conformance.supervisor.falls import is_text
from zodb_conformance.supervisor.lanes import Fall
from zodb_conformance.targets import CAPABILITIES, Target, reference, resolve
from zodb_conformance.targets.base import SEVERAL
from zodb_spec.clause import clauses
from zodb_spec.editions import CURRENT, EDITIONS, Edition

Execute = Callable[[str], subprocess.CompletedProcess[str]]
FOLDER = Path(checks.__file__).parent / "stories"
NAMES = list(stories())
PARTS = [(story, part) for story in stories().values() for part in story.parts]

each_story = pytest.mark.parametrize("name", NAMES)
each_part = pytest.mark.parametrize(
    ("story", "part"), PARTS, ids=[f"{story.name}-{part.number}" for story, part in PARTS]
)

FAULTS = {
    ("first-database", "object.add-assigns-oid"): (
        "zodb_reference.db.Connection.add",
        "lambda self, thing: None",
    ),
    ("transactions", "transaction.doomed-refuses-commit"): (
        "transaction.Transaction.doom",
        "lambda self: None",
    ),
    ("two-at-once", "isolation.read-current"): (
        "zodb_reference.db.Connection.readCurrent",
        "lambda self, thing: None",
    ),
    ("ghosts", "connection.close-joined-refused"): (
        "zodb_reference.db.Connection.close",
        "lambda self: None",
    ),
    ("records", "record.reference-comes-back"): (
        "persistent.wref.WeakRef.__call__",
        "lambda self: None",
    ),
    ("several-databases", "new-object.add-decides"): (
        "zodb_reference.newness.NewObjects.add",
        "lambda self, oid: self.adopt(oid)",
    ),
    ("the-past", "historical.read-only"): (
        "zodb_reference.historical.HistoricalSnapshot.is_read_only",
        "lambda self: False",
    ),
    ("going-back", "database.pack-time"): (
        "zodb_reference.revisions.Revisions.pack",
        "lambda self, t=None, days=0: None",
    ),
    ("several-databases-in-2005", "xref.outside-refused"): (
        "zodb_reference.writing.RecordWriter._require_same_group",
        "lambda self, thing, oid, jar: None",
    ),
    ("versions", "version.refused-by-a-lock"): (
        "zodb_reference.storages.twophase.TwoPhaseStorage._require_not_held",
        "lambda self, commit, oid, version: None",
    ),
    ("storage-a-lost-update", "storage.store-needs-the-current-serial"): (
        "zodb_reference.storages.twophase.TwoPhaseStorage._resolve",
        "lambda self, oid, current, serial, old, committed, new: new",
    ),
    ("storage-undo", "storage.undo-blocked"): (
        "zodb_reference.storages.twophase.TwoPhaseStorage._resolve",
        "lambda self, oid, current, serial, old, committed, new: new",
    ),
    ("storage-a-pack-beside-a-reader", "storage.pack-forgets-replaced"): (
        "zodb_reference.storages.packing.PackableStorage._forget",
        "lambda self, upto, doomed: None",
    ),
}
"""Faults by the story that notices them and the clause that gets the verdict: what is replaced, and
by what.
"""


def edition_of(name: str) -> str:
    """The newest edition in which a story is told."""
    return stories()[name].editions[-1].value


def in_force(part: Part, edition: Edition) -> bool:
    """Whether all that a part is about is in force in an edition."""
    return all(edition in clauses()[id].editions for id in part.clauses)


def tell(name: str, monkeypatch: pytest.MonkeyPatch, target: Target, **more: Any) -> Tally:
    """Perform a story on a target, and give what came of it."""
    for module in (runner, checks):
        monkeypatch.setattr(module, "resolve", lambda plan: target, raising=False)
    tally = Tally()
    plan = Plan(checks=(f"story.{name}",), **{"edition": edition_of(name), **more})
    runner.run_checks(plan, tally)
    return tally


def faulty(name: str, clause: str) -> Target:
    """The reference in memory, as a target whose lines plant the fault."""
    replaced, by = FAULTS[name, clause]
    module = replaced.rsplit(".", 2)[0]
    right = resolve(Plan(edition=edition_of(name)))
    planted = (f"import {module}", f"{replaced} = {by}")
    assert right.storage is not None
    storage = right.storage._replace(lines=(*planted, *right.storage.lines))
    return replace(right, lines=(*planted, *right.lines), storage=storage)


def found(name: str, clause: str, monkeypatch: pytest.MonkeyPatch) -> Deviation:
    """The deviation that a story finds where a fault is planted."""
    replaced, by = FAULTS[name, clause]
    with patch(replaced, eval(by)):
        [deviation] = tell(name, monkeypatch, faulty(name, clause)).deviations
    return deviation


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("several-databases", "reference-memory"),
        ("several-databases", "zodb-mapping"),
        ("several-databases-in-2005", "reference-memory"),
    ],
)
def test_what_is_told_of_several_databases_holds_for_classes_with_arguments_too(
    name: str, target: str, tmp_path: Path
) -> None:
    """Their objects are referred to across databases in another form."""
    told, edition = stories()[name], Edition(edition_of(name))
    again = story_of(name, told.text.replace("Thing()", "Named('x')"))
    assert "Named('x')" in again.text
    parts = [part for part in again.parts if in_force(part, edition)]
    found = resolve(Plan(target=target, edition=edition.value))
    assert run_story(again, parts, found, tmp_path, Tally()) is None


def test_the_stories_are_the_files_in_their_order() -> None:
    files = {path.stem for path in FOLDER.glob("*.rst")}
    assert {f"{number}-{name}" for number, name in enumerate(NAMES, 1)} == files
    assert len(files) >= 5


def test_the_stories_are_in_the_wheel() -> None:
    checkout = Path(__file__).parents[2]
    building = tomllib.loads((checkout / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wheel = building["targets"]["wheel"]
    assert FOLDER.parent.relative_to(checkout).as_posix() in wheel["packages"]
    assert not {"exclude", "only-include"} & {*building, *wheel}


def test_every_story_has_a_title_that_is_its_own() -> None:
    assert len({story.title for story in stories().values() if story.title}) == len(NAMES)


@each_part
def test_the_clauses_of_a_part_exist(story: Story, part: Part) -> None:
    assert set(part.clauses) <= set(clauses())


@each_part
def test_a_part_says_which_capabilities_its_clauses_need(story: Story, part: Part) -> None:
    needed = {need for clause in part.clauses for need in clauses()[clause].needs}
    # Whatever its clauses speak of, a part may build on several databases, and on the first part.
    assert needed <= part.needs <= needed | {SEVERAL} | story.parts[0].needs
    assert part.needs <= set(CAPABILITIES)


FIRST = {"connection": "db = open_db()", "storage": "storage = open_storage()"}


@each_story
def test_a_story_opens_what_it_is_about_in_its_first_line(name: str) -> None:
    story = stories()[name]
    assert story.parts[0].lines[0].source == FIRST[story.about] + "\n"


@each_story
def test_a_story_is_about_databases_or_about_a_storage_as_its_name_says(name: str) -> None:
    story = stories()[name]
    assert {clauses()[id].part for part in story.parts for id in part.clauses} == {story.about}
    assert name.startswith("storage-") == (story.about == "storage")


@pytest.mark.parametrize(
    ("name", "edition"),
    [(name, edition.value) for name, story in stories().items() for edition in story.editions],
)
@pytest.mark.parametrize("target", ["reference-memory", "reference-sqlite"])
def test_what_a_story_tells_works_in_all_its_editions(target: str, name: str, edition: str) -> None:
    tell_all(Plan(target, checks=(f"story.{name}",), edition=edition), name)


@pytest.mark.parametrize(
    "name", [name for name, story in stories().items() if story.about == "storage"]
)
@pytest.mark.parametrize("target", ["reference-snapshots", "reference-clients"])
def test_what_is_told_of_a_storage_works_in_all_its_forms(target: str, name: str) -> None:
    tell_all(Plan(target, checks=(f"story.{name}",)), name)


def test_every_part_is_told_to_some_form_of_the_reference() -> None:
    able = [resolve(Plan(each)) for each in ("reference-memory", "reference-snapshots")]
    for story, part in PARTS:
        plan = Plan(edition=story.editions[-1].value)
        if story.about == "storage":
            assert any(part in checks.parts_told(story, plan, target) for target in able)


@pytest.mark.parametrize(
    "name", [name for name, story in stories().items() if CURRENT in story.editions]
)
@pytest.mark.parametrize("target", ["zodb-mapping", "zodb-file", "zodb-demo"])
def test_what_a_story_tells_works_in_zodb(target: str, name: str) -> None:
    pytest.importorskip("ZODB", reason="the target needs it")
    tell_all(Plan(target, checks=(f"story.{name}",)), name)


def tell_all(plan: Plan, name: str) -> None:
    """Tell a story, all of which must hold."""
    tally = Tally()
    runner.run_checks(plan, tally)
    told = checks.parts_told(stories()[name], plan, resolve(plan))
    assert [found.message for found in tally.deviations] == []
    assert tally.counts == Counter(clause for part in told for clause in part.clauses)
    # The closing of everything is a step of its own.
    assert (tally.scripts, tally.steps) == ((1, len(lines_of(told)) + 1) if told else (0, 0))


def test_zodb_has_come_further_than_the_story_of_2005() -> None:
    pytest.importorskip("ZODB", reason="the target needs it")
    name, edition = "several-databases-in-2005", Edition.A.value
    tally = Tally()
    runner.run_checks(Plan("zodb-mapping", checks=(f"story.{name}",), edition=edition), tally)
    (deviation,) = tally.deviations
    assert deviation.clause == "xref.separate-accepted"
    assert "InvalidObjectReference" in deviation.observed


@each_story
def test_a_whole_story_runs_as_a_plain_script(name: str, execute: Execute) -> None:
    plan, story = Plan(edition=edition_of(name)), stories()[name]
    target = resolve(plan)
    clause = clauses()[story.parts[0].clauses[0]]
    ended = execute(program(clause, lines_of(checks.parts_told(story, plan, target)), target))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_what_needs_a_capability_is_told_to_those_that_have_it() -> None:
    able = reference.memory()
    unable = replace(able, capabilities=frozenset())
    for name, story in stories().items():
        plan = Plan(edition=edition_of(name))
        told = [part for part in story.parts if in_force(part, story.editions[-1])]
        assert checks.parts_told(story, plan, able) == [
            part for part in told if part.needs <= able.capabilities
        ]
        assert checks.parts_told(story, plan, unable) == [p for p in told if not p.needs]
    assert any(part.needs for _, part in PARTS)


def test_a_clause_that_is_not_in_force_is_not_told() -> None:
    story, plan = stories()["two-at-once"], Plan(edition=EDITIONS[0].value)
    told = checks.parts_told(story, plan, reference.memory())
    left_out = {id for part in story.parts if part not in told for id in part.clauses}
    assert left_out
    assert all(EDITIONS[0] in clauses()[id].editions for part in told for id in part.clauses)


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_story_is_told_in_its_own_editions(edition: Edition) -> None:
    story = story_of("dated", DATED)
    told = checks.parts_told(story, Plan(edition=edition.value), reference.memory())
    assert bool(told) == (Edition.A_PRIME <= edition <= Edition.B)


@each_story
def test_a_story_goes_on_without_what_needs_a_capability(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unable = replace(resolve(Plan(edition=edition_of(name))), capabilities=frozenset())
    assert tell(name, monkeypatch, unable).deviations == []


@pytest.mark.parametrize(("name", "clause"), FAULTS)
def test_a_fault_is_a_deviation_from_the_clause_of_its_part(
    name: str, clause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deviation = found(name, clause, monkeypatch)
    assert (deviation.clause, deviation.check) == (clause, f"story.{name}")
    assert deviation.script == (("story", name),)
    assert deviation.trace[0] == FIRST[stories()[name].about]


@pytest.mark.parametrize(("name", "clause"), FAULTS)
def test_the_witness_of_a_story_runs_alone(
    name: str, clause: str, monkeypatch: pytest.MonkeyPatch, execute: Execute
) -> None:
    script = found(name, clause, monkeypatch).witness
    assert "zodb_conformance" not in script
    ended = execute(script)
    assert ended.returncode == 1
    sentences = [line for line in ended.stderr.splitlines() if line.startswith(f"{clause}: ")]
    assert len(sentences) == 1


def test_a_deviation_is_found_again_by_its_script(monkeypatch: pytest.MonkeyPatch) -> None:
    name, clause = "ghosts", "connection.close-joined-refused"
    deviation = found(name, clause, monkeypatch)
    replaced, by = FAULTS[name, clause]
    # What a run leaves out, a replay does not.
    plan = Plan(avoid=(clause,), only=("no.such-clause",), skip=(f"story.{name}",))
    with patch(replaced, eval(by)):
        assert runner.replay(plan, deviation.script, Tally()) == deviation
    assert runner.replay(plan, deviation.script, Tally()) is None


def test_the_parts_before_a_failure_have_been_exercised(monkeypatch: pytest.MonkeyPatch) -> None:
    with patch("zodb_reference.db.Connection.readCurrent", lambda self, thing: None):
        tally = tell("two-at-once", monkeypatch, reference.memory())
    assert tally.counts["isolation.write-skew-is-possible"] == 1
    assert tally.counts["isolation.read-current"] == 1
    assert "isolation.serializable-with-read-current" not in tally.counts
    assert "isolation.resolution-merges" not in tally.counts


def test_a_story_stops_before_what_is_to_be_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    tally = tell("two-at-once", monkeypatch, reference.memory(), avoid=("isolation.read-current",))
    assert "isolation.write-skew-is-possible" in tally.counts
    assert "isolation.resolution-merges" not in tally.counts
    assert tally.finished == {
        "story.two-at-once": "told only up to isolation.read-current, to avoid it"
    }


def test_only_the_stories_of_chosen_clauses_are_told() -> None:
    names = runner.check_names(Plan(only=("record.new-*",)))
    assert [name for name in names if name.startswith("story.")] == ["story.records"]


def test_a_verdict_that_nobody_asked_for_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    name, clause = "ghosts", "connection.close-joined-refused"
    replaced, by = FAULTS[name, clause]
    with patch(replaced, eval(by)):
        assert tell(name, monkeypatch, reference.memory(), only=("identity.*",)).deviations == []


class Noting(Tally):
    """A recorder that keeps the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Step] = []

    def step(self, step: Step) -> None:
        self.taken.append(step)


def test_a_story_is_told_up_to_the_line_where_it_stopped(execute: Execute) -> None:
    noting = Noting()
    runner.run_checks(Plan(checks=("story.ghosts",)), noting)
    part = stories()["ghosts"].parts[3]
    last = max(n for n, step in enumerate(noting.taken, 1) if step[2] == str(part.number))
    clause, trace, place, script = runner.render(Plan(), noting.taken[:last])
    assert clause == part.clauses[0]
    source = part.lines[-1].source.splitlines()
    assert place is not None
    assert list(trace[place - 1 :]) == source
    ended = execute(script)
    assert (ended.returncode, ended.stderr) == (0, "")
    before = runner.render(Plan(), noting.taken[: last - 1])
    assert before[1] == trace[: place - 1]


def test_a_story_that_does_not_end_is_told_to_the_end() -> None:
    noting = Noting()
    runner.run_checks(Plan(checks=("story.ghosts",)), noting)
    clause, trace, place, _ = runner.render(Plan(), noting.taken)
    assert clause == stories()["ghosts"].parts[-1].clauses[0]
    assert trace[-1] == lines_of(stories()["ghosts"].parts)[-1].source.splitlines()[-1]
    assert place is None


def test_nobody_tries_to_shorten_a_story_that_the_target_falls_in() -> None:
    steps = (("story", "ghosts", "1", "1"), ("story", "ghosts", "1", "2"))
    assert is_text(Fall("crash", "", "", "story.ghosts", steps, whole=True, output=""))


MARKED = """
A story
=======

.. clauses: object.add-is-stored
   object.add-assigns-oid
.. needs: iteration raw-records

>>> 1
1

.. clauses: root.is-a-mapping

>>> 2
2
>>> 3
3
"""


def test_a_story_is_cut_into_parts_by_its_comments() -> None:
    story = story_of("marked", MARKED)
    assert (story.title, story.check) == ("A story", "story.marked")
    assert [(part.number, part.clauses, part.needs, len(part.lines)) for part in story.parts] == [
        (
            1,
            ("object.add-is-stored", "object.add-assigns-oid"),
            {"iteration", "raw-records"},
            1,
        ),
        (2, ("root.is-a-mapping",), frozenset(), 2),
    ]


DATED = """
A story
=======

.. editions: 2005-06-16 to 2005-06-17

.. clauses: root.is-a-mapping

>>> 1
1
"""


@pytest.mark.parametrize(
    ("marked", "editions"),
    [
        ("", EDITIONS),
        (".. editions: 2005-06-10\n", (Edition.A,)),
        (".. editions: 2005-06-16 to 2005-06-17\n", (Edition.A_PRIME, Edition.B)),
        (".. editions: 2006-08-16 to current\n", (Edition.C, CURRENT)),
    ],
)
def test_a_story_says_in_which_editions_it_is_told(
    marked: str, editions: tuple[Edition, ...]
) -> None:
    assert story_of("dated", f"Title\n\n{marked}\nText.\n").editions == editions


def test_an_edition_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="2005-06-11"):
        story_of("dated", DATED.replace("2005-06-16", "2005-06-11"))


def test_lines_that_are_about_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"put `\.\. clauses:` before line 3"):
        story_of("unmarked", "Title\n\n>>> 1\n1\n")


def test_a_comment_without_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="no lines follow"):
        story_of("empty", "Title\n\n.. clauses: root.is-a-mapping\n\nText.\n")
