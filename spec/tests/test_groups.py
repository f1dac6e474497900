"""Several databases: groups of connections, references between them, and joint commits."""

from __future__ import annotations

import pytest
from asking import owner, refusals, state
from zodb_spec.chapters.reach import foreign, what_is_stored
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.explore import begin
from zodb_spec.operation import Raised, Returned, Step, operations
from zodb_spec.operations.databases import NAMES
from zodb_spec.preludes import GROUPS, LINKED, OUTSIDE, THREE
from zodb_spec.script import after, initial, makes_sense, outcomes
from zodb_spec.world import CLEAN, GHOST, LOADED, Plain, Stored, World

TOGETHER = begin(GROUPS)
"""Two groups, of `connection1` and `connection3`, and of `connection2` and `connection4`."""
CROSSED = begin(LINKED)
"""The same; `two3` and `two4` of the second database refer to `one1` and `one2` of the first."""
APART = begin(OUTSIDE)
"""A group of two, and `connection5` to a database outside of their collection, one manager."""

NEW: Step = ("new", "x", "Thing")
FROM_FIRST: Step = ("link", "root1", "'a'", "x", "strong")
FROM_SECOND: Step = ("link", "root3", "'a'", "x", "strong")
SAVE: Step = ("savepoint", "manager1", "saved")
RETURN: Step = ("rollback", "saved")
COMMIT: Step = ("commit", "manager1")
ABORT: Step = ("abort", "manager1")


def is_accepted(world: World, *step: str) -> bool:
    """Whether a step passes, whatever else is allowed."""
    return all(not isinstance(outcome.seen, Raised) for outcome in outcomes(world, *step))


# Collections and groups.


def test_a_database_joins_the_collection_of_the_first_or_forms_its_own() -> None:
    world = after(
        initial(),
        ("open-database", "db2", "second", "inside"),
        ("open-database", "db3", "", "outside"),
    )
    found = {name: database.collection for name, database in world.databases.items()}
    assert found == {"db": "db", "db2": "db", "db3": "db3"}


@pytest.mark.parametrize("resolves", [True, False, None])
def test_another_database_resolves_conflicts_as_the_first_one_does(resolves: bool | None) -> None:
    world = after(initial(resolves=resolves), ("open-database", "db2", "second", "inside"))
    assert world.databases["db2"].resolves is resolves


def test_there_are_no_more_than_three_databases() -> None:
    assert not makes_sense(begin(THREE), ("open-database", "db4", NAMES[-1], "inside"))
    assert makes_sense(begin(GROUPS), ("open-database", "db4", NAMES[-1], "inside"))


def test_no_two_databases_have_one_name() -> None:
    world = after(initial(), ("open-database", "db2", "second", "inside"))
    assert not makes_sense(world, ("open-database", "db3", "second", "outside"))


def test_a_group_has_one_connection_to_each_database_whoever_is_asked() -> None:
    for asked, database, found in (
        ("connection1", "db2", "connection3"),
        ("connection3", "db", "connection1"),
        ("connection3", "db2", "connection3"),
    ):
        (outcome,) = outcomes(TOGETHER, "get-connection", asked, database, "another")
        assert outcome.seen == Returned("connection", found)


def test_a_missing_connection_is_opened_and_works_for_the_manager_of_the_group() -> None:
    world = after(begin(THREE), ("get-connection", "connection2", "db3", "connection6"))
    made = world.connections["connection6"]
    assert (made.manager, made.group) == ("manager2", "connection2")


def test_the_connection_that_was_opened_last_can_be_asked_for_another_one() -> None:
    world = after(begin(THREE), ("get-connection", "connection2", "db2", "connection4"))
    assert makes_sense(world, ("get-connection", "connection4", "db3", "another"))


def test_neither_a_closed_connection_can_be_asked_nor_one_in_a_failed_transaction() -> None:
    ask: Step = ("get-connection", "connection1", "db2", "another")
    bad: Step = ("set-unpicklable", "root1", "'b'", "lambda")
    assert makes_sense(TOGETHER, ask)
    assert not makes_sense(after(TOGETHER, ("close", "connection1")), ask)
    assert not makes_sense(after(TOGETHER, bad, COMMIT), ask)


def test_nobody_can_be_asked_for_a_database_outside_of_the_collection() -> None:
    assert not makes_sense(APART, ("get-connection", "connection1", "db3", "another"))


