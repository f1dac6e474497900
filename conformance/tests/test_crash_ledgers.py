"""What the program knows at a crash, and what it is to do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from zodb_conformance.crashes import ledger
from zodb_conformance.crashes.ledger import Book, Ledger, of_lines
from zodb_conformance.crashes.points import changes, mixed, moments, spread
from zodb_conformance.crashes.recording import Operation
from zodb_conformance.crashes.stream import Step, can_pack, can_undo, deletable, step_of
from zodb_conformance.crashes.working import Worker
from zodb_reference.storages import MemoryStorage
from zodb_spec.crash import BLOB, ROOT, UNKNOWN, Written

A, B, C = (bytes(7) + bytes([number]) for number in (1, 2, 3))


def begin(
    step: int, records: dict[bytes, str | None], leads: tuple[bytes, ...] = ()
) -> ledger.Line:
    return {
        "event": "begin",
        "step": step,
        "kind": "commit",
        "records": {oid.hex(): value for oid, value in records.items()},
        "leads": [oid.hex() for oid in leads],
    }


FINISHED = [
    begin(0, {A: "one", B: "two"}, (A, B)),
    {"event": "voted"},
    {"event": "finishing"},
    {"event": "told", "tid": b"tid 1".hex()},
    {"event": "finished", "tid": b"tid 1".hex()},
]
FIRST = Written(b"tid 1", {A: "one", B: "two"})
NEXT = begin(1, {A: "three"}, (A,))


def test_a_transaction_is_refused_until_it_is_being_finished_and_then_in_doubt() -> None:
    for more, doubtful in (
        ([NEXT], False),
        ([NEXT, {"event": "stored"}, {"event": "voted"}], False),
        ([NEXT, {"event": "voted"}, {"event": "finishing"}], True),
    ):
        told = of_lines([*FINISHED, *more]).told()
        open_one = Written(UNKNOWN, {A: "three"})
        assert told.finished == (FIRST,)
        assert told.doubtful == (open_one if doubtful else None)
        assert told.refused == (() if doubtful else (open_one,))


def test_a_transaction_that_was_told_is_in_doubt_with_its_tid() -> None:
    assert of_lines(FINISHED[:4]).told().doubtful == FIRST
    assert of_lines(FINISHED).told().doubtful is None


def test_what_was_in_doubt_is_settled_either_way() -> None:
    kept = {"event": "settled", "kept": True, "tid": b"tid 2".hex()}
    lost = {"event": "settled", "kept": False, "tid": ""}
    lines = [*FINISHED, NEXT, {"event": "finishing"}]
    assert of_lines([*lines, kept]).told().finished[1] == Written(b"tid 2", {A: "three"})
    assert of_lines([*lines, lost]).told().refused == (Written(UNKNOWN, {A: "three"}),)


def test_what_the_root_does_not_lead_to_when_a_pack_begins_may_go() -> None:
    dropped = [
        begin(1, {A: "three"}, (A,)),
        {"event": "finished", "tid": b"tid 2".hex()},
        {"event": "packing", "step": 2, "kind": "pack"},
    ]
    told = of_lines([*FINISHED, *dropped]).told()
    assert (told.packed, told.garbage) == (2, frozenset({B}))


def test_the_root_may_never_go() -> None:
    lines = [
        begin(0, {ROOT: "root", A: "one"}, (A,)),
        {"event": "finished", "tid": b"tid 1".hex()},
        {"event": "packing", "step": 1, "kind": "pack"},
    ]
    assert of_lines(lines).told().garbage == frozenset()


def test_who_opens_the_storage_after_one_that_failed_has_not_failed() -> None:
    failed: list[ledger.Line] = [{"event": "opened"}, {"event": "failed", "error": "refused"}]
    assert of_lines(failed).error == "refused"
    assert of_lines([*failed, {"event": "opened"}]).error == ""
    assert of_lines([*failed, {"event": "failed", "error": "closed"}]).error == "closed"


def test_a_line_that_is_not_whole_does_not_count(tmp_path: Path) -> None:
    book = Book(tmp_path / "ledger")
    book.write("opened")
    book.close()
    with (tmp_path / "ledger").open("ab") as file:
        file.write(b'{"event": "begi')
    assert [line["event"] for line in ledger.read(tmp_path / "ledger")] == ["opened"]
    book = Book(tmp_path / "ledger")
    book.write("closing")
    book.close()
    assert [line["event"] for line in ledger.read(tmp_path / "ledger")] == ["opened", "closing"]


def known(*kinds: str) -> Ledger:
    lines: list[ledger.Line] = []
    for number, kind in enumerate(kinds):
        if kind == "pack":
            lines.append({"event": "packing", "step": number, "kind": kind})
        else:
            lines.append({**begin(number, {A: str(number)}, (A,)), "kind": kind})
            lines.append({"event": "finished", "tid": bytes([number]).hex()})
    return of_lines(lines)


def test_only_a_commit_since_the_last_pack_is_undone_and_only_what_is_new_is_packed() -> None:
    assert not can_undo(known("commit"))
    assert can_undo(known("commit", "commit"))
    assert not can_undo(known("commit", "commit", "undo"))
    assert not can_undo(known("commit", "commit", "pack"))
    assert can_undo(known("commit", "commit", "pack", "commit"))
    assert can_pack(known("commit", "commit", "undo"))
    assert not can_pack(known("commit", "commit"))
    assert not can_pack(known("commit", "commit", "undo", "pack", "commit"))


def test_only_what_the_root_has_let_go_is_deleted_and_only_once() -> None:
    dropped = [
        begin(0, {ROOT: "root", A: "one", B: "two"}, (A, B)),
        {"event": "finished", "tid": b"tid 1".hex()},
        begin(1, {ROOT: "less"}, (A,)),
        {"event": "finished", "tid": b"tid 2".hex()},
    ]
    assert deletable(of_lines(dropped)) == [B]
    packed = {"event": "packing", "step": 2, "kind": "pack"}
    assert deletable(of_lines([*dropped, packed])) == [], "the pack may have removed it"
    gone = [begin(2, {B: None}, (A,)), {"event": "finished", "tid": b"tid 3".hex()}]
    assert deletable(of_lines([*dropped, *gone])) == []


def holding(value: str) -> Ledger:
    """The ledger of a storage with two objects that the root leads to, and one that it let go."""
    lines: list[ledger.Line] = []
    for number in range(3):
        lines.append(begin(number, {ROOT: str(number), A: value, B: value, C: value}, (A, B)))
        lines.append({"event": "finished", "tid": bytes([number]).hex()})
    return of_lines(lines)


def test_a_blob_is_restored_only_where_that_can_be_done() -> None:
    def restored(*capabilities: str) -> set[bytes]:
        steps = [step_of(7, number, holding(BLOB), capabilities) for number in range(200)]
        chosen = [step for step in steps if step.kind == "restore"]
        assert chosen
        assert any(step.blobs for step in chosen) == ("blob-restoring" in capabilities)
        return {oid for step in chosen for oid in step.changed}

    assert restored("restoring", "blobs") == set()
    assert restored("restoring", "blobs", "blob-restoring") == {A, B}


KINDS = {"undo": "undo", "pack": "pack", "deletion": "delete", "restoring": "restore"}


def test_only_who_restores_is_given_a_tid(tmp_path: Path) -> None:
    class Plain(MemoryStorage):
        """A storage that takes no more than it has to."""

        def tpc_begin(self, transaction: Any) -> None:  # type: ignore[override]
            super().tpc_begin(transaction)

    book = Book(tmp_path / "ledger")
    worker = Worker(Plain, book)
    worker.open()
    worker.perform(Step(1, "commit", values=("1 new",)))
    worker.close()
    assert len(book.ledger.finished) == 1


@pytest.mark.parametrize("capabilities", [(), ("undo",), ("undo", "pack"), tuple(KINDS)])
def test_the_same_seed_gives_the_same_work_and_no_more_than_the_storage_can(
    capabilities: tuple[str, ...],
) -> None:
    state = holding("one")
    steps = [step_of(7, number, state, capabilities) for number in range(60)]
    assert steps == [step_of(7, number, state, capabilities) for number in range(60)]
    assert steps != [step_of(8, number, state, capabilities) for number in range(60)]
    kinds = {step.kind for step in steps}
    assert set(KINDS.values()) & kinds == {KINDS[each] for each in capabilities}
    values = [value for step in steps for value in step.values]
    assert len(values) == len(set(values)) > 40


def test_points_come_to_every_sort_before_they_come_to_one_again() -> None:
    items = ["a1", "a2", "a3", "b1", "c1", "c2"]
    order = spread(items, lambda item: item[0], random.Random(1), lambda item: item[0] != "c")
    assert [item[0] for item in order] == ["c", "b", "a", "c", "a", "a"]
    assert mixed(*[list("ab"), list("c")]) == ["a", "c", "b"]  # type: ignore[list-item]


def test_moments_and_changes_say_in_which_step_they_are() -> None:
    lines = [begin(4, {A: "one"}), {"event": "voted"}]
    assert [str(each) for each in moments(lines)] == [
        "step 4 (commit), at 'begin'",
        "step 4 (commit), at 'voted'",
    ]
    operations = [
        Operation("open", 3, 0, b"/x/data", made=True, number=1),
        Operation("mark", 9, 0, b"", made=False, number=1),
        Operation("write", 3, 0, b"abc", made=False, number=2),
        Operation("mark", 9, 0, b"", made=False, number=2),
        Operation("rename", -1, 0, b"/x/data\0/x/old", made=False, number=3),
    ]
    assert [(each.number, str(each)) for each in changes(operations, lines)] == [
        (1, "opening, behind '', before make data"),
        (2, "commit, behind 'begin', before write data"),
        (3, "commit, behind 'voted', before rename data old"),
    ]
