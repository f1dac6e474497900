"""The model of the storage protocol."""

from __future__ import annotations

from random import Random

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.clause import clauses
from zodb_spec.explore.exploring import every_choice
from zodb_spec.operation import Raised, all_operations, operations
from zodb_spec.protocol.preludes import (
    BLOBS,
    COUNTED,
    LINKED_RECORDS,
    SEVERAL_CLIENTS,
    STORED,
    TIMED,
    committed,
)
from zodb_spec.protocol.reading import LIGHT, READS
from zodb_spec.protocol.world import NEVER, STORAGE, World, initial
from zodb_spec.script import WIDTH, after, makes_sense, mix, outcomes, part_of, resolve

TABLE = operations("storage")


def begun(*steps: tuple[str, ...], resolves: bool | None = True) -> World:
    """The world after a counter was stored twice, a transaction was begun, and some steps more."""
    world: World = after(
        initial(resolves=resolves), *STORED, ("tpc-begin", STORAGE, "meta9"), *steps
    )
    return world


def store(oid: str, serial: str, data: str) -> tuple[str, ...]:
    return "store", STORAGE, "meta9", oid, serial, data


def test_the_two_tables_have_no_name_in_common() -> None:
    assert len(all_operations()) == len(TABLE) + len(operations())
    assert part_of(STORED) == "storage"
    assert part_of((("open", "db", "manager1", "connection1"),)) == "connection"


def test_what_is_read_changes_nothing() -> None:
    assert {*LIGHT} <= {*READS} <= TABLE.keys()
    world = after(initial(), *LINKED_RECORDS)
    for name in READS:
        for argument in ("storage", "oid1", "tid3"):
            words = [argument] * len(TABLE[name].arguments)
            if TABLE[name].makes_sense(world, words):
                assert all(each.world is world for each in outcomes_of(world, name, *words))


def outcomes_of(world: World, name: str, *words: str) -> list[object]:
    return list(TABLE[name].outcomes(world, words)[0])


def test_nothing_that_is_stored_is_seen_before_the_end() -> None:
    world = begun(store("oid0", "current", "'two'"), ("tpc-vote", STORAGE, "meta9"))
    assert world.store == begun().store
    finished = after(world, ("tpc-finish", STORAGE, "meta9", "tid9"))
    assert (finished.store.last, finished.store.serial("oid0")) == ("tid9", "tid9")
    assert after(world, ("tpc-abort", STORAGE, "meta9")).store == world.store


@pytest.mark.parametrize(
    ("resolves", "clauses_of_outcomes"),
    [
        (True, ["protocol.resolved"]),
        (False, ["protocol.conflict", "protocol.conflict"]),
        (None, ["protocol.resolved", "protocol.conflict"]),
    ],
)
def test_a_conflict_is_resolved_where_the_storage_does_that(
    resolves: bool | None, clauses_of_outcomes: list[str]
) -> None:
    found = outcomes(begun(resolves=resolves), *store("oid1", "stale", "counter"))
    assert [outcome.clause for outcome in found] == clauses_of_outcomes


def test_what_is_merged_counts_for_both() -> None:
    # It was 4 and became 8; who has read 4 makes 11 of it.
    world = begun(store("oid1", "stale", "counter"))
    (merged,) = world.commit.writes.values() if world.commit else ()
    assert merged.value is not None
    old, committed_, new = 4, 8, world.step
    assert merged.value.value == str(committed_ + new - old)
    assert world.commit is not None
    assert world.commit.resolved == {"oid1"}


def test_what_was_not_refused_at_once_is_refused_by_the_vote() -> None:
    at_once, later = outcomes(begun(), *store("oid0", NEVER, "'two'"))
    assert isinstance(at_once.seen, Raised)
    assert not makes_sense(at_once.world, ("tpc-vote", STORAGE, "meta9"))
    (refused,) = outcomes(later.world, "tpc-vote", STORAGE, "meta9")
    assert refused.clause == "protocol.conflict"
    assert isinstance(refused.seen, Raised)
    assert refused.seen.errors == clauses()["protocol.conflict"].error


def test_undo_brings_back_what_was_before() -> None:
    world = begun(("undo-transaction", STORAGE, "meta9", "0"))
    assert world.commit is not None
    restored = world.commit.writes["oid1"].value
    assert restored == world.store.lineage("oid1")[0][1].value


