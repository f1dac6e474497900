"""The supervisor around the real checks, with storages that fail in the middle of a commit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.suite import clauses
from zodb_conformance.supervisor import stages
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
    assert findings.learnt.counts["transaction.commit-stores-changes"] > 50
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("raising", "ConnectionRefusedError: [Errno 111] Connection refused. Is the server"),
        ("nothing", "the storage factory returned None"),
        ("missing", "has no 'missing'"),
    ],
)
def test_a_factory_that_gives_no_storage_makes_the_target_unusable(name, sentence, workplace):
    assert sentence in findings_of(f"bad_storages:{name}").unusable


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
