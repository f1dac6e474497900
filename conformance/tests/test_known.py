"""The known-deviations file: strict, and a way to search on behind what it names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fake_spec import CLAUSES
from zodb_conformance import known, witnesses
from zodb_conformance.errors import UsageError
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation
from zodb_conformance.witnesses import Witness

ENTRY = """
[[known]]
clause = "fake.get"
reason = "the cache would have to go"
witness = "kept/fake.get.json"
"""


@pytest.fixture
def kept(command):
    """A recorded failure, kept, and a file that names it."""
    command("run", "reads-wrong-until-mended", "--report", "first")
    Path("kept").mkdir()
    shutil.copy("first/witnesses/fake.get.json", "kept")
    Path("known.toml").write_text(ENTRY)


def report():
    return json.loads(Path("conformance-report/report.json").read_text())


def test_a_known_deviation_does_not_fail_the_run(command, kept):
    status, output, _ = command("run", "reads-wrong-until-mended", "--known", "known.toml")
    assert status == 0
    assert "1 deviation known and waived" in " ".join(output.split())
    row = report()["clauses"]["fake.get"]
    assert (row["verdict"], row["message"]) == ("known", "the cache would have to go")
    assert report()["deviations"] == []


def test_the_search_keeps_away_from_a_known_deviation_and_goes_on(command, kept):
    command("run", "reads-wrong-until-mended", "--known", "known.toml")
    row = report()["clauses"]
    assert row["fake.get"]["checks"] == 0
    assert row["fake.commit"]["checks"] > 100


def test_an_entry_whose_witness_does_not_fail_any_more_fails_the_run(command, kept, tmp_path):
    (tmp_path / "mended").touch()
    status, output, _ = command("run", "reads-wrong-until-mended", "--known", "known.toml")
    assert status == 1
    told = " ".join(output.split())
    assert "fake.get is a known deviation, and its witness does not fail any more" in told
    assert report()["verdict"] == "conforms"
    assert report()["known"][0]["stale"]
    # The clause is checked again, as if there were no entry.
    assert report()["clauses"]["fake.get"]["verdict"] == "holds"


def test_an_entry_about_a_race_may_say_that_it_is_not_strict(command, kept, tmp_path):
    (tmp_path / "mended").touch()
    Path("known.toml").write_text(ENTRY + 'strict = false\nwhy = "it depends on the load"\n')
    assert command("run", "reads-wrong-until-mended", "--known", "known.toml")[0] == 0
    assert report()["clauses"]["fake.get"]["verdict"] == "known"


def test_the_witness_of_an_entry_stays_where_it_lies_in_the_report_folder(command):
    command("run", "reads-wrong")
    entry = ENTRY.replace("kept/", "conformance-report/witnesses/")
    Path("known.toml").write_text(entry)
    assert command("run", "reads-wrong", "--known", "known.toml")[0] == 0
    assert Path("conformance-report/witnesses/fake.get.json").exists()


def test_the_witness_of_an_entry_stays_also_when_it_does_not_fail_any_more(command, tmp_path):
    command("run", "reads-wrong-until-mended")
    Path("known.toml").write_text(ENTRY.replace("kept/", "conformance-report/witnesses/"))
    (tmp_path / "mended").touch()
    for _ in range(2):
        assert command("run", "reads-wrong-until-mended", "--known", "known.toml")[0] == 1
    assert Path("conformance-report/witnesses/fake.get.json").exists()


def test_an_entry_for_a_situation_covers_the_recorded_failure_and_no_other():
    recorded = Deviation("fake.get", "walk", "1", "2", script=(("get", "a"),))
    other = Deviation("fake.get", "walk", "1", "2", script=(("get", "b"),))
    witness = Witness(Plan(), recorded)
    everywhere = known.Known("fake.get", "", "reason", Path("x"), witness)
    somewhere = known.Known("fake.get", "a-is-one", "reason", Path("x"), witness)
    assert everywhere.covers(recorded)
    assert everywhere.covers(other)
    assert somewhere.covers(recorded)
    assert not somewhere.covers(other)
    assert (everywhere.avoid, somewhere.avoid) == ("fake.get", "a-is-one")
    assert not everywhere.covers(Deviation("fake.set", "walk", "1", "2"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[known", "known.toml can not be read as TOML"),
        ("other = 1", "holds something else than tables [[known]]: other"),
        ("known = 1", "holds something else than tables [[known]]: known"),
        ("[[known]]\n", "entry 1: clause is missing"),
        (ENTRY.replace("fake.get", "fake.gone", 1), "entry 1: there is no clause 'fake.gone'"),
        (ENTRY.replace("the cache would have to go", " "), "entry 1: reason is missing"),
        (ENTRY + 'situation = "b"', "fake.get declares no situation 'b'; it declares: 'a-is-one'"),
        (ENTRY + "strict = false", "strict = false needs a line `why = ...`"),
        (ENTRY + "strict = 1", "strict must be true or false"),
        (ENTRY + "why = 1", "why must be text in quotes"),
        (ENTRY + 'reson = "x"', "nothing is called 'reson' here"),
        (ENTRY.replace("kept/", "lost/"), "entry 1: There is no witness lost/fake.get.json"),
        (ENTRY.replace("fake.get", "fake.set", 1), "shows fake.get, not fake.set"),
    ],
    ids=lambda value: "",
)
def test_a_mistake_in_the_file_ends_with_2_and_its_place(text, sentence, command, workplace):
    Path("kept").mkdir()
    recorded = Witness(Plan(), Deviation("fake.get", "walk", "1", "2"))
    witnesses.write(Path("kept"), "fake.get", recorded, plain=False)
    Path("known.toml").write_text(text)
    status, _, errors = command("run", "good", "--known", "known.toml")
    assert status == 2
    assert sentence in errors


def test_a_witness_that_is_none_is_refused(workplace):
    Path("no.json").write_text('{"format": "something else"}')
    with pytest.raises(UsageError, match="not a witness of this version"):
        witnesses.read(Path("no.json"))
    Path("no.json").write_text(json.dumps({"format": witnesses.FORMAT}))
    with pytest.raises(UsageError, match="damaged witness"):
        witnesses.read(Path("no.json"))
    Path("no.json").write_text("{")
    with pytest.raises(UsageError, match="can not be read as a witness"):
        witnesses.read(Path("no.json"))


def test_an_entry_without_witness_file_says_which_file(workplace):
    Path("known.toml").write_text(ENTRY)
    with pytest.raises(UsageError, match="There is no witness"):
        known.load(Path("known.toml"), CLAUSES)
