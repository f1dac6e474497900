"""What a stack that `faulthandler` printed says."""

from __future__ import annotations

import faulthandler
import sys
import tempfile
from pathlib import Path

from zodb_conformance.stacks import Frame, frames, is_statement

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


def test_the_lines_of_a_doctest_are_known_by_their_number() -> None:
    file = frames(TWO_THREADS)[1].file
    assert is_statement(file, 10)
    assert not is_statement(file, 9)
    assert not is_statement("/a b/storage.py", 10)
