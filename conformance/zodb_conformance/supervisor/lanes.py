"""The checks, dealt out to children side by side, each restarted where the target took it down."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Event as Flag
from time import monotonic
from typing import Literal, TypeVar

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import NOT_DONE, SMOKE, Plan
from zodb_conformance.results import Deviation, Step
from zodb_conformance.supervisor.journal import Event
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Ended

Given = TypeVar("Given")
Result = TypeVar("Result")

LANES = 2
"""How many children work side by side.  It is the same on every machine, so that a report does
not depend on it.
"""

MOST_FALLS = 6
"""After so many falls a lane gives up: a target that dies at every turn teaches nothing more."""


@dataclass(frozen=True)
class Fall:
    """The target took a child down.

    clause  the clause that stands for the step it fell in, "" where there was no step
    whole   False where the script is not known to its full length
    hasty   whether it was taken to hang after less than the whole patience: it may only be slow
    """

    kind: Literal["crash", "hang"]
    how: str
    clause: str
    check: str
    script: tuple[Step, ...]
    whole: bool
    output: str
    hasty: bool = False


@dataclass
class Learnt:
    """What children learnt: one lane of them, or all.

    notes    the checks that are complete, or were given up, and what they could not do
    broken   tracebacks of errors of the suite itself
    """

    counts: Counter[str] = field(default_factory=Counter)
    scripts: int = 0
    steps: int = 0
    deviations: list[Deviation] = field(default_factory=list)
    falls: list[Fall] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def take(self, ended: Ended) -> None:
        """Add what one child left."""
        self.counts.update(ended.glance.counts)
        self.scripts += ended.glance.scripts
        self.steps += ended.glance.steps
        self.deviations += seen(ended.events)
        self.notes |= {event["check"]: event["note"] for event in ended.all("done")}
        self.broken += [event["traceback"] for event in ended.all("broke")]

    def join(self, other: Learnt) -> None:
        """Add everything that another learnt."""
        self.counts.update(other.counts)
        self.scripts += other.scripts
        self.steps += other.steps
        self.deviations += other.deviations
        self.falls += other.falls
        self.notes |= other.notes
        self.broken += other.broken


def seen(events: Iterable[Event]) -> list[Deviation]:
    """The deviations that a child told; one that it was shortening when it ended, as it was."""
    found, noticed = [], None
    for event in events:
        if event["event"] in ("noticed", "deviation"):
            deviation = Deviation.from_json(event["deviation"])
            noticed = deviation if event["event"] == "noticed" else None
            found += [] if noticed else [deviation]
    return [*found, noticed] if noticed else found


def deal(checks: Sequence[str]) -> list[list[str]]:
    """The checks of each lane.  Who does what depends on the list alone, never on who is ready
    first.
    """
    hands = [list(checks[lane::LANES]) for lane in range(LANES)]
    return [hand for hand in hands if hand]


def side_by_side(
    function: Callable[[Given], Result], items: Iterable[Given], more: int = 0
) -> list[Result]:
    """Call the function for every item, on as many threads as there are lanes, or on some more;
    results in the order of the items.
    """
    with ThreadPoolExecutor(LANES + more) as pool:
        return list(pool.map(function, items))


def in_lanes(nursery: Nursery, plan: Plan, checks: Sequence[str], learnt: Learnt) -> None:
    """Do the checks in all lanes.  `learnt` receives everything, also when the run is stopped."""
    hands = deal(checks)
    parts = [Learnt() for _ in hands]

    def play(number: int) -> None:
        lane(nursery, plan, hands[number], parts[number])

    try:
        side_by_side(play, range(len(hands)))
    finally:
        for part in parts:
            learnt.join(part)


def lane(nursery: Nursery, plan: Plan, checks: Sequence[str], learnt: Learnt) -> None:
    """Do the checks of one lane, in as many children as the target makes necessary.

    After a fall the next child leaves out what is done, and keeps away from the clause in whose
    step it happened; where that does not help, it leaves the check out.  `learnt` receives
    everything, also when the run is stopped.

    Raises TargetUnusable where a child could not open a database: no clause is to blame for that.
    """
    todo, avoid, limits = list(checks), plan.avoid, nursery.patience
    end = monotonic() + plan.seconds
    while todo and not nursery.stop.is_set():
        # The generated checks come last: what is left of the time is theirs, however few they are.
        share = plan.seconds * len(todo) / len(checks)
        part = part_of(plan, todo, avoid, max(share, end - monotonic()))
        ended = nursery.run("checks", part, limits=limits)
        learnt.take(ended)
        todo = [check for check in todo if check not in learnt.notes]
        current = ended.glance.check
        match ended.kind:
            case "finished" | "stopped":
                return
            case "broke":
                learnt.notes[current or todo[0]] = "given up: the suite itself failed here"
            case "unusable":
                raise TargetUnusable(ended.all("unusable")[0]["message"])
            case "crash" | "hang":
                hasty = ended.kind == "hang" and limits.hang < nursery.patience.hang
                fall = replace(fall_of(nursery, ended), hasty=hasty)
                learnt.falls.append(fall)
                if fall.kind == "hang":
                    # It hangs elsewhere too, as likely as not; whether it does is confirmed later,
                    # and what was only slow is not told, but not called right either.
                    limits = nursery.short_patience
                if len(learnt.falls) >= MOST_FALLS:
                    note = f"{NOT_DONE}: the target took down {MOST_FALLS} processes before"
                    learnt.notes |= dict.fromkeys(todo, note)
                elif not fall.clause or fall.clause in avoid:
                    learnt.notes[current or todo[0]] = f"given up: the target {fall.how}"
                else:
                    avoid = (*avoid, fall.clause)
        todo = [check for check in todo if check not in learnt.notes]


def part_of(plan: Plan, checks: Sequence[str], avoid: tuple[str, ...], seconds: float) -> Plan:
    """The plan for some of the checks, which may take so many seconds."""
    return replace(
        plan,
        checks=tuple(glob.escape(check) for check in checks),
        skip=(SMOKE,),
        avoid=avoid,
        budget=seconds,
    )


def fall_of(nursery: Nursery, ended: Ended) -> Fall:
    """What is known of a fall, with the clause that stands for the step."""
    script = ended.glance.script
    return Fall(
        kind="hang" if ended.kind == "hang" else "crash",
        how=ended.how,
        clause=rendered(nursery, script).clause,
        check=ended.glance.check,
        script=script,
        whole=ended.glance.whole,
        output=ended.output,
    )


@dataclass(frozen=True)
class Rendered:
    """A script told as Python.

    clause   the clause of its last step
    trace    its lines
    place    where in them the last step begins, from 1; None where it is none of them
    program  a whole program that performs them
    """

    clause: str = ""
    trace: tuple[str, ...] = ()
    place: int | None = None
    program: str = ""


def rendered(nursery: Nursery, script: Sequence[Step]) -> Rendered:
    """Have a child tell a script as Python; empty where it can not.

    An interrupt does not end that: it takes moments, and without it nobody knew of which clause a
    fall is to be told.
    """
    if not script:
        return Rendered()
    found = nursery.run("render", script=tuple(script), stop=Flag()).all("rendered")
    if not found:
        return Rendered()
    told = found[0]
    return Rendered(told["clause"], tuple(told["trace"]), told["place"], told["witness"])
