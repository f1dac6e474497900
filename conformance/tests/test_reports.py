"""The forms of the report: from findings to what a person, a browser and a program get."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from fake_reports import deviation, printed, report_of
from fake_spec import CLAUSES
from zodb_conformance.plan import Plan
from zodb_conformance.reports import badge, building, github, html, junit, prose, terminal
from zodb_conformance.reports.words import borne_out, counted, how_long
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.findings import Finding, KnownResult, TargetInfo

SCHEMA = json.loads(
    resources.files("zodb_conformance.reports").joinpath("report.schema.json").read_text("utf-8")
)

NASTY = "</script><b>&amp;\x00\x1b[31m\ud800`code`\n|"
"""What a target may answer: markup of every kind, control characters, half a character."""


WORDS = "some.DB breaks it over another storage too"
STORAGE = Plan(target="some", level="storage", only=("fake.*",))


def row(report, id):
    return next(row for row in report.rows if row.id == id)


def report_of_a_broken_suite():
    found = stages.empty(Plan(target="some"))
    found.learnt.broken = ["Traceback\n  ...\nLookupError: nothing"]
    return building.build(found, CLAUSES, folder=Path("out"), command="zodb-conformance run some")


REPORTS = {
    "good": report_of,
    "bad": lambda: report_of(Finding(deviation(), True, True, also=("machine",))),
    "hang": lambda: report_of(Finding(deviation(kind="hang"), True, True, output=NASTY)),
    "flaky": lambda: report_of(Finding(deviation(), False, False)),
    "not-run-again": lambda: report_of(Finding(deviation(), None), interrupted=True),
    "should": lambda: report_of(
        Finding(deviation("fake.example", script=(), noticed_at=None, established_at=None), True)
    ),
    "no-clause": lambda: report_of(
        Finding(deviation("", kind="crash", script=(), trace=(), noticed_at=None), True)
    ),
    "nasty": lambda: report_of(
        Finding(deviation(expected=NASTY, observed=NASTY, trace=(NASTY, NASTY)), True, True)
    ),
    "known": lambda: report_of(known=[KnownResult("fake.get", "", "because", True, False)]),
    "stale": lambda: report_of(known=[KnownResult("fake.get", "here", "because", False, True)]),
    "unusable": lambda: report_of(unusable="Mend it.", output=NASTY, counts=()),
    "unusable-in-a-step": lambda: report_of(
        Finding(deviation(check="smoke"), True, True),
        unusable="Mend it.",
        counts=(),
        plan=Plan(target="some", only=("fake.set",)),
    ),
    "interrupted": lambda: report_of(interrupted=True),
    "excused": lambda: report_of(excused={"fake.get": WORDS}, plan=STORAGE),
    "held": lambda: report_of(Finding(deviation(), True, True, why=NASTY), plan=STORAGE),
    "broken": report_of_a_broken_suite,
}


@pytest.fixture(params=REPORTS)
def report(request):
    return REPORTS[request.param]()


# Every form, of every kind of report.


def test_report_json_is_as_its_schema_says(report):
    data = json.loads(json.dumps(report.to_json()))
    jsonschema.validate(data, SCHEMA)
    assert list(data["clauses"]) == list(CLAUSES)


def test_the_page_is_one_well_formed_file_that_asks_for_nothing(report):
    page = html.page(report)
    Balanced().check(page)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:|report\.json|junit\.xml)""", page)
    assert "@import" not in page
    assert "url(" not in page


def test_what_a_target_says_is_text_on_the_page():
    page = html.page(REPORTS["nasty"]())
    assert "</script><b>" not in page
    assert "&lt;/script&gt;&lt;b&gt;" in page


