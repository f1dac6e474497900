"""The check ``crashes``: kills, and power failures, of a storage that is durable."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from zodb_spec.chapters.storage import durability
from zodb_spec.clause import clauses, id_of

from zodb_conformance.context import Context
from zodb_conformance.crashes import disk
from zodb_conformance.crashes.judging import (
    Examined,
    Judged,
    Loss,
    examine,
    judge,
    rules_for,
    rules_of,
    stuck,
)
from zodb_conformance.crashes.killing import PATIENCE
from zodb_conformance.crashes.ledger import of_lines, read
from zodb_conformance.crashes.points import (
    Delay,
    Point,
    changes,
    is_of_server,
    mixed,
    moments,
    of_change,
    of_moment,
    rank_of_change,
    rank_of_moment,
    spread,
)
from zodb_conformance.crashes.powerless import Failure, failures
from zodb_conformance.crashes.telling import Image, program
from zodb_conformance.crashes.trials import Place, Recorded, Trials
from zodb_conformance.plan import WORK_FAILED
from zodb_conformance.results import Deviation
from zodb_conformance.servers import lodging

CHECK = "crashes"

GIVEN_UP = "given up"
"""How a note begins on why there were not as many kills as were wanted."""

KILLS_FOR_A_STREAM = 60
"""How many kills there are at most before another stream of work is taken."""

MOST_LATE = 3
"""After so many processes that were still at work when the patience with them ended, no more are
killed: each of them takes a minute.
"""

LIVES = (1, 1, 2, 3)
"""How many processes follow each other in one place, one of these numbers."""

FAILURES_FOR_A_KILL = 6
"""How many points of power failures there are for each kill."""

HEARTBEAT = 1.0
"""Seconds after which a check that waits says that it is still there."""

POWER: tuple[Loss, ...] = ("unsynced", "new", "some", "names")


def crashes(context: Context) -> str:
    """Do the check, and give a note on what was done and what could not be."""
    plan = context.plan
    kills = context.profile.kills if plan.kills is None else plan.kills
    storage = context.target.storage
    with ExitStack() as stack:
        if storage is not None and storage.crash is not None:
            # Servers of its own: others at work on those of the run are not to be killed with it,
            # and the first process that is killed is not to take them with it.
            stack.enter_context(lodging.opened(str(lodging.current().parent)))
        folder = stack.enter_context(
            TemporaryDirectory(prefix="zodb-conformance-", ignore_cleanup_errors=True)
        )
        return Crashes(context, Path(folder), kills).run()


@dataclass
class Crashes:
    """One run of the check.

    kills  how many processes are to be killed
    """

    context: Context
    folder: Path
    kills: int
    killed: int = 0
    failed: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)
    _beat: float = 0.0
    _number: int = 0
    _late: int = 0
    _seed: int = 0

    def run(self) -> str:
        """Kill, and look, until it is enough; give a note on what could not be done."""
        for number, begun in enumerate(range(0, self.kills, KILLS_FOR_A_STREAM)):
            quota = min(self.kills - begun, KILLS_FOR_A_STREAM)
            if not self._stream(self.context.plan.seed + number, quota):
                break
        return "; ".join([f"{self.killed} kills, {self.failed} power failures", *self.notes])

    def _stream(self, seed: int, quota: int) -> bool:
        """Kill processes that work on one stream, and let the power fail in it; tell whether that
        could be done.
        """
        self._seed = seed
        trials = Trials(self.context.plan, self.context.target, self.folder, seed, self._wait)
        self._begin()
        recorded = trials.record()
        if recorded.error:
            self._note(f"{WORK_FAILED}: {recorded.error}")
            return False
        if recorded.reason:
            self._note(f"no power failures: {recorded.reason}")
        dice = random.Random(seed)
        if self._wants(("process",)):
            enough = self.killed + quota
            for point in self._points(recorded, dice, serves=trials.serves):
                if self._killed_enough(enough):
                    break
                self._kill(trials, point, dice, enough, recorded=bool(recorded.operations))
        if recorded.operations and self._wants(POWER):
            self._fail(trials, recorded, quota * FAILURES_FOR_A_KILL, dice)
        return self._late < MOST_LATE

    def _killed_enough(self, enough: int) -> bool:
        return self.killed >= enough or self._late >= MOST_LATE

    def _note(self, text: str) -> None:
        self.notes[text] = None

    def _points(self, recorded: Recorded, dice: random.Random, *, serves: bool) -> list[Point]:
        """Where the first process in a place is killed."""
        delays: list[Point] = [
            Delay(dice.uniform(0, recorded.seconds), server=serves and number % 2 == 0)
            for number in range(KILLS_FOR_A_STREAM)
        ]
        found = moments(recorded.lines)
        at_moments: list[Point] = [*spread(found, of_moment, dice, rank_of_moment)]
        if serves:
            of_server = [each._replace(server=True) for each in found]
            at_server: list[Point] = [*spread(of_server, of_moment, dice, rank_of_moment)]
            return mixed(at_moments, at_server, delays)
        at_changes: list[Point] = []
        if recorded.operations:
            done = changes(recorded.operations, recorded.lines)
            at_changes = [*spread(done, of_change, dice, rank_of_change)]
        return mixed(at_changes[::2], at_moments[::2], at_changes[1::2], at_moments[1::2], delays)

    def _kill(
        self, trials: Trials, point: Point, dice: random.Random, enough: int, *, recorded: bool
    ) -> None:
        """Kill one process, and those that go on after it, in a place of their own."""
        place = trials.place()
        told = [str(point)]
        lives = dice.choice(LIVES)
        for life in range(lives):
            self._begin()
            ended = trials.kill(place, point)
            self.killed += ended.status < 0 or ended.end == "due"
            if ended.end == "late":
                self._note(f"a process was still at work after {PATIENCE:.0f} s, and killed there")
                self._late += 1
                if self._late == MOST_LATE:
                    self._note(f"{GIVEN_UP}: {MOST_LATE} processes took so long")
            known = of_lines(read(place.ledger))
            # Whoever works on a server that is killed may well fail.
            failed = "" if is_of_server(point) and ended.end == "due" else known.error
            if failed and not life:
                self._note(f"a process failed before it was killed: {failed}")
                break
            left = disk.held_in(place.storage)
            look = partial(self._examine, trials, place, failed)
            examined = look()
            if not self._is_intact(examined, "process", told, left, look):
                break
            self._step()
            examined = trials.go_on(place, examined)
            if not self._is_intact(examined, "process", told, left) or self._killed_enough(enough):
                break
            point = trials.next_point(place, dice, recorded=recorded)
            told.append(f"and opened again: {point}")
        shutil.rmtree(place.folder)

    def _examine(self, trials: Trials, place: Place, failed: str) -> Examined:
        """Look at what a kill has left, after a life that failed or did not ("").

        It may be slow to open: each time that it is opened is a step.
        """
        self._step()
        examined = trials.examine(place)
        return stuck(examined, failed) if failed else examined

    def _fail(self, trials: Trials, recorded: Recorded, most: int, dice: random.Random) -> None:
        """Have the power fail at many points of a run, and look at what is left."""
        place = trials.place()
        for failure in failures(
            recorded.operations,
            recorded.lines,
            recorded.folder,
            self._failing(recorded, most, dice),
            dice,
        ):
            if not self._wants((failure.loss,)):
                continue
            self._begin()
            self.failed += 1
            shutil.rmtree(place.folder)
            place.folder.mkdir()
            disk.write(failure.image, place.storage)
            self._look(trials, place, failure)
        shutil.rmtree(place.folder)

    def _look(self, trials: Trials, place: Place, failure: Failure) -> None:
        known = of_lines(failure.lines)
        examined = examine(trials.opener(place), known.told(), known.oids(), trials.capabilities)
        told = [f"the power fails in {failure.last}: {failure.words}"]
        intact = self._is_intact(examined, failure.loss, told, failure.image)
        if intact and durability.goes_on_after_kill in rules_for(examined.crash.told, failure.loss):
            self._step()
            examined = trials.go_on(place, examined, failure.lines)
            self._is_intact(examined, failure.loss, told, failure.image)

    def _failing(self, recorded: Recorded, most: int, dice: random.Random) -> set[int]:
        """The numbers of operations behind which the power fails."""
        operations = recorded.operations
        marks = [number for number, each in enumerate(operations) if each.kind == "mark"]
        # Before a sync there is the most to be lost, and behind it nothing.
        number_of = {
            each.number: n - (each.kind == "sync")
            for n, each in enumerate(operations)
            if each.is_change
        }
        every = changes(operations, recorded.lines)
        found = spread(every, of_change, dice, rank_of_change)
        at_moments = [
            marks[n]
            for _, n in spread(
                [(each, n) for n, each in enumerate(moments(recorded.lines))],
                lambda pair: of_moment(pair[0]),
                dice,
            )
        ]
        chosen = [*at_moments[: most // 3], *(number_of[each.number] for each in found)]
        return set(chosen[:most])

    def _is_intact(
        self,
        examined: Examined,
        loss: Loss,
        told: Sequence[str],
        image: Image,
        look: Callable[[], Examined] | None = None,
    ) -> bool:
        """Hold against a crash the clauses that are asked for, and tell what is broken; whether all
        of them hold, asked for or not.  What breaks one that is known to be broken may well break
        those behind it, too: of them nothing is said then.

        look  looks again at what was left, where that is as it was: when a kill comes is a matter
              of moments, and the next one may leave something else
        """
        recorder = self.context.recorder
        rules = rules_for(examined.crash.told, loss)
        asked = [rule for rule in rules if self._binds(id_of(rule))]
        judged = judge(examined, asked)
        if judged.broken and judged.broken not in {*self._told, *self.context.plan.avoid}:
            self._told.add(judged.broken)
            again = look is not None and judge(look(), asked).broken == judged.broken
            found = self._deviation(examined, judged, told, image)
            recorder.deviation(replace(found, confirmed=again))
        recorder.exercised(filter(self._is_asked, judged.held))
        return not judge(examined, rules).broken

    def _deviation(
        self, examined: Examined, judged: Judged, told: Sequence[str], image: Image
    ) -> Deviation:
        crash = examined.crash
        comments = [f"Left in a stream of work (seed {self._seed}): {'; '.join(told)}."]
        return Deviation(
            clause=judged.broken,
            check=CHECK,
            expected=judged.expected,
            observed=judged.observed,
            noticed=told[-1],
            trace=tuple(f"# {each}" for each in told),
            witness=program(
                judged.broken, self.context.target, image, crash.told, crash.found, comments
            ),
        )

    def _wants(self, losses: Sequence[Loss]) -> bool:
        return any(map(self._is_asked, rules_of(losses)))

    def _is_asked(self, id: str) -> bool:
        """Whether a clause is asked for, and not known to be broken."""
        return self._binds(id) and id not in self.context.plan.avoid

    def _binds(self, id: str) -> bool:
        """Whether the run is about a clause, and it binds the target."""
        target = self.context.target
        return self.context.plan.wants(id) and target.suited(clauses()[id].needs) is not None

    def _begin(self) -> None:
        """Say that a crash begins."""
        self._number += 1
        self.context.recorder.script()
        self._step()

    def _step(self) -> None:
        self._beat = time.monotonic()
        self.context.recorder.step(("crash", "storage.reopens-after-kill", str(self._number)))

    def _wait(self) -> None:
        """Say now and then that a process is waited for."""
        if time.monotonic() >= self._beat + HEARTBEAT:
            self._step()
