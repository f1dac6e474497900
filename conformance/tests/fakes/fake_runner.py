"""A runner for the tests of the supervisor: a dictionary as the database, and a target that does
as its name says.

The target is a word of a plan.  Every script sets a few names, reads them and commits; a fault
shows in the first commit (or read) after "a" was set to "one" and "b" to "two", so a failing
script can be shortened to three steps.
"""

from __future__ import annotations

import ctypes
import os
import random
import resource
import subprocess
import sys
import threading
import time
from fnmatch import fnmatchcase
from pathlib import Path

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import PROFILES, SMOKE
from zodb_conformance.results import Deviation

CHECKS = (SMOKE, "examples", "reads", "commits", "walk", "laws")
FALLS = {
    "segfaults": "import ctypes\n\nctypes.string_at(0)",
    "exits": "import os\n\nprint('last words')\nos._exit(0)",
    "is-killed": "import os, signal\n\nos.kill(os.getpid(), signal.SIGKILL)",
    "calls-sys-exit": "import sys\n\nsys.exit(7)",
    "is-interrupted": "raise KeyboardInterrupt",
    "loops": "while True:\n    pass",
    "deadlocks": "import threading\n\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "sleeps-in-c": "import ctypes\n\nctypes.PyDLL(None).sleep(1000)",
    "matches-forever": 'import re\n\nre.match("(a+)+$", "a" * 64 + "b")',
}
SLOW_AFTER_A_HANG = "slow-after-a-hang"
"""It hangs where others fall, and is slow to read, once, in the walk."""

SLOW_OR_HANGS = "slow-or-hangs"
"""It hangs where others fall after "c" was set as well, and else is slow there."""

SLOW = 0.9
"""Seconds that a slow step takes."""

TARGETS = (
    "good", "reads-wrong", "reads-wrong-until-mended", "is-flaky", "prints", "floods", "is-slow",
    "example-fails", "example-segfaults", "stays", "breaks-the-suite", "starts-a-server",
    "a-storage-over-reads-wrong", "a-storage-over-good",
    "cannot-connect", "cannot-open-again", "reads-wrong-until-full", "reads-wrong-backwards",
    "full-in-the-walk", "full-when-replayed", SLOW_AFTER_A_HANG, SLOW_OR_HANGS,
    "keeps-it-to-itself", "hangs-when-tried", "example-fails-late",
    "is-none", "dies-at-birth", "hangs-at-birth", "dies-in-smoke", *FALLS,
)  # fmt: skip


FULL = {"walk": "full-in-the-walk", "replay": "full-when-replayed"}
"""The targets that can't be opened any more, by the check in which that begins."""

OVER = "a-storage-over-"
"""How the names of targets begin that read wrong, over a baseline that the rest names."""


def baseline_of(plan):
    return plan.target.removeprefix(OVER) if plan.target.startswith(OVER) else ""


def name_of(plan):
    return baseline_of(plan) if plan.baseline else plan.target


class Target:
    def __init__(self, plan):
        self.name = name_of(plan)
        self.values = {}
        self.backwards = plan.variant == "backwards"
        if self.name == "cannot-connect":
            raise ConnectionRefusedError(111, "Connection refused")
        if self.name == "is-none":
            raise TargetUnusable(
                "is-none: open_storage(directory) returned None; it must return the storage."
            )
        if self.name == "dies-at-birth":
            ctypes.string_at(0)
        if self.name == "hangs-at-birth":
            time.sleep(1000)
        if self.name == "starts-a-server":
            server = "import sys, time; time.sleep(1000)"
            subprocess.Popen([sys.executable, "-c", server, os.environ["FAKE_FOLDER"]])
        if self.name == "stays":
            threading.Thread(target=time.sleep, args=(1000,)).start()

    @property
    def cornered(self):
        return self.values.get("a") == "one" and self.values.get("b") == "two"

    def perform(self, step):
        match step:
            case ("set", name, value):
                self.values[name] = value
            case ("get", name):
                return "wrong" if self.cornered and self.reads_wrong() else self.values[name]
            case ("commit",):
                self.commit()
        return None

    def reads_wrong(self):
        return (
            self.name in ("reads-wrong", "full-in-the-walk", "full-when-replayed")
            or self.name.startswith(OVER)
            or (
                self.name in ("reads-wrong-until-mended", "reads-wrong-until-full") and not mended()
            )
            or (self.name == "is-flaky" and first_time())
            or (self.name == "reads-wrong-backwards" and self.backwards)
        )

    def commit(self):
        if self.name == "prints":
            sys.stdout.write("\033[2J\033[H chatter \r" * 100)
            sys.stderr.write("\033[31mto stderr\033[0m\n")
        if self.name == "floods":
            for words in ("x" * (1 << 20), "last words"):
                sys.stdout.write(f"{words}\n")
                sys.stdout.flush()
                time.sleep(0.3)
        if self.cornered and self.name in FALLS:
            exec(FALLS[self.name], {})
        if self.cornered and self.name == SLOW_AFTER_A_HANG:
            time.sleep(1000)
        if self.cornered and self.name == SLOW_OR_HANGS:
            time.sleep(1000 if "c" in self.values else SLOW)
        if self.cornered and self.name == "breaks-the-suite":
            raise AssertionError("a defect of the suite")
        if self.name == "is-slow":
            time.sleep(0.01)
        if self.name == "dies-in-smoke":
            ctypes.string_at(0)


def mended():
    """Whether a test has mended the target meanwhile."""
    return Path(os.environ["FAKE_FOLDER"], "mended").exists()