def test_it_is_not_asked_what_a_connection_shows_that_is_opened_after_a_commit() -> None:
    ask: Step = ("get-connection", "connection2", "db2", "connection6")
    world = after(begin(THREE), ("set", "root3", "'b'", "one"))
    assert makes_sense(world, ask)
    assert not makes_sense(after(world, COMMIT), ask)
    assert makes_sense(after(world, COMMIT, ("begin", "manager2")), ask)


@pytest.mark.parametrize("closed", ["connection1", "connection3"])
def test_a_group_closes_and_opens_again_together(closed: str) -> None:
    world = after(TOGETHER, ("close", closed))
    is_open = {name: found.is_open.value for name, found in world.connections.items()}
    assert is_open == {
        "connection1": False,
        "connection3": False,
        "connection2": True,
        "connection4": True,
    }
    again = outcomes(world, "open", "db", "manager2", "new")
    reopened = next(
        each.world for each in again if each.seen == Returned("connection", "connection1")
    )
    for name in ("connection1", "connection3"):
        assert reopened.connections[name].is_open.value
        assert reopened.connections[name].manager == "manager2"


def test_no_member_is_closed_if_one_has_joined_a_transaction() -> None:
    world = after(TOGETHER, ("set", "root3", "'b'", "one"))
    assert refusals(world, "close", "connection1") == {"group.close-all-or-nothing"}
    assert refusals(world, "close", "connection3") == {"connection.close-joined-refused"}


def test_a_group_may_be_kept_open_by_what_one_of_its_members_has_marked() -> None:
    world = after(TOGETHER, ("read-current", "connection3", "root3"))
    clauses = [outcome.clause for outcome in outcomes(world, "close", "connection1")]
    assert clauses == ["connection.reader-does-not-join", "connection.close-joined-refused"]


def test_up_to_june_16_nothing_is_said_of_a_group_that_loses_a_member() -> None:
    assert not makes_sense(begin(GROUPS, edition=Edition.A_PRIME), ("close", "connection1"))


def test_nothing_is_said_of_a_connection_that_a_group_may_have_taken_from_the_pool() -> None:
    alone: tuple[Step, ...] = (("close", "connection2"),)
    world = after(begin(THREE), *alone)
    assert not makes_sense(world, ("read", "root2", "'a'", "y"))
    for step in (("close", "connection2"), ("root", "connection2", "y")):
        assert not makes_sense(world, step)
    again = outcomes(world, "open", "db", "manager2", "new")
    assert Returned("connection", "connection2") in {outcome.seen for outcome in again}


def test_what_comes_from_the_pool_leaves_those_behind_of_whom_a_group_has_others() -> None:
    asking = after(TOGETHER, ("close", "connection1"), ("open", "db2", "manager1", "new"))
    found = {
        outcome.seen: outcome.world
        for outcome in outcomes(asking, "get-connection", "new", "db", "made")
    }
    assert found.keys() == {
        Returned("new connection", "made"),
        Returned("connection", "connection1"),
    }
    taken = found[Returned("connection", "connection1")]
    assert taken.group("new") == ["connection1", "new"]
    assert taken.group("connection3") == ["connection3"]
    assert taken.connections["connection1"].is_open.value
    assert not taken.connections["connection3"].is_open.value


# References across databases.


def test_a_reference_across_databases_names_the_database() -> None:
    assert state(CROSSED, "two4") == {"a": Stored(1, database="db")}


def test_only_where_there_is_one_database_an_object_is_a_ghost_that_nobody_has_asked_for() -> None:
    for world, one, two, status in (
        (begin(), "connection1", "connection2", GHOST),
        (TOGETHER, "connection3", "connection4", CLEAN),
    ):
        stored = after(world, NEW, ("add", one, "x"), COMMIT, ("begin", "manager2"))
        assert after(stored, ("get", two, "1", "y")).objects["y"].status.value == status


def test_a_reference_leads_to_the_object_of_the_own_group() -> None:
    (outcome,) = outcomes(CROSSED, "read", "two4", "a", "y")
    assert isinstance(outcome.seen, Returned)
    assert (outcome.seen.kind, outcome.seen.bind) == ("object", "one2")


def test_a_reference_opens_the_connection_that_it_needs() -> None:
    steps: tuple[Step, ...] = (
        *(("open-database", "db2", "second", "inside"), ("open", "db2", "manager1", "connection1")),
        *(("root", "connection1", "root1"), ("get-connection", "connection1", "db", "connection2")),
        *(("root", "connection2", "root2"), ("link", "root1", "'a'", "root2", "list"), COMMIT),
        *(("open", "db2", "manager2", "connection3"), ("root", "connection3", "root3")),
    )
    world = after(initial(), *steps)
    (outcome,) = outcomes(world, "read", "root3", "'a'", "y")
    opened = outcome.world.member("connection3", "db")
    assert opened is not None
    assert owner(outcome.world, "y") == (opened, 0)


