"""A child that gets no processor is not taken to hang."""

import os
import sys
from pathlib import Path
from threading import Event

import pytest
from zodb_conformance.plan import Plan
from zodb_conformance.supervisor.process import Child, Limits
from zodb_conformance.supervisor.request import Request
from zodb_conformance.supervisor.starving import Starving
from zodb_spec import contents


def thread(folder: Path, name: str, waited: str) -> None:
    """Have the system say so of a thread of process 7."""
    place = folder / "7" / "task" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "schedstat").write_text(waited, encoding="ascii")


def test_the_thread_that_waited_longest_counts(tmp_path: Path) -> None:
    thread(tmp_path, "7", "900 1000000000 3\n")
    starving = Starving(7, tmp_path)
    assert starving.since_last() == 1.0
    thread(tmp_path, "7", "900 1500000000 3\n")
    thread(tmp_path, "8", "900 2000000000 3\n")
    assert starving.since_last() == 2.0
    assert starving.since_last() == 0.0


@pytest.mark.parametrize("told", ["", "nonsense", "1 ?"])
def test_a_system_that_does_not_count_says_nothing(tmp_path: Path, told: str) -> None:
    assert Starving(7, tmp_path).since_last() == 0.0
    thread(tmp_path, "7", told)
    assert Starving(7, tmp_path).since_last() == 0.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux counts that")
def test_the_system_is_understood() -> None:
    assert 0.0 <= Starving(os.getpid()).since_last() < 3600.0


@pytest.mark.parametrize(("waits", "kind"), [(0.0, "hang"), (0.5, "finished")])
def test_silence_for_want_of_a_processor_is_none(
    monkeypatch: pytest.MonkeyPatch, waits: float, kind: str
) -> None:
    monkeypatch.setattr(Starving, "since_last", lambda _: waits)
    ids = tuple(clause.id for clause in contents.reading_order())
    request = Request("smoke", Plan(target="reference-memory"), ids)
    with Child(request, Limits(start=0.1, hang=0.1)) as child:
        ended = child.wait(Event())
    assert ended.kind == kind, ended.output
