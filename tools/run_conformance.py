"""Run the suite against what the arguments name, or else against the reference.

The arguments go to `zodb-conformance run` as they are. Without any, the reference is run in memory
and on SQLite, each with a report folder of its own. `--each-target-of conformance-NAME`, with the
name of an environment of tox, runs all targets whose names begin with NAME in the same way, with
the arguments that follow. The exit status is that of the first run that didn't end with 0. An
interrupt is left to the command, which then writes its report.
"""

import signal
import subprocess
import sys
from importlib import metadata

REFERENCE = ("reference-memory", "reference-sqlite")
EACH = "--each-target-of"
ENVIRONMENT = "conformance-"
INTERRUPTED = 130


def targets_of(environment: str) -> list[str]:
    """The registered targets that an environment of tox is for."""
    beginning = environment.removeprefix(ENVIRONMENT).replace("_", "-")
    points = metadata.entry_points(group="zodb_conformance.targets")
    found = sorted(point.name for point in points if point.name.startswith(beginning))
    if not found:
        sys.exit(f"no target has a name that begins with {beginning!r}")
    return found


def runs_of(arguments: list[str]) -> list[list[str]]:
    """The arguments of each run."""
    if arguments and arguments[0] != EACH:
        return [arguments]
    targets, more = (targets_of(arguments[1]), arguments[2:]) if arguments else (REFERENCE, [])
    return [[name, "--report", f"conformance-report/{name}", *more] for name in targets]


def main(arguments: list[str]) -> int:
    """Run the suite as `arguments` say (see the module's text), and give the exit status."""
    # A handler, unlike SIG_IGN, is not inherited: the command itself can still be interrupted.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    first_failure = 0
    for run in runs_of(arguments):
        status = subprocess.call(["zodb-conformance", "run", *run])
        first_failure = first_failure or status
        if status == INTERRUPTED:
            break
    return first_failure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
