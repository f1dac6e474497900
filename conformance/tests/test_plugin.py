"""The suite under plain pytest: checks are items, which fail with what they found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, target: str, check: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run one check under pytest, far from the tests of this project."""
    suite = ["--pyargs", "zodb_conformance", "--zodb-target", target, "-k", check, *more]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *suite],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_check_that_finds_nothing_passes(tmp_path: Path) -> None:
    done = run(tmp_path, "reference-memory", "smoke")
    assert done.returncode == pytest.ExitCode.OK
    assert "1 passed" in done.stdout


def test_a_second_target_can_be_named(tmp_path: Path) -> None:
    second = "--zodb-second-target"
    done = run(tmp_path, "reference-memory", "story.several", second, "reference-sqlite")
    assert (done.returncode, "1 passed" in done.stdout) == (pytest.ExitCode.OK, True)
    done = run(tmp_path, "reference-memory", "smoke", second, "no-such-target")
    assert "there is no target 'no-such-target'" in done.stdout


def test_an_edition_and_a_seed_can_be_named_and_stand_in_the_header(tmp_path: Path) -> None:
    options = ("--zodb-edition", "2005-06-10", "--zodb-seed", "7")
    done = run(tmp_path, "reference-memory", "story", *options)
    assert done.returncode == pytest.ExitCode.OK
    assert "\nzodb-conformance: edition 2005-06-10, seed 7\n" in done.stdout
    done = run(tmp_path, "reference-memory", "story.several-databases-in-2005", "-v", *options)
    assert "1 passed" in done.stdout
    done = run(tmp_path, "reference-memory", "story.several-databases-in-2005", "-v")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "\nzodb-conformance: edition current, seed 1\n" in done.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--zodb-edition", "2005"], "argument --zodb-edition: invalid choice: '2005'"),
        (["--zodb-seed", "any"], "argument --zodb-seed: 'any' is no seed; write a number, or"),
    ],
)
def test_an_edition_or_a_seed_that_there_is_not_is_misuse(
    options: list[str], sentence: str, tmp_path: Path
) -> None:
    done = run(tmp_path, "reference-memory", "smoke", *options)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert sentence in done.stderr


def test_a_random_seed_is_told(tmp_path: Path) -> None:
    seeds = set()
    for _ in range(2):
        done = run(tmp_path, "reference-memory", "smoke", "--zodb-seed", "random")
        seeds.add(done.stdout.partition("edition current, seed ")[2].partition("\n")[0])
    assert len(seeds) == 2
    assert all(seed.isdecimal() for seed in seeds)


def test_a_check_fails_with_the_clause_and_the_lines_that_lead_there(tmp_path: Path) -> None:
    done = run(tmp_path, "double:a-doomed-transaction-commits", "story.transactions")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "\ntransaction.doomed-refuses-commit: expected DoomedTransaction; " in done.stdout
    assert "\n    tm.doom()\n" in done.stdout


def test_without_a_target_the_header_says_why_nothing_is_collected(tmp_path: Path) -> None:
    done = run(tmp_path, "", "smoke")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "zodb_conformance: no checks are collected without --zodb-target NAME" in done.stdout


@pytest.mark.parametrize(
    ("target", "status", "sentence"),
    [
        (
            "no-such-target",
            pytest.ExitCode.INTERRUPTED,
            "--zodb-target: there is no target 'no-such-target'; registered are ",
        ),
        (
            "json:loads",
            pytest.ExitCode.TESTS_FAILED,
            "json:loads: the storage factory failed in decoder.py, line ",
        ),
    ],
)
def test_a_target_that_can_not_be_used_is_told_in_one_sentence(
    target: str, status: int, sentence: str, tmp_path: Path
) -> None:
    done = run(tmp_path, target, "smoke")
    assert done.returncode == status
    assert sentence in done.stdout
    assert "most recent call" not in done.stdout
    assert len(done.stdout.splitlines()) < 20