def undone(world: World, *backs: str) -> World:
    """The world in which a transaction has undone others, each by the number of those after it."""
    begun: World = after(world, ("tpc-begin", STORAGE, "meta9"))
    for back in backs:
        begun = after(begun, ("undo-transaction", STORAGE, "meta9", back))
    return begun


def value(world: World, oid: str) -> str | None:
    """What an object will hold after the commit."""
    assert world.commit is not None
    data = world.commit.writes[oid].value
    return None if data is None else data.value


def test_undo_takes_one_change_back_and_leaves_the_others() -> None:
    world = after(initial(resolves=True), *COUNTED)
    first, second, third = [
        int(fact.value.value) for _, fact in world.store.lineage("oid1") if fact.value is not None
    ]
    merged, refused = outcomes(undone(world), "undo-transaction", STORAGE, "meta9", "3")
    assert (merged.clause, refused.clause) == ("protocol.undo-merged", "protocol.undo-refused")
    assert value(merged.world, "oid1") == str(third - (second - first))
    passed, failed = outcomes(merged.world, "tpc-vote", STORAGE, "meta9")
    assert (passed.clause, failed.clause) == ("protocol.vote", "protocol.undo-refused")


def test_nothing_is_merged_where_the_storage_does_not_do_that() -> None:
    world = undone(after(initial(resolves=False), *COUNTED))
    found = outcomes(world, "undo-transaction", STORAGE, "meta9", "3")
    assert {outcome.clause for outcome in found} == {"protocol.undo-refused"}


def test_what_was_changed_back_is_in_nobodys_way() -> None:
    world = undone(after(initial(), *COUNTED))
    (found,) = outcomes(world, "undo-transaction", STORAGE, "meta9", "2")
    assert found.clause == "protocol.undo-changed-back"
    assert value(found.world, "oid0") == "'one'"


def test_several_are_undone_one_on_top_of_the_other() -> None:
    world = undone(after(initial(), *COUNTED), "0")
    (found,) = outcomes(world, "undo-transaction", STORAGE, "meta9", "1")
    assert found.clause == "protocol.undo-several"
    assert value(found.world, "oid0") == "'two'"
    (again,) = outcomes(found.world, "undo-transaction", STORAGE, "meta9", "2")
    assert value(again.world, "oid0") == "'one'"


def test_the_older_of_two_can_not_be_undone_first() -> None:
    world = undone(after(initial(), *LINKED_RECORDS, *committed(7, ("oid1", "'three'"))))
    found = outcomes(world, "undo-transaction", STORAGE, "meta9", "1")
    assert {outcome.clause for outcome in found} == {"protocol.undo-refused"}


def test_the_vote_is_refused_for_one_of_several_reasons() -> None:
    world = undone(after(initial(), *LINKED_RECORDS))
    for step in (
        ("undo-transaction", STORAGE, "meta9", "1"),
        ("store", STORAGE, "meta9", "oid1", "stale", "'two'"),
    ):
        world = outcomes(world, *step)[-1].world
    found = outcomes(world, "tpc-vote", STORAGE, "meta9")
    assert [outcome.clause for outcome in found] == ["protocol.undo-refused", "protocol.conflict"]


def restoring(*steps: tuple[str, ...], word: str = "next") -> World:
    """The world after a counter was stored twice, a transaction was begun with a tid, and some
    steps more.
    """
    world: World = after(
        initial(resolves=True), *STORED, ("begin-with-tid", STORAGE, word, "noted9"), *steps
    )
    return world


def of_restoring(name: str, *words: str) -> tuple[str, ...]:
    return name, STORAGE, "noted9", *words


RESTORED = (
    of_restoring("restore-record", "oid0", "'two'"),
    of_restoring("restore-hinted", "oid1", "tid2", "same"),
    of_restoring("tpc-vote"),
    of_restoring("tpc-finish", "tid9"),
)


def test_a_transaction_with_a_tid_is_finished_with_that() -> None:
    (finished,) = outcomes(restoring(*RESTORED[:-1]), *RESTORED[-1])
    assert finished.clause == "protocol.finish-with-tid"
    # In that script the tid is that of the ninth step, whatever it is called when it is given back.
    assert finished.seen.expression == "(told9, tid9) == ([given9], given9)"
    assert (
        TABLE["begin-with-tid"]
        .line(begun(), STORAGE, "next", "noted9")
        .startswith("given9 = next_tid(tid3); noted9 = metadata(b'user 9'")
    )


