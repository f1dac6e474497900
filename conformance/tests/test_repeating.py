"""Which findings show one and the same error."""

from __future__ import annotations

from dataclasses import replace

import pytest
from zodb_conformance.results import Deviation
from zodb_conformance.supervisor.findings import Finding
from zodb_conformance.supervisor.repeating import leaders

TRACEBACK = """\
Traceback (most recent call last):
  File "/mine.py", line {}, in load
KeyError: 1
"""
MISSING = "it raises AttributeError(\"'X' object has no attribute 'vote'\")"


def found(observed: str, line: int = 0, kind: str = "deviation") -> Finding:
    deviation = Deviation("some.clause", "walk", "another thing", observed, kind=kind)
    return Finding(deviation, True, output=TRACEBACK.format(line) if line else "")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param(found("it gave 1"), found("it gave 1"), False, id="no errors"),
        pytest.param(found("it raises X(1)"), found("got X(1)"), True, id="one message"),
        pytest.param(found("it raises X(1)"), found("got X(2)"), False, id="two messages"),
        pytest.param(found("got X(1)", 1), found("it raises X(2)", 1), True, id="one place"),
        pytest.param(found("got X(1)", 1), found("got X(1)", 2), False, id="two places"),
        pytest.param(found("got X(1)", 1), found("got Y(1)", 1), False, id="two classes"),
        pytest.param(found("there is no `vote(meta)`"), found(MISSING), True, id="no such method"),
        pytest.param(
            found(MISSING.replace("X", "Thing")),
            found(MISSING.replace("X", "Thing"), 1),
            False,
            id="no such attribute of an object that the suite has made",
        ),
        pytest.param(
            found("`vote(meta)` can't be called: too many positional arguments"),
            found("it raised TypeError('X.vote() takes 1 positional argument but 2 were given')"),
            True,
            id="another signature",
        ),
        pytest.param(
            found("it hung", 1, kind="hang"), found("it hung", 1, kind="crash"), False, id="kinds"
        ),
    ],
)
def test_two_findings_are_of_one_error_or_not(first: Finding, second: Finding, same: bool) -> None:
    assert leaders([first, second]) == [0, 0 if same else 1]


def test_one_that_says_several_things_to_be_missing_stands_for_each() -> None:
    several = found("there is no `abort(meta)`; there is no `vote(meta)`")
    assert leaders([several, found("it gave 1"), found(MISSING)]) == [0, 1, 0]


def test_an_error_while_another_is_handled_is_of_that_one() -> None:
    handled = Finding(
        found(
            "it raised AttributeError(\"'AttributeError' object has no attribute 'oid'\")"
        ).deviation,
        True,
        output=f"{TRACEBACK.format(1).replace('KeyError: 1', MISSING[10:])}\n{TRACEBACK.format(2)}",
    )
    assert leaders([found(MISSING), handled]) == [0, 0]


def test_an_abort_that_fails_behind_that_of_another_is_of_that_one() -> None:
    def aborting(clause: str, error: str, *steps: str) -> Finding:
        item = found(f"it raises {error}")
        script = tuple((step,) for step in steps)
        return replace(item, deviation=replace(item.deviation, clause=clause, script=script))

    foreign = aborting("protocol.foreign-abort", "Lost(1)", "abort-as-stranger", "store")
    behind = aborting("protocol.abort", "NotLocked()", "abort-as-stranger", "tpc-abort")
    alone = aborting("protocol.abort", "NotLocked()", "tpc-abort")
    assert leaders([foreign, behind]) == [0, 0]
    assert leaders([foreign, alone]) == [0, 1]
