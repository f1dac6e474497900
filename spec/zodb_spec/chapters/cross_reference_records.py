"""Written references: the forms across databases, the names in them, and the options.

A reference to an object of another database of the collection carries the name of that database.
It is followed when its holder is loaded, through the connection that the group has to the database
of this name. What may refer to what, the chapters on groups and on new objects say; here stand the
written forms, the options, and the facts about names.
"""

from __future__ import annotations

from zodb_spec.clause import MUST, example
from zodb_spec.editions import CURRENT, Edition


@example("xref.written-forms", MUST, rules="XREF-42", needs="several-databases raw-records")
def written_forms() -> None:
    """A reference to an object of another database is written as the list
    ``["m", (database_name, oid, class)]``, or, where the class of the object has
    `__getnewargs__`, so that no ghost can be made without its record, as
    ``["n", (database_name, oid)]``.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> root = one.get_connection("second").root()
    >>> thing, named = root["thing"], root["named"] = Thing(), Named("Jim")
    >>> transaction.commit()
    >>> holder = one.root()["holder"] = Thing()
    >>> holder.thing, holder.named = thing, named
    >>> transaction.commit()
    >>> state = parts(stored(db, holder._p_oid)[0])[1]
    >>> state["thing"] == ("ref", ["m", ("second", thing._p_oid, Thing)])
    True
    >>> state["named"] == ("ref", ["n", ("second", named._p_oid)])
    True
    """


@example("xref.read-forms", MUST, rules="XREF-42 XREF-15", needs="several-databases raw-records")
def read_forms() -> None:
    """Each form can be read for any object, whoever wrote it; the class may be a pair of module
    and name. All of them lead to the one object that the group's connection to the named database
    has.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one, two = second.storage.new_oid(), db.storage.new_oid()
    >>> forms = [["m", ("second", one, Thing)], ["n", ("second", one)]]
    >>> forms += [["m", ("second", one, (Thing.__module__, "Thing"))]]
    >>> tid = store(second, one, record(Thing, {"a": 1}))
    >>> tid = store(db, two, record(Thing, {"all": [("ref", form) for form in forms]}))
    >>> other = opened(db)
    >>> [thing.a for thing in other.get(two).all]
    [1, 1, 1]
    >>> {thing is other.get_connection("second").get(one) for thing in other.get(two).all}
    {True}
    """


@example(
    "xref.same-name-is-not-enough",
    MUST,
    rules="XREF-17",
    error="InvalidObjectReference",
    needs="several-databases",
)
def same_name_is_not_enough() -> None:
    """Whether an object belongs to a database of the collection is decided by the database
    itself: that one in the collection has the same name says nothing, and a reference to the
    object of the other is refused.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> namesake = open_db(database_name="second")
    >>> one = db.open()
    >>> one.root()["stranger"] = namesake.open().root()
    >>> with raises("InvalidObjectReference"):
    ...     transaction.commit()
    >>> transaction.abort()
    >>> one.root()["member"] = one.get_connection("second").root()
    >>> transaction.commit()
    >>> list(opened(db).root())
    ['member']
    """


@example(
    "xref.refusal-names-both",
    MUST,
    rules="XREF-52",
    error="InvalidObjectReference",
    since=CURRENT,
    needs="several-databases",
)
def refusal_names_both() -> None:
    """The arguments of the error by which a reference is refused are a message, the connection
    that was storing, and the object that the reference would have led to: with these a program
    can tell what it did wrong. Up to the edition of 2006-08-16 there was the message alone.

    >>> second = open_db(databases=db.databases, database_name="second", xrefs=False)
    >>> other = connection.get_connection("second")
    >>> def refused(storing, target):
    ...     storing.root()["target"] = target
    ...     try:
    ...         tm.commit()
    ...     except Exception as error:
    ...         message, by, about = error.args
    ...         return isinstance(message, str), by is storing, about is target
    ...     finally:
    ...         tm.abort()
    >>> refused(connection, opened(open_db()).root())
    (True, True, True)
    >>> refused(connection, opened(second).root())
    (True, True, True)
    >>> refused(connection, opened(db).root())
    (True, True, True)
    >>> refused(other, connection.root())
    (True, True, True)
    """


