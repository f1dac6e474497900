"""The search: what is found is judged, shrunk, reported once, and kept away from."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import faulty_databases
import pytest
from hypothesis.errors import FlakyReplay
from zodb_conformance import runner
from zodb_conformance.comparing import Mismatch
from zodb_conformance.context import Context
from zodb_conformance.drivers import machine, walker
from zodb_conformance.drivers.search import TOLERATED, Search
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.mixes import Mix
from zodb_conformance.performing import perform
from zodb_conformance.plan import VARIANTS, Plan
from zodb_conformance.results import Deviation, Step, Tally
from zodb_conformance.scripts import Finding, resolved
from zodb_conformance.targets import resolve
from zodb_spec.preludes import GROUPS, PRELUDE

REFERENCE = resolve(Plan(target="reference-memory"))
NEW: Step = ("new", "x", "Thing")
ADD: Step = ("add", "connection1", "x")
ROOT_ADD: Step = ("add", "connection2", "root1")
NOISE: tuple[Step, ...] = (
    ("new", "z", "Named"),
    ("set", "z", "a", "list"),
    ("begin", "manager2"),
    ("read", "root2", "'a'", "nothing"),
)
SCRIPT: tuple[Step, ...] = (*PRELUDE, *NOISE, NEW, ADD)
MIX = Mix({"add": 20, "new": 10, "close": 5})


def searching(name: str, tally: Tally | None = None, **plan: Any) -> Search:
    """A search on a faulty target."""
    target = replace(REFERENCE, open_database=getattr(faulty_databases, name))
    return Search(Context(Plan(**plan), target, tally or Tally()), "test.check")


def only(search: Search) -> Deviation:
    """The one deviation that was reported."""
    (deviation,) = search.recorder.deviations  # type: ignore[attr-defined]
    assert isinstance(deviation, Deviation)
    return deviation


# Whose fault it is.


def over_a_storage(name: str, baseline: str, **plan: Any) -> Search:
    """A search on a faulty target that is compared with another, for the faults of a storage."""
    search = searching(name, level="storage", **plan)
    search.baselines = (replace(REFERENCE, open_database=getattr(faulty_databases, baseline)),)
    return search


def test_a_fault_of_the_connections_does_not_hide_one_of_the_storage() -> None:
    search = over_a_storage("adds_nothing", "adds_nothing")
    assert search.try_script(resolved(SCRIPT)) is not None
    search.avoided.clear()
    search.baselines = (replace(REFERENCE, open_database=faulty_databases.faultless),)
    assert search.try_script(resolved(SCRIPT)) is not None
    first, second = search.recorder.deviations  # type: ignore[attr-defined]
    assert first.clause == second.clause == "object.add-assigns-oid"


def test_shrinking_does_not_slip_to_what_the_connections_do_by_themselves() -> None:
    # As if whatever is shorter were broken by the connections, and not by the storage.
    search = over_a_storage("adds_nothing", "faultless")

    def breaks(clause: str, script: Any) -> bool:
        return len(script) < len(SCRIPT)

    search._breaks_the_baseline = breaks  # type: ignore[method-assign]
    search.try_script(resolved(SCRIPT))
    assert len(only(search).script) == len(SCRIPT)


def test_a_clause_of_storages_is_not_tried_elsewhere() -> None:
    search = over_a_storage("faultless", "adds_nothing")
    assert search._breaks_the_baseline("object.add-assigns-oid", SCRIPT)
    assert not search._breaks_the_baseline("transaction.tids-increase", SCRIPT)


def test_only_a_run_about_a_storage_is_compared_with_a_baseline() -> None:
    assert searching("faultless").baselines == ()
    found = searching("faultless", level="storage").baselines
    assert [each.name for each in found] == ["reference-memory"] * len(VARIANTS)
    assert searching("faultless", level="storage", baseline=True).baselines == ()


# What becomes of a finding.


def test_a_deviation_is_noted_before_it_is_shortened() -> None:
    class Noting(Tally):
        def noticed(self, deviation: Deviation) -> None:
            assert not self.deviations
            noted.append(deviation)

    noted: list[Deviation] = []
    search = searching("adds_nothing", Noting())
    search.try_script(resolved(SCRIPT))
    [found] = noted
    assert (found.clause, found.script) == (only(search).clause, SCRIPT)


def test_a_deviation_is_reported_with_the_shortest_script() -> None:
    search = searching("adds_nothing")
    assert search.try_script(resolved(SCRIPT)) is not None
    found = only(search)
    assert (found.clause, found.check) == ("object.add-assigns-oid", "test.check")
    assert found.kind == "deviation"
    assert found.script == (PRELUDE[0], NEW, ADD)
    assert found.trace[-1] == "connection1.add(x)"
    assert found.established_at == found.noticed_at == len(found.trace)


def test_a_deviation_that_was_noticed_without_footprints_is_judged_with_them() -> None:
    search = searching("adds_nothing")
    script = (*SCRIPT, ("commit", "manager1"))
    assert search.try_script(resolved(script), footprint=False) is not None
    assert only(search).noticed == "add"


def test_a_clause_is_reported_once() -> None:
    search = searching("adds_nothing")
    for _ in range(2):
        search.try_script(resolved(SCRIPT))
    assert search.found == {("object.add-assigns-oid", False): 2}
    assert only(search)


def test_a_clause_that_deviates_again_and_again_is_kept_away_from() -> None:
    search = searching("adds_nothing")
    for _ in range(TOLERATED):
        assert "object.add-assigns-oid" not in search.avoided
        search.try_script(resolved(SCRIPT))
    assert "object.add-assigns-oid" in search.avoided
    assert search.try_script(resolved(SCRIPT)) is None


def test_what_the_plan_avoids_is_never_tried() -> None:
    search = searching("adds_nothing", avoid=("object.add-assigns-oid",))
    assert search.try_script(resolved(SCRIPT)) is None


def test_a_refusal_that_is_avoided_leaves_the_rest_of_the_operation() -> None:
    search = searching("adds_nothing", avoid=("object.add-foreign-refused",))
    script = (*PRELUDE, ROOT_ADD, NEW, ADD)
    assert search.try_script(resolved(script)) is not None
    assert only(search).clause == "object.add-assigns-oid"


def test_a_situation_that_is_avoided_is_never_entered() -> None:
    search = searching("faultless", avoid=("change-on-a-closed-connection",))
    tally = search.recorder
    change: Step = ("mark-changed", "root1")
    search.try_script(resolved((*PRELUDE, ("close", "connection1"), change)))
    assert isinstance(tally, Tally)
    assert tally.steps == len(PRELUDE) + 1


def test_a_deviation_names_the_situation_to_keep_away_from() -> None:
    target = replace(REFERENCE, open_database=faulty_databases.takes_changes_when_closed)
    search = Search(Context(Plan(), target, Tally()), "test.check")
    search.try_script(resolved((*PRELUDE, ("close", "connection1"), ("mark-changed", "root1"))))
    assert only(search).clause == "connection.closed-refuses-change"
    assert search.avoided == {"change-on-a-closed-connection"}


@pytest.mark.parametrize(
    ("edition", "avoided"),
    [("2005-06-16", set()), ("current", {"commit-refused-with-new-objects"})],
)
def test_what_led_there_is_seen_by_the_rules_of_the_edition(
    edition: str, avoided: set[str]
) -> None:
    # For one day a savepoint decided where a new object belongs, and nothing was refused.
    steps: tuple[Step, ...] = (
        *GROUPS,
        NEW,
        ("link", "root1", "'a'", "x", "strong"),
        ("savepoint", "manager1", "savepoint1"),
        ("link", "root3", "'a'", "x", "strong"),
        ("new", "y", "Thing"),
        ("link", "root1", "'b'", "y", "strong"),
        ("commit", "manager1"),
    )
    search = Search(Context(Plan(), resolve(Plan(edition=edition)), Tally()), "test.check")
    mismatch = Mismatch("object.abort-disowns", 0, "something", "something else", "False")
    numbers = tuple(range(1, len(steps) + 1))
    search._keep_away(Finding(mismatch, "commit", numbers, steps, ()))
    assert search.avoided == avoided


def test_only_a_clause_that_was_asked_for_is_reported() -> None:
    search = searching("adds_nothing", only=("isolation.*",))
    assert search.try_script(resolved(SCRIPT)) is not None
    assert search.recorder.deviations == []  # type: ignore[attr-defined]


def test_what_does_not_show_again_is_reported_as_flaky(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty_databases, "opened", itertools.count(1))
    search = searching("adds_nothing_at_first")
    assert search.try_script(resolved(SCRIPT)) is None
    assert (only(search).kind, only(search).clause) == ("flaky", "object.add-assigns-oid")
    assert search.found == {}


def test_a_replay_tells_of_its_steps_and_counts_no_clauses() -> None:
    tally = Tally()
    search = searching("adds_nothing", tally)
    search.try_script(resolved(SCRIPT))
    assert tally.scripts > 2
    assert tally.steps > len(SCRIPT)
    once = Tally()
    perform(search.target, resolved(SCRIPT), once)
    assert tally.counts == once.counts


# The walker.

BROKEN_BY_ADDING_NOTHING = [
    "connection.closed-refuses-use",
    "object.add-assigns-oid",
    "object.add-foreign-refused",
]
"""It should have raised errors as well."""


def clauses_of(tally: Tally) -> list[str]:
    """The clauses that deviate for certain, in alphabetical order."""
    return sorted(found.clause for found in tally.deviations if found.kind == "deviation")


class Steps(Tally):
    """A recorder that keeps the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Step | None] = []

    def script(self) -> None:
        self.taken.append(None)

    def step(self, step: Step) -> None:
        self.taken.append(step)


