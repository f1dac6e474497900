"""`zodb-conformance run`: exit statuses, the report folder, memory, misuse."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_command import SUITE, report_of
from zodb_conformance.commands import options, run
from zodb_conformance.errors import UsageError
from zodb_conformance.reports import folder, progress


@pytest.mark.parametrize(
    ("arguments", "status", "verdict"),
    [
        (["good"], 0, "conforms"),
        (["reads-wrong"], 1, "deviates"),
        (["example-fails"], 0, "conforms"),
        (["example-fails", "--strict"], 1, "deviates"),
        (["is-flaky"], 1, "deviates"),
        (["segfaults"], 1, "deviates"),
        (["cannot-connect"], 3, "unusable"),
        (["cannot-open-again"], 3, "unusable"),
        (["dies-at-birth"], 3, "unusable"),
        (["dies-in-smoke"], 3, "unusable"),
        (["breaks-the-suite"], 3, "unusable"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_exit_status_says_what_the_report_says(arguments, status, verdict, command):
    assert command("run", *arguments)[0] == status
    report = report_of()
    assert (report["verdict"], report["exit_status"]) == (verdict, status)


def test_no_clause_is_blamed_where_a_database_could_not_be_opened(command):
    _, output, _ = command("run", "cannot-open-again")
    assert "cannot-open-again could not be exercised  cannot-open-again: the disk is full" in output
    report = report_of()
    assert report["deviations"] == []
    assert "deviates" not in {row["verdict"] for row in report["clauses"].values()}


def test_what_became_unopenable_is_told_although_an_earlier_failure_was_remembered(
    command, tmp_path
):
    command("run", "reads-wrong-until-full")
    assert report_of()["verdict"] == "deviates"
    (tmp_path / "mended").touch()
    assert command("run", "reads-wrong-until-full")[0] == 3
    assert report_of()["message"] == "reads-wrong-until-full: the disk is full"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--uri", "file:///srv/my.fs"], "Nothing was opened; write instead: --uri 'file://{dir"),
        (["--zconfig", "my.conf"], "my.conf, line 2: path my.fs names a fixed place"),
        (["mine:god"], "mine defines no 'god' (did you mean good?)"),
        (["mine.py:good"], "names a file; a module is named as it is imported: mine:good."),
        (["./mine.py:good"], "names a file; a module is named as it is imported: mine:good."),
        (["--database", "mine:god"], "mine defines no 'god' (did you mean good?)"),
        (["mine.good"], "There is no target 'mine.good' (did you mean mine:good?)"),
        (
            ["good", "--with-second-target", "reads-wrongly"],
            "--with-second-target: There is no target 'reads-wrongly' (did you mean reads-wrong",
        ),
        (["good", "--with-second-target", "mine:god"], "--with-second-target: mine defines no"),
    ],
)
def test_what_can_not_be_meant_is_misuse_before_anything_is_done(arguments, sentence, command):
    Path("mine.py").write_text("def good(directory): ...")
    Path("my.conf").write_text("<filestorage>\n  path my.fs\n</filestorage>\n")
    status, _, errors = command("run", *arguments)
    assert (status, sentence in errors) == (2, True)
    assert {path.name for path in Path().iterdir()} == {"mine.py", "my.conf"}


def test_a_run_may_name_a_second_target(command):
    assert command("run", "good", "--with-second-target", "reads-wrong")[0] == 0
    assert "--with-second-target reads-wrong" in report_of()["command"]


@pytest.mark.parametrize(
    "text",
    [
        "from json import *",
        "globals()['god'] = len",
        "def __getattr__(name): ...",
        "god = len",
        "(",
    ],
)
def test_a_name_is_not_refused_where_only_the_module_itself_can_tell(text, workplace):
    Path("mine.py").write_text(text)
    options.check_name("mine:god", SUITE)


def test_every_form_of_the_report_is_written(command):
    command("run", "reads-wrong", "--report", "deep/report")
    names = {str(path.relative_to("deep/report")) for path in Path("deep/report").rglob("*")}
    forms = {"report.json", "report.html", "junit.xml", "badge.json"}
    witness = {"witnesses", "witnesses/fake.get.json", "witnesses/fake.get.py"}
    assert names == forms | witness


def test_the_summary_tells_what_is_wrong_and_how_to_see_it(command):
    _, output, _ = command("run", "reads-wrong")
    for words in (
        "reads-wrong deviates",
        "A name gives the value that was set last.",
        "the target gave 'wrong'",
        "established by fake.get at step 1, noticed by get at step 3",
        "python conformance-report/witnesses/fake.get.py",
        "zodb-conformance replay conformance-report/witnesses/fake.get.json",
        "conformance-report/report.html",
        "zodb-conformance run reads-wrong --seed 1",
    ):
        assert words in output


def test_the_commands_that_are_told_do_what_they_say(command):
    command("run", "reads-wrong")
    [told] = report_of()["deviations"]
    words = told["commands"]["python"].split()
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("AssertionError: fake.get")
    status, output, _ = command(*told["commands"]["replay"].split()[1:])
    assert status == 1
    assert "reads-wrong still fails" in output


def test_without_a_terminal_progress_is_plain_lines(command):
    _, output, _ = command("run", "good")
    assert "s] checks" in output
    assert "\x1b" not in output


def test_progress_counts_the_clauses_that_apply_to_the_target(command, monkeypatch):
    # A run that is faster than the eye has nothing to show; so look at each moment of it.
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    monkeypatch.setattr(run, "LOOK", 0.001)
    _, output, _ = command("run", "reads-wrong")
    verdicts = [clause["verdict"] for clause in report_of()["clauses"].values()]
    possible = len(verdicts) - verdicts.count("not-applicable")
    told = re.findall(r"\d+ of (\d+) clauses reached", output)
    assert told[-1] == str(possible)  # before the child has told what the target can do, it is all


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_signs_changes_no_exit_status(encoding, workplace):
    done = subprocess.run(
        [sys.executable, "-m", "fake_command", "run", "good"],
        capture_output=True,
        encoding=encoding,
        env=dict(os.environ, PYTHONIOENCODING=encoding, PYTHONPATH=os.pathsep.join(sys.path)),
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "? good conforms" in done.stdout


def test_the_same_seed_gives_the_same_report(command):
    reports = []
    for name in ("one", "two"):
        command("run", "reads-wrong", "--seed", "5", "--report", name)
        text = Path(name, "report.json").read_text().replace(f"{name}/witnesses", "witnesses")
        report = json.loads(text.replace(f"--report {name}", ""))
        del report["elapsed_s"], report["ended_at"]
        reports.append(report)
    assert reports[0] == reports[1]
    assert reports[0]["steps"] > 100
    command("run", "reads-wrong", "--seed", "6")
    # Sets of strings have the order of the seed, too.
    assert report_of()["target"]["packages"]["hash"] != reports[0]["target"]["packages"]["hash"]


def test_a_random_seed_is_told_so_that_the_run_can_be_done_again(command):
    _, output, _ = command("run", "good", "--seed", "random")
    seed = report_of()["seed"]
    assert f"zodb-conformance run good --seed {seed}" in output
    assert "--seed random" not in output


def test_a_failed_smoke_test_leaves_what_any_deviation_leaves(command):
    for _ in range(2):
        # What was not asked for is told, too: without it nothing can be checked.
        status, output, _ = command("run", "dies-in-smoke", "--only", "fake.s*")
        assert status == 3
        assert "dies-in-smoke could not be exercised" in output
        assert "# commit" in output
        [told] = report_of()["deviations"]
        assert (told["clause"], told["kind"], told["script"]) == (
            "fake.commit",
            "crash",
            [["commit"]],
        )
        assert told["commands"]["python"] in output
        assert told["commands"]["replay"] in output
        names = {path.name for path in Path("conformance-report/witnesses").iterdir()}
        assert names == {"fake.commit.json", "fake.commit.py"}
    status, output, _ = command(*told["commands"]["replay"].split()[1:])
    assert status == 1
    assert "dies-in-smoke still fails" in output


def test_only_selects_the_verdicts(command):
    assert command("run", "reads-wrong", "--only", "fake.s*")[0] == 0
    report = report_of()
    assert report["clauses"]["fake.set"]["verdict"] == "holds"
    assert report["clauses"]["fake.get"]["message"] == "not selected by --only"
    assert report["deviations"] == []


def test_the_level_is_told_and_is_all_where_nothing_tells_connections_from_a_storage(command):
    command("run", "good")
    assert report_of()["level"] == "all"
    assert report_of()["only"] == []
    _, output, _ = command("run", "good", "--level", "connection", "--only", "fake.[sg]*")
    assert (report_of()["level"], report_of()["only"]) == ("connection", ["fake.[sg]*"])
    assert "2 clauses checked (level connection, only fake.[sg]*)." in output


def test_at_the_level_of_storages_only_their_own_faults_count(command):
    status, output, _ = command("run", "a-storage-over-reads-wrong", "--level", "storage")
    report = report_of()
    assert (status, report["verdict"], report["deviations"]) == (0, "conforms", [])
    assert report["excused"] == ["fake.get"]
    assert "1 clause is broken by fake.DB whatever the storage" in output
    assert command("run", "a-storage-over-good", "--level", "storage")[0] == 1
    assert report_of()["clauses"]["fake.get"]["message"].endswith(
        "over good the same script holds, so it is the storage that breaks it"
    )


def test_capabilities_that_are_not_declared_make_clauses_not_applicable(command):
    command("run", "good")
    report = report_of()
    assert report["capabilities"]["pack"] == {
        "declared": False,
        "unknown": False,
        "verified": None,
    }
    assert "does not declare the capability pack" in report["clauses"]["fake.pack"]["message"]
    assert report["clauses"]["fake.undo"]["verdict"] == "not-reached"


# The memory of earlier failures.


def test_a_failure_is_remembered_until_the_target_is_mended(command, tmp_path):
    command("run", "reads-wrong-until-mended")
    assert report_of()["remembered"] == {"replayed": 0, "failing": 0}
    command("run", "reads-wrong-until-mended")
    assert report_of()["remembered"] == {"replayed": 1, "failing": 1}
    (tmp_path / "mended").touch()
    assert command("run", "reads-wrong-until-mended")[0] == 0
    assert report_of()["remembered"] == {"replayed": 1, "failing": 0}
    assert list(Path("conformance-report/witnesses").iterdir()) == []


def test_a_remembered_fall_is_shown_again_without_taking_down_the_search(command):
    command("run", "segfaults")
    first = report_of()
    command("run", "segfaults")
    second = report_of()
    assert second["remembered"] == {"replayed": 1, "failing": 1}
    assert [told["clause"] for told in second["deviations"]] == ["fake.commit"]
    assert second["deviations"][0]["script"] == first["deviations"][0]["script"]


def test_foreign_files_in_the_report_folder_stay(command, tmp_path):
    kept = Path("conformance-report/witnesses")
    kept.mkdir(parents=True)
    (kept / "notes.txt").write_text("mine")
    (kept / "other.json").write_text("{}")
    command("run", "reads-wrong-until-mended")
    # The witness of another target.
    (kept / "fake.get.json").rename(kept / "kept.json")
    text = (kept / "kept.json").read_text().replace("reads-wrong-until-mended", "another")
    (kept / "kept.json").write_text(text)
    (tmp_path / "mended").touch()
    command("run", "reads-wrong-until-mended")
    assert {path.name for path in kept.iterdir()} == {
        "notes.txt",
        "other.json",
        "kept.json",
        "fake.get.py",
    }


def test_a_new_witness_does_not_take_the_name_of_a_file_that_stays(command):
    kept = Path("conformance-report/witnesses")
    kept.mkdir(parents=True)
    (kept / "fake.get.json").write_text('"mine"')
    command("run", "reads-wrong")
    assert (kept / "fake.get.json").read_text() == '"mine"'
    assert report_of()["clauses"]["fake.get"]["witness"] == "witnesses/fake.get-2.json"


# Misuse.


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["no-such"], "There is no target 'no-such'"),
        (["reads-wrng"], "did you mean reads-wrong?"),
        (["no_such_module:open_storage"], "There is no module 'no_such_module'"),
        (["double:forget"], "There is no double 'double:forget' (did you mean double:forgets?)"),
        (["fake_runner:"], "not of the form package.module:name"),
        (["--database", "nothing"], "write it as package.module:name"),
        (["--database", "fake_runner:x", "--level", "storage"], "leave out --level, or name the"),
        (["--zconfig", "missing.conf"], "There is no ZConfig file missing.conf"),
        (["good", "--only", "fake.gte"], "No clause matches 'fake.gte' (did you mean fake.get?)"),
        (["good", "--only", "faek.*"], "No clause matches 'faek.*' (did you mean fake.*?)"),
        (["good", "--budget", "soon"], "'soon' is no duration; write 60s, 5m or 1h"),
        (["good", "--budget", "0s"], "is no duration"),
        (["good", "--seed", "x"], "'x' is no seed"),
        (["good", "--edition", "2001"], "invalid choice: '2001'"),
        (["good", "--known", "missing.toml"], "There is no known-deviations file missing.toml"),
        (["good", "--report", "a-file"], "--report a-file is a file; name a folder"),
        (["good", "--report", "odd"], "odd/report.html is a folder; move it away"),
        ([""], "an argument is empty; write what is meant, or leave it out"),
        (["--uri="], "an argument is empty"),
        (["good", "--zconfig", "x"], "not allowed with argument"),
        (["good", "extra"], "unrecognized arguments: extra"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_ends_with_2_and_one_sentence_that_says_what_to_mend(arguments, sentence, command):
    Path("a-file").touch()
    Path("odd/report.html").mkdir(parents=True)
    status, output, errors = command("run", *arguments)
    assert status == 2
    assert sentence in errors
    assert len(errors.strip().splitlines()) == 1
    assert output == ""


def test_a_report_folder_that_can_not_be_written_is_misuse(workplace):
    Path("locked").mkdir(mode=0o500)
    with without_privileges(), pytest.raises(UsageError, match="can not be written: Permission"):
        folder.prepare(Path("locked/report").absolute())


def test_a_full_disk_is_told_and_so_is_what_was_found(command, monkeypatch):
    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "write", write)
    status, output, errors = command("run", "good")
    assert status == 2
    assert "good conforms" in output
    assert errors.startswith("zodb-conformance: There is no room left on the disk")
    assert len(errors.splitlines()) == 1


def test_other_errors_of_the_system_are_not_taken_for_a_full_disk(command, monkeypatch):
    def write(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(folder, "write", write)
    with pytest.raises(OSError, match="Input/output error"):
        command("run", "good")


@contextmanager
def without_privileges():
    """Root may write everywhere: be nobody for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_report_folder_below_a_file_is_misuse(command):
    Path("a-file").touch()
    status, _, errors = command("run", "good", "--report", "a-file/report")
    assert status == 2
    assert "--report a-file/report can not be written: Not a directory" in errors


# GitHub.


def test_github_gets_annotations_and_a_summary(command, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    _, output, _ = command("run", "reads-wrong")
    [line] = [line for line in output.splitlines() if line.startswith("::")]
    file = "conformance-report/witnesses/fake.get.py"
    assert line.startswith(f"::error title=fake.get,file={file},line=1::A name gives the value ")
    assert "the target gave 'wrong'. Run it again: python conformance-report" in line
    assert "| `fake.get` | MUST |" in (tmp_path / "summary.md").read_text()