@example(
    "xref.refusal-is-a-message",
    MUST,
    rules="XREF-52",
    error="InvalidObjectReference",
    until=Edition.C,
    needs="several-databases",
)
def refusal_is_a_message() -> None:
    """The error by which a reference is refused has a message as its one argument.

    >>> connection.root()["target"] = opened(open_db()).root()
    >>> try:
    ...     tm.commit()
    ... except Exception as error:
    ...     name, arguments = type(error).__name__, error.args
    >>> name, [type(argument) is str for argument in arguments]
    ('InvalidObjectReference', [True])
    """


@example(
    "xref.ambiguity-names-both",
    MUST,
    rules="XREF-52",
    error="InvalidObjectReference",
    since=CURRENT,
    needs="several-databases",
)
def ambiguity_names_both() -> None:
    """The error by which an ambiguous new object is refused names the connection and the object in
    its arguments. The connection is the one that stores second, so it depends on the order of the
    commit; an implementation that looks at both before it stores anything may name either.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> thing = connection.root()["thing"] = other.root()["thing"] = Thing()
    >>> try:
    ...     tm.commit()
    ... except Exception as error:
    ...     message, storing, offending = error.args
    >>> storing in (connection, other), offending is thing
    (True, True)
    """


@example("xref.cycles-and-chains", MUST, rules="XREF-19", needs="several-databases")
def cycles_and_chains() -> None:
    """References may lead from database to database, over any number of them, and back to where
    they began.

    >>> names = [db.database_name, "second", "third", "fourth"]
    >>> members = [open_db(databases=db.databases, database_name=name) for name in names[1:]]
    >>> one = db.open()
    >>> roots = [one.get_connection(name).root() for name in names]
    >>> for root, following in zip(roots, [*roots[1:], roots[0]]):
    ...     root["next"] = following
    >>> transaction.commit()
    >>> chain = [opened(db).root()]
    >>> for name in names:
    ...     chain.append(chain[-1]["next"])
    >>> [root._p_jar.db().database_name for root in chain] == [*names, db.database_name]
    True
    >>> chain[-1] is chain[0]
    True
    """


@example(
    "xref.stays-where-it-was-stored",
    MUST,
    rules="XREF-31",
    error="InvalidObjectReference",
    needs="several-databases",
)
def stays_where_it_was_stored() -> None:
    """An object stays in the database that has stored it first. It does not follow its referrers
    into another, and `add` does not bring it there.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> two = one.get_connection("second")
    >>> thing = one.root()["thing"] = Thing()
    >>> transaction.commit()
    >>> two.root()["thing"] = thing
    >>> del one.root()["thing"]
    >>> transaction.commit()
    >>> with raises("InvalidObjectReference"):
    ...     two.add(thing)
    >>> seen = opened(second).root()["thing"]
    >>> seen._p_jar.db() is db, seen._p_oid == thing._p_oid, thing._p_jar is one
    (True, True, True)
    """


@example(
    "xref.forbidden",
    MUST,
    rules="XREF-32",
    error="InvalidObjectReference",
    since=CURRENT,
    needs="several-databases",
)
def forbidden() -> None:
    """A database that is made with `xrefs=False` stands for itself: none of its objects may refer
    to an object of another connection, neither in a commit nor in a savepoint. It is about what
    goes out; objects of other databases may refer to its objects.

    >>> second = open_db(databases=db.databases, database_name="second", xrefs=False)
    >>> other = connection.get_connection("second")
    >>> connection.root()["in"] = other.root()
    >>> tm.commit()
    >>> for target in connection.root(), opened(second).root():
    ...     for store in tm.commit, tm.savepoint:
    ...         other.root()["out"] = target
    ...         with raises("InvalidObjectReference"):
    ...             store()
    ...         tm.abort()
    >>> dict(opened(second).root()), opened(db).root()["in"]._p_jar.db() is second
    ({}, True)
    """