def test_junit_has_a_row_for_every_clause(report):
    root = ET.fromstring(junit.document(report).encode())
    names = [case.get("name") for case in root.iter("testcase")]
    assert set(CLAUSES) <= set(names)
    failing = [case for case in root.iter("testcase") if len(case) and case[0].tag != "skipped"]
    counted = any(told.counts for told in (*report.deviations, *report.flaky))
    assert bool(failing) == (counted or report.verdict == "unusable" or bool(report.stale))
    assert int(root.get("failures")) + int(root.get("errors")) == len(failing)


def test_the_badge_is_what_shields_io_reads(report):
    made = badge.badge(report)
    assert set(made) == {"schemaVersion", "label", "message", "color"}
    assert made["schemaVersion"] == 1
    assert all(isinstance(made[key], str) for key in ("label", "message", "color"))


@pytest.mark.parametrize("width", [40, 100, 200])
def test_the_summary_ends_with_the_outcome_and_the_way_on(report, width):
    lines = printed(report, width).rstrip().splitlines()
    assert lines[-1] == "  again   zodb-conformance run some"
    assert lines[-2] == "  report  out/report.html"


def test_the_summary_moves_no_cursor():
    for name in ("unusable", "nasty", "hang"):
        output = printed(REPORTS[name]())
        assert "\x1b" not in output
        output.encode()


def test_annotations_are_one_line_each(report):
    lines = github.annotation_lines(report)
    assert all(line.startswith("::") and "\n" not in line for line in lines)
    assert bool(lines) == bool(
        report.deviations or report.flaky or report.stale or report.verdict == "unusable"
    )
    assert github.job_summary(report).startswith("### ")


# Verdicts.


def test_a_clause_holds_where_it_was_compared_and_nothing_was_found():
    report = report_of()
    assert (row(report, "fake.set").verdict, row(report, "fake.set").message) == ("holds", None)
    assert row(report, "fake.commit").verdict == "not-reached"
    assert (report.verdict, report.status) == ("conforms", 0)


@pytest.mark.parametrize(
    ("id", "plan", "reason"),
    [
        ("fake.threads", {}, "text only: it binds the calling program"),
        ("fake.pack", {}, "the target does not declare the capability pack"),
        ("fake.no-undo", {}, "it binds those who lack the capability undo"),
        ("fake.set", {"only": ("fake.g*",)}, "not selected by --only"),
        (
            "fake.disk",
            {"level": "connection"},
            "it binds the storage, and the run is for the level",
        ),
    ],
)
def test_a_clause_that_does_not_apply_says_why(id, plan, reason):
    found = row(report_of(plan=Plan(target="some", **plan)), id)
    assert found.verdict == "not-applicable"
    assert found.message.startswith(reason)


def test_a_clause_of_another_edition_does_not_apply():
    clause = dataclasses.replace(CLAUSES["fake.set"], editions=CLAUSES["fake.set"].editions[-1:])
    found = stages.empty(Plan(target="some", edition="2005-06-10"))
    report = building.build(found, {clause.id: clause}, folder=Path("out"), command="")
    assert report.rows[0].message == "not part of edition 2005-06-10"


def test_a_deviation_falls_on_its_clause_and_fails_the_run():
    report = REPORTS["bad"]()
    found = row(report, "fake.get")
    assert (found.verdict, found.witness) == ("deviates", "witnesses/fake.get.json")
    assert found.message == "expected 'one'; the target gave 'two'"
    assert (report.verdict, report.status) == ("deviates", 1)


def test_what_was_seen_once_does_not_count_as_conforming_nor_as_shown():
    report = REPORTS["flaky"]()
    found = row(report, "fake.get")
    assert (found.verdict, found.flaky) == ("not-reached", True)
    assert found.message.startswith("flaky, it could not be shown again")
    assert (report.verdict, report.status) == ("deviates", 1)
    assert report.deviations == ()
    assert len(report.flaky) == 1


@pytest.mark.parametrize(
    ("id", "strict", "status"),
    [("fake.example", False, 0), ("fake.example", True, 1), ("fake.name", True, 0), ("", False, 1)],
)
def test_only_a_must_fails_the_run_and_a_should_where_it_is_strict(id, strict, status):
    report = report_of(Finding(deviation(id), True), strict=strict)
    assert report.status == status
    assert len(report.deviations) == 1