def test_a_cycle_over_two_databases_is_stored() -> None:
    world = after(CROSSED, ("link", "one1", "b", "two3", "strong"), COMMIT)
    assert state(world, "one1") == {"b": Stored(1, database="db2")}


def test_a_change_is_stored_in_the_database_of_its_object() -> None:
    world = after(CROSSED, ("set", "one2", "b", "one"), ("commit", "manager2"))
    assert world.databases["db2"] == CROSSED.databases["db2"]
    assert world.databases["db"].last == CROSSED.databases["db"].last + 1


@pytest.mark.parametrize(
    ("world", "target", "clause"),
    [
        (TOGETHER, "root4", "xref.other-group-refused"),
        (TOGETHER, "root2", "reach.separate-connection-refused"),
        (APART, "root5", "xref.outside-refused"),
    ],
)
@pytest.mark.parametrize("ending", [COMMIT, SAVE])
def test_a_reference_that_could_not_be_honoured_is_refused(
    world: World, target: str, clause: str, ending: Step
) -> None:
    linked = after(world, ("link", "root1", "'b'", target, "strong"))
    assert refusals(linked, *ending) == {clause}


def test_it_is_not_asked_what_becomes_of_a_reference_to_an_object_of_a_closed_connection() -> None:
    linked = after(TOGETHER, ("link", "root1", "'a'", "root4", "strong"))
    for ending in (COMMIT, SAVE):
        assert makes_sense(linked, ending)
        assert not makes_sense(after(linked, ("close", "connection2")), ending)


def test_a_weak_reference_is_none_to_another_connection() -> None:
    for form, found in (("weak", []), ("strong", [("x", ("connection2", 1))])):
        linked = after(TOGETHER, NEW, ("link", "root1", "'a'", "x", form))
        world = after(linked, ("add", "connection2", "x"))
        assert list(foreign(world, what_is_stored(world, "connection1"))) == found


def test_in_the_first_edition_connections_that_were_opened_separately_belong_together() -> None:
    steps: tuple[Step, ...] = (
        *(("open-database", "db2", "second", "inside"), ("open", "db", "manager1", "connection1")),
        *(("root", "connection1", "root1"), ("open", "db2", "manager2", "connection2")),
        *(("root", "connection2", "root2"), ("link", "root1", "'a'", "root2", "strong")),
    )
    assert is_accepted(after(initial(edition=Edition.A), *steps), *COMMIT)
    assert refusals(after(initial(edition=Edition.A_PRIME), *steps), *COMMIT) == {
        "xref.other-group-refused"
    }


def test_in_the_first_edition_it_is_not_asked_what_a_reference_leads_to() -> None:
    for edition, sensible in ((Edition.A, False), (Edition.A_PRIME, True)):
        world = begin(GROUPS[:5], edition=edition)
        assert makes_sense(world, ("get-connection", "connection1", "db2", "y")) is sensible
    linked = after(begin(edition=Edition.A), ("link", "root1", "'a'", "root2", "strong"), COMMIT)
    assert state(linked, "root1") == {"'a'": Stored(0, database="db")}
    assert not makes_sense(linked, ("read", "root1", "'a'", "y"))


SEPARATE: tuple[Step, ...] = (
    *(("open-database", "db2", "second", "inside"), ("open", "db", "manager1", "connection1")),
    *(("root", "connection1", "root1"), ("open", "db2", "manager1", "connection3")),
    *(("root", "connection3", "root3"), ("open", "db2", "manager2", "connection4")),
    ("root", "connection4", "root4"),
)
"""Three connections to two databases that were opened separately, two of them for one manager."""


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((NEW, FROM_FIRST, FROM_SECOND, COMMIT), id="reached from both"),
        pytest.param(
            (
                NEW,
                FROM_FIRST,
                SAVE,
                ("link", "root4", "'a'", "x", "strong"),
                ("commit", "manager2"),
            ),
            id="stored by a savepoint of another transaction",
        ),
    ],
)
def test_in_the_first_edition_it_is_not_asked_where_a_new_object_of_two_databases_lands(
    steps: tuple[Step, ...],
) -> None:
    *before, commit = steps
    for edition, sensible in ((Edition.A, False), (CURRENT, True)):
        world = after(begin(SEPARATE, edition=edition), *before)
        assert makes_sense(world, commit) is sensible