def walked(seed: int, check: str = "walk.test") -> list[Step | None]:
    steps = Steps()
    search = Search(Context(Plan(seed=seed), REFERENCE, steps), check)
    search.profile = replace(search.profile, scripts=6, steps=20)
    assert walker.walk(search, Mix({})) == ""
    return steps.taken


def test_the_walker_takes_the_same_steps_for_the_same_seed() -> None:
    assert walked(1) == walked(1)


def test_the_walker_takes_other_steps_for_another_seed_or_check() -> None:
    assert walked(1) != walked(2)
    assert walked(1) != walked(1, "walk.other")


def test_the_walker_performs_as_many_scripts_as_the_profile_says() -> None:
    assert walked(1).count(None) == 6


def test_the_walker_says_where_the_budget_ended() -> None:
    search = searching("faultless", budget=0)
    note = f"the budget ended after {walker.LEAST} of {search.profile.scripts} scripts"
    assert walker.walk(search, Mix({})) == note


def test_the_walker_finds_a_planted_fault() -> None:
    search = searching("adds_nothing", seed=3)
    search.profile = replace(search.profile, scripts=20)
    walker.walk(search, MIX)
    assert isinstance(search.recorder, Tally)
    assert clauses_of(search.recorder) == BROKEN_BY_ADDING_NOTHING