def test_a_deviation_that_nobody_asked_for_is_not_told():
    plan = Plan(target="some", only=("fake.s*",))
    report = report_of(Finding(deviation(), True), plan=plan)
    assert (report.deviations, report.status) == ((), 0)


def test_what_ends_the_process_is_told_first():
    report = report_of(
        Finding(deviation("fake.example"), True),
        Finding(deviation("fake.set"), True),
        Finding(deviation("fake.get", kind="crash"), True),
    )
    told = [entry.finding.deviation.clause for entry in report.deviations]
    assert told == ["fake.get", "fake.set", "fake.example"]


def test_a_storage_answers_for_every_clause_but_for_those_that_are_excused():
    report = REPORTS["excused"]()
    found = row(report, "fake.get")
    assert (found.verdict, found.message) == ("not-applicable", WORDS)
    assert row(report, "fake.set").verdict == "holds"
    assert (report.excused, report.verdict) == (("fake.get",), "conforms")
    assert report.to_json()["excused"] == ["fake.get"]


def test_a_clause_that_is_excused_in_one_place_and_broken_in_another_is_broken():
    finding = Finding(deviation(), True, why="it holds elsewhere")
    report = report_of(finding, excused={"fake.get": WORDS}, plan=STORAGE)
    found = row(report, "fake.get")
    assert (found.verdict, report.excused) == ("deviates", ())
    assert found.message == "expected 'one'; the target gave 'two'; it holds elsewhere"


def test_a_clause_that_was_not_asked_for_is_not_excused():
    plan = Plan(target="some", level="storage", only=("fake.s*",))
    assert report_of(excused={"fake.get": WORDS}, plan=plan).excused == ()


def test_a_capability_is_verified_by_the_clauses_that_need_it():
    def verified(*findings, counts):
        return {
            entry.name: entry.verified for entry in report_of(*findings, counts=counts).capabilities
        }

    assert verified(counts=()) == {"pack": None, "undo": None}
    assert verified(counts=("fake.undo",)) == {"pack": None, "undo": True}
    broken = Finding(deviation("fake.undo"), True)
    assert verified(broken, counts=("fake.undo",)) == {"pack": None, "undo": False}


def test_one_that_is_lacked_is_verified_by_the_clauses_for_those_who_lack_it():
    target = TargetInfo("some", capabilities={"undo": False, "pack": True}, lacking=["undo"])

    def found(*findings, counts):
        report = report_of(*findings, counts=counts, target=target)
        [undo] = [entry for entry in report.capabilities if entry.name == "undo"]
        return undo.verified, borne_out(undo)

    assert found(counts=()) == (None, "not tested in this run")
    assert found(counts=("fake.no-undo",)) == (True, "it is refused as it should be")
    broken = Finding(deviation("fake.no-undo"), True)
    assert found(broken, counts=("fake.no-undo",)) == (
        False,
        "it is not refused as it should be",
    )


def test_a_capability_of_which_nothing_is_said_is_reported_as_such():
    target = TargetInfo("some", capabilities={"undo": False}, unknown=["undo"])
    report = report_of(target=target)
    assert row(report, "fake.no-undo").verdict == "not-applicable"
    assert report.to_json()["capabilities"]["undo"] == {
        "declared": False,
        "unknown": True,
        "verified": None,
    }
    assert "<code>undo</code></td><td>not said</td>" in html.page(report)
    assert "nothing tells whether it has undo: 1 clause left out" in printed(report)
    assert "nothing tells" not in printed(report_of())


def test_a_known_deviation_that_is_out_of_date_fails_a_run_that_conforms():
    report = REPORTS["stale"]()
    assert (report.verdict, report.status) == ("conforms", 1)
    assert row(report, "fake.get").verdict == "holds"


