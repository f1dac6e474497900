"""Examples: the clauses that are doctests, performed on a fresh database or storage of the target.

Beside the names that `zodb_conformance.doctests` speaks of, an example finds

``db``          a database of the implementation under test, new and empty but for its root
``tm``          a transaction manager of its own
``connection``  a connection of `db`, opened under `tm`

or, in the part of the specification that is about the storage protocol,

``storage``     a storage of the implementation under test, new and empty
``layer``       what is registered with it as the layer above
"""

from __future__ import annotations

import doctest
from pathlib import Path

from zodb_spec.clause import Clause

from zodb_conformance.doctests import perform, program, source_of
from zodb_conformance.openings import OPENINGS
from zodb_conformance.results import Deviation, Recorder
from zodb_conformance.targets.base import Target


def run_example(
    clause: Clause, target: Target, directory: Path, recorder: Recorder
) -> Deviation | None:
    """Perform the example that `clause` states, and return how the target deviates, if it does.

    target:    what it is performed on
    directory: an empty folder in which to work
    recorder:  is told of each line as of a step

    Whatever happens, all transactions are aborted, and whatever was opened is closed.
    """

    def starting(number: int) -> None:
        recorder.step(("example", clause.id, str(number)))

    failure = perform(lines_of(clause), target, OPENINGS[clause.part], directory, starting)
    if failure is None:
        return None
    return Deviation(
        clause=clause.id,
        check=f"examples.{clause.chapter}",
        expected=failure.expected,
        observed=failure.observed,
        noticed=clause.id,
        noticed_at=failure.place,
        trace=source_of(failure.performed),
        script=(("example", clause.id),),
        witness=program(clause, failure.performed, target, failure),
    )


def lines_of(clause: Clause) -> list[doctest.Example]:
    """The lines of an example, from the opening on."""
    text = OPENINGS[clause.part].lines + clause.text
    return doctest.DocTestParser().get_examples(text, clause.id)