# New objects.


def test_a_new_object_lands_where_it_is_reached_from() -> None:
    assert owner(after(TOGETHER, NEW, FROM_SECOND, COMMIT), "x") == ("connection3", 1)


def test_a_new_object_that_two_databases_reach_is_refused() -> None:
    ambiguous = after(TOGETHER, NEW, FROM_FIRST, FROM_SECOND)
    for ending in (COMMIT, SAVE):
        assert refusals(ambiguous, *ending) == {"new-object.ambiguous-refused"}
    assert owner(after(ambiguous, COMMIT, ABORT), "x") is None


def test_a_new_object_that_the_first_and_the_last_of_three_databases_reach_is_refused() -> None:
    between: Step = ("set", "root3", "'b'", "one")
    from_third: Step = ("link", "root5", "'a'", "x", "strong")
    world = after(begin(THREE), NEW, FROM_FIRST, between, from_third)
    assert refusals(world, *COMMIT) == {"new-object.ambiguous-refused"}


def test_a_savepoint_in_between_does_not_help() -> None:
    for steps in ((), (("add", "connection1", "x"),), (("unlink", "root1", "'a'"),)):
        world = after(TOGETHER, NEW, FROM_FIRST, SAVE, *steps, FROM_SECOND)
        assert refusals(world, *COMMIT) == {"new-object.stays-ambiguous"}


@pytest.mark.parametrize(
    ("referrer", "clauses"),
    [
        ("root2", {"reach.separate-connection-refused"}),
        ("root4", {"xref.other-group-refused", "new-object.stays-ambiguous"}),
    ],
)
def test_only_a_reference_from_another_database_is_ambiguous(
    referrer: str, clauses: set[str]
) -> None:
    world = after(TOGETHER, NEW, FROM_FIRST, SAVE, ("link", referrer, "'a'", "x", "strong"))
    assert refusals(world, "commit", "manager2") == clauses


def test_to_return_to_a_savepoint_erases_it() -> None:
    world = after(TOGETHER, ("set", "root1", "'b'", "one"), SAVE, NEW, FROM_FIRST)
    world = after(world, ("savepoint", "manager1", "later"), RETURN, FROM_SECOND, COMMIT)
    assert owner(world, "x") == ("connection3", 1)


def test_up_to_june_16_a_savepoint_in_between_does_help() -> None:
    world = begin(GROUPS, edition=Edition.A_PRIME)
    assert is_accepted(after(world, NEW, FROM_FIRST, SAVE, FROM_SECOND), *COMMIT)


def test_to_commit_in_between_does_help() -> None:
    world = after(TOGETHER, NEW, FROM_FIRST, COMMIT, FROM_SECOND, COMMIT)
    assert state(world, "root3") == {"'a'": Stored(1, database="db")}


def test_to_add_an_object_does_help_also_over_savepoints() -> None:
    for steps in ((), (SAVE,), (SAVE, ("set", "x", "b", "one"))):
        world = after(TOGETHER, NEW, ("add", "connection1", "x"), FROM_FIRST, *steps, FROM_SECOND)
        assert is_accepted(world, *COMMIT)
        assert owner(after(world, COMMIT), "x") == ("connection1", 1)


ADD: Step = ("add", "connection1", "x")


@pytest.mark.parametrize(
    ("edition", "steps", "decides"),
    [
        (CURRENT, (ADD, FROM_SECOND), "new-object.add-decides"),
        (CURRENT, (ADD, SAVE, FROM_SECOND), "new-object.add-decides"),
        (CURRENT, (FROM_FIRST, COMMIT, FROM_SECOND), "new-object.commit-decides"),
        (Edition.A_PRIME, (FROM_FIRST, SAVE, FROM_SECOND), "new-object.savepoint-decides"),
        (Edition.A, (FROM_FIRST, COMMIT, FROM_SECOND), "xref.separate-accepted"),
    ],
)
def test_a_commit_relies_on_what_has_decided_where_an_object_belongs(
    edition: Edition, steps: tuple[Step, ...], decides: str
) -> None:
    prelude = SEPARATE if edition is Edition.A else GROUPS
    assert exercised(after(begin(prelude, edition=edition), NEW, *steps), *COMMIT) == {decides}


def test_what_a_savepoint_has_merely_reached_does_not_count_as_added() -> None:
    world = after(TOGETHER, NEW, FROM_FIRST, SAVE, FROM_SECOND)
    assert "new-object.add-decides" not in exercised(world, *COMMIT)


