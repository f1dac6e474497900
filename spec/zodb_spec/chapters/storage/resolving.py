"""Resolving conflicts: a storage merges two changes of one object, where its class knows how.

A storage is asked to store a record that was made from a revision which is not the current one any
more. It calls `_p_resolveConflict` of the class, with states and not with objects, and stores what
that returns. Whether a storage does so at all is a property of it, which does not change.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example


@example(
    "storage.resolution-is-given-three-states",
    MUST,
    rules="ISO-22",
    needs="conflict-resolution old-revisions",
)
def resolution_is_given_three_states() -> None:
    """The resolver is given the state of the revision whose tid was handed to `store`, be it the
    last but one or older; that of the current revision; and the one that is to be stored. It is
    called on an instance without state, made as the record says.

    >>> oid, tids = storage.new_oid(), [z64]
    >>> questions = ["old['a']", "committed['a']", "new['a']", "vars(self)"]
    >>> def asked(a):
    ...     return record((AskedByName, ("Jim",)), {"a": a, "questions": questions})
    >>> for a in "first", "second", "third":
    ...     tids.append(commit(storage, (oid, tids[-1], asked(a))))
    >>> tid = commit(newest(storage), (oid, tids[1], asked("from the first")))
    >>> parts(newest(storage).load(oid)[0])[1]["answers"]
    ["'first'", "'third'", "'from the first'", "{'name': 'Jim'}"]
    """


@example(
    "storage.resolution-is-stored",
    MUST,
    rules="ISO-22",
    needs="conflict-resolution old-revisions",
)
def resolution_is_stored() -> None:
    """What the resolver returns is the state of the new revision, by whichever call that is read,
    and what was handed to `store` is nowhere. It is a revision like others: what is made from it
    is stored without a conflict.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(0)))
    >>> second = commit(storage, (oid, first, counted(1)))
    >>> third = commit(newest(storage), (oid, first, counted(10)))
    >>> seen = newest(storage)
    >>> shown(seen.load(oid)) == ((11, []), third), shown(seen.loadSerial(oid, third))
    (True, (11, []))
    >>> shown(seen.loadBefore(oid, next_tid(third))) == ((11, []), third, None)
    True
    >>> shown(seen.loadBefore(oid, third)) == ((1, []), second, third)
    True
    >>> fourth = commit(seen, (oid, third, counted(5)))
    >>> shown(newest(storage).load(oid)) == ((5, []), fourth)
    True
    """


@example(
    "storage.resolution-is-told",
    MUST,
    rules="STOR-12 ISO-22",
    needs="conflict-resolution old-revisions",
)
def resolution_is_told() -> None:
    """The vote names each object whose conflict was resolved, in this transaction, and no other:
    the connection that has stored it has not what was stored.

    >>> one, two, three = oids = [storage.new_oid() for n in range(3)]
    >>> first = commit(storage, *((oid, z64, counted(0)) for oid in oids))
    >>> second = commit(storage, (one, first, counted(1)), (three, first, counted(1)))
    >>> seen = newest(storage)
    >>> meta = begun(seen, *((oid, first, counted(10)) for oid in oids))
    >>> sorted(seen.tpc_vote(meta)) == [one, three]
    True
    >>> seen.tpc_abort(meta)
    >>> meta = begun(seen, (one, second, counted(2)), (two, first, counted(2)))
    >>> list(seen.tpc_vote(meta) or ())
    []
    >>> third = seen.tpc_finish(meta)
    >>> meta = begun(newest(storage), (two, first, counted(3)))
    >>> list(storage.tpc_vote(meta)) == [two]
    True
    """


@example(
    "storage.resolution-leaves-references-closed",
    MUST,
    rules="ISO-23 SER-18",
    needs="conflict-resolution old-revisions",
)
def resolution_leaves_references_closed() -> None:
    """In the states, `PersistentReference` objects stand for references, with `oid` and `weak`. No
    object is loaded for them: those to which the states refer need not be there, nor their classes.
    What the resolver returns refers to the same objects, weakly or not, as it did.

    >>> oid, there, weakly = (storage.new_oid() for n in range(3))
    >>> questions = ["old['to'].oid", "committed['to'].oid", "committed['to'].weak"]
    >>> questions += ["new['to'].weak", "type(new['to']).__name__"]
    >>> def asked(form):
    ...     return record(Asked, {"to": ("ref", form), "questions": questions})
    >>> with lent_class("Elsewhere") as Elsewhere:
    ...     strong, weak = asked((there, Elsewhere)), asked(["w", (weakly,)])
    >>> first = commit(storage, (oid, z64, asked(oid)))
    >>> second = commit(storage, (oid, first, strong))
    >>> third = commit(newest(storage), (oid, first, weak))
    >>> with lent_class("Elsewhere"):
    ...     state = parts(newest(storage).load(oid)[0])[1]
    >>> state["answers"] == [repr(oid), repr(there), "False", "True", "'PersistentReference'"]
    True
    >>> state["to"][1][0] == there, oids_in(newest(storage).load(oid)[0]) == [there]
    (True, True)
    >>> fourth = commit(newest(storage), (oid, third, weak))
    >>> fifth = commit(newest(storage), (oid, third, weak))
    >>> parts(newest(storage).load(oid)[0])[1]["to"] == ("ref", ["w", (weakly,)])
    True
    """


@example(
    "storage.resolution-without-the-class",
    MUST,
    rules="ISO-24",
    error="ConflictError",
    needs="conflict-resolution old-revisions",
)
def resolution_without_the_class() -> None:
    """A storage may run where the classes of the application are not. Where the class of an object
    can't be imported, or that of a value in its state, a conflict stays one, and is an error of
    that sort: nothing is stored, and nothing else is disturbed.

    >>> one, two, three = oids = [storage.new_oid() for n in range(3)]
    >>> with lent_class("Gone") as Gone, lent_class("Value", object) as Value:
    ...     gone = [record(Gone, {"n": n}) for n in range(3)]
    ...     held = [record(Counter, {"n": n, "value": Value()}) for n in range(3)]
    >>> first = commit(storage, (one, z64, gone[0]), (two, z64, held[0]), (three, z64, counted(0)))
    >>> second = commit(storage, (one, first, gone[1]), (two, first, held[1]))
    >>> for oid, data in (one, gone[2]), (two, held[2]):
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(oid, first, data, "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> [newest(storage).load(oid) for oid in (one, two)] == [(gone[1], second), (held[1], second)]
    True
    >>> third = commit(newest(storage), (one, second, gone[2]), (three, first, counted(1)))
    >>> newest(storage).load(one) == (gone[2], third), shown(storage.load(three)[0])
    (True, (1, []))
    """


@example(
    "storage.resolution-that-fails",
    MUST,
    rules="ISO-24",
    error="ConflictError",
    needs="conflict-resolution old-revisions",
)
def resolution_that_fails() -> None:
    """Whatever the resolver raises, the storage raises a conflict error in its place, which says
    that to try again may help. That is so even for what would end a process: the resolver may run
    in that of a server. Nothing is stored, and nothing else is disturbed.

    >>> counter = storage.new_oid()
    >>> first = commit(storage, (counter, z64, counted(0)))
    >>> leaving = {"questions": ["(none for none in ()).throw(SystemExit)"]}
    >>> failing = [record(Quarrelsome, {"n": 1}), record(Counter, {"n": "text"})]
    >>> failing += [record(Asked, {"questions": 7}), record(Asked, leaving), record(Counter, None)]
    >>> for data in failing:
    ...     oid = storage.new_oid()
    ...     old = commit(newest(storage), (oid, z64, data))
    ...     committed = commit(newest(storage), (oid, old, data))
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(oid, old, data, "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    ...     assert newest(storage).load(oid) == (data, committed), "expected it to be as before"
    >>> second = commit(storage, (counter, first, counted(1)))
    >>> third = commit(newest(storage), (counter, first, counted(10)))
    >>> shown(newest(storage).load(counter)) == ((11, []), third)
    True
    """


@example(
    "storage.resolution-needs-the-revision",
    MUST,
    rules="ISO-24 ISO-25",
    error="ConflictError",
    needs="conflict-resolution old-revisions",
)
def resolution_needs_the_revision() -> None:
    """Where the object has no revision of the tid that is handed to `store`, there is no state to
    compare with, and the conflict stays one. No other revision is taken in its place: neither one
    that is near, nor none at all, for an object that is said to be new.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(1)))
    >>> other = commit(storage, (storage.new_oid(), z64, content("other")))
    >>> second = commit(newest(storage), (oid, first, counted(2)))
    >>> for tid in z64, next_tid(first), other, next_tid(second):
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(oid, tid, counted(9), "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> shown(newest(storage).load(oid)) == ((2, []), second)
    True
    """


@example(
    "storage.resolution-needs-an-object",
    MUST,
    rules="ISO-24 STOR-53",
    error="ConflictError POSKeyError",
    needs="conflict-resolution old-revisions undo",
)
def resolution_needs_an_object() -> None:
    """An object that does not exist any more, since its creation was undone, has no committed
    state: a change of it is refused, and does not bring it back.

    >>> oid = storage.new_oid()
    >>> first = commit(storage, (oid, z64, counted(1)))
    >>> second, _ = undo(storage, storage.undoLog(0, 1)[0]["id"])
    >>> meta = metadata()
    >>> newest(storage).tpc_begin(meta)
    >>> with raises("ConflictError", "POSKeyError"):
    ...     storage.store(oid, first, counted(2), "", meta)
    ...     storage.tpc_vote(meta)
    >>> storage.tpc_abort(meta)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(oid)
    """


@example(
    "storage.resolution-at-every-store",
    MUST,
    rules="ISO-27",
    needs="conflict-resolution old-revisions",
)
def resolution_at_every_store() -> None:
    """A storage that resolves conflicts does so at every store: of the first object in a
    transaction and of the others, time after time, where the current revision was merged itself,
    and after a conflict that could not be resolved.

    >>> counters = [storage.new_oid() for n in range(3)]
    >>> plain = storage.new_oid()
    >>> first = commit(storage, *((oid, z64, counted(0)) for oid in (*counters, plain)))
    >>> old = commit(storage, (plain, first, content("plain")))
    >>> for n in 1, 10, 100, 1000:
    ...     last = commit(newest(storage), *((oid, first, counted(n)) for oid in counters))
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(counters[0], first, counted(5), "", meta)
    ...         storage.store(plain, first, content("refused"), "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> [shown(newest(storage).load(oid)) == ((1111, []), last) for oid in counters]
    [True, True, True]
    """


@example(
    "storage.resolution-at-no-store",
    MUST,
    rules="ISO-27",
    error="ConflictError",
    without="conflict-resolution",
)
def resolution_at_no_store() -> None:
    """A storage that does not resolve conflicts does so at no store: each is refused, for a class
    with a resolver as for others, the first time and later. The current revision stays.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (one, z64, counted(0)), (two, z64, counted(0)))
    >>> second = commit(newest(storage), (one, first, counted(1)), (two, first, counted(1)))
    >>> for oid in one, two, one, two:
    ...     meta = metadata()
    ...     newest(storage).tpc_begin(meta)
    ...     with raises("ConflictError"):
    ...         storage.store(oid, first, counted(10), "", meta)
    ...         storage.tpc_vote(meta)
    ...     storage.tpc_abort(meta)
    >>> [shown(newest(storage).load(oid)) == ((1, []), second) for oid in (one, two)]
    [True, True]
    """
