"""One run from beginning to end, stage after stage; each leaves what it learnt in the findings."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.known import Known
from zodb_conformance.plan import INTERFACE, SMOKE, Plan
from zodb_conformance.results import Deviation
from zodb_conformance.stacks import place
from zodb_conformance.supervisor.confirming import beside, confirm
from zodb_conformance.supervisor.evidence import again
from zodb_conformance.supervisor.falls import at_first_sight, deviation_of, shortened
from zodb_conformance.supervisor.findings import (
    Candidate,
    Findings,
    KnownResult,
    TargetInfo,
)
from zodb_conformance.supervisor.lanes import LANES, Fall, Learnt, fall_of, in_lanes, side_by_side
from zodb_conformance.supervisor.layer import Layer, is_performed
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Ended
from zodb_conformance.targets.base import DEFAULT, DURABLE, TRIED
from zodb_conformance.witnesses import Witness


def run(
    nursery: Nursery,
    findings: Findings,
    known: Sequence[Known] = (),
    memories: Sequence[Witness] = (),
    announce: Callable[[str], None] = lambda _: None,
    *,
    storage: Collection[str] = (),
) -> None:
    """Do everything that a run consists of.

    findings   receives what is found out, as it is found out
    known      entries of the known-deviations file
    memories   failures that earlier runs recorded
    announce   is told the name of each stage as it begins
    storage    the ids of the clauses that bind the storage
    """
    begun = time.monotonic()
    try:
        announce("smoke test")
        if not smoke(nursery, findings):
            show_smoke(nursery, findings, memories, announce)
            return
        try_out(nursery, findings)
        findings.plan = nursery.plan = replace(
            nursery.plan, level=level_of(nursery.plan, findings.target)
        )
        if known:
            announce("known deviations")
        active = check_known(nursery, findings, known)
        layer = layer_of(nursery, findings, storage)
        if layer:
            announce(f"{layer.target.database} by itself")
            layer.learn(findings.checks, tuple(entry.avoid for entry in active))
            memories = [memory for memory in memories if not layer.fails(memory.deviation)]
        if memories:
            announce("failures of earlier runs")
        coming = [each for each in memories if comes_again(each, findings.checks)]
        memories = [each for each in memories if each not in coming]
        remembered = replay_memories(nursery, findings, active, memories)
        announce("checks")
        avoid = avoid_of(active, remembered, layer)
        plan = replace(nursery.plan, avoid=(*nursery.plan.avoid, *avoid))
        checks = [check for check in findings.checks if check != SMOKE]
        try:
            in_lanes(nursery, plan, checks, findings.learnt)
        except TargetUnusable as error:
            findings.unusable = str(error)  # What was found until then is told all the same.
        take_note(findings, coming)
        announce("witnesses")
        candidates = held(layer, remembered) + new_candidates(nursery, findings.learnt, layer)
        confirm(
            nursery, findings, [item for item in candidates if not covered(active, item.deviation)]
        )
    except TargetUnusable as error:
        findings.unusable = str(error)
    finally:
        findings.interrupted = nursery.stop.is_set()
        findings.elapsed = time.monotonic() - begun


def smoke(nursery: Nursery, findings: Findings) -> bool:
    """Learn what the target is, and whether it can be exercised at all."""
    ended = nursery.run("smoke")
    findings.learnt.take(ended)
    get_to_know(findings, ended)
    if ended.kind not in ("finished", "stopped"):
        findings.unusable = why_unusable(ended)
        if ended.fell and ended.glance.script:
            findings.learnt.falls.append(fall_of(nursery, ended))
        traces = [event["traceback"] for event in ended.all("broke")]
        findings.output = "\n".join(filter(None, [ended.output, *traces]))
    return ended.kind == "finished"


def get_to_know(findings: Findings, ended: Ended) -> None:
    """Keep what a target said of itself, and which checks there are."""
    for event in ended.all("target"):
        findings.target = TargetInfo(
            **{key: value for key, value in event.items() if key != "event"}
        )
    for event in ended.all("checks"):
        findings.checks = tuple(event["names"])


def try_out(nursery: Nursery, findings: Findings) -> None:
    """Learn what the target can do that it has no way to say.

    Who falls when it is opened again is taken to be durable: the clauses tell what is wrong.
    """
    if not set(findings.target.unknown).intersection(TRIED):
        return
    ended = nursery.run("try")
    if ended.fell:
        found = {event["name"] for event in ended.all("found")} | {DURABLE}
        nursery.plan = replace(nursery.plan, found=tuple(sorted(found)))
        ended = nursery.run("try")
    if ended.kind == "finished":
        found = {*nursery.plan.found, *(event["name"] for event in ended.all("found"))}
        nursery.plan = replace(nursery.plan, found=tuple(sorted(found)))
        get_to_know(findings, ended)
        left = [name for name in findings.target.unknown if name not in TRIED]
        findings.target = replace(findings.target, unknown=left)


def show_smoke(
    nursery: Nursery,
    findings: Findings,
    memories: Sequence[Witness],
    announce: Callable[[str], None],
) -> None:
    """Have a failure of the smoke test told as any other, where it is one in a step, and before it
    which methods a storage lacks: that may be why.
    """
    if INTERFACE in findings.checks:
        ended = nursery.run("checks", nursery.plan.just(checks=(INTERFACE,)))
        findings.learnt.deviations += [
            Deviation.from_json(event["deviation"]) for event in ended.all("deviation")
        ]
    candidates = new_candidates(nursery, findings.learnt, None)
    if candidates:
        announce("witnesses")
        confirm(nursery, findings, candidates)
        # It takes the place of what the smoke test found in earlier runs.
        findings.replayed += [
            memory.path for memory in memories if memory.path and memory.deviation.check == SMOKE
        ]


def level_of(plan: Plan, target: TargetInfo) -> str:
    """Whose faults count: of a storage under connections that can be tried without it, its own."""
    if plan.level:
        return plan.level
    return "storage" if target.level == "storage" and target.baseline else "all"


def layer_of(nursery: Nursery, findings: Findings, storage: Collection[str]) -> Layer | None:
    """The connection level apart from the storage, where it is to be told apart."""
    if nursery.plan.level != "storage" or not findings.target.baseline:
        return None
    baseline = Nursery(
        replace(nursery.plan, baseline=True),
        nursery.clauses,
        nursery.runner,
        nursery.short_patience,
        nursery.stop,
    )
    return Layer(baseline, findings.target, storage, findings.excused)


SERVER = "Is the server that it needs running?"

HINTS = {
    "ConnectionRefusedError": SERVER,
    "ZEO.Exceptions.ClientDisconnected": SERVER,
    "ModuleNotFoundError": "Install it, or start the suite in the folder where it lies.",
    "FileNotFoundError": "Does the path exist on this machine?",
    "PermissionError": "May this user read and write there?",
}
"""What to look at first, by the error of a target that could not be opened."""

HANGING = " If it needs a server: is that running?"
"""The same where a target can't even be opened in time."""


