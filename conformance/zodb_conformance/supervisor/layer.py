"""Whose fault it is: what a storage seems to break is done again over a storage that is right.

A storage under test is reached through connections that are not its own, ZODB's as a rule, and
those have faults of their own.  So whatever contradicts a clause that does not bind storages is
tried on the *baseline*: the same connections over a storage that is known.  What fails there too
says nothing of the storage; what holds there is the storage's doing, whatever the clause binds.

What the connections do wrong may depend on what storages are free to choose: which database comes
first in a commit, and whether a conflict is told at once or in the vote.  So what holds on the
baseline is tried there in its other variants as well.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from zodb_conformance.plan import LATE, VARIANTS
from zodb_conformance.results import Deviation, Step
from zodb_conformance.supervisor.findings import TargetInfo
from zodb_conformance.supervisor.lanes import Learnt, in_lanes
from zodb_conformance.supervisor.nursery import Nursery

TEXTS = ("examples", "story.")
"""How the names of the checks begin that perform examples and stories."""

ALONE = ("examples.storage.", "story.storage-")
"""How the names of the checks begin that perform examples and stories on a storage alone: nothing
above it has a part in them.
"""

Sort = tuple[str, str, str]
"""The check that found something, the clause that is blamed, and the kind."""

Script = tuple[Step, ...]

Answers = dict[Script, str]
"""What scripts show: the clause that is broken, how the script falls, or "" where it holds."""


@dataclass
class Layer:
    """The connection level of a target, over its baseline.

    nursery   starts children that run the baseline
    target    what the target says of itself
    storage   the clauses that bind the storage: breaking those needs no second opinion
    excused   receives the clauses that the connection level breaks by itself, and in what words
    falls     the clauses whose examples or stories take down even the baseline
    """

    nursery: Nursery
    target: TargetInfo
    storage: Collection[str]
    excused: dict[str, str]
    falls: tuple[str, ...] = ()
    _failing: set[Sort] = field(default_factory=set)

    def learn(self, checks: Sequence[str], avoid: tuple[str, ...]) -> None:
        """Perform the examples and stories, once and for all.

        What takes the baseline down is excused at once: the target is not even asked.
        """
        texts = [each for each in checks if each.startswith(TEXTS) and not each.startswith(ALONE)]
        learnt = Learnt()
        in_lanes(self.nursery, replace(self.nursery.plan, avoid=avoid), texts, learnt)
        self._failing = {sort(found) for found in learnt.deviations}
        for fall in learnt.falls:
            self._failing.add((fall.check, fall.clause, fall.kind))
            self.excused[fall.clause] = (
                f"{self.target.database} {fall.how} over {self.target.baseline} too, so the "
                "storage was not asked"
            )
        self.falls = tuple(dict.fromkeys(fall.clause for fall in learnt.falls if fall.clause))

    def fails(self, found: Deviation) -> bool:
        """Whether an example or a story fails on the baseline as it was found to fail."""
        return sort(found) in self._failing

    def held(self, found: Sequence[Deviation]) -> list[str | None]:
        """Of each deviation, why it counts against the storage ("" where that goes without saying);
        None where the connection level is to blame.
        """
        doubtful = [each for each in found if each.clause not in self.storage]
        self._learn_late([each for each in doubtful if each.check.startswith(TEXTS)])
        doubtful = [each for each in doubtful if is_performed(each)]
        answers: list[Answers] = []
        for variant in VARIANTS:
            shown = self._judged([each.script for each in doubtful], variant)
            doubtful = [each for each in doubtful if not excuses(shown.get(each.script), each)]
            answers.append(shown)
        return [self._why(each, answers) for each in found]

    def _learn_late(self, found: Sequence[Deviation]) -> None:
        """Perform examples and stories over the baseline that tells of conflicts late; not those
        that fall, of which each takes long.
        """
        rest = [each for each in found if each.kind == "deviation" and not self.fails(each)]
        if not rest:
            return
        plan = self.nursery.plan.just(only=tuple(dict.fromkeys(each.clause for each in rest)))
        learnt = Learnt()
        checks = list(dict.fromkeys(each.check for each in rest))
        in_lanes(self.nursery, replace(plan, variant=LATE), checks, learnt)
        self._failing |= {sort(each) for each in learnt.deviations}
        self._failing |= {(fall.check, fall.clause, fall.kind) for fall in learnt.falls}

    def _why(self, found: Deviation, answers: Sequence[Answers]) -> str | None:
        if found.clause in self.storage:
            return ""
        baseline = self.target.baseline
        untried = (
            f"it could not be tried over {baseline}, so it may be the fault of "
            f"{self.target.database}"
        )
        if is_performed(found):
            shown = [each.get(found.script) for each in answers]
            excused = any(excuses(answer, found) for answer in shown)
            if not excused and None in shown:
                return untried
            instead = f"breaks {shown[0]} instead" if shown[0] else "holds"
            why = f"over {baseline} the same script {instead}"
        elif found.check.startswith(TEXTS):
            excused = self.fails(found)
            if not excused and self.nursery.stop.is_set():
                return untried
            why = f"over {baseline} the same lines hold"
        else:
            return ""
        if not excused:
            return f"{why}, so it is the storage that breaks it"
        self.excused.setdefault(
            found.clause,
            f"{self.target.database} breaks it over {baseline} too, so it does not count against "
            "the storage",
        )
        return None

    def _judged(self, scripts: Sequence[Script], variant: str) -> Answers:
        """What each script shows on the baseline, in a variant of it; nothing of those that could
        not be tried.
        """
        scripts = list(dict.fromkeys(scripts))
        plan = replace(self.nursery.plan.just(), variant=variant)
        answers: list[str] = []
        while len(answers) < len(scripts) and not self.nursery.stop.is_set():
            ended = self.nursery.run("judge", plan, scripts=tuple(scripts[len(answers) :]))
            answers += [event["clause"] for event in ended.all("judged")]
            if len(answers) < len(scripts):
                if not ended.fell:
                    break
                answers.append(ended.kind)
        return dict(zip(scripts, answers, strict=False))


def excuses(answer: str | None, found: Deviation) -> bool:
    """Whether what a script showed on the baseline is as bad as what was found."""
    wrong = found.kind if found.kind in ("hang", "crash") else found.clause
    return answer in (wrong, "hang", "crash")


def sort(found: Deviation) -> Sort:
    """What makes two failures of an example or a story the same."""
    kind = found.kind if found.kind in ("hang", "crash") else "deviation"
    return found.check, found.clause, kind


def is_performed(found: Deviation) -> bool:
    """Whether it has a script of steps, and is no example or story."""
    return bool(found.script) and found.script[0][0] not in ("example", "story")
