"""What a stack that `faulthandler` printed says."""

from __future__ import annotations

import faulthandler
import subprocess
import sys
import tempfile
from pathlib import Path

from zodb_conformance.stacks import PROGRAM, Frame, failures, frames, is_statement, place

TWO_THREADS = """\
chatter
Thread 0x00007f0000000001 (most recent call first):
  File "/lib/threading.py", line 1 in wait

Current thread 0x00007f0000000002 (most recent call first):
  File "/a b/storage.py", line 99 in tpc_begin
  File "<doctest lines[9]>", line 2 in <module>

Extension modules: persistent._timestamp (total: 1)
"""


def test_the_running_thread_counts_the_innermost_call_first() -> None:
    assert frames(TWO_THREADS) == [
        Frame("/a b/storage.py", 99, "tpc_begin"),
        Frame("<doctest lines[9]>", 2, "<module>"),
    ]


def test_of_several_stacks_the_last_counts() -> None:
    assert [frame.line for frame in frames(TWO_THREADS + TWO_THREADS.replace("99", "7"))] == [7, 2]


def test_where_no_stack_was_printed_there_are_no_calls() -> None:
    assert frames("last words\n") == []


def test_what_this_python_prints_is_understood() -> None:
    with tempfile.TemporaryFile("w+") as file:
        faulthandler.dump_traceback(file)
        file.seek(0)
        first = frames(file.read())[0]
    here = sys._getframe().f_code
    assert (Path(first.file).name, first.function) == ("test_stacks.py", here.co_name)


def by_python(program: str, folder: Path) -> str:
    """What Python prints that runs a program in a folder."""
    folder.joinpath(PROGRAM).write_text(program, encoding="utf-8")
    command = [sys.executable, PROGRAM]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True).stderr


FAILING = """\
import json, traceback
import mine
try:
    mine.load()
except Exception as error:
    traceback.print_exc()
try:
    try:
        mine.read(json.loads)
    except KeyError:
        raise AssertionError("expected another error")
except Exception as error:
    traceback.print_exc()
"""


def test_of_an_error_the_calls_are_told_that_are_neither_of_the_program_nor_of_the_library(
    tmp_path: Path,
) -> None:
    mine = "def load():\n    return {}[1]\ndef read(parse):\n    parse('[')\n    return {}['a']\n"
    tmp_path.joinpath("mine.py").write_text(mine, encoding="utf-8")
    output = by_python(FAILING, tmp_path)
    found = failures(output)
    assert [each.error.partition(":")[0] for each in found] == [
        "KeyError",
        "json.decoder.JSONDecodeError",
    ]
    assert [[Path(call.file).name for call in each.calls] for each in found] == [["mine.py"]] * 2
    assert [(call.function, call.line) for call in place(output)] == [("read", 4)]


def test_of_errors_that_led_to_one_another_the_last_that_came_from_somewhere_counts() -> None:
    one = 'Traceback (most recent call last):\n  File "/a.py", line 1, in load\nKeyError: 1\n\n'
    two = one.replace("/a.py", "/b.py")
    program = f'Traceback (most recent call last):\n  File "/tmp/{PROGRAM}", line 2, in raises\nX\n'
    assert [frame.file for frame in place(one + two + program)] == ["/b.py"]
    assert place(program) == place("last words") == []


def test_the_lines_of_a_doctest_are_known_by_their_number() -> None:
    file = frames(TWO_THREADS)[1].file
    assert is_statement(file, 10)
    assert not is_statement(file, 9)
    assert not is_statement("/a b/storage.py", 10)