def exercised(world: World, *step: str) -> set[str]:
    """Which of the clauses were exercised that say where an object belongs."""
    _, trace = operations()[step[0]].outcomes(world._replace(step=world.step + 1), step[1:])
    return {id for id in trace if id.endswith("-decides") or id == "xref.separate-accepted"}


def test_to_add_an_object_does_not_help_what_is_reached_from_it() -> None:
    world = after(
        TOGETHER,
        *(NEW, ("new", "y", "Thing"), ("add", "connection1", "x")),
        *(("link", "x", "a", "y", "strong"), ("link", "root3", "'b'", "y", "strong")),
    )
    assert refusals(world, *COMMIT) == {"new-object.ambiguous-refused"}


def test_it_is_not_asked_which_database_stores_a_new_object_that_is_referred_to_weakly() -> None:
    weakly: tuple[Step, ...] = (NEW, ("link", "root1", "'a'", "x", "weak"))
    assert not makes_sense(after(TOGETHER, *weakly), COMMIT)
    assert makes_sense(after(begin(), *weakly), COMMIT)


# Joint commits and savepoints.


def test_a_conflict_in_one_database_keeps_everything_from_being_stored() -> None:
    other: tuple[Step, ...] = (("set", "root4", "'b'", "one"), ("commit", "manager2"))
    world = after(TOGETHER, ("set", "root1", "'b'", "one"), ("set", "root3", "'b'", "none"), *other)
    assert refusals(world, *COMMIT) == {"isolation.first-committer-wins"}


def test_a_commit_adds_a_transaction_to_each_database_that_has_changes() -> None:
    world = after(TOGETHER, ("set", "root1", "'b'", "one"), ("set", "root3", "'b'", "one"), COMMIT)
    lengths = {name: len(found.history) for name, found in world.databases.items()}
    assert lengths == {"db": 2, "db2": 2}
    alone = after(TOGETHER, ("set", "root3", "'b'", "one"), COMMIT)
    assert alone.databases["db"] == TOGETHER.databases["db"]


def test_to_return_to_a_savepoint_restores_every_member_of_the_group() -> None:
    world = after(
        TOGETHER,
        *(("set", "root1", "'b'", "one"), SAVE, ("set", "root1", "'b'", "none")),
        *(("set", "root3", "'b'", "none"), RETURN),
    )
    assert (state(world, "root1"), state(world, "root3")) == ({"'b'": Plain("one")}, {})
    assert world.managers["manager1"].joined == ("connection1",)


def test_what_a_savepoint_may_bring_back_is_not_forgotten_in_any_database() -> None:
    refers: Step = ("link", "x", "b", "root1", "strong")
    saved = after(TOGETHER, NEW, refers, FROM_SECOND, SAVE, ("unlink", "x", "b"))
    world = after(saved, ("savepoint", "manager1", "later"))
    assert not makes_sense(world, ("forget", "root1"))
    assert makes_sense(world, ("forget", "root3"))


def test_to_reduce_the_cache_of_one_connection_may_make_ghosts_in_its_whole_group() -> None:
    loaded = after(TOGETHER, ("read", "root3", "'a'", "y"), ("read", "root4", "'a'", "z"))
    world = after(loaded, ("minimize", "connection1"))
    statuses = [world.objects[name].status.value for name in ("root3", "root4")]
    assert statuses == [CLEAN, LOADED]


def test_the_oids_and_tids_of_another_database_are_named_after_it() -> None:
    line = operations()["get"].line(TOGETHER, "connection3", "0", "y")
    assert line == "y = connection3.get(db2_oid0)"


def test_what_is_shared_by_two_groups_is_not_stored_while_the_pool_holds_a_connection() -> None:
    """Whoever looks in a group for the connection to refer to may take one from the pool, and what
    was closed is open then.
    """
    shared = after(
        initial(),
        ("open-database", "db2", "second", "inside"),
        ("open", "db", "manager1", "connection1"),
        ("root", "connection1", "root1"),
        ("open", "db", "manager2", "connection2"),
        ("open", "db2", "manager1", "connection3"),
        ("root", "connection3", "root3"),
        ("new", "x", "Thing"),
        ("link", "root1", "'a'", "x", "strong"),
        ("link", "root3", "'c'", "x", "strong"),
    )
    savepoint: Step = ("savepoint", "manager1", "s")
    assert makes_sense(shared, savepoint)
    assert not makes_sense(after(shared, ("close", "connection2")), savepoint)