def why_unusable(ended: Ended) -> str:
    """What to mend, in a sentence or two."""
    if ended.kind == "unusable":
        message = str(ended.all("unusable")[0]["message"])
        hint = next((hint for name, hint in HINTS.items() if f": {name}: " in message), "")
        return f"{message}. {hint}" if hint else message
    if ended.kind == "broke":
        broke = ended.all("broke")[0]
        error = str(broke["error"])
        hint = next((hint for name, hint in HINTS.items() if error.startswith(name)), "")
        found = place(str(broke["traceback"]))
        where = f" in {Path(found[0].file).name}, line {found[0].line}" if found else ""
        return f"The smoke test failed{where}, with an error: {error}. {hint}".rstrip()
    script = ended.glance.script
    if not ended.glance.check:
        moment = "before anything was asked of it"
    elif script:
        moment = f"in step {len(script)} of the smoke test ({' '.join(script[-1])})"
    else:
        moment = "while the smoke test opened it"
    hint = HANGING if ended.kind == "hang" and not script else ""
    found = place(ended.output)
    if found:
        moment = f"{moment}, in {Path(found[0].file).name}, line {found[0].line}"
    return f"The target {ended.how}, {moment}.{hint} What it printed last is in the report."


def check_known(nursery: Nursery, findings: Findings, known: Sequence[Known]) -> list[Known]:
    """Run the witness of every known deviation, and give the entries that still stand."""

    def fails(entry: Known) -> bool | None:
        return again(nursery, entry.witness.deviation).fails

    active = []
    for entry, failed in zip(known, side_by_side(fails, known), strict=True):
        stale = failed is False and entry.strict
        findings.known.append(
            KnownResult(entry.clause, entry.situation, entry.reason, failed, stale)
        )
        if not stale:
            active.append(entry)
    return active


def covered(active: Sequence[Known], deviation: Deviation) -> bool:
    """Whether some entry speaks of the deviation."""
    return any(entry.covers(deviation) for entry in active)


