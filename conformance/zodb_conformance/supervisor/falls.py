"""From a fall to a deviation: the shortest script that still takes the target down, told as
Python.
"""

from __future__ import annotations

from dataclasses import replace

from zodb_conformance.minimising import Limit, minimise
from zodb_conformance.plan import PROFILES, SMOKE
from zodb_conformance.results import Deviation, Step
from zodb_conformance.stacks import frames, is_statement
from zodb_conformance.supervisor.evidence import program_of_fall
from zodb_conformance.supervisor.lanes import Fall, rendered
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Limits

MOST_TRIES = 80
"""How many children one fall may cost."""

TEXTS = ("example", "story", "crash")
"""The operations of the steps of which the scripts of examples and stories consist, and those of
crashes.
"""


def shortened(nursery: Nursery, fall: Fall, share: float = 1.0) -> Fall:
    """The fall with the shortest script found within the tries and the time that it may cost: with
    others a share of the time that one alone has.

    The script is the one that the child performed: what made no sense after something was left
    out is not in it.  That of the smoke test is short as it is.
    """
    if not fall.whole or not fall.script or is_text(fall) or fall.check == SMOKE:
        return fall
    limit = Limit(MOST_TRIES, PROFILES[nursery.plan.profile].budget * share)
    best = fall

    # What falls is the last step: only those before it can be left out.
    *before, last = fall.script

    def falls(part: tuple[Step, ...]) -> bool:
        nonlocal best
        if nursery.stop.is_set():
            return False
        ended = nursery.replay((*part, last), patience(nursery, fall), check=fall.check)
        if ended.kind == "unusable":
            limit.tries = 0  # There is nothing left to try it on.
        if ended.kind != fall.kind or ended.glance.script[-1:] != (last,):
            return False
        best = replace(fall, how=ended.how, script=ended.glance.script, output=ended.output)
        return True

    minimise(before, falls, again=limit.spend)
    return best


def is_text(fall: Fall) -> bool:
    """Whether it happened in an example or a story, which is no script that could be shortened."""
    return fall.script[:1] != () and fall.script[0][0] in TEXTS


def patience(nursery: Nursery, fall: Fall) -> Limits:
    """How long a child may be silent that is tried because of this fall."""
    return nursery.short_patience if fall.kind == "hang" else nursery.patience


def noticed(fall: Fall) -> str:
    """Where it showed: the example, the story, or the step with its arguments; "" where there was
    none.
    """
    if is_text(fall):
        kind, name = fall.script[0][:2]
        return name if kind == "example" else fall.check
    return " ".join(fall.script[-1]) if fall.script else ""


def further(fall: Fall) -> int:
    """How many lines of Python after its beginning the last line of an example or a story was
    under way, as far as the stack tells.
    """
    if not is_text(fall):
        return 0
    number = int(fall.script[-1][-1])
    within = (frame.line - 1 for frame in frames(fall.output) if is_statement(frame.file, number))
    return next(within, 0)


def at_first_sight(fall: Fall) -> Deviation:
    """The fall as a deviation that is not yet to be told to anybody: what it takes to judge it."""
    return Deviation(
        clause=fall.clause,
        check=fall.check,
        expected="",
        observed=fall.how,
        script=() if is_text(fall) or not fall.whole else fall.script,
        kind=fall.kind,
    )


def deviation_of(nursery: Nursery, fall: Fall) -> Deviation:
    """The fall as a deviation of the clause that stands for the step it happened in."""
    told = rendered(nursery, fall.script)
    return Deviation(
        clause=told.clause or fall.clause,
        check=fall.check,
        expected="an answer or an error of Python",
        observed=f"the target {fall.how}",
        noticed=noticed(fall),
        noticed_at=None if told.place is None else told.place + further(fall),
        trace=told.trace,
        script=() if is_text(fall) or not fall.whole else fall.script,
        witness=program_of_fall(told.program, fall.kind, nursery.patience.hang),
        kind=fall.kind,
    )