def test_the_smoke_test_passes_where_an_object_can_be_stored_and_read() -> None:
    walker.smoke(searching("faultless"))


def test_the_smoke_test_says_what_could_not_be_done() -> None:
    with pytest.raises(TargetUnusable) as error:
        walker.smoke(searching("stands_still"))
    assert str(error.value) == (
        "the smoke test failed at `manager1.commit()`: "
        "expected a new transaction; the last transaction is the old one"
    )


# The machine.


def driven(name: str, seed: int, scripts: int = 40) -> tuple[str, Steps]:
    steps = Steps()
    search = searching(name, steps, seed=seed)
    search.profile = replace(search.profile, scripts=scripts, steps=25)
    return machine.drive(search, MIX), steps


def test_the_machine_takes_the_same_steps_for_the_same_seed() -> None:
    assert driven("faultless", 1)[1].taken == driven("faultless", 1)[1].taken


def test_the_machine_takes_other_steps_for_another_seed() -> None:
    assert driven("faultless", 1)[1].taken != driven("faultless", 2)[1].taken


def test_the_machine_has_nothing_to_say_of_a_good_target() -> None:
    note, steps = driven("faultless", 1)
    assert (note, steps.deviations) == ("", [])


def test_the_machine_finds_a_planted_fault_and_shrinks_it() -> None:
    _, steps = driven("adds_nothing", 1, scripts=400)
    assert steps.deviations
    assert set(clauses_of(steps)) <= set(BROKEN_BY_ADDING_NOTHING)
    assert all(found.script[-1][0] == "add" for found in steps.deviations)
    assert all(len(found.script) <= 10 for found in steps.deviations)


