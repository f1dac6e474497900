"""What there is of an object at one time, and records that bring such a state back."""

from collections.abc import Sequence
from typing import NamedTuple

from zodb_reference.storages.history import History, Record


class State(NamedTuple):
    """The newest record of an object, and the newest one of the trunk, where there are any."""

    newest: Record | None
    trunk: Record | None

    @property
    def version(self) -> str:
        """The version that holds the object, "" if none does."""
        return self.newest.version if self.newest else ""


def state_of(history: History, oid: bytes, before: bytes | None = None) -> State:
    """Return the state of an object that was committed last, or last before a tid."""
    newest = history.find(oid, before)
    if newest is None or not newest.version:
        return State(newest, newest)
    return State(newest, history.find(oid, before, trunk=True))


def state_now(history: History, oid: bytes, records: Sequence[Record]) -> State:
    """Return the state of an object for which the running transaction has these records."""
    state = state_of(history, oid)
    for record in records:
        state = State(record, state.trunk if record.version else record)
    return state


def again(oid: bytes, tid: bytes, source: Record | None, version: str) -> Record:
    """Return a record of the transaction `tid` with the data of an earlier one, or with none.

    What has no data belongs to the trunk: versions have no records of objects that do not exist.
    """
    if source is None or source.data is None:
        return Record(oid, tid, None)
    return Record(oid, tid, source.data, source.tid, version, source.blob)