# What is told.


def test_the_summary_shows_the_trace_with_both_places_marked():
    lines = printed(REPORTS["bad"]()).splitlines()
    assert any("1 values['a'] = 'one'" in line and "← established" in line for line in lines)
    assert any("2 values['a']" in line and "← noticed" in line for line in lines)


def test_a_failed_smoke_test_is_told_with_all_that_helps_to_see_it():
    report = REPORTS["unusable-in-a-step"]()
    assert (report.verdict, report.status) == ("unusable", 3)
    [told] = report.to_json()["deviations"]
    assert (told["clause"], told["witness"]) == ("fake.get", "witnesses/fake.get.json")
    output = printed(report)
    assert "← noticed" in output
    replay = "zodb-conformance replay out/witnesses/fake.get.json"
    for form in (output, html.page(report)):
        assert "Mend it." in form
        assert replay in form
        assert "python out/witnesses/fake.get.py" in form
    assert "Mend it." in junit.document(report)


def test_every_form_says_what_the_run_was_limited_to():
    report = REPORTS["excused"]()
    line = "1 clause is broken by some.DB whatever the storage; only --level all counts it"
    output = " ".join(printed(report).split())
    assert "some conforms 1 clause checked (level storage, only fake.*), " in output
    assert line in output
    page = html.page(report)
    assert "<dt>level</dt><dd>storage</dd>" in page
    assert "<dt>only</dt><dd>fake.*</dd>" in page
    assert line in page
    assert line in github.job_summary(report)
    assert badge.badge(report)["label"] == "ZODB conformance (current, level storage, only fake.*)"
    assert report.to_json()["level"] == "storage"
    assert report.to_json()["only"] == ["fake.*"]


def test_a_run_about_everything_says_nothing_of_limits():
    report = report_of()
    assert badge.badge(report)["label"] == "ZODB conformance (current)"
    assert "some conforms  2 clauses checked, " in printed(report)
    assert report.to_json()["level"] == "all"


def test_why_a_clause_of_connections_counts_is_told():
    report = report_of(Finding(deviation(), True, True, why="elsewhere it holds"), plan=STORAGE)
    assert "elsewhere it holds" in printed(report)
    assert "elsewhere it holds." in html.page(report)
    assert "the target gave 'two'; elsewhere it holds" in junit.document(report)
    assert "elsewhere it holds" in github.job_summary(report)
    assert report.to_json()["deviations"][0]["why"] == "elsewhere it holds"


def test_the_page_leaves_out_chapters_of_which_nothing_applies():
    assert '<details class="chapter"' in html.page(report_of())
    page = html.page(report_of(plan=Plan(target="some", only=("nothing.*",))))
    assert '<details class="chapter"' not in page
    assert "Nothing in these chapters applies to this run: Keys and values" in page


def test_a_capability_that_was_not_tested_says_so():
    assert "not tested in this run" in html.page(report_of())


def test_commands_are_never_wrapped():
    lines = printed(REPORTS["bad"](), width=30).splitlines()
    assert "  see it     python out/witnesses/fake.get.py" in lines
    assert "  replay     zodb-conformance replay out/witnesses/fake.get.json" in lines


def test_a_clause_that_was_kept_away_from_because_the_target_was_slow_does_not_hold():
    report = report_of(slow={"fake.get": WORDS})
    found = row(report, "fake.get")
    assert (found.verdict, found.message, found.flaky) == ("not-reached", WORDS, False)
    assert report.verdict == "conforms"
    assert "missed  fake.get" in printed(report)
    report = report_of(Finding(deviation(), True), slow={"fake.get": WORDS})
    assert row(report, "fake.get").verdict == "deviates"


