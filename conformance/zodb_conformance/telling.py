"""Telling: a run as a plain Python script that an implementer can execute without the suite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import indent

from zodb_spec.clause import Clause, clauses

from zodb_conformance.quoting import bindings, names_used, quotations
from zodb_conformance.results import Deviation
from zodb_conformance.running import Finding
from zodb_conformance.targets.base import Target

MODULES = ("collections", "datetime", "decimal", "fractions", "pickle", "threading", "uuid")
BINDING = re.compile(r"((?:oid|tid|manager)\d+) = ")
NAME = re.compile(r"[A-Za-z_]\w*")
END = "os._exit(0)  # the deviation did not show; whatever is still open is left alone"


def deviation_of(finding: Finding, check: str, target: Target) -> Deviation:
    """A finding as a deviation, with its witness."""
    mismatch = finding.mismatch
    return Deviation(
        clause=mismatch.clause,
        check=check,
        expected=mismatch.expected,
        observed=mismatch.observed,
        noticed=finding.noticed,
        established_at=finding.place(mismatch.step),
        noticed_at=len(finding.script),
        trace=tuple(needed(finding.lines)),
        script=finding.script,
        witness=program_of(finding, target),
    )


def program_of(finding: Finding, target: Target) -> str:
    """A plain Python script that shows a finding on the target's implementation.

    It ends with exit status 1 and a sentence on standard error where the deviation shows, and with
    0 where it does not.
    """
    mismatch = finding.mismatch
    lines = needed(finding.lines)
    *before, last = lines
    bound: list[str] = []
    while BINDING.match(last) and before:
        bound.insert(0, last)
        *before, last = before
    sentence = f"{mismatch.clause}: expected {mismatch.expected}; {mismatch.observed}"
    if mismatch.expression:
        shown = [_tolerated(last), *bound, *_checked(mismatch.expression, sentence)]
    else:
        shown = _raising(last, mismatch.expected, mismatch.observed, sentence)
    statements = [*map(_tolerated, before), "", *shown]
    return _program(clauses().get(mismatch.clause), sentence, statements, target)


def program_of_steps(lines: Sequence[str], target: Target) -> str:
    """A plain Python script that performs the lines and then ends normally; for what does not get
    that far.
    """
    *before, last = needed(lines)
    return _program(None, "", [*map(_tolerated, before), "", last], target)


def needed(lines: Sequence[str]) -> list[str]:
    """The lines without those that only tie a name that nothing uses later."""
    kept: list[str] = []
    for line in reversed(lines):
        bound = BINDING.match(line)
        if not bound or not kept or any(bound[1] in NAME.findall(later) for later in kept):
            kept.append(line)
    return kept[::-1]


def _tolerated(line: str) -> str:
    return line if BINDING.match(line) else f"with suppress(Exception):\n{indent(line, '    ')}"


def _checked(expression: str, sentence: str) -> list[str]:
    return [
        "try:",
        f"    conforms = {expression}",
        "except Exception as error:",
        f"    sys.exit({sentence + '; to look at it raises '!r} + repr(error))",
        "if not conforms:",
        f"    sys.exit({sentence!r})",
    ]


def _raising(line: str, expected: str, observed: str, sentence: str) -> list[str]:
    names = tuple(expected.split(" or "))
    shown = [
        "try:",
        indent(line, "    "),
        "except Exception as error:",
        f"    if {{cls.__name__ for cls in type(error).__mro__}}.isdisjoint({names!r}):",
        f"        sys.exit({sentence!r})",
    ]
    if observed == "nothing is raised":
        shown += ["else:", f"    sys.exit({sentence!r})"]
    return shown


def _program(clause: Clause | None, sentence: str, statements: list[str], target: Target) -> str:
    body = "\n".join(statements)
    quoted = quotations([body])
    used = names_used("\n".join([body, *quoted, *target.lines])) | {"transaction"}
    imports = {line for name, line in bindings(target.extras).items() if name in used}
    imports |= {f"import {name}" for name in MODULES if name in used}
    head = "" if clause is None else f'"""{clause.id}: {clause.summary}\n\n{sentence}.\n"""\n\n'
    parts = [
        "\n".join(
            [
                "from __future__ import annotations",
                "",
                "import os",
                "import sys",
                "from contextlib import suppress",
                *sorted(imports, key=lambda line: (not line.startswith("import"), line)),
            ]
        ),
        *quoted,
        "\n".join([*target.lines, body, END if clause is not None else ""]).rstrip(),
    ]
    return head + "\n\n\n".join(parts) + "\n"
