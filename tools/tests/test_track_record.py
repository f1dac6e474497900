"""The track record, seen by a command and by scripts that only pretend."""

import json
import os
from pathlib import Path

import pytest
import track_record

COMMAND = """\
#!/bin/sh
printf '%s ' "$@" > {folder}/options.txt
echo 'what is wrong' >&2
folder="$(eval echo \\${{$#}})"
printf '%s' '{report}' > "$folder"/report.json
cat "$folder"/witnesses/*.json > {folder}/tried.txt
printf '%s' '{found}' > "$folder"/witnesses/found.clause.json
printf '%s' '{example}' > "$folder"/witnesses/example.clause.json
exit {status}
"""
FOUND = {"plan": {"target": "one"}, "deviation": {"check": "walk.objects"}}
EXAMPLE = {"plan": {"target": "one"}, "deviation": {"check": "examples.objects"}}
SHOWS = 'import sys\nsys.exit("some.clause: it is broken <Thing object at 0x7f00>")\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of scripts, and one target."""
    monkeypatch.setattr(track_record, "FOLDER", tmp_path)
    monkeypatch.setattr(track_record, "DATA", tmp_path / "data.json")
    monkeypatch.setattr(track_record, "WITNESSES", tmp_path / "witnesses")
    monkeypatch.setattr(track_record, "TARGETS", ("one",))
    return tmp_path


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
    Path(folder, "some.clause.py").write_text(SHOWS, encoding="utf-8")
    assert track_record.main([]) == 1
    assert "one: breaks some.clause" in capsys.readouterr().out
    assert json.loads(track_record.DATA.read_text(encoding="utf-8")) == {
        "targets": {"one": {"packages": {"ZODB": "6.4"}, "broken": {"some.clause": "MUST"}}},
        "scripts": {"some.clause": "it is broken <Thing object>"},
    }


def test_where_nothing_has_changed_nothing_is_told(folder, finds, capsys):
    finds("some.clause")
    Path(folder, "some.clause.py").write_text(SHOWS, encoding="utf-8")
    track_record.main([])
    capsys.readouterr()
    assert track_record.main([]) == 0
    assert capsys.readouterr().out == "running one ...\n"


def test_a_deviation_without_a_script_is_told(folder, finds, capsys):
    finds("some.clause")
    assert track_record.main([]) == 1
    assert "some.clause is broken, and" in capsys.readouterr().out


def test_a_clause_may_have_a_script_for_each_way_to_break_it(folder, finds, capsys):
    finds("some.clause")
    Path(folder, "some.clause.py").write_text(SHOWS, encoding="utf-8")
    other = SHOWS.replace("some.clause", "some.clause.other-way")
    Path(folder, "some.clause.other-way.py").write_text(other, encoding="utf-8")
    track_record.main([])
    assert track_record.main([]) == 0
    Path(folder, "some.clause.other-way.py").write_text("", encoding="utf-8")
    assert track_record.main([]) == 1
    assert "some.clause.other-way.py does not show that some.clause is" in capsys.readouterr().out


def test_a_script_that_shows_nothing_is_told(folder, finds, capsys):
    finds(status=0)
    Path(folder, "some.clause.py").write_text("", encoding="utf-8")
    assert track_record.main([]) == 1
    out = capsys.readouterr().out
    assert "some.clause.py does not show that some.clause is broken" in out
    assert "some.clause.py is there, and no target breaks some.clause" in out


def test_what_a_search_has_found_is_kept_and_tried_first_on_every_target(
    folder, finds, monkeypatch
):
    finds("some.clause")
    track_record.main([])
    assert Path(folder, "tried.txt").read_text(encoding="utf-8") == ""
    (kept,) = Path(folder, "witnesses").iterdir()
    assert (kept.name, json.loads(kept.read_text(encoding="utf-8"))) == ("found.clause.json", FOUND)
    monkeypatch.setattr(track_record, "TARGETS", ("other",))
    track_record.main([])
    tried = json.loads(Path(folder, "tried.txt").read_text(encoding="utf-8"))
    assert tried == FOUND | {"plan": {"target": "other"}}
    assert [path.name for path in Path(folder, "witnesses").iterdir()] == [kept.name]


def test_a_run_without_a_verdict_ends_it(folder, finds):
    finds(status=3)
    with pytest.raises(SystemExit, match=r"ended with 3:\nwhat is wrong"):
        track_record.main([])


def test_how_far_to_search_is_told_to_every_run(folder, finds):
    finds()
    track_record.main(["--profile", "ci", "--budget", "2m", "--seed", "7"])
    options = Path(folder, "options.txt").read_text(encoding="utf-8")
    assert options.startswith("run one --profile ci --budget 120.0 --seed 7 --report ")
    track_record.main([])
    options = Path(folder, "options.txt").read_text(encoding="utf-8")
    assert options.startswith("run one --report ")


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--help"], 0, "Bring the track record up to date"),
        (["--profile", "fast"], 2, "invalid choice: 'fast'"),
        (["--budget", "soon"], 2, "'soon' is no duration; write 60s, 5m or 1h"),
        (["--seed", "x"], 2, "'x' is no seed"),
        (["--only", "savepoint.*"], 2, "unrecognized arguments: --only"),
        (["zodb-file"], 2, "unrecognized arguments: zodb-file"),
    ],
)
def test_help_and_wrong_arguments_start_no_run(folder, finds, capsys, arguments, status, told):
    finds()
    with pytest.raises(SystemExit) as ended:
        track_record.main(arguments)
    assert ended.value.code == status
    assert told in "".join(capsys.readouterr())
    assert list(folder.glob("*.txt")) == []
    assert not track_record.DATA.exists()
