"""Runs with several seeds, by a command that only pretends."""

import json
import os

import pytest
import steady

COMMAND = """\
#!/bin/sh
# run TARGET ... --seed N --report FOLDER
echo "$@" >> {folder}/asked.txt
folder="$(eval echo \\${{$#}})"
mkdir -p "$folder"
while [ $# -gt 4 ]; do shift; done
[ -e {folder}/fails ] && {{ echo "Traceback: no room" >&2; exit 1; }}
cp {folder}/$2.json "$folder"/report.json || exit 3
exit 1
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """Have runs with a seed find that these clauses are broken, and flaky."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    command = tmp_path / "zodb-conformance"
    command.write_text(COMMAND.format(folder=tmp_path), encoding="utf-8")
    command.chmod(0o755)

    def found(seed: int, broken: list[str], flaky: list[str]) -> None:
        clauses = {id: {"verdict": "deviates"} for id in broken}
        clauses["good.clause"] = {"verdict": "holds"}
        deviations = [
            {"clause": id, "flaky": id in flaky, "message": "it is broken"}
            for id in [*broken, *flaky]
        ]
        report = {"seed": seed, "elapsed_s": 7.0, "clauses": clauses, "deviations": deviations}
        (tmp_path / f"{seed}.json").write_text(json.dumps(report), encoding="utf-8")

    return found


def test_what_only_some_seeds_find_is_told_and_no_failure(found, tmp_path, capsys):
    found(1, ["some.clause", "other.clause"], [])
    found(2, ["some.clause"], [])
    assert steady.main(["one", "--seeds", "2", "--", "--profile", "ci"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "one, seed 1: 2 broken, 1 hold, 0 not reached, 7 s",
        "one, seed 2: 1 broken, 1 hold, 0 not reached, 7 s",
        "one: other.clause is broken in 1 of 2 runs",
    ]
    asked = (tmp_path / "asked.txt").read_text(encoding="utf-8").splitlines()
    assert asked[1] == "run one --profile ci --seed 2 --report conformance-report/one-2"


def test_what_did_not_show_again_is_a_failure(found, capsys):
    found(1, [], ["some.clause"])
    assert steady.main(["one", "--seeds", "1"]) == 1
    assert "one, seed 1: some.clause did not show again: it is broken" in capsys.readouterr().out


def test_a_run_without_a_verdict_is_a_failure(found, capsys):
    found(2, [], [])
    assert steady.main(["one", "--seeds", "2"]) == 1
    said = capsys.readouterr().out
    assert "zodb-conformance run one --seed 1 ended with 3: cp:" in said
    assert "one, seed 2: 0 broken" in said


def test_a_run_that_ends_by_a_traceback_is_not_judged_by_an_earlier_report(found, tmp_path, capsys):
    found(1, [], [])
    assert steady.main(["one", "--seeds", "1"]) == 0
    (tmp_path / "fails").touch()
    assert steady.main(["one", "--seeds", "1"]) == 1
    assert "--seed 1 ended with 1: Traceback: no room" in capsys.readouterr().out


def test_every_run_has_a_seed_of_its_own_whatever_is_passed_on(found, tmp_path):
    found(1, [], [])
    found(2, [], [])
    assert steady.main(["one", "--seeds", "2", "--", "--seed", "7"]) == 0
    asked = (tmp_path / "asked.txt").read_text(encoding="utf-8")
    assert "--seed 7 --seed 1 --report" in asked
    assert "--seed 7 --seed 2 --report" in asked


def test_to_run_no_seed_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        steady.main(["one", "--seeds", "0"])
    assert "--seeds is 1 at least" in capsys.readouterr().err
