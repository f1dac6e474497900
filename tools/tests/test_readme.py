"""What README.md shows is what the main job prints."""

import re
from pathlib import Path

import pytest
from zodb_conformance import suite
from zodb_conformance.checks import applies
from zodb_conformance.plan import Plan
from zodb_conformance.reports.building import title_of
from zodb_conformance.targets import resolve

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OUTPUT = re.search(r"```text\n(.*?)```", README, re.DOTALL)


def checked_by_chapter():
    """The titles of the chapters, each with the number of clauses that there is something to do
    for, with the target of which the output is.
    """
    found, plan = {}, Plan()
    target = resolve(plan)
    for clause in suite.clauses().values():
        if clause.kind != "text" and applies(clause, plan, target):
            title = re.split("[:,]", title_of(clause))[0]
            found[title] = found.get(title, 0) + 1
    return found


def test_the_output_names_every_chapter_with_its_number_of_clauses():
    shown = re.findall(r"^  (\S.*?) +━+ +(\d+) of (\d+) hold$", OUTPUT[1], re.MULTILINE)
    assert {title: int(number) for title, _, number in shown} == checked_by_chapter()


def test_the_output_shows_the_number_of_all_clauses_checked():
    assert f"{sum(checked_by_chapter().values()):,} clauses checked" in OUTPUT[1]


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_the_links_lead_somewhere(path):
    assert (ROOT / path).exists()