def replay_memories(
    nursery: Nursery, findings: Findings, active: Sequence[Known], memories: Sequence[Witness]
) -> list[Candidate]:
    """Run the failures of earlier runs again, and give those that still show."""
    todo = [memory for memory in memories if not covered(active, memory.deviation)]
    todo.sort(key=lambda memory: memory.deviation.kind != "hang")
    results = side_by_side(
        lambda memory: again(nursery, memory.deviation),
        todo,
        beside(memory.deviation for memory in todo),
    )
    candidates = []
    for memory, found in zip(todo, results, strict=True):
        if found.fails is not None and memory.path:
            findings.replayed.append(memory.path)
        if found.deviation is not None:
            candidates.append(Candidate(found.deviation, True, found.ended.output))
        elif found.ended.fell:
            findings.learnt.falls.append(fall_of(nursery, found.ended))
    findings.remembered = len(findings.replayed), sum(bool(found.fails) for found in results)
    return candidates


def comes_again(memory: Witness, checks: Collection[str]) -> bool:
    """Whether a check of the run does anyway what a failure was found by: it performs an example or
    a story, or looks at what crashes leave, as often as it is run.
    """
    found = memory.deviation
    return not is_performed(found) and found.kind == "deviation" and found.check in checks


def take_note(findings: Findings, coming: Sequence[Witness]) -> None:
    """Count the failures of earlier runs that the checks have tried again in their course."""
    done = [memory for memory in coming if memory.deviation.check in findings.learnt.notes]
    findings.replayed += [memory.path for memory in done if memory.path]
    found = {deviation.clause for deviation in findings.learnt.deviations}
    replayed, failing = findings.remembered
    failing += sum(memory.deviation.clause in found for memory in done)
    findings.remembered = replayed + len(done), failing


def avoid_of(
    active: Sequence[Known], remembered: Sequence[Candidate], layer: Layer | None
) -> tuple[str, ...]:
    """What the search keeps away from: known deviations, and what is known to take the process
    down.
    """
    falls = [
        item.deviation.clause for item in remembered if item.deviation.kind in ("hang", "crash")
    ]
    if layer:
        falls += layer.falls
    return tuple(dict.fromkeys([*(entry.avoid for entry in active), *filter(None, falls)]))


STORY = "story."
"""How the names of the checks begin that tell a story."""


def credible(deviations: Sequence[Deviation]) -> list[Deviation]:
    """The deviations whose verdict can be relied on.

    A story builds one example on the other, so where it fails the fault may lie before.  What it
    blames counts where nothing else deviates, or something else blames the same clause.
    """
    others = {found.clause for found in deviations if not found.check.startswith(STORY)}
    return [
        found
        for found in deviations
        if not others or found.clause in others or not found.check.startswith(STORY)
    ]


def held(layer: Layer | None, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that count: at the level of storages, those that are not the connection level's own."""
    reasons = reasons_of(layer, [item.deviation for item in candidates])
    return [
        replace(item, why=why)
        for item, why in zip(candidates, reasons, strict=True)
        if why is not None
    ]


def reasons_of(layer: Layer | None, found: Sequence[Deviation]) -> Sequence[str | None]:
    """Why each of them counts, as `Layer.held` tells."""
    return layer.held(found) if layer else [""] * len(found)


def new_candidates(nursery: Nursery, learnt: Learnt, layer: Layer | None) -> list[Candidate]:
    """What was found just now and counts: deviations as they are, of the falls the first of each
    sort, shortened.
    """
    firsts: dict[tuple[str, str], Fall] = {}
    reasons = reasons_of(layer, [at_first_sight(fall) for fall in learnt.falls])
    counting_falls = [
        fall for fall, why in zip(learnt.falls, reasons, strict=True) if why is not None
    ]
    for fall in sorted(counting_falls, key=lambda fall: fall.hasty):
        firsts.setdefault((fall.kind, fall.clause), fall)

    share = min(1.0, LANES / max(1, len(firsts)))

    def candidate(fall: Fall) -> Candidate:
        best = shortened(nursery, fall, share)
        longer = fall if best.script != fall.script else None
        return Candidate(
            deviation_of(nursery, best), output=best.output, hasty=fall.hasty, longer=longer
        )

    # Whether it shows again is found out here, for all alike.
    found = [
        replace(deviation, kind="deviation") if deviation.kind == "flaky" else deviation
        for deviation in learnt.deviations
    ]
    counting = held(layer, [Candidate(each, each.confirmed or None) for each in found])
    believed = credible([item.deviation for item in counting])
    return [
        *(item for item in counting if item.deviation in believed),
        *held(layer, side_by_side(candidate, firsts.values())),
    ]


def empty(plan: Plan) -> Findings:
    """The findings of a run that has not begun; the target is called what the person called it."""
    name = plan.target or plan.database or plan.zconfig or plan.uri or DEFAULT
    name = f"{name} with {plan.second}" if plan.second else name
    return Findings(plan, TargetInfo(name))
