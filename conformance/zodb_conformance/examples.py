"""Examples: the clauses that are doctests, performed on a fresh database of the target.

Beside the names that `zodb_conformance.doctests` speaks of, an example finds

``db``          a database of the implementation under test, new and empty but for its root
``tm``          a transaction manager of its own
``connection``  a connection of `db`, opened under `tm`
"""

from __future__ import annotations

import doctest
from collections.abc import Callable
from typing import Any

from zodb_spec.clause import Clause

from zodb_conformance.doctests import perform, program, source_of
from zodb_conformance.results import Deviation, Recorder
from zodb_conformance.targets.base import Target

OPENING = """
>>> db = open_db()
>>> tm = transaction.TransactionManager()
>>> connection = db.open(transaction_manager=tm)

"""


def run_example(
    clause: Clause, target: Target, open_database: Callable[..., Any], recorder: Recorder
) -> Deviation | None:
    """Perform the example that `clause` states, and return how the target deviates, if it does.

    target:        what it is performed on
    open_database: opens a new, empty database of the target, with the options that it is given
    recorder:      is told of each line as of a step

    Whatever happens, all transactions are aborted, and the connections and databases closed.
    """

    def starting(number: int) -> None:
        recorder.step(("example", clause.id, str(number)))

    failure = perform(lines_of(clause), open_database, target.extras, starting)
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
        witness=program(clause, failure.performed, target, raised=failure.raised),
    )


def lines_of(clause: Clause) -> list[doctest.Example]:
    """The lines of an example, from the opening of the database on."""
    return doctest.DocTestParser().get_examples(OPENING + clause.text, clause.id)
