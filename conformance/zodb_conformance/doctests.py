"""Lines of Python with what they must show, as doctests write them: performed on a target up to the
first that fails, and told as a script.

The lines find the names that `zodb_conformance.quoting` knows, what the target gives beside
(`extras`), and what is made anew each time. For databases (see `zodb_conformance.openings`):

``open_db(**kw)``     opens a new database of the implementation under test, empty but for its
                      root, with the options given to its constructor
``opened(db, **kw)``  another connection, under a new manager that is its ``transaction_manager``,
                      with the options given to its ``open``

and their first line is ``db = open_db()``; what they bind to ``tm`` and ``connection`` is ended
with the rest.  For storages alone:

``open_storage()``    opens a new storage of the implementation under test, which is empty
``reopened(storage, read_only=False)``  closes one, and opens what is in its folder again
``client_of(storage)``  opens another client of the same data, while the first is open
``layer_over(storage)``  opens a new storage of changes over one that is open, and that shows its
newest state from then on
``cut_off(storage)``  a block in which a client has lost its connection

and their first line is ``storage = open_storage()``.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill, indent
from traceback import walk_tb
from typing import Any

from zodb_spec.clause import Clause

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.openings import OPENINGS, Opening
from zodb_conformance.quoting import PREAMBLE, QUOTABLE, bindings, names_used, quotations
from zodb_conformance.showing import caught_by, short, without_addresses
from zodb_conformance.stacks import DOCTEST, is_statement
from zodb_conformance.targets.base import Target

EXPECT = '''
def expect(seen, wanted):
    """End with a message unless `seen` looks as `wanted`."""
    if repr(seen) != wanted:
        sys.exit(f"{CLAUSE}: expected {wanted}, got {seen!r}")
'''

PRINTING = ("from contextlib import redirect_stdout", "from io import StringIO")
"""What a script imports that has to see what a line prints."""


@dataclass(frozen=True)
class Failure:
    """How a target deviates from what lines must show.

    performed           the lines up to the one that failed
    place               where in their source it failed: the number of a line of Python, from 1
    raised              whether that one failed by an error
    traced              whether that error came from elsewhere, as its traceback tells
    expected, observed  the same in words
    """

    performed: tuple[doctest.Example, ...]
    place: int
    raised: bool
    traced: bool
    expected: str
    observed: str


def perform(
    lines: Sequence[doctest.Example],
    target: Target,
    opening: Opening,
    directory: Path,
    starting: Callable[[int], None],
) -> Failure | None:
    """Perform lines, and return how the target deviates, if it does.

    opening:   what they find open
    directory: an empty folder in which to work
    starting:  is called with the number of each line, from 1, before it is performed, and with the
               number after the last one before everything is closed; in a line that goes through
               many schedules, before each of them as well, but for the first

    Whatever happens, all transactions are aborted, and whatever was opened is closed.
    Raises TargetUnusable where nothing could be opened: no line is to blame for that.
    """
    runner = _Runner(starting)
    scheduled: set[int] = set()

    def going_on() -> None:
        if runner.begun in scheduled:
            starting(runner.begun)
        scheduled.add(runner.begun)

    with _namespace(target, opening, directory, going_on) as names:
        test = doctest.DocTest(list(lines), {}, DOCTEST, None, None, None)
        test.globs = names  # not a copy: what the lines bind is ended with the rest
        runner.run(test, out=lambda _: None, clear_globs=False)
        starting(len(lines) + 1)
    if runner.unusable is not None:
        raise runner.unusable
    if not runner.failed_in:
        return None
    performed = tuple(lines[: runner.begun])
    place = beginning_of_last(performed) + runner.failed_in - 1
    raised, traced = runner.raised, runner.traced
    return Failure(performed, place, raised, traced, runner.expected, runner.observed)


def beginning_of_last(lines: Sequence[doctest.Example]) -> int:
    """Where the last line begins in the source of all: the number of a line of Python, from 1."""
    return len(source_of(lines[:-1])) + 1


def source_of(lines: Iterable[doctest.Example]) -> tuple[str, ...]:
    """The Python of lines, one after the other."""
    return tuple(line for done in lines for line in done.source.splitlines())


class _Checker(doctest.OutputChecker):
    """Where a line says nothing of a value, any value will do."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