@pytest.mark.parametrize("period", [2, 3, 7])
def test_the_machine_tells_what_does_not_show_every_time(period: int) -> None:
    made = itertools.count(1)

    def open_database(directory: Any, **options: Any) -> Any:
        name = "adds_nothing" if next(made) % period == 0 else "faultless"
        return getattr(faulty_databases, name)(directory)

    search = searching("faultless", Steps())
    search.target = replace(REFERENCE, open_database=open_database)
    search.profile = replace(search.profile, scripts=200, steps=25)
    machine.drive(search, MIX)
    assert isinstance(search.recorder, Steps)
    assert search.recorder.deviations


def test_the_machine_tells_what_it_saw_where_hypothesis_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = machine.run_state_machine_as_test

    def giving_up(*arguments: Any, **options: Any) -> None:
        try:
            run(*arguments, **options)
        except machine.Contradiction:
            raise FlakyReplay("it was not the same again") from None

    monkeypatch.setattr(machine, "run_state_machine_as_test", giving_up)
    _, steps = driven("adds_nothing", 1, scripts=400)
    assert steps.deviations
    assert set(clauses_of(steps)) <= set(BROKEN_BY_ADDING_NOTHING)


def test_the_machine_stops_with_the_budget() -> None:
    search = searching("faultless", budget=0)
    assert machine.drive(search, MIX) == "the budget ended before round 1"


def test_what_a_target_can_not_do_is_left_out_of_a_script_that_was_recorded_on_another() -> None:
    script = (
        ("open", "db", "manager1", "connection1"),
        ("root", "connection1", "root1"),
        ("set", "root1", "'a'", "one"),
        ("commit", "manager1"),
        ("commit-with-undo", "manager1", "db", "0"),
    )
    tally = Tally()
    assert runner.replay(Plan(target="zodb-mapping"), script, tally) is None
    assert runner.replay(Plan(target="zodb-file"), script, tally) is None
    assert tally.steps == 2 * 4 + 2 * 5


def test_a_read_conflict_is_held_against_the_mark_that_is_left_to_be_checked() -> None:
    script = (
        ("open", "db", "manager1", "connection1"),
        ("root", "connection1", "root1"),
        ("open", "db", "manager2", "connection2"),
        ("root", "connection2", "root2"),
        ("new", "counter1", "Counter"),
        ("link", "root1", "'a'", "counter1", "strong"),
        ("commit", "manager1"),
        ("begin", "manager2"),
        ("read", "root2", "'a'", "counter2"),
        ("set", "root1", "'b'", "one"),
        ("commit", "manager1"),
        ("begin", "manager2"),
        ("increment", "counter2"),
        ("read-current", "connection2", "counter2"),
        ("read-current", "connection2", "root2"),
        ("commit", "manager2"),
    )
    found = runner.replay(Plan(target="zodb-mapping"), script, Tally())
    assert found is not None
    assert found.clause == "isolation.read-current"
