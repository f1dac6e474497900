"""The command on the fake specification, with a target for every way to behave."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import fake_runner
from fake_spec import CLAUSES
from zodb_conformance import cli
from zodb_conformance.suite import Double, Suite
from zodb_conformance.supervisor.process import Limits

SUITE = Suite(
    clauses=lambda: CLAUSES,
    targets=lambda: dict.fromkeys(fake_runner.TARGETS, "fake_runner"),
    doubles=lambda: [Double("forgets", "fake.set", "A value that was set is gone.")],
    runner="fake_runner",
    limits=Limits(start=20.0, hang=1.0),
)


def main(arguments):
    """The command, with these arguments."""
    return cli.main(arguments, SUITE)


def report_of(name="conformance-report"):
    """What a run has written into its report folder."""
    return json.loads(Path(name, "report.json").read_text())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