def first_time():
    """Whether this happens for the first time, in any process of a test."""
    try:
        Path(os.environ["FAKE_FOLDER"], "happened").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def describe(plan):
    return {
        "name": plan.target,
        "level": plan.level,
        "database": "fake.DB",
        "baseline": baseline_of(plan),
        "packages": {
            "fake": "1.0",
            "hash": str(hash("a")),
            "core": str(resource.getrlimit(resource.RLIMIT_CORE)[0]),
        },
        "capabilities": {"undo": True, "pack": False, **dict.fromkeys(plan.found, True)},
        "unknown": sorted({"durable", "old-revisions"} - set(plan.found)) if is_tried(plan) else [],
    }


def is_tried(plan):
    return plan.target in ("keeps-it-to-itself", "hangs-when-tried")


def tried(plan):
    if not plan.found:
        yield "old-revisions"
        if plan.target == "hangs-when-tried":
            time.sleep(1000)


def check_names(plan):
    return [name for name in CHECKS if wanted(name, plan)]


def wanted(name, plan):
    return name not in plan.skip and (
        not plan.checks or any(fnmatchcase(name, pattern) for pattern in plan.checks)
    )


def clause_of(step):
    return {"set": "fake.set", "get": "fake.get", "commit": "fake.commit"}.get(step[0]) or step[1]


def scripts(plan, check):
    draw = random.Random(f"{plan.seed} {check}").choice
    count = 5 if plan.target != "is-slow" else PROFILES[plan.profile].scripts
    for _ in range(count):
        yield [
            draw([("set", draw("abc"), draw(["one", "two"])), ("get", draw("abc")), ("commit",)])
            for _ in range(25)
        ]


def run_checks(plan, recorder):
    for check in check_names(plan):
        recorder.check(check)
        if check == SMOKE:
            smoke(plan, recorder)
        elif check == "examples":
            examples(plan, recorder)
        elif check != "laws":
            for script in scripts(plan, check):
                if found := perform(plan, check, script, recorder):
                    recorder.deviation(shorter(plan, check, script, found))
                    break
        recorder.done(check, "there are no laws" if check == "laws" else "")


def smoke(plan, recorder):
    target = Target(plan)
    recorder.step(("commit",))
    target.perform(("commit",))
    recorder.exercised(["fake.commit"])


def examples(plan, recorder):
    if "fake.example" in plan.avoid:
        return
    recorder.script()
    recorder.step(("example", "fake.example", "1"))
    if name_of(plan) == "example-segfaults":
        ctypes.string_at(0)
    recorder.exercised(["fake.example"])
    late = name_of(plan) == "example-fails-late" and plan.variant == "late"
    if late or name_of(plan) == "example-fails":
        recorder.deviation(
            Deviation(
                "fake.example",
                "examples",
                "two",
                "it gave 'three'",
                noticed_at=1,
                trace=("1 + 1",),
                witness='assert "three" == "two", "fake.example: expected two"\n',
            )
        )


def perform(plan, check, script, recorder):
    recorder.script()
    if plan.target in ("cannot-open-again", FULL.get(check)) or (
        plan.target == "reads-wrong-until-full" and mended()
    ):
        raise TargetUnusable(f"{plan.target}: the disk is full")
    target, model = Target(plan), {}
    performed = []
    for step in script:
        if clause_of(step) in plan.avoid or (step[0] == "get" and step[1] not in model):
            continue
        recorder.step(step)
        performed.append(step)
        if (plan.target, check, step[0]) == (SLOW_AFTER_A_HANG, "walk", "get") and first_time():
            time.sleep(SLOW)
        result = target.perform(step)
        recorder.exercised([clause_of(step)])
        if step[0] == "set":
            model[step[1]] = step[2]
        if step[0] == "get" and result != model[step[1]]:
            lines = tuple(map(line, performed))
            return Deviation(
                "fake.get",
                check,
                repr(model[step[1]]),
                f"the target gave {result!r}",
                noticed="get",
                established_at=1,
                noticed_at=len(performed),
                trace=lines,
                script=tuple(performed),
                witness=""
                if plan.target in ("is-flaky", FULL["replay"])
                else witness(performed, result, model),
            )
    return None


def witness(performed, result, model):
    """A plain script; the target is in no module of its own, so what it does is written out."""
    wanted = model[performed[-1][1]]
    return f"{program(performed)}\nvalue = {result!r}\nassert value == {wanted!r}, 'fake.get'\n"


def shorter(plan, check, script, found):
    class Silent:
        def script(self): ...
        def step(self, step): ...
        def exercised(self, clauses): ...

    script = list(found.script)
    for number in range(len(script) - 1, -1, -1):
        part = script[:number] + script[number + 1 :]
        if again := perform(plan, check, part, Silent()):
            script, found = list(again.script), again
    return found


def replay(plan, script, recorder):
    return perform(plan, "replay", script, recorder)


def line(step):
    match step:
        case ("set", name, value):
            return f"values[{name!r}] = {value!r}"
        case ("get", name):
            return f"print(values[{name!r}])"
    return "# commit"


def program(script):
    return "values = {}\n" + "\n".join(map(line, script))


def render(plan, script):
    falls = {**FALLS, "dies-in-smoke": FALLS["segfaults"], SLOW_AFTER_A_HANG: FALLS["deadlocks"]}
    if any(step[:2] == ("set", "c") for step in script):
        falls[SLOW_OR_HANGS] = FALLS["deadlocks"]
    last = falls.get(plan.target, "") if script[-1] == ("commit",) else ""
    whole = f"{program(script)}\n{last}\n"
    return clause_of(script[-1]), tuple(map(line, script)), len(script), whole