def test_what_is_restored_is_what_is_given_and_no_conflict() -> None:
    world = restoring(*RESTORED)
    first = world.store.lineage("oid1")[0][1].value
    assert [fact.value for _, fact in world.store.lineage("oid1")][-1] == first
    assert world.store.serial("oid0") == world.store.last == "tid9"


def test_a_hint_is_a_hint() -> None:
    world = restoring(of_restoring("restore-hinted", "oid0", "tid2", "'three'"))
    assert value(world, "oid0") == "'three'"
    # The third transaction has stored nothing of the root that could be the same.
    assert not makes_sense(world, of_restoring("restore-hinted", "oid0", "tid3", "same"))


def test_an_end_can_be_restored_and_be_undone() -> None:
    end = of_restoring("restore-end", "oid1")
    world = restoring(end, *RESTORED[-2:])
    assert not makes_sense(undone(world), end)
    assert value(undone(world, "0"), "oid1") == "8"


def test_a_transaction_with_a_tid_only_restores() -> None:
    world = restoring(RESTORED[0])
    for step in (
        of_restoring("store", "oid1", "current", "'two'"),
        of_restoring("store-blob", "oid1", "current"),
        of_restoring("check-current", "oid0", "current"),
        of_restoring("undo-transaction", "0"),
        of_restoring("delete-object", "oid1", "current"),
    ):
        assert not makes_sense(world, step)
    assert makes_sense(world, RESTORED[0])
    assert not makes_sense(begun(), ("restore-record", STORAGE, "meta9", "oid0", "'two'"))


def test_what_comes_after_a_time_has_a_tid_of_a_later_one() -> None:
    def words(world: World) -> list[str]:
        found = every_choice(world._replace(step=20), TABLE["begin-with-tid"])
        return [step[2] for step in found]

    stored = after(initial(), *STORED)
    assert words(initial()) == words(stored) == ["now", "next"]
    for step in (("take-time", "moment5"), ("pack-storage",)):
        looked = after(stored, step)
        assert words(looked) == ["now"]
        assert words(after(looked, *committed(7, ("oid0", "'two'")))) == ["now", "next"]


def test_to_begin_twice_may_be_ignored_where_there_is_a_tid() -> None:
    refused, ignored = outcomes(restoring(), *of_restoring("begin-twice"))
    assert isinstance(refused.seen, Raised)
    assert refused.world == ignored.world
    assert len(outcomes(begun(), "begin-twice", STORAGE, "meta9")) == 1


def seen_by(world: World, handle: str, oid: str) -> set[str]:
    """What a client that may not have heard of everything may show."""
    found = outcomes(world, "load-behind", handle, oid)
    return {"" if isinstance(each.seen, Raised) else each.seen.value for each in found}


def test_a_client_shows_nothing_older_than_what_it_has_told_of() -> None:
    world = after(initial(), *STORED, ("open-client", "client4"), ("new-oid", "oid2"))
    world = after(world, *committed(6, ("oid1", "counter")))
    assert seen_by(world, "client4", "oid1") == {"((8, []), tid3)", "((14, []), tid6)"}
    assert not makes_sense(world, ("load", "client4", "oid1"))
    world = after(world, ("catch-up", "client4"), *committed(7, ("oid2", "'one'")))
    assert seen_by(world, "client4", "oid1") == {"((14, []), tid6)"}
    assert seen_by(world, "client4", "oid2") == {"", "(('one', []), tid7)"}


def test_what_a_client_commits_it_shows_itself_and_the_others_hear_of() -> None:
    world = after(
        initial(),
        ("open-client", "client1"),
        ("tpc-begin", "client1", "meta2"),
        ("store", "client1", "meta2", "oid0", "current", "'one'"),
        ("tpc-vote", "client1", "meta2"),
        ("tpc-finish", "client1", "meta2", "tid2"),
    )
    assert makes_sense(world, ("load", "client1", "oid0"))
    assert world.is_behind(STORAGE)
    assert world.handles[STORAGE].told == (("tid2", ("oid0",)),)
    assert "caught_up(reader, tid2" in TABLE["load"].line(world, STORAGE, "oid0")
    assert not makes_sense(world, ("list-announced", STORAGE))
    assert makes_sense(after(world, ("catch-up", STORAGE)), ("list-announced", STORAGE))


def test_a_client_takes_what_it_was_about_to_commit_with_it() -> None:
    world = after(initial(), ("open-client", "client1"), ("tpc-begin", "client1", "meta2"))
    assert after(world, ("close-client", "client1")).commit is None


