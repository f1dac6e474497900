"""Performing a script on a target: on its databases, or on its storage alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from zodb_spec.clause import Part

from zodb_conformance import running
from zodb_conformance.protocol import running as storage_running
from zodb_conformance.results import Recorder, Step
from zodb_conformance.scripts import Finding, Source
from zodb_conformance.targets.base import Target


def begun(
    part: Part,
    target: Target,
    directory: Path,
    recorder: Recorder,
    *,
    avoid: Callable[[Any, Step], bool] | None = None,
    **looks: bool,
) -> Any:
    """A run of one script, on what is opened for it.

    avoid  says which steps, and which reads after them, to keep away from
    looks  whether footprints and laws are looked at, as in the runs
    """
    if part == "storage":
        return storage_running.Run(target, directory, recorder, avoid=avoid, **looks)
    return running.Run(target, directory, recorder, **looks)


def perform(
    target: Target,
    sources: Iterable[Source],
    recorder: Recorder,
    *,
    footprint: bool = True,
    lawful: bool = False,
    avoid: Callable[[Any, Step], bool] | None = None,
    part: Part = "connection",
) -> Finding | None:
    """Perform a script on fresh databases or storages of the target, up to its end or the first
    contradiction.

    footprint, lawful  as in the runs
    avoid              says which steps to keep away from
    part               to which table the steps belong
    """
    with tempfile.TemporaryDirectory(prefix="zodb-conformance-") as directory:
        looks = {"footprint": footprint, "lawful": lawful}
        run = begun(part, target, Path(directory), recorder, avoid=avoid, **looks)
        try:
            for number, source in enumerate(sources, 1):
                step = source(run.at(number))
                if step is None or (avoid is not None and avoid(run.world, step)):
                    continue
                finding: Finding | None = run.take(step, number)
                if finding is not None:
                    return finding
            found: Finding | None = run.end()
            return found
        finally:
            run.bench.close()
