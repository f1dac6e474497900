"""Run the suite against what the arguments name, or else against both forms of the reference.

The arguments go to `zodb-conformance run` as they are. Without any, the reference is run in memory
and on SQLite, each with a report folder of its own. The exit status is that of the first run that
didn't end with 0. An interrupt is left to the command, which then writes its report.
"""

import signal
import subprocess
import sys

REFERENCE_RUNS = [
    [target, "--report", f"conformance-report/{target}"]
    for target in ("reference-memory", "reference-sqlite")
]
INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    """Run the suite once with `arguments`, or without any once for each form of the reference."""
    # A handler, unlike SIG_IGN, is not inherited: the command itself can still be interrupted.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    runs = [arguments] if arguments else REFERENCE_RUNS
    first_failure = 0
    for run in runs:
        status = subprocess.call(["zodb-conformance", "run", *run])
        first_failure = first_failure or status
        if status == INTERRUPTED:
            break
    return first_failure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