def test_a_blob_that_was_changed_since_is_in_the_way() -> None:
    found = outcomes(
        undone(after(initial(resolves=True), *BLOBS)), "undo-transaction", STORAGE, "meta9", "1"
    )
    assert {outcome.clause for outcome in found} == {"protocol.undo-refused"}


def test_undo_gives_a_blob_its_file_back() -> None:
    world = after(initial(), *BLOBS)
    first, second = [fact.value.value for _, fact in world.store.lineage("oid1") if fact.value]
    assert value(undone(world, "0"), "oid1") == first != second
    done = after(
        undone(world, "0"), ("tpc-vote", STORAGE, "meta9"), ("tpc-finish", STORAGE, "meta9", "tid9")
    )
    for step, held in (
        (("load-blob", STORAGE, "oid1"), first),
        (("open-blob", STORAGE, "oid1", "tid3"), second),
    ):
        (found,) = outcomes(done, *step)
        assert found.seen.value == held


def test_what_is_no_blob_has_no_file() -> None:
    world = after(initial(), *BLOBS)
    (found,) = outcomes(world, "load-blob", STORAGE, "oid0")
    assert found.clause == "protocol.blob-missing"
    assert not makes_sense(world, ("store-blob", STORAGE, "meta9", "oid0", "current"))


def test_a_client_is_not_asked_for_files_that_were_packed_away() -> None:
    world = after(initial(), *BLOBS)
    assert makes_sense(world, ("open-blob", STORAGE, "oid1", "tid2"))
    assert not makes_sense(after(world, ("pack-storage",)), ("open-blob", STORAGE, "oid1", "tid2"))


def test_the_root_may_be_kept_from_being_undone() -> None:
    world = undone(after(initial(), *committed(2, ("oid0", "'one'"))))
    found = outcomes(world, "undo-transaction", STORAGE, "meta9", "0")
    assert [outcome.clause for outcome in found] == ["protocol.undo", "protocol.undo-refused"]


def test_an_end_after_which_there_was_another_may_be_kept_from_being_undone() -> None:
    def restored(number: int, name: str, *words: str) -> tuple[tuple[str, ...], ...]:
        meta = f"noted{number}"
        return (
            ("begin-with-tid", STORAGE, "next", meta),
            (name, STORAGE, meta, "oid1", *words),
            ("tpc-vote", STORAGE, meta),
            ("tpc-finish", STORAGE, meta, f"tid{number}"),
        )

    end = (*STORED, *restored(4, "restore-end"))
    again = (*restored(5, "restore-record", "'one'"), *restored(6, "restore-end"))
    for script, back, refusals in (
        (end, "0", []),
        ((*end, *again), "2", ["protocol.undo-refused"]),
    ):
        found = outcomes(
            undone(after(initial(), *script)), "undo-transaction", STORAGE, "meta9", back
        )
        assert [outcome.clause for outcome in found[1:]] == refusals
        assert value(found[0].world, "oid1") == "8"


def left(world: World, oid: str) -> list[str]:
    """The transactions of which a storage has revisions of an object."""
    return [tid for tid, _ in world.store.lineage(oid)]


def test_a_pack_for_an_earlier_time_keeps_what_was_current_then_and_what_came_later() -> None:
    # The root led to the second object at that time, and leads nowhere since; the first one was
    # never led to, and was changed since.
    found = [
        outcome.world for outcome in outcomes(after(initial(), *TIMED), "pack-past", "moment5")
    ]
    ways = {
        tuple(map(tuple, (left(world, oid) for oid in ("oid0", "oid1", "oid2")))) for world in found
    }
    root = ("tid3", "tid6")
    assert ways == {
        (root, ("tid4", "tid6"), ("tid3",)),
        (root, ("tid6",), ("tid3",)),
        (root, (), ("tid3",)),
    }
    assert all(world.store.last == "tid6" for world in found)


def test_after_a_pack_for_an_earlier_time_what_came_later_can_be_undone() -> None:
    world = after(initial(), *TIMED, ("pack-past", "moment5"))
    assert makes_sense(undone(world), ("undo-transaction", STORAGE, "meta9", "0"))
    assert not makes_sense(undone(world), ("undo-transaction", STORAGE, "meta9", "1"))


