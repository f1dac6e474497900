"""Collecting garbage: a pack removes the objects that nobody can reach any more.

What an object refers to is told by its records, of which the storage knows nothing: it asks for
the references, with a function that it is given. What can be reached from the root stays, with all
revisions that the pack leaves; the rest is garbage. Whoever keeps the oid of an object otherwise,
in a program or in a weak reference, keeps nothing alive by that.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example


@example("storage.gc-removes-unreachable", MUST, rules="STOR-46", needs="garbage-collection")
def gc_removes_unreachable() -> None:
    """A pack removes the objects that can't be reached from the root, the object with the oid z64:
    what nothing refers to, and what only such objects refer to. It can't be read any more.

    >>> one, two, lost, more = oids = [storage.new_oid() for _ in range(4)]
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ...     (lost, z64, content("lost", more, one)),
    ...     (more, z64, content("more")),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one, two), kept(storage, lost, tid), kept(storage, more, tid)
    (['root', 1, 2], [None], [None])
    """


@example(
    "storage.gc-leaves-no-object",
    SHOULD,
    rules="STOR-46",
    error="POSKeyError",
    needs="garbage-collection",
)
def gc_leaves_no_object() -> None:
    """Who asks for the current state of garbage that a pack has removed is told that there is no
    such object. The client of a server may show for a while what it has kept; nobody who goes from
    object to object comes there.

    >>> lost = storage.new_oid()
    >>> tid = commit(storage, (z64, z64, content("root")), (lost, z64, content("lost")))
    >>> values_of(storage, z64, lost)
    ['root', 'lost']
    >>> storage.pack(pause(), oids_in)
    >>> with raises("POSKeyError"):
    ...     newest(storage).load(lost)
    """


@example("storage.gc-removes-what-was-let-go", MUST, rules="STOR-46", needs="garbage-collection")
def gc_removes_what_was_let_go() -> None:
    """What could be reached once, and can't be reached from any revision that is left, is garbage
    like what never could.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content(0, one, two)),
    ...     (one, z64, content(1)),
    ...     (two, z64, content(2)),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one, two)
    [0, 1, 2]
    >>> second = commit(storage, (z64, first, content("new", two)))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, two), kept(storage, one, first)
    (['new', 2], [None])
    """


@example("storage.gc-and-cycles", MUST, rules="STOR-46", needs="garbage-collection")
def gc_and_cycles() -> None:
    """Objects that refer to each other, or to themselves, are kept where the root reaches one of
    them. Where it does not, they don't keep each other.

    >>> one, two, lost, more, self = oids = [storage.new_oid() for _ in range(5)]
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one, z64)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2, one, z64)),
    ...     (lost, z64, content("lost", more, z64)),
    ...     (more, z64, content("more", lost)),
    ...     (self, z64, content("self", self)),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one, two), [kept(storage, oid, tid) for oid in oids[2:]]
    (['root', 1, 2], [[None], [None], [None]])
    """


@example("storage.gc-goes-far", MUST, rules="STOR-46 STOR-47", needs="garbage-collection")
def gc_goes_far() -> None:
    """However many objects there are, and however many references lead to one of them, one after
    the other, it can be reached.

    >>> chain, writes = [z64, *(storage.new_oid() for _ in range(20))], []
    >>> for number, oid in enumerate(chain):
    ...     branches = [storage.new_oid() for _ in range(4)]
    ...     for branch in branches:
    ...         leaves = [storage.new_oid() for _ in range(15)]
    ...         writes += [(leaf, z64, content("leaf")) for leaf in leaves]
    ...         writes.append((branch, z64, content("branch", *leaves)))
    ...     writes.append((oid, z64, content(number, *branches, *chain[number + 1 :][:1])))
    >>> tid = commit(storage, *reversed(writes))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, *chain) == list(range(21))
    True
    >>> values_of(storage, *[oid for oid, _, _ in writes]).count("leaf")
    1260
    """


@example("storage.gc-lasts", MUST, rules="STOR-46", needs="garbage-collection durable")
def gc_lasts() -> None:
    """What was collected is gone, and the rest is there, when the storage is opened again.

    >>> one, lost = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1)),
    ...     (lost, z64, content("lost", one)),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> storage = reopened(storage)
    >>> values_of(storage, z64, one, lost)
    ['root', 1, None]
    """


@example(
    "storage.gc-and-weak-references", MUST, rules="STOR-46 LIFE-41", needs="garbage-collection"
)
def gc_and_weak_references() -> None:
    """A weak reference keeps nothing: an object that only such ones lead to is garbage. What refers
    to it stays.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1, weak=(two,))),
    ...     (two, z64, content(2, one)),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one), kept(storage, two, tid)
    (['root', 1], [None])
    """


@example(
    "storage.gc-spares-what-was-reached-since", MUST, rules="STOR-46", needs="garbage-collection"
)
def gc_spares_what_was_reached_since() -> None:
    """What nothing led to at the time of the pack, and something leads to since, stays: a program
    may take an object out of one container, and put it into another in a later transaction. It
    stays with all that it leads to itself, though nothing of that was stored again.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content("here", one)), (one, z64, content(1, two)),
    ...     (two, z64, content(2)))
    >>> second = commit(storage, (z64, first, content("nowhere")))
    >>> then = pause()
    >>> third = commit(storage, (z64, second, content("there", one)))
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64), kept(storage, one, first), kept(storage, two, first)
    (['there'], [1], [2])
    """


@example(
    "storage.gc-spares-what-later-states-show",
    MUST,
    rules="STOR-46",
    needs="garbage-collection old-revisions",
)
def gc_spares_what_later_states_show() -> None:
    """All revisions that a pack leaves are looked at, not the current ones alone. What only a
    replaced one leads to stays, if the pack leaves that: a snapshot shows it, or an undo may bring
    it back.

    >>> one, two, three = oids = [storage.new_oid() for _ in range(3)]
    >>> tids = [commit(
    ...     storage,
    ...     (z64, z64, content(0, one)),
    ...     (one, z64, content(1)),
    ...     (two, z64, content(2)),
    ...     (three, z64, content(3)),
    ... )]
    >>> then = pause()
    >>> for number, oid in (1, two), (2, three):
    ...     tids.append(commit(storage, (z64, tids[-1], content(number, oid))))
    >>> tids.append(commit(storage, (z64, tids[-1], content("nothing"))))
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64), [kept(storage, oid, tids[0]) for oid in oids]
    (['nothing'], [[1], [2], [3]])
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64), [kept(storage, oid, tids[0]) for oid in oids]
    (['nothing'], [[None], [None], [None]])
    """


@example(
    "storage.gc-spares-what-came-since", MUST, rules="STOR-45 STOR-46", needs="garbage-collection"
)
def gc_spares_what_came_since() -> None:
    """What was stored after the time of the pack, and can be reached, stays, with what it leads to.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content(0)))
    >>> then = pause()
    >>> second = commit(
    ...     storage,
    ...     (z64, first, content("new", one)),
    ...     (one, z64, content(1, two)),
    ...     (two, z64, content(2)),
    ... )
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64), kept(storage, one, second), kept(storage, two, second)
    (['new'], [1], [2])
    """


@example(
    "storage.gc-spares-what-is-new", SHOULD, rules="STOR-45 STOR-46", needs="garbage-collection"
)
def gc_spares_what_is_new() -> None:
    """What was stored after the time of the pack stays, even if nothing leads to it yet. A program
    may store objects in one transaction and refer to them in another; who packs for a time before
    its work began does not expect to hurt it. A storage that takes the current references for all
    there are removes them; the interface, which speaks of what can be reached, lets it.

    >>> one, two = storage.new_oid(), storage.new_oid()
    >>> first = commit(storage, (z64, z64, content(0)), (one, z64, content("old")))
    >>> then = pause()
    >>> second = commit(storage, (one, first, content(1)), (two, z64, content(2)))
    >>> storage.pack(then, oids_in)
    >>> values_of(storage, z64), kept(storage, one, second), kept(storage, two, second)
    ([0], [1], [2])
    >>> third = commit(storage, (z64, first, content("later", one, two)))
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64), kept(storage, one, second), kept(storage, two, second)
    (['later'], [1], [2])
    """


@example(
    "storage.gc-and-broken-references", MUST, rules="STOR-46 STOR-47", needs="garbage-collection"
)
def gc_and_broken_references() -> None:
    """Where a reference leads to an object that there is not, a pack passes over it, or is refused.
    Neither loses anything.

    >>> one, two, nothing = [storage.new_oid() for _ in range(3)]
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content(0, one, two)),
    ...     (one, z64, content(1, nothing)),
    ...     (two, z64, content(2)),
    ... )
    >>> with allowing("Exception"):
    ...     storage.pack(pause(), oids_in)
    >>> [kept(storage, oid, first) for oid in (z64, one, two)]
    [[0], [1], [2]]
    >>> second = commit(storage, (one, first, content("mended")))
    >>> storage.pack(pause(), oids_in)
    >>> kept(storage, z64, first), kept(storage, one, second), kept(storage, two, first)
    ([0], ['mended'], [2])
    """


@example(
    "storage.gc-passes-over-broken-references", SHOULD, rules="STOR-46", needs="garbage-collection"
)
def gc_passes_over_broken_references() -> None:
    """A pack passes over a reference to an object that there is not: one damaged object does not
    keep a database from being packed for ever.

    >>> one, nothing, lost = [storage.new_oid() for _ in range(3)]
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content(0, one)),
    ...     (one, z64, content(1, nothing)),
    ...     (lost, z64, content("lost")),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> values_of(storage, z64, one), kept(storage, lost, first)
    ([0, 1], [None])
    """


@example("storage.gc-asks-of-what-stays", SHOULD, rules="STOR-46", needs="garbage-collection")
def gc_asks_of_what_stays() -> None:
    """A pack has no need of the references in a record that it removes. Where they can't be read,
    since the record is damaged or of a class that is no more, that is no reason to fail: such a
    record goes when it was replaced.

    >>> one, lost = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content("damaged")),
    ...     (lost, z64, content("damaged")),
    ... )
    >>> second = commit(storage, (one, first, content("mended")))
    >>> def references(data, oids=None):
    ...     return fail() if value_in(data) == "damaged" else oids_in(data, oids)
    >>> storage.pack(pause(), references)
    >>> values_of(storage, z64, one), kept(storage, one, first), kept(storage, lost, first)
    (['root', 'mended'], [None], [None])
    """


@example("storage.gc-keeps-oids-fresh", MUST, rules="STOR-18 STOR-46", needs="garbage-collection")
def gc_keeps_oids_fresh() -> None:
    """The oid of an object that a pack has removed is not given to another one: whoever still has
    it, in a weak reference or in a list, would find a stranger there.

    >>> tid = commit(storage, (z64, z64, content("root")))
    >>> gone = [storage.new_oid() for _ in range(3)]
    >>> tid = commit(storage, *[(oid, z64, content("garbage")) for oid in gone])
    >>> storage.pack(pause(), oids_in)
    >>> {storage.new_oid() for _ in range(500)}.isdisjoint([z64, *gone])
    True
    """


@example(
    "storage.gc-keeps-oids-fresh-for-good",
    MUST,
    rules="STOR-18 STOR-46",
    needs="garbage-collection durable",
)
def gc_keeps_oids_fresh_for_good() -> None:
    """The oid of an object that was collected as garbage is not given to a new one when the storage
    has been opened again either: somewhere a reference to the old one may be left, which would lead
    to the new one.

    >>> tid = commit(storage, (z64, z64, content("root")))
    >>> gone = [storage.new_oid() for _ in range(3)]
    >>> tid = commit(storage, *[(oid, z64, content("garbage")) for oid in gone])
    >>> storage.pack(pause(), oids_in)
    >>> storage = reopened(storage)
    >>> {storage.new_oid() for _ in range(500)}.isdisjoint([z64, *gone])
    True
    """


@example(
    "storage.gc-is-iterated",
    MUST,
    rules="STOR-46 STOR-42",
    needs="garbage-collection record-iteration",
)
def gc_is_iterated() -> None:
    """Who goes through the current records after a pack meets what is left, and no garbage.

    >>> one, lost = storage.new_oid(), storage.new_oid()
    >>> tid = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1)),
    ...     (lost, z64, content("lost")),
    ... )
    >>> storage.pack(pause(), oids_in)
    >>> seen, found, following = newest(storage), [], None
    >>> while not found or following is not None:
    ...     oid, _, _, following = seen.record_iternext(following)
    ...     found.append(oid)
    >>> found == sorted([z64, one])
    True
    """


@example("storage.gc-is-optional", MAY, rules="STOR-46 STOR-45", error="TypeError", needs="pack")
def gc_is_optional() -> None:
    """A storage may take a third argument, `gc`, which says whether garbage is collected. Where it
    is false, every object stays that was current at the time of the pack, or was stored since, and
    what was replaced goes as ever. Another one refuses the argument, and does nothing.

    >>> one, lost = storage.new_oid(), storage.new_oid()
    >>> first = commit(
    ...     storage,
    ...     (z64, z64, content("root", one)),
    ...     (one, z64, content(1)),
    ...     (lost, z64, content("lost")),
    ... )
    >>> second = commit(storage, (one, first, content("new")), (lost, first, content("lost, too")))
    >>> before, packed = kept(storage, one, first, second), False
    >>> with allowing("TypeError"):
    ...     storage.pack(pause(), oids_in, gc=False)
    ...     packed = True
    >>> values_of(storage, z64, one, lost)
    ['root', 'new', 'lost, too']
    >>> kept(storage, one, first, second) == ([None, "new"] if packed else before)
    True
    """