def test_why_clauses_are_missed_is_told():
    fallen = dataclasses.replace(report_of(), notes={"walk.sets": "not done: the target fell"})
    assert "1 check was not done, since the target hung" in printed(fallen)
    hurried = dataclasses.replace(
        report_of(), notes={"walk.sets": "the budget ended after 2 of 400 scripts"}
    )
    for told, report in [(True, hurried), (False, report_of())]:
        assert "missed  fake.commit" in printed(report)
        assert ("--budget gives it more" in printed(report)) == told
        assert "since the target hung" not in printed(report)


def test_a_run_that_could_not_do_its_work_fails_and_says_why():
    failed = "0 kills, 0 power failures; the work that was to be interrupted failed: OSError: no"
    report = dataclasses.replace(report_of(), notes={"crashes": failed})
    said = "The check crashes could not be done: the work that was to be interrupted failed:"
    assert (report.verdict, report.status) == ("conforms", 1)
    assert f"The run fails all the same. {said}" in " ".join(printed(report).split())
    assert said in html.page(report)
    assert said in "".join(github.annotation_lines(report))
    (case,) = ET.fromstring(junit.document(report)).findall("testcase[@classname='run']/failure")
    assert case.attrib["message"].startswith(said)


def test_a_run_that_has_checked_nothing_fails():
    none = Plan(target="some", only=("other.*",))
    report = report_of(plan=none, counts=())
    assert (report.verdict, report.status) == ("conforms", 1)
    assert "Nothing was checked" in printed(report)


def test_where_the_plain_script_shows_nothing_that_is_told():
    said = f"see it     {terminal.NOT_SHOWN}"
    assert said in printed(report_of(Finding(deviation(), True, False)), width=30)
    for shown in (True, None):
        assert terminal.NOT_SHOWN not in printed(report_of(Finding(deviation(), True, shown)))


def test_beyond_the_first_deviations_a_line_each_is_enough():
    clauses = ["fake.set", "fake.get", "fake.commit", "fake.example"]
    output = printed(report_of(*(Finding(deviation(id), True, True) for id in clauses)))
    assert output.count("observed") == terminal.MOST_TOLD
    assert "    python out/witnesses/fake.example.py" in output


def test_a_long_trace_is_shown_from_its_end():
    lines = tuple(f"step_{number}()" for number in range(1, 31))
    report = report_of(Finding(deviation(trace=lines, noticed_at=30), True))
    output = printed(report)
    assert "(18 lines left out)" in output
    assert "step_18()" not in output
    assert "30 step_30()" in output


def test_every_deviation_has_a_card_with_its_clause_in_full():
    page = html.page(REPORTS["bad"]())
    assert page.count("<article") == 1
    assert 'id="deviation-fake.get"' in page
    assert "zodb-conformance replay out/witnesses/fake.get.json" in page
    assert "Also found by machine." in page


def test_numbers_read_well():
    assert [counted(1, "clause"), counted(2, "clause"), counted(1234, "step")] == [
        "1 clause",
        "2 clauses",
        "1,234 steps",
    ]
    assert [how_long(1.26), how_long(59.9), how_long(61)] == ["1.3 s", "59.9 s", "1 min 1 s"]


# The text of clauses.


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("One\ntwo.", "<p>One two.</p>"),
        ("A ``b`` and `c` *d*.", "<p>A <code>b</code> and <code>c</code> <em>d</em>.</p>"),
        ("- one\n  more\n- two", "<ul><li>one more</li><li>two</li></ul>"),
        ("a < b::", "<p>a &lt; b:</p>"),
    ],
)
def test_the_markup_of_docstrings_becomes_html(text, made):
    assert prose.text(text) == made


def test_code_and_sessions_become_blocks():
    assert '<span class="gp">' in prose.text("Text.\n\n>>> 1 + 1\n2")
    assert prose.text("Text::\n\n    x = 1").count("<pre") == 1


class Balanced(HTMLParser):
    """Checks that every element that is opened is closed."""

    EMPTY = frozenset({"meta", "link", "input", "br"})

    def check(self, page):
        self.open = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"
