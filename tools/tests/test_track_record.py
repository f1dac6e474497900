"""The track record, seen by a command and by scripts that only pretend."""

import json
import os
from pathlib import Path

import pytest
import track_record

COMMAND = """\
#!/bin/sh
printf '%s' '{report}' > "$(eval echo \\${{$#}})"/report.json
exit {status}
"""
SHOWS = 'import sys\nsys.exit("some.clause: it is broken <Thing object at 0x7f00>")\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of scripts, and one target."""
    monkeypatch.setattr(track_record, "FOLDER", tmp_path)
    monkeypatch.setattr(track_record, "DATA", tmp_path / "data.json")
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
        command.write_text(COMMAND.format(report=report, status=status), encoding="utf-8")
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


def test_a_script_that_shows_nothing_is_told(folder, finds, capsys):
    finds(status=0)
    Path(folder, "some.clause.py").write_text("", encoding="utf-8")
    assert track_record.main([]) == 1
    out = capsys.readouterr().out
    assert "some.clause.py does not show that some.clause is broken" in out
    assert "some.clause.py is there, and no target breaks some.clause" in out


def test_a_run_without_a_verdict_ends_it(folder, finds):
    finds(status=3)
    with pytest.raises(SystemExit, match="ended with 3"):
        track_record.main([])
