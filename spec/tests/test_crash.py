"""What the clauses on crashes say of what was told, and what is found."""

from __future__ import annotations

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.chapters.storage.durability import (
    blob_survives_kill,
    goes_on_after_kill,
    making_can_be_interrupted,
    reopens_after_kill,
    survives_kill,
    survives_power_loss,
    vote_is_not_commit,
    whole_or_absent,
)
from zodb_spec.crash import BLOB, NEVER, UNKNOWN, Continued, Crash, Found, Told, Written

A, B, C = (bytes(7) + bytes([number]) for number in (1, 2, 3))
FIRST = Written(b"tid 1", {A: "a1", B: "b1"})
SECOND = Written(b"tid 2", {A: "a2", C: "c2"})
IN_DOUBT = SECOND._replace(tid=UNKNOWN)
BEFORE = Found(b"tid 1", {A: ("a1", b"tid 1"), B: ("b1", b"tid 1"), C: None}, (FIRST,))
AFTER = Found(
    b"tid 2",
    {A: ("a2", b"tid 2"), B: ("b1", b"tid 1"), C: ("c2", b"tid 2")},
    (FIRST, SECOND),
)
HALF = AFTER._replace(current={**AFTER.current, C: None})
RULES = (reopens_after_kill, vote_is_not_commit, survives_kill, whole_or_absent)


def broken(told: Told, found: Found | None) -> str:
    """The first clause that is broken, "" where none is."""
    for rule in RULES:
        if not rule(Crash(told, found)):
            return rule.__name__
    return ""


@pytest.mark.parametrize(
    ("told", "found", "expected"),
    [
        (Told((FIRST,), None, (IN_DOUBT,)), BEFORE, ""),
        (Told((FIRST,), IN_DOUBT), BEFORE, ""),
        (Told((FIRST,), IN_DOUBT), AFTER, ""),
        (Told((FIRST, SECOND)), AFTER, ""),
        (Told((FIRST, SECOND)), None, "reopens_after_kill"),
        (Told((FIRST,), None, (IN_DOUBT,)), AFTER, "vote_is_not_commit"),
        (Told((FIRST,)), BEFORE._replace(last=b"tid 2"), "vote_is_not_commit"),
        (Told((FIRST, SECOND)), BEFORE, "survives_kill"),
        (Told((FIRST, SECOND)), HALF, "survives_kill"),
        (Told((FIRST,), IN_DOUBT), HALF, "whole_or_absent"),
        (Told((FIRST,), IN_DOUBT), BEFORE._replace(last=b"tid 2"), "whole_or_absent"),
        (Told((FIRST,), IN_DOUBT), AFTER._replace(transactions=(FIRST,)), "whole_or_absent"),
        (Told((FIRST, SECOND)), AFTER._replace(transactions=(SECOND, FIRST)), "whole_or_absent"),
        (Told((FIRST, SECOND)), AFTER._replace(transactions=None), ""),
        (Told((FIRST, SECOND)), AFTER._replace(transactions=None, unlisted="x"), "whole_or_absent"),
    ],
)
def test_what_a_kill_leaves_is_held_against_what_was_told(
    told: Told, found: Found | None, expected: str
) -> None:
    assert broken(told, found) == expected


def test_what_a_pack_may_remove_may_be_gone() -> None:
    packed = Told((FIRST, SECOND), packed=2, garbage=frozenset({B}))
    without = AFTER._replace(current={**AFTER.current, B: None}, transactions=(SECOND,))
    assert broken(packed, without) == ""
    assert broken(packed, AFTER) == ""
    assert broken(packed._replace(garbage=frozenset()), without) == "survives_kill"
    assert broken(packed._replace(packed=0), without) == "whole_or_absent"


def test_a_storage_that_keeps_what_is_current_alone_lists_no_more() -> None:
    left = (FIRST._replace(records={B: "b1"}), SECOND)
    forgetful = AFTER._replace(transactions=left, forgets=True)
    assert broken(Told((FIRST, SECOND)), forgetful) == ""
    assert broken(Told((FIRST, SECOND)), forgetful._replace(forgets=False)) == "whole_or_absent"
    less = forgetful._replace(transactions=left[:1])
    assert broken(Told((FIRST, SECOND)), less) == "whole_or_absent"