@example(
    "xref.forbidden-still-read",
    MUST,
    rules="XREF-33",
    error="InvalidObjectReference",
    since=CURRENT,
    needs="several-databases raw-records",
)
def forbidden_still_read() -> None:
    """The option `xrefs=False` is about storing. References to other databases that are in the
    database from before are read as ever; but an object that still has one is not stored again.

    >>> second = open_db(databases=db.databases, database_name="second", xrefs=False)
    >>> oid = second.storage.new_oid()
    >>> out = "ref", ["m", (db.database_name, z64, PersistentMapping)]
    >>> tid = store(second, oid, record(Thing, {"out": out}))
    >>> holder = connection.get_connection("second").get(oid)
    >>> holder.out is connection.root()
    True
    >>> holder.a = 1
    >>> with raises("InvalidObjectReference"):
    ...     tm.commit()
    >>> tm.abort()
    >>> holder.out = None
    >>> tm.commit()
    """


@example(
    "xref.forbidden-weak-allowed", MUST, rules="XREF-34", since=CURRENT, needs="several-databases"
)
def forbidden_weak_allowed() -> None:
    """Weak references are not touched by `xrefs=False`: the database does not depend on the target
    of one.

    >>> second = open_db(databases=db.databases, database_name="second", xrefs=False)
    >>> connection.get_connection("second").root()["weak"] = WeakRef(connection.root())
    >>> tm.commit()
    >>> opened(second).root()["weak"]()._p_jar.db() is db
    True
    """


@example(
    "xref.unknown-database",
    MUST,
    rules="XREF-38",
    error="StateLoadError KeyError",
    needs="several-databases raw-records",
)
def unknown_database() -> None:
    """References are followed when the state of their holder is loaded. Where one names a
    database that is not in the collection, the holder can't be loaded, and neither is the
    reference left out nor another object put in its place. With the database it loads.

    >>> oids = []
    >>> for form in ["m", ("late", z64, PersistentMapping)], ["n", ("late", z64)]:
    ...     oids.append(db.storage.new_oid())
    ...     tid = store(db, oids[-1], record(Thing, {"a": 1, "ref": ("ref", form)}))
    >>> other = opened(db)
    >>> for oid in oids:
    ...     with raises("StateLoadError", "KeyError"):
    ...         other.get(oid).a
    >>> late = open_db(databases=db.databases, database_name="late")
    >>> other = opened(db)
    >>> [other.get(oid).ref._p_jar.db() is late for oid in oids]
    [True, True]
    """


@example(
    "xref.bound-by-name",
    MUST,
    rules="XREF-39",
    error="POSKeyError StateLoadError",
    needs="several-databases",
)
def bound_by_name() -> None:
    """A reference knows its database by name alone. Where another database has the name now, the
    reference leads to the object with the same oid there, or, where there is none, to an error;
    it never leads into a third database. An implementation that gives each database an identity
    and finds that it is another one may refuse to load the holder.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> two = one.get_connection("second")
    >>> root = one.root()
    >>> root["there"], root["missing"] = Thing(), Thing()
    >>> two.root()["thing"] = Thing()
    >>> transaction.commit()
    >>> root["there"].ref, root["missing"].ref = two.root(), two.root()["thing"]
    >>> transaction.commit()
    >>> del db.databases["second"]
    >>> successor = open_db(databases=db.databases, database_name="second")
    >>> seen = opened(db).root()
    >>> resolved = []
    >>> with allowing("StateLoadError"):
    ...     resolved.append(seen["there"].ref)
    >>> all(ref._p_jar.db() is successor and dict(ref) == {} for ref in resolved)
    True
    >>> with raises("POSKeyError", "StateLoadError"):
    ...     seen["missing"].ref._p_activate()
    """


