"""Run the suite on targets with one seed after the other, and tell what differs.

Run as `python tools/steady.py TARGET... --seeds 10`; what is behind `--` goes to `zodb-conformance
run` as it is. The reports are left in `conformance-report/TARGET-SEED`. The exit status is 1 where
something was seen that did not show again, or where a run came to no verdict: then a gate that was
green could turn red with nothing changed. What only some of the seeds find is listed, and is no
failure: a search that goes further finds more. `docs/track-record/witnesses` keeps such finds.
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REPORTS = Path("conformance-report")
USABLE = (0, 1)
"""The exit statuses of a run that came to a verdict."""

Report = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Run what is asked for, and give the exit status."""
    summary, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog="\n\n".join(rest),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="+", metavar="TARGET", help="what to run")
    parser.add_argument(
        "--seeds", type=int, default=10, metavar="N", help="how many seeds, by default 10"
    )
    at = arguments.index("--") if "--" in arguments else len(arguments)
    given, options = parser.parse_args(arguments[:at]), arguments[at + 1 :]
    if given.seeds < 1:
        parser.error("without a seed nothing is found out: --seeds is 1 at least")
    notes: list[str] = []
    for target in given.targets:
        reports = []
        for seed in range(1, given.seeds + 1):
            report, note = run(target, seed, options)
            reports += [report] if report else []
            notes += [note] if note else []
        notes += flaky(target, reports)
        for line in sometimes(target, reports):
            print(line)
    for note in notes:
        print(note)
    return int(bool(notes))


def run(target: str, seed: int, options: list[str]) -> tuple[Report | None, str]:
    """The report of one run, None where it came to no verdict; and what is to be said of that."""
    folder = REPORTS / f"{target}-{seed}"
    # The seed comes last: one among the options would be that of all runs.
    command = ["zodb-conformance", "run", target, *options, "--seed", str(seed)]
    # A run that ends by a traceback has the status 1 too, and leaves an earlier report as it is.
    (folder / "report.json").unlink(missing_ok=True)
    done = subprocess.run(
        [*command, "--report", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode not in USABLE or not (folder / "report.json").exists():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        return None, f"{' '.join(command)} ended with {done.returncode}: {' '.join(last)}"
    report: Report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    count = Counter(clause["verdict"] for clause in report["clauses"].values())
    print(
        f"{target}, seed {seed}: {count['deviates']} broken, {count['holds']} hold, "
        f"{count['not-reached']} not reached, {report['elapsed_s']:.0f} s",
        flush=True,
    )
    return report, ""


def flaky(target: str, reports: Iterable[Report]) -> Iterable[str]:
    """What was seen in a run and did not show again, in sentences."""
    for report in reports:
        for found in report["deviations"]:
            if found["flaky"]:
                yield (
                    f"{target}, seed {report['seed']}: {found['clause']} did not show again: "
                    f"{found['message']}"
                )


def sometimes(target: str, reports: list[Report]) -> Iterable[str]:
    """The clauses that only some of the runs found broken, in lines."""
    broken = Counter(
        id
        for report in reports
        for id, clause in report["clauses"].items()
        if clause["verdict"] == "deviates"
    )
    for id, times in sorted(broken.items()):
        if times < len(reports):
            yield f"{target}: {id} is broken in {times} of {len(reports)} runs"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