class _Runner(doctest.DocTestRunner):
    """Performs a doctest up to the first line that fails.

    begun               how many lines were begun
    failed_in           in which line of its own Python the last one failed, from 1; 0 if it did not
    raised, traced      as of a `Failure`
    expected, observed  in words, how it failed
    unusable            the error that says that there is no database to perform it on
    """

    def __init__(self, starting: Callable[[int], None]) -> None:
        flags = doctest.NORMALIZE_WHITESPACE | doctest.FAIL_FAST
        super().__init__(checker=_Checker(), verbose=False, optionflags=flags)
        self.starting = starting
        self.begun = self.failed_in = 0
        self.raised = self.traced = False
        self.unusable: TargetUnusable | None = None
        self.expected = self.observed = ""

    def report_start(self, out: Any, test: doctest.DocTest, example: doctest.Example) -> None:
        self.begun += 1
        self.starting(self.begun)

    def report_success(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        pass

    def report_failure(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        self.failed_in = 1
        self.expected = f"`{example.source.strip()}` to give {example.want.strip()}"
        self.observed = f"it gave {without_addresses(got.strip()) or None}"

    def report_unexpected_exception(
        self, out: Any, test: doctest.DocTest, example: doctest.Example, exc_info: Any
    ) -> None:
        self.raised, error = True, exc_info[1]
        self.failed_in = next(
            (
                line
                for frame, line in walk_tb(exc_info[2])
                if is_statement(frame.f_code.co_filename, self.begun)
            ),
            1,
        )
        if isinstance(error, TargetUnusable):
            self.unusable = error
        elif isinstance(error, AssertionError) and str(error).startswith("expected "):
            said = without_addresses(str(error)).removeprefix("expected ")
            self.expected, _, observed = said.partition(", ")
            self.observed = observed.removeprefix("but ")
            self.traced = error.__context__ is not None
        else:
            line = example.source.splitlines()[self.failed_in - 1].strip()
            self.expected = f"`{line}` to succeed"
            self.observed = f"it raised {short(error, 160)}"
            self.traced = True


@contextmanager
def _namespace(
    target: Target, opening: Opening, directory: Path, going_on: Callable[[], None]
) -> Iterator[dict[str, Any]]:
    """The names that lines find; at the end of the block all that was opened is closed.

    going_on: is called now and then in a line that takes long, so that it does not seem to hang
    """
    names: dict[str, Any] = {"__name__": "__main__", **QUOTABLE}
    for line in PREAMBLE.values():
        exec(line, names)
    names.update((name, value) for name, value in target.extras.items() if value is not None)

    def meanwhile(*arguments: Any) -> Any:
        going_on()
        return QUOTABLE["meanwhile"](*arguments)

    with ExitStack() as stack:
        names.update(opening.names(target, directory, stack, names), meanwhile=meanwhile)
        yield names


def program(
    clause: Clause,
    performed: Iterable[doctest.Example],
    target: Target,
    failure: Failure | None = None,
) -> str:
    """A script that performs lines without the suite.

    clause:    what they are about
    performed: the lines, of which the last one may fail
    target:    what they were performed on
    failure:   how the last line fails, where it does

    It ends with status 1 and a sentence where the deviation shows, and with 0 where it does not.
    """
    statements = [_statement(done) for done in performed]
    statements[0] = OPENINGS[clause.part].defined(target, statements)
    traced = failure is not None and failure.traced
    if failure is not None and failure.raised:
        statements[-1] = _guarded(statements[-1], caught_by(failure.observed), traced)
    quoted = quotations(statements)
    used = names_used("\n".join([*statements, *quoted])) | {"transaction"}
    bound = sorted({line for name, line in bindings(target.extras).items() if name in used})
    imports = [line for line in bound if line.startswith(("from", "import"))]
    head = ["from __future__ import annotations", ""]
    tracing = ["import traceback"] if traced else []
    printing = PRINTING if "redirect_stdout" in used else ()
    head += dict.fromkeys(["import logging", "import sys", *tracing, *printing, *imports])
    parts = [
        fill(f"{clause.id}: {clause.summary}", 98, initial_indent="# ", subsequent_indent="# "),
        "\n".join(head),
        "\n".join([f"CLAUSE = {clause.id!r}", *(line for line in bound if line not in imports)]),
        *quoted,
        *([EXPECT.strip()] if "expect" in used else []),
        "\n".join(["logging.disable()", *statements]),
    ]
    return "\n\n\n".join(parts) + "\n"


def _statement(done: doctest.Example) -> str:
    """A line as a plain statement; what it wants to see becomes an expectation, of its value, or of
    what it prints where it has none.
    """
    source = done.source.rstrip("\n")
    if not done.want:
        return source
    wanted = " ".join(done.want.split())
    (node,) = ast.parse(source).body
    if not isinstance(node, ast.Expr) or _is_print(node.value):
        return (
            f"with redirect_stdout(StringIO()) as printed:\n{indent(source, '    ')}\n"
            f"expect(' '.join(printed.getvalue().split()), {repr(wanted)!r})"
        )
    if isinstance(node.value, ast.Tuple):
        source = f"({source})"
    return f"expect({source}, {wanted!r})"


def _is_print(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "print"


def _guarded(statement: str, caught: str, traced: bool) -> str:
    """The statement, so that an error in it ends the script with a sentence, below its traceback
    where that tells something.
    """
    tracing = "    traceback.print_exc()\n" if traced else ""
    return (
        f"try:\n{indent(statement, '    ')}\nexcept {caught} as error:\n"
        f"{tracing}"
        '    sys.exit(f"{CLAUSE}: {type(error).__name__}: {error}")'
    )
