"""The other commands: list, show, replay, compare, init, and the help."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from fake_spec import CLAUSES
from zodb_conformance import cli
from zodb_conformance.compare import RANKS, change_of
from zodb_conformance.reports.model import VERDICTS

COMMANDS = ("run", "list", "show", "replay", "compare", "init")


# Help.


def test_the_help_names_every_command_and_every_exit_status(command):
    status, output, _ = command("--help")
    assert status == 0
    for name in COMMANDS:
        assert f"\n    {name} " in output
    for number in ("0", "1", "2", "3", "130"):
        assert f"\n  {number} " in output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_explained(name, command):
    status, output, _ = command(name, "--help")
    assert status == 0
    parser = next(iter(cli.parser()._subparsers._group_actions)).choices[name]
    assert all(action.help for action in parser._actions)
    assert f"zodb-conformance {name}" in output


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["show"], ["list", "nothing"]])
def test_a_command_that_is_none_is_misuse(arguments, command):
    status, _, errors = command(*arguments)
    assert status == 2
    assert "--help` tells what there is" in errors


def test_the_command_tells_the_version_of_the_project(command):
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert command("--version")[:2] == (0, f"zodb-conformance {project['version']}\n")


# list


def test_targets_are_listed(command):
    output = command("list", "targets")[1]
    assert "reads-wrong" in output
    assert "package.module:name" in output


def test_clauses_are_listed_by_chapter_with_their_level(command):
    output = command("list", "clauses")[1]
    assert "\nfake_spec\n" in output
    assert "MUST   fake.get  A name gives the value that was set last." in output


def test_clauses_can_be_listed_by_glob(command):
    output = command("list", "clauses", "*.g*", "fake.undo")[1]
    assert "fake.get" in output
    assert "fake.undo" in output
    assert "fake.set" not in output


def test_clauses_can_be_listed_by_whom_they_bind_and_how_strongly(command):
    output = command("list", "clauses", "--binds", "connection", "--level", "must")[1]
    listed = {line.split()[1] for line in output.splitlines() if line.startswith("  ")}
    assert listed == {
        clause.id
        for clause in CLAUSES.values()
        if (clause.binds, clause.level.value) == ("connection", "MUST")
    }
    assert listed


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["clauses", "fake.get", "--binds", "caller"],
            "No clause is left with fake.get and --binds",
        ),
        (["targets", "--binds", "storage"], "GLOB, --binds and --level go with `list clauses`"),
        (["targets", "good"], "GLOB, --binds and --level go with `list clauses`"),
        ([], "the following arguments are required: WHAT;"),
    ],
)
def test_a_list_that_cannot_be_given_is_misuse(arguments, sentence, command):
    status, _, errors = command("list", *arguments)
    assert status == 2
    assert sentence in errors


def test_capabilities_are_listed_with_their_meaning(command):
    output = command("list", "capabilities")[1]
    assert "conflict-resolution" in output
    assert "_p_resolveConflict" in output
    assert "(Edition 2006-08-16 only.)" in " ".join(output.split())


def test_editions_are_listed(command):
    assert command("list", "editions")[1].split("\n")[-2].startswith("current")


def test_doubles_are_listed_with_the_clause_that_they_break(command):
    assert "fake.set: A value that was set is gone." in command("list", "doubles")[1]


# show


def test_a_clause_is_shown_with_everything_that_hangs_on_it(command):
    status, output, _ = command("show", "fake.set")
    assert status == 0
    for words in (
        "fake.set  MUST",
        "A value that was set is kept until another is set.",
        'values["a"] = []',
        "databases and connections",
        "every generated script that comes to it",
        "forgets",
        "def set_() -> None:",
    ):
        assert words in output
    # The text is not repeated with the code.
    assert output.count("kept until another") == 1


def test_an_example_is_shown_with_its_check(command):
    output = command("show", "fake.example")[1]
    assert ">>> 1 + 1" in output
    assert "examples.fake_spec" in output


def test_an_unknown_clause_is_misuse_with_a_hint(command):
    status, _, errors = command("show", "fake.gets")
    assert (status, "did you mean fake.get?" in errors) == (2, True)


# replay


@pytest.mark.parametrize("target", ["reads-wrong", "segfaults", "loops", "example-fails"])
def test_a_recorded_failure_is_replayed(target, command):
    command("run", target)
    [witness] = Path("conformance-report/witnesses").glob("*.json")
    status, output, _ = command("replay", witness)
    assert status == 1
    assert f"{target} still fails" in output
    assert "observed" in output


def test_the_name_of_the_plain_script_is_as_good(command):
    command("run", "reads-wrong")
    assert command("replay", "conformance-report/witnesses/fake.get.py")[0] == 1


def test_a_failure_that_is_mended_does_not_fail_any_more(command):
    command("run", "reads-wrong")
    witness = "conformance-report/witnesses/fake.get.json"
    status, output, _ = command("replay", witness, "good")
    assert status == 0
    assert "good does not fail any more" in output


def test_a_replay_on_another_target_is_on_that_one_alone(command):
    command("run", "reads-wrong", "--with-second-target", "good")
    witness = "conformance-report/witnesses/fake.get.json"
    assert "reads-wrong with good still fails" in command("replay", witness)[1]
    assert "✓ good does not fail any more" in command("replay", witness, "good")[1]


def test_another_failure_of_the_same_script_is_a_failure(command):
    command("run", "reads-wrong")
    witness = Path("conformance-report/witnesses/fake.get.json")
    recorded = json.loads(witness.read_text())
    recorded["deviation"]["script"][-1] = ["commit"]
    witness.write_text(json.dumps(recorded))
    status, output, _ = command("replay", witness, "segfaults")
    assert status == 1
    assert "SIGSEGV" in output


def test_a_replay_on_a_target_that_can_not_be_opened_is_3(command):
    command("run", "reads-wrong")
    witness = "conformance-report/witnesses/fake.get.json"
    status, output, _ = command("replay", witness, "cannot-connect")
    assert status == 3
    assert "Is the server that it needs running?" in " ".join(output.split())


def test_a_witness_that_is_not_there_is_misuse(command):
    status, _, errors = command("replay", "gone.json")
    assert (status, errors) == (2, "zodb-conformance: There is no witness gone.json.\n")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [("witnesses/fake.get.json", "name a file, such as "), ("", "it holds no witness")],
)
def test_a_folder_is_no_witness(found, sentence, command):
    Path("report/witnesses").mkdir(parents=True)
    if found:
        Path("report", found).touch()
    status, _, errors = command("replay", "report")
    assert status == 2
    assert f"report is a folder: {sentence}" in errors
    assert f"report/{found}" in errors or not found


def test_a_failure_on_a_target_that_cannot_be_opened_is_not_judged(command):
    command("run", "reads-wrong")
    witness = "conformance-report/witnesses/fake.get.json"
    status, output, _ = command("replay", witness, "cannot-open-again")
    assert (status, output) == (3, "cannot-open-again: the disk is full\n")


# compare


def test_what_became_worse_fails_and_what_became_better_does_not(command):
    command("run", "good", "--report", "good")
    command("run", "reads-wrong", "--report", "bad")
    status, output, _ = command("compare", "good", "bad")
    assert status == 1
    assert "holds → deviates" in output
    assert "1 worse, 10 clauses the same." in output
    status, output, _ = command("compare", "bad", "good/report.json")
    assert status == 0
    assert "deviates → holds" in output
    assert command("compare", "good", "good")[0] == 0


def test_clauses_that_one_run_was_not_about_are_counted_and_not_listed(command):
    command("run", "good", "--report", "all")
    command("run", "good", "--report", "some", "--only", "fake.set")
    status, output, _ = command("compare", "all", "some")
    assert status == 0
    assert "fake.get" not in output
    assert "in only one of the two runs." in output


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("holds", "deviates", "worse"),
        ("holds", "known", "worse"),
        ("holds", "not-reached", "worse"),
        ("known", "deviates", "worse"),
        ("not-reached", "deviates", "worse"),
        ("deviates", "known", "better"),
        ("not-reached", "holds", "better"),
        ("not-applicable", "deviates", "changed"),
        ("holds", "not-applicable", "changed"),
        (None, "deviates", "new"),
        ("holds", None, "gone"),
        ("known", "known", "same"),
    ],
)
def test_verdicts_are_compared(before, after, change):
    assert change_of(before, after) == change


def test_the_ids_of_clauses_are_never_cut(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    command("run", "good", "--report", "good")
    command("run", "reads-wrong", "--report", "bad")
    for name in ("good", "bad"):
        path = Path(name, "report.json")
        path.write_text(path.read_text().replace("fake.get", "fake.get-" + "long" * 20))
    output = command("compare", "good", "bad")[1]
    assert "fake.get-" + "long" * 20 + "  holds → deviates\n" in output


def test_what_was_not_compared_did_not_change_where_nothing_could_be(command):
    command("run", "good", "--report", "good")
    command("run", "cannot-connect", "--report", "bad")
    good, bad = (report_of(name) for name in ("good", "bad"))
    assert good["fake.pack"]["verdict"] == "not-applicable"
    assert bad["fake.pack"]["verdict"] == "not-reached"
    output = command("compare", "good", "bad")[1]
    assert "fake.pack" not in output
    assert "changed" not in output


def report_of(name):
    """What the report in a folder says of clauses."""
    return json.loads(Path(name, "report.json").read_text())["clauses"]


def test_every_verdict_but_not_applicable_has_a_rank():
    assert set(VERDICTS) - set(RANKS) == {"not-applicable"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "There is no report in a."),
        ("{", "can not be read as a report"),
        ("{}", "no schema 1"),
    ],
)
def test_a_report_that_is_none_is_misuse(text, sentence, command):
    Path("a").mkdir()
    if text:
        Path("a/report.json").write_text(text)
    status, _, errors = command("compare", "a", "a")
    assert status == 2
    assert sentence in errors


# init


def test_init_writes_what_a_gate_needs(command):
    Path("mypackage.py").write_text("def open_storage(directory): ...")
    status, output, _ = command("init", "mypackage:open_storage")
    assert status == 0
    tox = ConfigParser(interpolation=None)
    tox.read("tox-conformance.ini")
    ini = tox["testenv:conformance"]
    assert "zodb-conformance run mypackage:open_storage --known" in ini["commands"]
    assert ini["skip_install"] == "true"
    assert tomllib.loads(Path("conformance-known.toml").read_text()) == {}
    workflow = Path(".github/workflows/conformance.yml").read_text()
    assert "tox -c tox-conformance.ini" in workflow
    assert "@" not in workflow.replace("checkout@", "").replace("python@", "").replace(
        "artifact@", ""
    )
    assert "zodb-conformance run mypackage:open_storage" in output


def test_init_installs_a_project_that_can_be_installed(command):
    Path("pyproject.toml").touch()
    Path("my storage.conf").write_text("<mappingstorage/>")
    command("init", "--zconfig", "my storage.conf")
    text = Path("tox-conformance.ini").read_text()
    assert "package = editable" in text
    assert "run --zconfig 'my storage.conf' --known" in text


def test_init_keeps_the_second_target(command):
    command("init", "bad_storages:right", "--with-second-target", "good")
    line = "run bad_storages:right --with-second-target good --known"
    assert line in Path("tox-conformance.ini").read_text()


def test_init_keeps_the_level(command):
    output = command("init", "bad_storages:right", "--level", "all")[1]
    assert "zodb-conformance run bad_storages:right --level all" in output
    assert "run bad_storages:right --level all --known" in Path("tox-conformance.ini").read_text()


def test_init_never_overwrites(command):
    Path("conformance-known.toml").write_text("mine")
    status, output, _ = command("init")
    assert status == 0
    assert Path("conformance-known.toml").read_text() == "mine"
    assert "kept  conformance-known.toml  (it exists, and was not changed)" in output
    assert "wrote tox-conformance.ini" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nosuch:thing"], "There is no module 'nosuch'"),
        (["mine:god"], "mine defines no 'god' (did you mean good?)"),
        (["--zconfig", "missing"], "There is no ZConfig file missing"),
        (["--uri", "file:///srv/my.fs"], "write instead: --uri 'file://{directory}/my.fs'"),
    ],
)
def test_init_writes_nothing_for_a_target_that_can_not_be_meant(arguments, sentence, command):
    Path("mine.py").write_text("def good(directory): ...")
    status, _, errors = command("init", *arguments)
    assert (status, sentence in errors) == (2, True)
    assert [path.name for path in Path().iterdir()] == ["mine.py"]


def test_init_says_where_what_it_kept_runs_another_target(command):
    Path("mine.py").write_text("def good(directory): ...\ndef better(directory): ...\n")
    command("init", "mine:good")
    assert "does not run" not in command("init", "mine:good")[1]
    output = " ".join(command("init", "mine:better")[1].split())
    assert "tox-conformance.ini was there before and does not run mine:better" in output


def test_init_without_a_target_says_where_to_write_it(command):
    output = " ".join(command("init")[1].split())
    assert "in place of your_package:open_storage in tox-conformance.ini" in output


def test_init_says_what_stands_in_its_way(command):
    Path(".github").touch()
    status, _, errors = command("init")
    assert status == 2
    assert ".github/workflows/conformance.yml can not be written: Not a directory" in errors


def test_the_example_in_the_known_deviations_file_is_one(command):
    command("init")
    text = Path("conformance-known.toml").read_text()
    example = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if "=" in line or "[[known]]" in line
    )
    [entry] = tomllib.loads(example)["known"]
    assert set(entry) == {"clause", "situation", "reason", "witness", "strict", "why"}


# The real command.


def test_the_real_command_lists_the_real_clauses(workplace):
    words = [sys.executable, "-m", "zodb_conformance", "list", "clauses", "root.*"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "root.oid-is-zero" in done.stdout
