"""Weak references: across databases, to what need not be there.

A weak reference lets a program find an object for as long as it is there, and does not keep it
there. Across databases this has a use of its own: a database can point at what another one has
without depending on it. Up to the edition of 2006-08-16 the weak reference did not know of other
databases; most of this chapter is younger.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, SHOULD, example
from zodb_spec.editions import CURRENT, Edition


@example(
    "xref.weak-written-form",
    MUST,
    rules="XREF-35 XREF-42",
    since=CURRENT,
    needs="several-databases raw-records",
)
def weak_written_form() -> None:
    """A weak reference to an object of another database is written with the name of the database,
    as ``["w", (oid, database_name)]``. Up to the edition of 2006-08-16 the name was left out, and
    the reference was read as one to an object of its own database.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> tm.commit()
    >>> holder = connection.root()["holder"] = Thing()
    >>> holder.weak = WeakRef(thing)
    >>> tm.commit()
    >>> state = parts(stored(db, holder._p_oid)[0])[1]
    >>> state["weak"] == ("ref", ["w", (thing._p_oid, "second")])
    True
    """


@example(
    "xref.weak-without-a-name",
    MUST,
    rules="XREF-35 XREF-36",
    until=Edition.C,
    needs="several-databases raw-records",
)
def weak_without_a_name() -> None:
    """A weak reference to an object of another database, in the collection or out of it, is written
    as one to an object of its own: with the oid and no name.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> things = []
    >>> for database in second, open_db():
    ...     other = opened(database)
    ...     things.append(Thing())
    ...     other.root()["thing"] = things[-1]
    ...     other.transaction_manager.commit()
    >>> holder = connection.root()["holder"] = Thing()
    >>> holder.weak = [WeakRef(thing) for thing in things]
    >>> tm.commit()
    >>> weak = parts(stored(db, holder._p_oid)[0])[1]["weak"]
    >>> weak == [("ref", ["w", (thing._p_oid,)]) for thing in things]
    True
    """


@example("xref.weak-across", MUST, rules="XREF-35", since=CURRENT, needs="several-databases")
def weak_across() -> None:
    """A weak reference to an object of another database leads to that object, as long as it is
    there.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> thing = connection.get_connection("second").root()["thing"] = Thing()
    >>> tm.commit()
    >>> connection.root()["weak"] = WeakRef(thing)
    >>> tm.commit()
    >>> other = opened(db)
    >>> other.root()["weak"]() is other.get_connection("second").root()["thing"]
    True
    """


@example(
    "xref.weak-gone", MUST, rules="XREF-35", since=CURRENT, needs="several-databases raw-records"
)
def weak_gone() -> None:
    """A weak reference to another database never keeps its holder from being loaded. It yields
    None where no database of the collection has the name, or where the database has no record of
    the object.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> forms = ["w", (z64, "nowhere")], ["w", (b"no such!", "second")]
    >>> oid = db.storage.new_oid()
    >>> tid = store(db, oid, record(Thing, {"all": [("ref", form) for form in forms]}))
    >>> [weak() for weak in opened(db).get(oid).all]
    [None, None]
    """


@example(
    "xref.weak-gone-is-kept",
    MUST,
    rules="XREF-35",
    since=CURRENT,
    needs="several-databases raw-records",
)
def weak_gone_is_kept() -> None:
    """The holder of a weak reference whose target is not there can be changed and stored, and the
    reference is written as it was: the database may be back tomorrow.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> forms = [["w", (b"no such!", "second")], ["w", (z64, "nowhere")]]
    >>> state = {"all": [("ref", form) for form in forms]}
    >>> oid = db.storage.new_oid()
    >>> tid = store(db, oid, record(Thing, state))
    >>> other = opened(db)
    >>> other.get(oid).a = 1
    >>> other.transaction_manager.commit()
    >>> parts(stored(db, oid)[0])[1] == {"a": 1, **state}
    True
    """


@example(
    "xref.weak-outside-refused",
    MUST,
    rules="XREF-36",
    error="InvalidObjectReference",
    since=CURRENT,
    needs="several-databases",
)
def weak_outside_refused() -> None:
    """A weak reference to an object of a database that is not in the collection is refused like
    any other reference. It could only be written with a name, and the name may belong to somebody
    else in this collection: to this very database, for instance.

    >>> elsewhere = open_db(database_name=db.database_name)
    >>> target = opened(elsewhere).root()
    >>> for store in tm.commit, tm.savepoint:
    ...     connection.root()["weak"] = WeakRef(target)
    ...     with raises("InvalidObjectReference"):
    ...         store()
    ...     tm.abort()
    >>> "weak" in opened(db).root()
    False
    """


@example(
    "xref.weak-does-not-reach",
    SHOULD,
    rules="XREF-37",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def weak_does_not_reach() -> None:
    """A new object belongs to the database from which it is reached by strong references. A weak
    one from another database does not make that ambiguous, whichever of the two is stored first.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> owned = []
    >>> for strong, weak in (connection, other), (other, connection):
    ...     thing = strong.root()["thing"] = Thing()
    ...     weak.root()["weak"] = WeakRef(thing)
    ...     tm.commit()
    ...     owned.append(thing._p_jar is strong)
    >>> owned
    [True, True]
    """


@example(
    "xref.weak-reaches-or-not",
    MUST,
    rules="XREF-20 XREF-37",
    error="InvalidObjectReference",
    since=Edition.A_PRIME,
    needs="several-databases",
)
def weak_reaches_or_not() -> None:
    """Where one database refers strongly to a new object and another one weakly, either the object
    is stored in the first, or the commit is refused, as ambiguous, and stores nothing. A weak
    reference that is stored first never draws the object into its own database, for the strong
    one to lead there: where an object lives can't depend on the order of storing.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> seen = []
    >>> for strong, weak in (connection, other), (other, connection):
    ...     thing = strong.root()["thing"] = Thing()
    ...     weak.root()["weak"] = WeakRef(thing)
    ...     accepted = False
    ...     with allowing("InvalidObjectReference"):
    ...         tm.commit()
    ...         accepted = True
    ...     tm.abort()
    ...     seen.append(thing._p_jar is (strong if accepted else None))
    ...     seen.append(("thing" in opened(strong.db()).root()) == accepted)
    >>> seen
    [True, True, True, True]
    """