def test_what_is_current_is_listed_behind_a_pack_too() -> None:
    packed = Told((FIRST, SECOND), packed=2)
    assert broken(packed, AFTER._replace(transactions=(SECOND,))) == "whole_or_absent"
    left = (FIRST._replace(records={B: "b1"}), SECOND)
    assert broken(packed, AFTER._replace(transactions=left)) == ""


def test_where_a_pack_left_nothing_of_the_last_transaction_the_one_before_may_be_the_last() -> None:
    """That it must not is another clause, which needs no crash."""
    deletion = Written(b"tid 3", {C: None})
    packed = Told((FIRST, SECOND, deletion), packed=3, garbage=frozenset({C}))
    gone = AFTER._replace(current={**AFTER.current, C: None})
    assert broken(packed, gone) == ""
    assert broken(packed, gone._replace(last=b"tid 3")) == ""
    assert broken(packed, gone._replace(last=b"tid 1")) == "survives_kill"
    assert broken(packed._replace(packed=2), gone) == "survives_kill"


def test_an_undo_brings_values_back_that_were_there_by_right() -> None:
    undo = Written(b"tid 3", {A: "a1", C: None})
    undone = Found(
        b"tid 3",
        {A: ("a1", b"tid 3"), B: ("b1", b"tid 1"), C: None},
        (FIRST, SECOND, undo),
    )
    assert broken(Told((FIRST, SECOND, undo)), undone) == ""
    assert broken(Told((FIRST, SECOND), undo._replace(tid=UNKNOWN)), undone) == ""
    assert broken(Told((FIRST, SECOND), None, (undo,)), undone) == "vote_is_not_commit"


def test_a_storage_that_was_being_made_is_empty_or_breaks_its_own_clause_alone() -> None:
    nothing = Crash(Told(), Found(NEVER, {}, ()))
    assert making_can_be_interrupted(nothing)
    assert not making_can_be_interrupted(nothing._replace(found=None))
    assert not making_can_be_interrupted(nothing._replace(found=Found(NEVER, {}, None, "x")))
    assert not making_can_be_interrupted(nothing._replace(found=BEFORE))
    assert making_can_be_interrupted(Crash(Told((), FIRST._replace(tid=UNKNOWN)), BEFORE))


def test_a_blob_is_there_with_what_its_own_transaction_stored() -> None:
    made = Written(b"tid 1", {A: BLOB}, {A: "old"})
    changed = Written(UNKNOWN, {A: BLOB}, {A: "new"})
    told = Told((made,), changed)
    before = Found(b"tid 1", {A: (BLOB, b"tid 1")}, (made,), blobs={A: "old"})
    after = Found(b"tid 2", {A: (BLOB, b"tid 2")}, None, blobs={A: "new"})
    for found, expected in (
        (before, True),
        (after, True),
        (before._replace(blobs={A: "new"}), False),
        (after._replace(blobs={A: "old"}), False),
        (after._replace(blobs={A: None}), False),
    ):
        assert broken(told, found) == ""
        assert blob_survives_kill(Crash(told, found)) is expected


def test_work_goes_on_with_fresh_oids_and_later_tids() -> None:
    crash = Crash(Told((FIRST,)), BEFORE)
    assert goes_on_after_kill(crash)
    reused = Continued(A, b"tid 2", found=True)
    packed = Told((FIRST,), packed=1, garbage=frozenset({A}))
    assert not goes_on_after_kill(Crash(packed, BEFORE, reused))
    gone = BEFORE._replace(current={**BEFORE.current, A: None})
    assert goes_on_after_kill(Crash(packed, gone, reused))
    in_doubt = Crash(Told((FIRST,), IN_DOUBT), AFTER, Continued(C, b"tid 3", found=True))
    assert not goes_on_after_kill(in_doubt), "the oid of one that was in doubt, and is there"
    for after, expected in (
        (Continued(C, b"tid 2", found=True), True),
        (Continued(C, b"tid 2", found=False), False),
        (Continued(A, b"tid 2", found=True), False),
        (Continued(C, b"tid 1", found=True), False),
    ):
        assert goes_on_after_kill(crash._replace(continued=after)) is expected


def test_a_power_failure_has_to_leave_all_that_a_kill_leaves() -> None:
    assert survives_power_loss(Crash(Told((FIRST, SECOND)), AFTER))
    assert not survives_power_loss(Crash(Told((FIRST, SECOND)), BEFORE))
    assert not survives_power_loss(Crash(Told((FIRST,), IN_DOUBT), HALF))
    assert not survives_power_loss(Crash(Told((FIRST,)), None))
