"""Telling: a run as a plain Python script that an implementer can execute without the suite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import fill, indent

from zodb_spec.clause import Clause, clauses

from zodb_conformance.programs import MODULES, Line
from zodb_conformance.quoting import bindings, names_used, quotations
from zodb_conformance.results import Deviation
from zodb_conformance.scripts import Finding
from zodb_conformance.showing import caught_by
from zodb_conformance.targets.base import Target
from zodb_conformance.targets.opening import definition_of_open_db
from zodb_conformance.targets.storages import definitions

IMPORTED = (*(module.__name__ for module in MODULES), "os", "pickle", "sys", "traceback")
"""The modules of the standard library that a program imports where it uses them."""
BINDING = re.compile(r"((?:db\d+_)?(?:oid|tid)\d+|manager\d+|connection\d+(?= = \w+\._p_jar$)) = ")
"""The lines that only tie a name."""

NAME = re.compile(r"[A-Za-z_]\w*")
END = "os._exit(0)  # it did not show; whatever is still open is left alone"


def deviation_of(finding: Finding, check: str, target: Target) -> Deviation:
    """A finding as a deviation, with its witness."""
    mismatch = finding.mismatch
    lines = needed(finding.lines, mismatch.expression)
    last = finding.numbers[-1] if finding.numbers else 0
    return Deviation(
        clause=mismatch.clause,
        check=check,
        expected=mismatch.expected,
        observed=mismatch.observed,
        noticed=finding.noticed,
        established_at=_place(lines, mismatch.step or last),
        noticed_at=_place(lines, last),
        trace=tuple(line.text for line in lines),
        script=finding.script,
        witness=program_of(finding, target),
    )


def _place(lines: Sequence[Line], step: int) -> int | None:
    """Which line, from 1, performed a step of the model."""
    return next((place for place, line in enumerate(lines, 1) if step and line.step == step), None)


def program_of(finding: Finding, target: Target) -> str:
    """A plain Python script that shows a finding on the target's implementation.

    It ends with exit status 1 and a sentence on standard error where the deviation shows, and with
    0 where it does not.
    """
    mismatch = finding.mismatch
    lines = needed(finding.lines, mismatch.expression)
    ties = len(lines)
    while ties and not lines[ties - 1].step:
        ties -= 1
    *before, last = lines[:ties] or lines
    after = [line.text for line in lines[ties:]]
    sentence = f"{mismatch.clause}: expected {mismatch.expected}; {mismatch.observed}"
    if mismatch.expression:
        shown = [_told(last), *after, "", *_checked(mismatch.expression, mismatch.observed)]
    else:
        shown = _raising(last.text, mismatch.expected, mismatch.observed)
    statements = [*map(_told, before), "", *shown]
    return _program(clauses().get(mismatch.clause), sentence, statements, target)


def program_of_steps(lines: Sequence[str], target: Target) -> str:
    """A plain Python script that performs the lines and then ends normally.

    It is for what does not get that far, so nothing is known of which lines fail.
    """
    *before, last = lines
    told = [text if BINDING.match(text) else _tolerated(text) for text in before]
    return _program(None, "", [*told, "", last], target)


def needed(lines: Sequence[Line], expression: str = "") -> list[Line]:
    """The lines without those that only tie a name that nothing uses later."""
    kept: list[Line] = []
    used = set(NAME.findall(expression))
    for line in reversed(lines):
        bound = BINDING.match(line.text)
        if line.step or not bound or bound[1] in used:
            kept.append(line)
            used.update(NAME.findall(line.text))
    return kept[::-1]


def _told(line: Line) -> str:
    return _tolerated(line.text) if line.failed else line.text


def _tolerated(text: str) -> str:
    return f"with suppress(Exception):  # it is refused, as it should be\n{indent(text, '    ')}"


def _checked(expression: str, observed: str) -> list[str]:
    return [
        "try:",
        f"    conforms = {expression}",
        f"except {caught_by(observed)} as error:",
        "    traceback.print_exc()",
        '    sys.exit(f"{DEVIATION}; to look at it raises {error!r}")',
        "if not conforms:",
        "    sys.exit(DEVIATION)",
    ]


def _raising(line: str, expected: str, observed: str) -> list[str]:
    names = tuple(expected.split(" or "))
    shown = [
        "try:",
        indent(line, "    "),
        f"except {caught_by(observed)} as error:",
        f"    if {{cls.__name__ for cls in type(error).__mro__}}.isdisjoint({names!r}):",
        "        traceback.print_exc()",
        "        sys.exit(DEVIATION)",
    ]
    if observed == "nothing is raised":
        shown += ["else:", "    sys.exit(DEVIATION)"]
    return shown


def _program(clause: Clause | None, sentence: str, statements: list[str], target: Target) -> str:
    body = "\n".join(statements)
    quoted = quotations([body])
    used = names_used("\n".join([body, *quoted, *target.lines])) | {"transaction"}
    found = {line for name, line in bindings(target.extras).items() if name in used}
    found |= {f"import {name}" for name in IMPORTED if name in used}
    if clause is not None:
        found |= {"import os", "import sys"}
    found |= {"from contextlib import suppress"} if "suppress" in used else set()
    if "open_db" in used:
        setting = [f"{definition_of_open_db(target)}db = open_db()"]
    elif "open_storage" in names_used(body):  # a factory may have that name as well
        setting = [definitions(target)]
    else:
        found |= {line for line in target.lines if line.startswith(("import ", "from "))}
        setting = [line for line in target.lines if line not in found]
    imports = sorted(found, key=lambda line: (not line.startswith("import"), line))
    parts = [
        "\n".join(["from __future__ import annotations", "", *imports]),
        *quoted,
        "\n".join([*setting, "", body]),
    ]
    if clause is None:
        return "\n\n\n".join(parts) + "\n"
    parts.insert(1, f"DEVIATION = {sentence!r}")
    head = fill(f"Shows a deviation from {clause.id}: {clause.summary}", 98)
    return f"{indent(head, '# ')}\n\n" + "\n\n\n".join([*parts[:-1], f"{parts[-1]}\n{END}"]) + "\n"
