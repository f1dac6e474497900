"""The board and the journal: what stays of a child."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor import board, journal
from zodb_conformance.supervisor.board import Board, View
from zodb_conformance.supervisor.journal import Journal

CLAUSES = ("a.one", "a.two", "b.one")


@pytest.fixture
def path(tmp_path):
    board.create(tmp_path / "board", len(CLAUSES))
    return tmp_path / "board"


@pytest.fixture
def writer(path, tmp_path):
    return Board(path, CLAUSES, Journal(tmp_path / "journal"))


@pytest.fixture
def view(path):
    return View(path, CLAUSES)


def test_the_supervisor_reads_the_step_that_a_child_has_begun(writer, view):
    writer.check("walk")
    writer.script()
    writer.step(("set", "thing1", "a"))
    writer.step(("commit",))
    seen = view.glance()
    assert seen.check == "walk"
    assert seen.script == (("set", "thing1", "a"), ("commit",))
    assert (seen.scripts, seen.steps) == (1, 2)


def test_a_new_script_begins_empty_and_the_numbers_go_on(writer, view):
    writer.check("walk")
    for _ in range(3):
        writer.script()
        writer.step(("commit",))
    seen = view.glance()
    assert seen.script == (("commit",),)
    assert (seen.scripts, seen.steps) == (3, 3)


def test_a_finished_check_is_not_the_current_one(writer, view):
    writer.check("walk")
    writer.script()
    writer.step(("commit",))
    writer.done("walk")
    seen = view.glance()
    assert (seen.check, seen.script) == ("", ())


def test_comparisons_are_counted_by_clause(writer, view):
    writer.exercised(["a.two", "b.one", "a.two"])
    writer.exercised([])
    assert view.glance().counts == {"a.two": 2, "b.one": 1}


def test_a_clause_that_is_not_stated_is_an_error_of_the_suite(writer):
    with pytest.raises(LookupError, match=r"a\.three"):
        writer.exercised(["a.three"])


@pytest.mark.parametrize(
    "what", ["check", "script", "step", "exercised", "noticed", "deviation", "done"]
)
def test_everything_that_a_child_notes_is_a_sign_of_life(writer, view, what):
    before = view.beat
    arguments = {
        "check": ("walk",),
        "step": (("commit",),),
        "exercised": ([],),
        "noticed": (Deviation("a.one", "walk", "1", "2"),),
        "deviation": (Deviation("a.one", "walk", "1", "2"),),
        "done": ("walk",),
    }
    getattr(writer, what)(*arguments.get(what, ()))
    assert view.beat > before


def test_words_may_hold_any_unicode(writer, view):
    step = ("set", "ключ", "\ud800", "\N{SNOWMAN}\n\t")
    writer.step(step)
    assert view.glance().script == (step,)


def test_a_script_too_long_to_be_noted_is_known_to_be_cut(writer, view, monkeypatch):
    monkeypatch.setattr(board, "SCRIPT_ROOM", 20)
    writer.step(("0123456789",))
    assert view.glance().whole
    writer.step(("0123456789",))
    seen = view.glance()
    assert not seen.whole
    assert seen.script == (("0123456789",),)
    writer.script()
    assert view.glance().whole


def test_board_and_journal_outlive_kill_9(path, tmp_path, view):
    program = f"""
        import os, signal
        from pathlib import Path
        from zodb_conformance.supervisor.board import Board
        from zodb_conformance.supervisor.journal import Journal

        journal = Journal(Path({str(tmp_path / "journal")!r}))
        board = Board(Path({str(path)!r}), {CLAUSES!r}, journal)
        board.check("walk")
        board.done("first", "note")
        board.check("second")
        board.script()
        board.step(("commit",))
        board.exercised(["a.one"])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    status = subprocess.call([sys.executable, "-c", textwrap.dedent(program)])
    assert status == -signal.SIGKILL
    seen = view.glance()
    assert (seen.check, seen.script, seen.counts) == ("second", (("commit",),), {"a.one": 1})
    assert journal.read(tmp_path / "journal") == [
        {"event": "done", "check": "first", "note": "note"}
    ]


def test_a_line_that_a_dying_child_did_not_finish_is_left_out(tmp_path):
    path = tmp_path / "journal"
    Journal(path).write("done", check="walk", note="")
    with path.open("ab") as file:
        file.write(b'{"event": "devia')
    assert [event["event"] for event in journal.read(path)] == ["done"]


def test_a_journal_that_was_never_begun_is_empty(tmp_path):
    assert journal.read(tmp_path / "journal") == []


def test_a_deviation_comes_back_from_the_journal_as_it_was(writer, tmp_path, view):
    found = Deviation(
        "a.one", "walk", "1", "\ud800\x00", established_at=1, script=(("set", "a"),), trace=("x",)
    )
    writer.deviation(found)
    [event] = journal.read(tmp_path / "journal")
    assert Deviation.from_json(event["deviation"]) == found
    assert (view.glance().found, view.glance().first) == (1, found.clause)


def test_the_file_of_a_board_is_mostly_a_hole(path):
    # A megabyte is reserved for the script; what is not written takes no room.
    assert path.stat().st_blocks * 512 < 64 * 1024
