"""A page that refers to what does not exist fails the build."""

import io
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="Sphinx is not here; `tox -e docs` runs this")

from sphinx.application import Sphinx  # only where it is installed

DOCS = Path(__file__).parents[1]


def site(folder, text, **settings):
    """A site that has one page beside those of the specification, and what Sphinx warns of."""
    (folder / "_specification").symlink_to(DOCS / "_specification")
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


def prolog():
    """The roles that the pages of the specification use, from the configuration of the site."""
    names = {"__file__": str(DOCS / "conf.py")}
    before = list(sys.path)
    exec((DOCS / "conf.py").read_text(encoding="utf-8"), names)
    sys.path[:] = before
    return names["rst_prolog"]


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


def test_a_rule_that_is_not_in_the_catalogue_is_a_warning(tmp_path):
    catalogue = tmp_path / "_rules.md"
    whole = (DOCS.parent / "spec" / "rules.md").read_text(encoding="utf-8")
    catalogue.write_text(whole.replace("| LIFE-5 |", "| LIFE-555 |"), encoding="utf-8")
    _, said = site(tmp_path, "", specification_rules=str(catalogue))
    assert "clause object.add-again-is-nothing names an unknown rule LIFE-5" in said.getvalue()
    assert "rule LIFE-555 is neither covered by a clause nor answered" in said.getvalue()
