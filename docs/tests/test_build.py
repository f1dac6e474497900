"""A page that refers to what does not exist fails the build."""

import io
import json
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="Sphinx is not here; `tox -e docs` runs this")

from docutils.nodes import inline, literal_block  # only where they are installed
from sphinx.application import Sphinx  # only where it is installed

DOCS = Path(__file__).parents[1]


def site(folder, text, **settings):
    """A site of one page, beside those that its extension adds, and what Sphinx warns of."""
    (folder / "index.rst").write_text(f"Page\n====\n\n{text}\n", encoding="utf-8")
    said = io.StringIO()
    common = {
        "extensions": ["specification"],
        "exclude_patterns": ["_*"],
        "nitpicky": True,
        "rst_prolog": prolog(),
        "suppress_warnings": ["toc"],
    }
    app = Sphinx(
        folder,
        None,
        folder / "_out",
        folder / "_doctrees",
        "dummy",
        confoverrides=common | settings,
        status=None,
        warning=said,
    )
    return app, said


@pytest.fixture
def templates(tmp_path):
    """A folder with the templates of the specification, and the page to which they refer."""
    (tmp_path / "_specification").symlink_to(DOCS / "_specification")
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "target.rst").write_text("Target\n======\n", encoding="utf-8")


def prolog():
    """The roles that the pages of the specification use, from the configuration of the site."""
    names = {"__file__": str(DOCS / "conf.py")}
    before = list(sys.path)
    exec((DOCS / "conf.py").read_text(encoding="utf-8"), names)
    sys.path[:] = before
    return names["rst_prolog"]


@pytest.mark.usefixtures("templates")
def test_what_does_not_exist_is_a_warning_and_what_exists_is_none(tmp_path):
    app, said = site(
        tmp_path,
        ":clause:`object.add-assigns-oid` :rule:`LIFE-5` :operation:`add`"
        " :clause:`no.such` :rule:`LIFE-0` :operation:`fly` ``object.add-is-stored``",
    )
    app.build()
    missing = re.findall(r"'(\w+)' reference target not found: ([\w.-]+)", said.getvalue())
    assert sorted(missing) == [("clause", "no.such"), ("operation", "fly"), ("rule", "LIFE-0")]
    assert said.getvalue().count("WARNING") == len(missing)


@pytest.mark.usefixtures("templates")
def test_a_rule_that_is_not_in_the_catalogue_is_a_warning(tmp_path):
    catalogue = tmp_path / "_rules.md"
    whole = (DOCS.parent / "spec" / "rules.md").read_text(encoding="utf-8")
    catalogue.write_text(whole.replace("| LIFE-5 |", "| LIFE-555 |"), encoding="utf-8")
    _, said = site(tmp_path, "", specification_rules=str(catalogue))
    assert "clause object.add-again-is-nothing names an unknown rule LIFE-5" in said.getvalue()
    assert "rule LIFE-555 is neither covered by a clause nor answered" in said.getvalue()


def test_commands_are_performed_and_shown(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear reader\n", encoding="utf-8")
    text = ".. terminal::\n   :files: letter.txt\n\n   cat letter.txt\n"
    app, said = site(tmp_path, text, extensions=["terminal"])
    app.build()
    (block,) = app.env.get_doctree("index").findall(literal_block)
    assert block.astext() == "$ cat letter.txt\nDear reader"
    assert "WARNING: 'cat" not in said.getvalue()


def test_a_command_that_ends_otherwise_than_the_page_says_is_a_warning(tmp_path):
    app, said = site(tmp_path, ".. terminal::\n\n   exit 3\n", extensions=["terminal"])
    app.build()
    assert "'exit 3' ended with status 3" in said.getvalue()


@pytest.fixture
def record(tmp_path):
    """A track record of two targets, of which one breaks more than the other."""
    folder = tmp_path / "track-record"
    (folder / "data").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "data" / "scripts.json").write_text('{"a.clause": "it is broken"}', "utf-8")
    for name, broken in {
        "one": {"a.clause": "MUST", "silent.clause": "MUST"},
        "other": {"a.clause": "MUST", "b.clause": "SHOULD"},
    }.items():
        found = {"packages": {"ZODB": "6.4"}, "checked": 7, "broken": broken}
        (folder / "data" / f"{name}.json").write_text(json.dumps(found), "utf-8")
    for name in ("a.clause", "a.clause.other-way", "no.clause"):
        (folder / "scripts" / f"{name}.py").write_text("pass\n", encoding="utf-8")


@pytest.mark.usefixtures("record")
def test_the_track_record_tells_of_what_is_in_its_data_and_of_nothing_else(tmp_path):
    told = ("a.clause", "a.clause.other-way", "a.clause b.clause", "no.clause")
    text = ".. found-with::\n\n" + "".join(f".. deviation:: {name}\n\n" for name in told)
    app, said = site(tmp_path, text, extensions=["deviations"], nitpicky=False)
    app.build()
    assert "no.clause is told of, and not in the data" in said.getvalue()
    assert "does not tell that one breaks silent.clause" in said.getvalue()
    assert "breaks a.clause" not in said.getvalue()
    assert "breaks b.clause" not in said.getvalue()
    shown = app.env.get_doctree("index").astext()
    assert "all targets" in shown
    assert "it is broken" in shown


@pytest.mark.usefixtures("record")
def test_a_page_of_the_track_record_tells_of_its_own_targets(tmp_path):
    text = ".. found-with:: one\n\n.. deviation:: a.clause silent.clause\n"
    app, said = site(tmp_path, text, extensions=["deviations"], nitpicky=False)
    app.build()
    assert "breaks silent.clause" not in said.getvalue()
    assert "does not tell that other breaks a.clause" in said.getvalue()
    assert "other" not in app.env.get_doctree("index").astext()


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".. found-with:: third", "there is no record of third"),
        (".. deviation:: a.clause", "say with `found-with` first which targets"),
        (
            ".. found-with::\n\n.. deviation:: b.clause\n   :targets: one",
            "b.clause is told of, and not in the data",
        ),
    ],
)
def test_a_page_that_tells_of_no_target_says_so(tmp_path, text, told):
    app, said = site(tmp_path, text, extensions=["deviations"], nitpicky=False)
    app.build()
    assert told in said.getvalue()


WIDE = """
.. list-table::
   :header-rows: 1
   :class: {}

   * - Clause
     - Kind
     - Text
   * - ``fake.get``
     - step
     - A name gives the value that was set last, whoever asks.
   * - ``fake.set``
     - a step that is told in more words than others
     - A name gives the value that was set last, whoever asks.
   * - ``fake.forget``
     - step
     - Nothing is left of it.
"""


@pytest.mark.parametrize(("kind", "labels"), [("wide", ["Kind: "] * 3), ("narrow", [])])
def test_short_columns_of_wide_tables_are_labelled(kind, labels, tmp_path):
    app, _ = site(tmp_path, WIDE.format(kind), extensions=["stacking"])
    app.build()
    page = app.env.get_doctree("index")
    assert [each.astext() for each in page.findall(inline) if each["classes"]] == labels