@example("xref.remembers-the-class", MUST, rules="XREF-43", needs="several-databases raw-records")
def remembers_the_class() -> None:
    """The class in a reference is that of the target when the holder was stored. Where the class
    of the target changes later, the reference keeps the former one until its holder is stored
    again: nobody knows from where, in other databases, an object is referred to.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> thing = one.get_connection("second").root()["thing"] = Thing()
    >>> transaction.commit()
    >>> holder = one.root()["holder"] = Thing()
    >>> holder.ref = thing
    >>> transaction.commit()
    >>> thing.__class__, thing._p_changed = Counter, True
    >>> transaction.commit()
    >>> parts(stored(db, holder._p_oid)[0])[1]["ref"][1][1][2] is Thing
    True
    >>> holder.a = 1
    >>> transaction.commit()
    >>> parts(stored(db, holder._p_oid)[0])[1]["ref"][1][1][2] is Counter
    True
    """


@example("xref.class-factories", MUST, rules="XREF-44", needs="several-databases class-factory")
def class_factories() -> None:
    """The class that a reference names is found by the class factory of the database that refers,
    as every other class that the holder's record names; the classes in the target's own record
    are found by that of its database.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> thing = one.get_connection("second").root()["thing"] = Thing()
    >>> thing.value = Holder(x=1)
    >>> transaction.commit()
    >>> one.root()["thing"] = thing
    >>> transaction.commit()
    >>> from unittest.mock import Mock
    >>> db.classFactory = Mock(wraps=db.classFactory)
    >>> second.classFactory = Mock(wraps=second.classFactory)
    >>> def asked(database):
    ...     return {call.args[2] for call in database.classFactory.call_args_list}
    >>> thing = opened(db).root()["thing"]
    >>> "Thing" in asked(db), "Thing" in asked(second)
    (True, False)
    >>> thing.value.x
    1
    >>> "Holder" in asked(db), "Holder" in asked(second)
    (False, True)
    """


@example(
    "xref.not-among-own-references",
    MUST,
    rules="XREF-47",
    needs="several-databases references raw-records",
)
def not_among_own_references() -> None:
    """To the garbage collection of a database, a reference to another one is none: `references`
    gives the oids of those objects only that the record refers to, strongly, in its own database.
    An oid of another database would keep an object here that happens to have the same number.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> root = one.get_connection("second").root()
    >>> root["thing"], root["named"] = Thing(), Named("Jim")
    >>> transaction.commit()
    >>> holder = one.root()["holder"] = Thing()
    >>> holder.own, holder.named = Thing(), Named("Joe")
    >>> holder.others = [root, root["thing"], root["named"], WeakRef(root["thing"])]
    >>> transaction.commit()
    >>> found = db.references(stored(db, holder._p_oid)[0])
    >>> set(found) == {holder.own._p_oid, holder.named._p_oid}
    True
    """


@example(
    "xref.compared-in-resolution",
    MUST,
    rules="XREF-48",
    binds="storage",
    error="ValueError",
    since=Edition.C,
    needs="several-databases conflict-resolution",
)
def compared_in_resolution() -> None:
    """In the states that a resolver gets, a reference to another database has that database's
    name, and equals only a reference with the same name and the same oid. Objects of different
    databases may well have the same oid, as all roots do, and a comparison of these fails.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> third = open_db(databases=db.databases, database_name="third")
    >>> asked = connection.root()["asked"] = Asked()
    >>> asked.own = connection.root()
    >>> asked.two, asked.three = [connection.get_connection(n).root() for n in ("second", "third")]
    >>> asked.questions = ["new['two'].database_name", "new['two'].oid", "new['two'].weak"]
    >>> asked.questions += ["old['two'] == new['two']", "old['two'] != new['two']"]
    >>> asked.questions += ["new['two'] == new['three']", "new['two'] == new['own']"]
    >>> tm.commit()
    >>> other = opened(db)
    >>> same = other.root()["asked"]
    >>> same.a = 3
    >>> asked.a = 2
    >>> tm.commit()
    >>> other.transaction_manager.commit()
    >>> same.answers[0], same.answers[1] == repr(z64), same.answers[2:5]
    ("'second'", True, ['False', 'True', 'False'])
    >>> same.answers[5:]
    ['ValueError', 'ValueError']
    >>> same.two._p_jar.db() is second, same.three._p_jar.db() is third
    (True, True)
    """
