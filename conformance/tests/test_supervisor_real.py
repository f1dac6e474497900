"""The supervisor around the real checks, with storages that fail in the middle of a commit."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest
from fake_spec import CLAUSES
from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import Plan
from zodb_conformance.reports import building
from zodb_conformance.results import Deviation
from zodb_conformance.stacks import frames
from zodb_conformance.suite import clauses
from zodb_conformance.supervisor import stages
from zodb_conformance.supervisor.evidence import reproduces
from zodb_conformance.supervisor.nursery import Nursery
from zodb_conformance.supervisor.process import Limits

PLAN = Plan(checks=("smoke", "walk.objects"), budget=1.0)
"""One check for a second: enough for every fault here."""


def findings_of(target, **changes):
    plan = replace(PLAN, target=target, **changes)
    nursery = Nursery(plan, tuple(clauses()), limits=Limits(start=60, hang=2.0))
    findings = stages.empty(plan)
    stages.run(nursery, findings)
    return findings


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [("segfaulting", "crash", -11), ("hanging", "hang", 1)],
)
def test_a_storage_that_falls_is_told_with_a_script_that_shows_it(name, kind, status, workplace):
    findings = findings_of(f"bad_storages:{name}")
    falls = [finding for finding in findings.findings if finding.deviation.kind == kind]
    shown = next(finding for finding in falls if finding.deviation.script[-1][0] == "commit")
    assert (shown.reproduced, shown.shown) == (True, True)
    assert len(shown.deviation.script) < 12
    script = workplace / "witness.py"
    script.write_text(shown.deviation.witness)
    assert (
        subprocess.run([sys.executable, script], capture_output=True, check=False).returncode
        == status
    )
    # The search went on behind it.
    assert set(findings.learnt.notes) == {"smoke", "walk.objects"}
    assert findings.learnt.counts["object.add-assigns-oid"]


def test_a_storage_that_prints_is_judged_all_the_same(workplace, capfd):
    findings = findings_of("bad_storages:printing")
    assert not findings.unusable
    assert findings.learnt.counts["transaction.commit-stores-changes"] > 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("raising", "ConnectionRefusedError: [Errno 111] Connection refused. Is the server"),
        ("nothing", "the storage factory returned None"),
        ("used_up", "the storage factory failed in bad_storages.py"),
        ("missing", "has no 'missing'"),
    ],
)
def test_a_factory_that_gives_no_storage_makes_the_target_unusable(name, sentence, workplace):
    assert sentence in findings_of(f"bad_storages:{name}").unusable


@pytest.mark.parametrize(
    ("name", "message", "observed"),
    [
        ("without_oids", "no attribute 'new_oid'", "there is no `new_oid()`"),
        ("without_last", "no attribute 'lastTransaction'", "there is no `lastTransaction()`"),
        (
            "called_otherwise",
            "store() takes 5",
            "`store(oid, serial, data, '', transaction)` can't",
        ),
    ],
)
def test_a_storage_that_lacks_what_it_takes_to_be_tried_is_told_which_methods_those_are(
    name, message, observed, workplace
):
    findings = findings_of(f"bad_storages:{name}", checks=("smoke", stages.INTERFACE))
    assert message in findings.unusable
    if "failed at" not in findings.unusable:
        assert re.search(r" failed in \w+\.py, line \d+, with an error", findings.unusable)
    report = building.build(findings, clauses(), folder=workplace, command="")
    assert (report.status, report.deviations[0].clause.id) == (3, "storage.interface")
    assert observed in report.deviations[0].message
    assert [told.clause.id for told in report.leading] == ["storage.interface"]


def test_a_storage_that_fails_in_the_smoke_test_gets_a_script_that_shows_it(workplace):
    # It is told also where another clause was asked for.
    findings = findings_of("bad_storages:refusing", only=("root.*",))
    assert "the smoke test failed at `manager1.commit()`" in findings.unusable
    [finding] = findings.findings
    assert (finding.deviation.check, finding.shown) == ("smoke", True)
    assert finding.deviation.noticed_at == len(finding.deviation.trace)
    assert finding.deviation.trace[-1] == "manager1.commit()"


def test_a_hang_in_an_example_is_told_with_the_line_that_does_not_return(workplace):
    clause = "connection.two-in-one-transaction"
    findings = findings_of(
        "zodb-mapping", checks=("smoke", "examples.connection_interface"), only=(clause,)
    )
    [finding] = findings.findings
    deviation = finding.deviation
    assert (deviation.clause, deviation.kind, finding.shown) == (clause, "hang", True)
    # It is one of the lines that a statement holds together.
    assert deviation.trace[deviation.noticed_at - 1] == "            tm.commit()"
    assert deviation.trace[deviation.noticed_at - 2].endswith(".a = key")
    assert deviation.trace[-1].startswith("    outcomes.append(")
    assert frames(finding.output)[0].function == "tpc_begin"


def test_the_reference_has_nothing_to_fear(workplace):
    findings = findings_of(
        "reference-memory", checks=("smoke", "walk.everything", "examples.connection_interface")
    )
    assert findings.findings == []
    assert findings.target.name == "reference-memory"
    assert findings.target.capabilities["conflict-resolution"]
    assert set(findings.learnt.notes) == {
        "smoke",
        "walk.everything",
        "examples.connection_interface",
    }


def test_a_search_leaves_nothing_where_it_was_started(workplace):
    findings = findings_of("reference-memory", checks=("smoke", "machine.objects"))
    assert "machine.objects" in findings.learnt.notes
    assert list(workplace.iterdir()) == []


def test_a_failure_is_not_called_flaky_where_no_database_can_be_opened(workplace):
    plan = Plan(target="cannot-open-again")
    nursery = Nursery(plan, tuple(CLAUSES), "fake_runner", Limits(start=20.0, hang=1.0))
    recorded = Deviation("fake.get", "walk", "one", "another", script=(("get", "a"),))
    with pytest.raises(TargetUnusable, match="the disk is full"):
        reproduces(nursery, recorded)
