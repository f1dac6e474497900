"""The suite as a pytest plugin: ``pytest --pyargs zodb_conformance --zodb-target
reference-memory``.

Every check is an item, so ``-k``, ``-x``, ``--lf`` and ``-n`` work on checks.  Everything runs in
the process of pytest, so there is no verdict on a target that hangs or takes the process down;
``zodb-conformance run`` gives one.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from zodb_spec.editions import CURRENT, EDITIONS

from zodb_conformance import errors, plan, results

MARK = "zodb_conformance"
HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that name the target and the amount of work."""
    group = parser.getgroup(
        "zodb-conformance", "conformance of object databases (see also zodb-conformance run)"
    )
    group.addoption(
        "--zodb-target",
        default="",
        metavar="TARGET",
        help="registered name, or package.module:name",
    )
    group.addoption(
        "--zodb-second-target",
        default="",
        metavar="NAME",
        help="the target of every database after the first one of a script",
    )
    group.addoption(
        "--zodb-profile", default="quick", choices=sorted(plan.PROFILES), help="how much work to do"
    )
    group.addoption(
        "--zodb-edition",
        default=CURRENT.value,
        choices=[edition.value for edition in EDITIONS],
        help="which state of the rules; by default today's",
    )
    group.addoption(
        "--zodb-seed",
        default=plan.SEED,
        type=_seed,
        metavar="N",
        help=f"fixes the scripts; `random` takes a new one; by default {plan.SEED}",
    )
    group.addoption(
        "--zodb-only", default=[], action="append", metavar="GLOB", help="only clauses like this"
    )


def _seed(text: str) -> int:
    from zodb_conformance.commands import options  # noqa: PLC0415  # every pytest loads this module

    return options.seed(text)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what fixes the checks, or, where only this package was asked for, without a target, why
    nothing is collected.
    """
    option = config.getoption
    if option("--zodb-target"):
        name = MARK.replace("_", "-")
        return f"{name}: edition {option('--zodb-edition')}, seed {option('--zodb-seed')}"
    if not _asked_for(config):
        return None
    return f"{MARK}: no checks are collected without --zodb-target NAME"


def _asked_for(config: pytest.Config) -> bool:
    """Whether the arguments name this package."""
    return any(argument.partition("::")[0] in (MARK, str(HERE)) for argument in config.args)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the checks where the package itself is collected and a target was named."""
    if file_path == HERE / "checks.py" and parent.config.getoption("--zodb-target"):
        return Checks.from_parent(parent, path=file_path)
    return None


class Checks(pytest.File):
    """The checks of one plan."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each check."""
        from zodb_conformance import runner  # noqa: PLC0415  # every pytest loads this module

        option = self.config.getoption
        chosen = plan.Plan(
            target=option("--zodb-target"),
            second=option("--zodb-second-target"),
            edition=option("--zodb-edition"),
            profile=option("--zodb-profile"),
            seed=option("--zodb-seed"),
            only=tuple(option("--zodb-only")),
        )
        try:
            names = runner.check_names(chosen)
        except errors.TargetUnusable as error:
            raise self.CollectError(f"--zodb-target: {error}") from None
        for name in names:
            yield CheckItem.from_parent(self, name=name, plan=chosen)


class CheckItem(pytest.Item):
    """One check; it fails with everything that it found."""

    def __init__(self, *, plan: plan.Plan, **more: Any) -> None:
        super().__init__(**more)
        self.plan = plan

    def runtest(self) -> None:
        """Do the check."""
        from zodb_conformance import runner  # noqa: PLC0415  # every pytest loads this module

        tally = results.Tally()
        one = replace(self.plan, checks=(glob.escape(self.name),))
        runner.run_checks(one, tally)
        if tally.deviations:
            raise Deviates(tally.deviations)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What the target does wrong, clause by clause."""
        if isinstance(excinfo.value, errors.TargetUnusable):
            return str(excinfo.value)
        if not isinstance(excinfo.value, Deviates):
            return super().repr_failure(excinfo, style)
        return "\n\n".join(
            f"{found.clause}: {found.message}\n" + "\n".join(f"    {line}" for line in found.trace)
            for found in excinfo.value.deviations
        )

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What pytest prints for the item."""
        return self.path, None, self.name


class Deviates(Exception):
    """The target deviates from the specification."""

    def __init__(self, deviations: list[results.Deviation]) -> None:
        super().__init__(", ".join(found.clause for found in deviations))
        self.deviations = deviations
