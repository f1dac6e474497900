"""The track record, seen by a command and by scripts that only pretend."""

import json
import os
from pathlib import Path

import pytest
import track_record

COMMAND = """\
#!/bin/sh
if [ "$1" = replay ]; then grep -q abort "$2"; exit $((1 - $?)); fi
printf '%s ' "$@" > {folder}/options.txt
echo 'what is wrong' >&2
folder="$(eval echo \\${{$#}})"
printf '%s' '{report}' > "$folder"/report.json
cat "$folder"/witnesses/*.json > {folder}/tried.txt
printf '%s' '{found}' > "$folder"/witnesses/found.clause.json
printf '%s' '{example}' > "$folder"/witnesses/example.clause.json
exit {status}
"""
FOUND = {"plan": {"target": "one"}, "deviation": {"check": "walk.objects", "script": [["abort"]]}}
EXAMPLE = {"plan": {"target": "one"}, "deviation": {"check": "examples.objects"}}
SHOWS = 'import sys\nsys.exit("some.clause: it is broken <Thing object at 0x7f00>")\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of scripts, and one target."""
    monkeypatch.setattr(track_record, "FOLDER", tmp_path)
    monkeypatch.setattr(track_record, "TARGETS", ("one",))
    (tmp_path / "scripts").mkdir()
    return tmp_path


def data(folder, name):
    """What the record says of a target, or what its scripts say."""
    return json.loads(Path(folder, "data", f"{name}.json").read_text(encoding="utf-8"))


def script(folder, name, text=SHOWS):
    """A script of the record."""
    Path(folder, "scripts", f"{name}.py").write_text(text, encoding="utf-8")