def test_nothing_is_said_of_a_pack_behind_which_an_old_revision_is_shared() -> None:
    """FileStorage keeps it then, and shows it to some reads."""
    restored = "restore-hinted", STORAGE, "noted9", "oid1"
    ended = (("tpc-vote", STORAGE, "noted9"), ("tpc-finish", STORAGE, "noted9", "tid9"))
    for prelude, step, is_said in (
        (("begin-noted", STORAGE, "noted9"), ("undo-transaction", STORAGE, "noted9", "0"), False),
        (("begin-with-tid", STORAGE, "now", "noted9"), (*restored, "tid2", "same"), False),
        (("begin-with-tid", STORAGE, "now", "noted9"), (*restored, "tid3", "same"), True),
        (("begin-with-tid", STORAGE, "now", "noted9"), (*restored, "tid2", "'three'"), True),
    ):
        world = after(initial(), *STORED, ("take-time", "moment5"), prelude, step, *ended)
        assert makes_sense(world, ("pack-past", "moment5")) is is_said


def test_a_pack_for_a_time_before_the_last_one_changes_nothing() -> None:
    world = after(initial(), *TIMED, ("pack-storage",))
    passed, refused = outcomes(world, "pack-past", "moment5")
    assert passed.clause == refused.clause == "protocol.pack-earlier"
    assert passed.world.store == refused.world.store == world.store


def test_a_pack_without_garbage_collection_keeps_what_is_led_to_by_nothing() -> None:
    world = after(initial(), *LINKED_RECORDS)
    passed, refused = outcomes(world, "pack-without-gc")
    assert passed.world.store.known() == ("oid0", "oid1", "oid2")
    assert left(passed.world, "oid1") == ["tid4"]
    assert refused.world.store == world.store


def test_undo_of_what_was_changed_since_is_refused() -> None:
    world = after(initial(), *LINKED_RECORDS, ("tpc-begin", STORAGE, "meta9"))
    found = outcomes(world, "undo-transaction", STORAGE, "meta9", "1")
    assert {outcome.clause for outcome in found} == {"protocol.undo-refused"}


def test_a_pack_keeps_what_the_root_leads_to() -> None:
    more = committed(7, ("oid0", "'three'"))
    world = after(initial(), *LINKED_RECORDS, *more)
    collected, kept = outcomes(world, "pack-storage")
    assert collected.world.store.known() == ("oid0",)
    assert kept.world.store.known() == ("oid0", "oid1", "oid2")
    for outcome in (collected, kept):
        assert outcome.world.store.last == "tid7"
        assert [len(each.revisions) for each in outcome.world.store.history][-1] == 1


def test_what_is_given_and_not_stored_may_be_given_again_later() -> None:
    world = after(initial(), *STORED, ("new-oid", "oid8"), ("reopen-storage",))
    assert world.store.oids == ("oid1",)


@pytest.mark.parametrize("resolves", [True, False, None])
def test_every_script_can_be_interpreted(resolves: bool | None) -> None:
    taken = set()
    often = {"open-client": 4, "catch-up": 9, "list-announced": 9, "delete-object": 9}
    restores = ("begin-with-tid", "restore-record", "restore-hinted", "restore-end")
    often |= dict.fromkeys(restores, 9)
    for number in range(200):
        draw = Random(number)
        world, choice = initial(resolves=resolves), mix(often, "storage")
        if number % 2:
            world = after(world, *SEVERAL_CLIENTS)
        for index in range(world.step + 1, world.step + 60):
            world = world._replace(step=index)
            step = resolve(world, [draw.randrange(1 << 16) for _ in range(WIDTH)], choice)
            if step is not None:
                assert compile(TABLE[step[0]].line(world, *step[1:]), "<line>", "exec")
                world = draw.choice(outcomes_of(world, step[0], *step[1:])).world  # type: ignore[attr-defined]
                taken.add(step[0])
    assert taken == TABLE.keys()


def test_no_read_depends_on_what_is_being_committed() -> None:
    def looks(world: World) -> list[object]:
        return [
            (step, TABLE[name].line(world, *step[1:]), [each.seen for each in outcomes])
            for name in READS
            for step in every_choice(world, TABLE[name])
            for outcomes in (TABLE[name].outcomes(world, step[1:])[0],)
        ]

    draw, world, compared = Random(1), after(initial(), *STORED), 0
    for index in range(300):
        world = world._replace(step=index + len(STORED))
        step = resolve(world, [draw.randrange(1 << 16) for _ in range(WIDTH)], mix({}, "storage"))
        if step is None:
            continue
        world = TABLE[step[0]].outcomes(world, step[1:])[0][0].world
        if world.commit is not None and world.commit.writes:
            assert looks(world) == looks(world._replace(commit=None, idle=()))
            compared += 1
    assert compared > 5
