"""How findings are told together: their order, which of them are one, and where each was raised."""

from __future__ import annotations

import re
from pathlib import Path

from fake_reports import deviation, printed, report_of
from zodb_conformance.reports import github, html, junit, terminal
from zodb_conformance.reports.words import calls
from zodb_conformance.supervisor.findings import Finding

STACK = """\
Current thread 0x0000000000000001 (most recent call first):
  File "/lib/python3.12/site-packages/mine/storage.py", line 9 in tpc_vote
  File "{}/here.py", line 8 in commit
  File "/elsewhere.py", line 7 in commit
  File "/elsewhere.py", line 6 in commit
"""


def test_of_a_hang_the_innermost_calls_are_shown():
    stack = STACK.format(Path.cwd())
    output = printed(report_of(Finding(deviation(kind="hang"), True, True, output=stack)))
    lines = [line.strip() for line in output.splitlines()]
    place = lines.index("where      tpc_vote in mine/storage.py, line 9")
    assert lines[place + 1 : place + 3] == [
        "commit in here.py, line 8",
        "commit in /elsewhere.py, line 7",
    ]
    assert "line 6" not in output


def test_of_a_stack_only_what_the_target_called_is_shown():
    stack = STACK.format("x").replace("/elsewhere.py", "<doctest lines[1]>")
    assert len(calls(stack)) == 2
    assert calls("last words") == []


def test_what_a_storage_does_by_itself_is_told_before_what_is_seen_through_connections():
    report = report_of(
        Finding(deviation("fake.set"), True),
        Finding(deviation("fake.get", kind="hang"), True),
        Finding(deviation("storage.fake"), True),
    )
    told = [entry.finding.deviation.clause for entry in report.deviations]
    assert told == ["storage.fake", "fake.get", "fake.set"]
    between = "So much for the storage by itself."
    for form in (printed(report), html.page(report)):
        ids = (">storage.fake<", between, ">fake.get<") if "<html" in form else ()
        ids = ids or ("storage.fake  MUST", between, "fake.get  MUST")
        places = [form.index(each) for each in ids]
        assert places == sorted(places)
    assert between not in printed(report_of(Finding(deviation(), True)))


def test_deviations_by_one_error_are_told_as_one_with_the_others_named():
    lacking = {"observed": "it raises AttributeError(\"'X' object has no attribute 'vote'\")"}
    report = report_of(
        Finding(deviation("storage.fake", observed="there is no `vote(meta)`"), True),
        Finding(deviation("fake.set", **lacking), True),
        Finding(deviation("fake.get", **lacking), True),
        Finding(deviation("fake.commit"), True),
    )
    assert [told.name for told in report.leading] == ["storage.fake", "fake.commit"]
    output = " ".join(printed(report).split())
    assert "the same error in 2 further clauses: fake.set, fake.get" in output
    assert (
        "2 of the 4 deviations only repeat the error of another begin with storage.fake" in output
    )
    page = html.page(report)
    assert page.count("<article") == 2
    assert page.count('id="deviation-') == 4
    assert "The same error in 2 further clauses" in page
    assert "the same error as of storage.fake" in junit.document(report)
    repeats = [told["repeats"] for told in report.to_json()["deviations"]]
    assert repeats == [None, "storage.fake", "storage.fake", None]


def test_where_an_error_was_raised_is_told():
    output = """\
Traceback (most recent call last):
  File "/lib/site-packages/mine/storage.py", line 9, in load
KeyError: b'x'

fake.get: expected POSKeyError
"""
    found = Finding(deviation(observed="got KeyError(b'x')"), True, True, output=output)
    report = report_of(found)
    place = "load in mine/storage.py, line 9"
    assert place in printed(report)
    assert place in html.page(report)


def test_where_something_is_wrong_only_the_chapters_with_it_have_a_line(monkeypatch):
    monkeypatch.setattr(terminal, "MOST_WHOLE", 0)
    counts = ("storage.fake",)
    output = printed(report_of(Finding(deviation(), True), counts=counts))
    assert re.search("1 further chapters +━+ +1 of 1 hold", output)
    assert "further chapters" not in printed(report_of(counts=counts))


def failing_in(file):
    output = f"""\
Traceback (most recent call last):
  File "{file}", line 9, in load
KeyError: b'x'
"""
    return Finding(deviation(observed="got KeyError(b'x')"), True, True, output=output)


def test_an_annotation_is_tied_to_the_line_of_the_project_that_failed():
    [line] = github.annotation_lines(report_of(failing_in(Path.cwd() / "mine/storage.py")))
    assert "file=mine/storage.py,line=9::A name gives the value that was set last. Expected" in line
    [line] = github.annotation_lines(report_of(failing_in("/elsewhere/storage.py")))
    assert "file=out/witnesses/fake.get.py,line=1::" in line


def test_annotations_begin_with_what_repeats_no_error():
    ids = ["fake.set", "fake.get", "fake.commit"]
    errors = ["got X(1)", "got X(1)", "got Y(1)"]
    found = [
        Finding(deviation(id, observed=each), True) for id, each in zip(ids, errors, strict=True)
    ]
    lines = github.annotation_lines(report_of(*found))
    assert [line.partition("title=")[2].partition(",")[0] for line in lines] == [
        "fake.set",
        "fake.commit",
        "fake.get",
    ]


def test_junit_tells_of_a_failure_how_to_see_it_and_where_it_is():
    told = junit.document(report_of(failing_in("/elsewhere/storage.py")))
    for part in (
        "A name gives the value",
        "values['a'] = 'one'",
        "in load in /elsewhere/storage.py",
    ):
        assert part in told
    assert "zodb-conformance replay out/witnesses/fake.get.json" in told