@pytest.fixture
def finds(tmp_path, monkeypatch):
    """Have the suite find that these clauses are broken, and end with this status."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")

    def finds(*broken: str, status: int = 1) -> None:
        clauses = {id: {"level": "MUST", "verdict": "deviates"} for id in broken}
        clauses["good.clause"] = {"level": "MUST", "verdict": "holds"}
        report = json.dumps({"target": {"packages": {"ZODB": "6.4"}}, "clauses": clauses})
        command = bin_folder / "zodb-conformance"
        text = COMMAND.format(
            report=report,
            status=status,
            folder=tmp_path,
            found=json.dumps(FOUND),
            example=json.dumps(EXAMPLE),
        )
        command.write_text(text, encoding="utf-8")
        command.chmod(0o755)

    return finds


def test_what_is_found_is_written_and_told(folder, finds, capsys):
    finds("some.clause")
    script(folder, "some.clause")
    assert track_record.main([]) == 1
    assert "one: breaks some.clause" in capsys.readouterr().out
    assert data(folder, "one") == {
        "packages": {"ZODB": "6.4"},
        "checked": 2,
        "broken": {"some.clause": "MUST"},
    }
    assert data(folder, "scripts") == {"some.clause": "it is broken <Thing object>"}


def test_where_nothing_has_changed_nothing_is_told(folder, finds, capsys):
    finds("some.clause")
    script(folder, "some.clause")
    track_record.main([])
    capsys.readouterr()
    assert track_record.main([]) == 0
    assert capsys.readouterr().out == "running one ...\n"


def test_a_clause_may_have_a_script_for_each_way_to_break_it(folder, finds, capsys):
    finds("some.clause")
    script(folder, "some.clause")
    script(folder, "some.clause.way", SHOWS.replace("some.clause", "some.clause.way"))
    track_record.main([])
    assert track_record.main([]) == 0
    script(folder, "some.clause.way", "")
    assert track_record.main([]) == 1
    assert "some.clause.way.py does not show that some.clause is" in capsys.readouterr().out


def test_a_script_that_shows_nothing_is_told(folder, finds, capsys):
    finds(status=0)
    script(folder, "some.clause", "")
    assert track_record.main([]) == 1
    out = capsys.readouterr().out
    assert "some.clause.py does not show that some.clause is broken" in out
    assert "some.clause.py is there, and no target breaks some.clause" in out


def test_a_script_that_needs_what_is_not_here_says_what_it_said(folder, finds, capsys):
    finds("some.clause")
    script(folder, "some.clause")
    track_record.main([])
    script(folder, "some.clause", "import not_installed_here\n")
    capsys.readouterr()
    assert track_record.main([]) == 0
    said = "some.clause.py was not run: No module named 'not_installed_here'"
    assert said in capsys.readouterr().out
    assert data(folder, "scripts") == {"some.clause": "it is broken <Thing object>"}


def test_a_target_that_can_not_be_run_here_stays_as_it_is_unless_it_is_named(folder, finds, capsys):
    finds("some.clause")
    script(folder, "some.clause")
    track_record.main([])
    before = data(folder, "one")
    finds(status=3)
    assert track_record.main([]) == 0
    assert "one stays as it is:\nwhat is wrong" in capsys.readouterr().out
    assert data(folder, "one") == before
    with pytest.raises(SystemExit, match=r"ended with 3:\nwhat is wrong"):
        track_record.main(["one"])


def test_only_the_targets_that_are_named_are_run(folder, finds, monkeypatch, capsys):
    monkeypatch.setattr(track_record, "TARGETS", ("one", "other"))
    finds("some.clause")
    script(folder, "some.clause")
    track_record.main(["other"])
    assert "running one" not in capsys.readouterr().out
    assert [path.stem for path in sorted(Path(folder, "data").iterdir())] == ["other", "scripts"]


def test_what_a_search_has_found_is_kept_and_tried_first_on_every_target(
    folder, finds, monkeypatch
):
    finds("found.clause", "example.clause")
    track_record.main([])
    assert Path(folder, "tried.txt").read_text(encoding="utf-8") == ""
    (kept,) = Path(folder, "witnesses").iterdir()
    assert (kept.name, json.loads(kept.read_text(encoding="utf-8"))) == ("found.clause.json", FOUND)
    monkeypatch.setattr(track_record, "TARGETS", ("other",))
    track_record.main([])
    tried = json.loads(Path(folder, "tried.txt").read_text(encoding="utf-8"))
    assert tried == FOUND | {"plan": {"target": "other"}}
    assert [path.name for path in Path(folder, "witnesses").iterdir()] == [kept.name]


def test_where_a_target_needs_another_witness_that_is_kept_for_it_alone(folder, finds, monkeypatch):
    finds("found.clause", "example.clause")
    track_record.main([])
    common = Path(folder, "witnesses", "found.clause.json")
    common.write_text(json.dumps(FOUND | {"deviation": {"check": "walk.x", "script": []}}))
    track_record.main([])
    own = common.with_name("found.clause.one.json")
    assert json.loads(own.read_text(encoding="utf-8")) == FOUND
    monkeypatch.setattr(track_record, "TARGETS", ("other",))
    common.unlink()
    track_record.main([])
    assert Path(folder, "tried.txt").read_text(encoding="utf-8") == ""


def test_a_target_needs_no_other_witness_where_the_kept_one_shows_it(folder, finds):
    finds("found.clause", "example.clause")
    track_record.main([])
    common = Path(folder, "witnesses", "found.clause.json")
    shorter = {"check": "walk.x", "script": [["abort"], ["abort"]]}
    common.write_text(json.dumps(FOUND | {"deviation": shorter}))
    track_record.main([])
    assert [path.name for path in common.parent.iterdir()] == [common.name]


def test_what_was_seen_once_and_not_again_is_not_kept(folder, finds):
    finds("some.clause")
    track_record.main([])
    assert list(Path(folder, "witnesses").iterdir()) == []


def test_a_run_without_a_verdict_ends_it(folder, finds):
    finds(status=2)
    with pytest.raises(SystemExit, match=r"ended with 2:\nwhat is wrong"):
        track_record.main([])


def test_how_far_to_search_is_told_to_every_run(folder, finds):
    finds()
    track_record.main(["--profile", "ci", "--budget", "2m", "--seed", "7"])
    options = Path(folder, "options.txt").read_text(encoding="utf-8")
    assert options.startswith("run one --kills 100 --profile ci --budget 120.0 --seed 7 --report ")
    track_record.main([])
    options = Path(folder, "options.txt").read_text(encoding="utf-8")
    assert options.startswith("run one --kills 100 --report ")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--help"], 0, "Bring the track record up to date"),
        (["--profile", "fast"], 2, "invalid choice: 'fast'"),
        (["--budget", "soon"], 2, "'soon' is no duration; write 60s, 5m or 1h"),
        (["--seed", "x"], 2, "'x' is no seed"),
        (["--only", "savepoint.*"], 2, "unrecognized arguments: --only"),
        (["zodb-flie"], 2, "'zodb-flie' has no record; there are one"),
    ],
)
def test_help_and_wrong_arguments_start_no_run(folder, finds, capsys, arguments, status, told):
    finds()
    with pytest.raises(SystemExit) as ended:
        track_record.main(arguments)
    assert ended.value.code == status
    assert told in "".join(capsys.readouterr())
    assert list(folder.glob("*.txt")) == []
    assert not Path(folder, "data").exists()
