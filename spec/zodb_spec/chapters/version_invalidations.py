"""Announcements of versions: who is told of what was done in them, and when.

A connection learns from the database which of its objects are out of date, and discards them at the
next boundary. What happens in a version concerns the connections in it; what happens to a version
concerns those who see another state afterwards.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import Edition, only

THEN = only(Edition.C)
"""The edition that has versions."""


@example("version.told-inside", MUST, rules="VER-19", needs="versions", **THEN)
def told_inside() -> None:
    """A commit in a version is shown by the other connections in this version from their next
    boundary on. A commit in the trunk is shown, for what no version holds, by all connections,
    whatever version they are in.

    >>> root = connection.root()
    >>> root["one"], root["two"] = Thing(), Thing()
    >>> root["one"].a = root["two"].a = 1
    >>> tm.commit()
    >>> first, second = opened(db, version="draft"), opened(db, version="draft")
    >>> show = lambda one: [one.root()[key].a for key in ("one", "two")]
    >>> show(first), show(second)
    ([1, 1], [1, 1])
    >>> first.root()["one"].a = 2
    >>> first.transaction_manager.commit()
    >>> root["two"].a = 3
    >>> tm.commit()
    >>> for each in first, second:
    ...     each.transaction_manager.abort()
    >>> show(first), show(second), show(connection)
    ([2, 3], [2, 3], [1, 3])
    """


@example("version.not-told-outside", MUST, rules="VER-19 VER-22", needs="versions", **THEN)
def not_told_outside() -> None:
    """A commit in a version is no business of those who are not in it: neither a connection in
    another version nor one that reads the current state of the trunk alone has a read conflict
    with it. The same is true where the version is committed into another one, for those who are in
    neither.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> readers = opened(db, version="second"), opened(db, mvcc=False)
    >>> found = [reader.root()["thing"] for reader in readers]
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> [thing.a for thing in found]
    [1, 1]
    >>> for thing in found:
    ...     thing._p_deactivate()
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> [thing.a for thing in found]
    [1, 1]
    """


@example("version.told-of-a-commit", MUST, rules="VER-19", needs="versions", **THEN)
def told_of_a_commit() -> None:
    """When a version is committed to the trunk, all connections show what it held from their next
    boundary on: those in the trunk, those in the version, and those in others.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> each = opened(db), draft, opened(db, version="second")
    >>> [one.root()["thing"].a for one in each]
    [1, 2, 1]
    >>> db.commitVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> for one in each:
    ...     one.transaction_manager.abort()
    >>> [one.root()["thing"].a for one in each], thing.a
    ([2, 2, 2], 2)
    """


@example("version.told-of-a-move", MUST, rules="VER-19", needs="versions", **THEN)
def told_of_a_move() -> None:
    """When a version is committed into another one, the connections in both show from their next
    boundary on what they have now: the destination what the version held, and the version what the
    trunk has. The others show what they have shown.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> each = draft, opened(db, version="final"), opened(db, version="third"), opened(db)
    >>> [one.root()["thing"].a for one in each]
    [2, 1, 1, 1]
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> for one in each:
    ...     one.transaction_manager.abort()
    >>> [one.root()["thing"].a for one in each]
    [1, 2, 1, 1]
    """


@example("version.told-of-an-abort", MUST, rules="VER-19", needs="versions", **THEN)
def told_of_an_abort() -> None:
    """When a version is aborted, the connections in it show what the trunk has from their next
    boundary on, and change it again as the others do.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> other = opened(db, version="draft")
    >>> other.root()["thing"].a
    2
    >>> db.abortVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> for each in draft, other:
    ...     each.transaction_manager.abort()
    >>> draft.root()["thing"].a, other.root()["thing"].a
    (1, 1)
    >>> other.root()["thing"].a = 3
    >>> other.transaction_manager.commit()
    >>> opened(db, version="draft").root()["thing"].a, opened(db).root()["thing"].a
    (3, 1)
    """


@example("version.told-while-closed", MUST, rules="VER-19 CONN-20", needs="versions", **THEN)
def told_while_closed() -> None:
    """A connection that is closed while its version is committed into another one, or aborted, or
    changed, shows what is there when it is opened again.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> first, second = opened(db, version="draft"), opened(db, version="draft")
    >>> def show_and_close(one):
    ...     shown = one.root()["thing"].a
    ...     one.close()
    ...     return shown
    >>> second.root()["thing"].a
    1
    >>> seen = [show_and_close(first)]
    >>> second.root()["thing"].a = 2
    >>> second.transaction_manager.commit()
    >>> seen.append(show_and_close(opened(db, version="draft")))
    >>> db.commitVersion("draft", "final", txn=tm.get())
    >>> tm.commit()
    >>> seen.append(show_and_close(opened(db, version="draft")))
    >>> seen.append(show_and_close(opened(db, version="final")))
    >>> db.abortVersion("final", txn=tm.get())
    >>> tm.commit()
    >>> seen.append(show_and_close(opened(db, version="final")))
    >>> seen
    [1, 2, 1, 2, 1]
    """


@example(
    "version.told-of-a-commit-when-it-is-done",
    MUST,
    rules="VER-20 VER-19",
    needs="versions",
    **THEN,
)
def told_of_a_commit_when_it_is_done() -> None:
    """The connections are told of the commit of a version when the transaction is finished, and
    not before, whether it is committed to the trunk or into another version. Who passes a boundary
    while it is still being voted on would discard the objects too early, load them again as they
    were, and never hear of the version's end.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> others = draft, opened(db, version="final"), opened(db)
    >>> seen = []
    >>> def look():
    ...     for each in others:
    ...         each.transaction_manager.abort()
    ...     seen.append([each.root()["thing"].a for each in others])
    >>> look()
    >>> for source, destination in [("draft", "final"), ("final", "")]:
    ...     db.commitVersion(source, destination, txn=tm.get())
    ...     tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=look))
    ...     tm.commit()
    ...     look()
    >>> seen
    [[2, 1, 1], [2, 1, 1], [1, 2, 1], [1, 2, 1], [2, 2, 2]]
    """


@example(
    "version.told-of-an-abort-when-it-is-done",
    MUST,
    rules="VER-20 VER-19",
    needs="versions",
    **THEN,
)
def told_of_an_abort_when_it_is_done() -> None:
    """The connections in a version are told of its abort when the transaction is finished, and not
    before.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft, seen = opened(db, version="draft"), []
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> def look():
    ...     draft.transaction_manager.abort()
    ...     seen.append(draft.root()["thing"].a)
    >>> look()
    >>> db.abortVersion("draft", txn=tm.get())
    >>> tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=look))
    >>> tm.commit()
    >>> look()
    >>> seen
    [2, 2, 1]
    """


@example("version.failed-ending-disturbs-nobody", MUST, rules="VER-20", needs="versions", **THEN)
def failed_ending_disturbs_nobody() -> None:
    """Where the transaction that was to end a version fails, nobody is told of anything: who reads
    the current state alone, in the trunk or in the version, has no read conflict with what was not
    done.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> for end in db.commitVersion, db.abortVersion:
    ...     readers = opened(db, mvcc=False), opened(db, version="draft")
    ...     found = [reader.root()["thing"] for reader in readers]
    ...     end("draft", txn=tm.get())
    ...     tm.get().join(Participant(chr(0x10FFFF), [], tpc_vote=fail))
    ...     with raises("Failure"):
    ...         tm.commit()
    ...     tm.abort()
    ...     seen = [thing.a for thing in found]
    >>> seen
    [1, 2]
    """


@example("version.abort-leaves-the-trunk-alone", MUST, rules="VER-21", needs="versions", **THEN)
def abort_leaves_the_trunk_alone() -> None:
    """Aborting a version leaves those who work in the trunk alone: an object that a connection has
    loaded before, and that has not changed in the trunk since, can be changed by its next
    transaction without a conflict. Either its serial is the same as before in the trunk, or the
    connections in the trunk are told.

    >>> thing = connection.root()["thing"] = Thing()
    >>> thing.a = 1
    >>> tm.commit()
    >>> before, between = opened(db), opened(db)
    >>> before.root()["thing"].a
    1
    >>> draft = opened(db, version="draft")
    >>> draft.root()["thing"].a = 2
    >>> draft.transaction_manager.commit()
    >>> between.root()["thing"].a
    1
    >>> db.abortVersion("draft", txn=tm.get())
    >>> tm.commit()
    >>> for each in before, between:
    ...     each.transaction_manager.abort()
    ...     each.root()["thing"].a += 10
    ...     each.transaction_manager.commit()
    >>> opened(db).root()["thing"].a
    21
    """
