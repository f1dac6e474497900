"""What is released works on its own: the wheel, in an environment that has nothing else.

No extra is installed, so that ZODB is absent, and every command starts in an empty folder, so that
nothing of the checkout is found by accident.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]

CHECKOUT = Path(__file__).parents[2]
PACKAGES = ("spec/zodb_spec", "reference/zodb_reference", "conformance/zodb_conformance")

Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist from the checkout and the wheel from the sdist; return the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(CHECKOUT)], cwd=folder)
    [wheel] = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of a new environment with `wheel` and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    # Without pip, because some systems package it, and the ensurepip behind it, separately.
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], cwd=folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder)]
    _run([*pip, "install", "--quiet", str(wheel)], cwd=folder)
    return folder / ("Scripts" if os.name == "nt" else "bin")


@pytest.fixture(scope="module")
def run(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a program of the environment and returns what it prints."""

    def run(program: str, *arguments: str, cwd: Path | None = None) -> str:
        folder = cwd or tmp_path_factory.mktemp("empty")
        return _run([str(environment / program), *arguments], cwd=folder)

    return run


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the suite against the reference, which has to conform; return the report folder."""
    folder = tmp_path_factory.mktemp("run")
    arguments = ("run", "reference", "--profile", "quick", "--budget", "5s")
    run("zodb-conformance", *arguments, cwd=folder)
    return folder / "conformance-report"


def _run(command: list[str], cwd: Path) -> str:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    in_checkout = {
        path.relative_to((CHECKOUT / package).parent).as_posix()
        for package in PACKAGES
        for path in (CHECKOUT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    in_wheel = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert in_wheel == in_checkout


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_has_types(wheel: Path, package: str) -> None:
    assert f"{Path(package).name}/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_targets_that_the_distribution_registers_are_listed(run: Run) -> None:
    listed = run("zodb-conformance", "list", "targets")

    for name in ("reference-memory", "reference-sqlite", "zodb-demo", "zodb-file", "zodb-mapping"):
        assert name in listed


def test_a_run_against_the_reference_conforms_and_leaves_a_complete_report(report: Path) -> None:
    results = json.loads((report / "report.json").read_text(encoding="utf-8"))
    rows = ElementTree.parse(report / "junit.xml").iter("testcase")
    badge = json.loads((report / "badge.json").read_text(encoding="utf-8"))
    page = (report / "report.html").read_text(encoding="utf-8")

    assert results["verdict"] == "conforms"
    assert results["target"]["name"] == "reference-memory"
    assert len(list(rows)) == len(results["clauses"]) > 0
    assert badge
    assert page.rstrip().endswith("</html>")


def test_every_clause_of_a_report_is_listed(run: Run, report: Path) -> None:
    results = json.loads((report / "report.json").read_text(encoding="utf-8"))

    listed = run("zodb-conformance", "list", "clauses").split()

    assert set(results["clauses"]) <= set(listed)


def test_pytest_alone_runs_a_check_that_it_selects(run: Run) -> None:
    suite = ["-m", "pytest", "--pyargs", "zodb_conformance", "--zodb-target", "reference-memory"]
    collected = run("python", *suite, "--collect-only", "-q")
    check = next(line for line in collected.splitlines() if "::" in line).rpartition("::")[2]

    output = run("python", *suite, "-k", check)

    assert " passed" in output
    assert "deselected" in output
