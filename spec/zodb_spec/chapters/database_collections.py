"""Collections of databases: several databases that know each other by name.

One database can hold everything. Who has several, since they are packed, replicated or placed
apart, can still let an object of one refer to an object of another, if the databases are members
of one collection: a mapping of names to databases that all of them share. Every record that refers
to another database does so by name, so the names are part of the data.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, example, id_of, step, text
from zodb_spec.editions import CURRENT, Edition
from zodb_spec.world import Fact, Name, Object, World


@step("collection.joined-by-mapping", MUST, rules="XREF-1")
def joined_by_mapping(world: World, database: Name) -> Name:
    """A database that is opened with the mapping of databases of another one belongs to the
    collection of that one, under its own name.

    This is about what the two databases are to each other from then on, whatever is done with them;
    what the program finds in the mapping, `collection.registers` says.
    """
    return world.databases[database].collection


@step("collection.of-its-own", MUST, rules="XREF-3")
def own_collection(world: World, database: Name) -> Name:
    """A database that is opened without a mapping forms a collection of its own: no other database
    belongs to it, whatever their names are.

    What the program finds in the mapping of such a database, `collection.alone` says.
    """
    return database


@example("collection.registers", MUST, rules="XREF-1", needs="several-databases")
def registers() -> None:
    """A collection is made by giving one mapping, as `databases`, to several databases when they
    are made. Each puts itself into the mapping under its `database_name`, and has the mapping
    itself, no copy of it, as its attribute `databases`: so each of them finds those that come
    later. That they belong together by this, `collection.joined-by-mapping` says.

    >>> databases = {}
    >>> one = open_db(databases=databases, database_name="1")
    >>> two = open_db(databases=databases, database_name="2")
    >>> sorted(databases), databases["1"] is one, databases["2"] is two
    (['1', '2'], True, True)
    >>> one.databases is two.databases is databases
    True
    >>> one.database_name, two.database_name
    ('1', '2')
    """


@example(
    "collection.name-twice-refused",
    MUST,
    rules="XREF-2",
    error="ValueError",
    needs="several-databases",
)
def name_twice_refused() -> None:
    """A name that is taken in the collection is refused, and the collection stays as it was: the
    references to the database that has the name would otherwise lead into the new one.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> with raises("ValueError"):
    ...     open_db(databases=db.databases, database_name="second")
    >>> len(db.databases), db.databases["second"] is second
    (2, True)
    >>> connection.get_connection("second").db() is second
    True
    """


@example("collection.alone", MUST, rules="XREF-3", needs="several-databases")
def alone() -> None:
    """A database that is made without `databases` has a mapping of its own as `databases`, in which
    it is alone: it is a collection by itself, as `collection.of-its-own` says. Two of these may
    have the same name, since they know nothing of each other.

    >>> other = open_db(database_name=db.database_name)
    >>> other.databases is db.databases
    False
    >>> other.databases == {other.database_name: other}
    True
    >>> db.databases == {db.database_name: db}
    True
    """


@example("collection.names-in-any-script", MUST, rules="XREF-1 CONN-57", needs="several-databases")
def names_in_any_script() -> None:
    r"""A name is any text, in any script, and two names are the same only where they consist of
    the same characters: nothing is folded, trimmed or normalized on the way into a record and
    back.

    >>> names = ["\u03b4\u03cd\u03bf", "\u7b2c\u4e8c", "\u0645\u062b\u0627\u0644", "\U0001f5c4"]
    >>> names += ["second", "SECOND", " second ", "a/b:c", "100%", "\u00e9", "e\u0301"]
    >>> members = [open_db(databases=db.databases, database_name=name) for name in names]
    >>> one = db.open()
    >>> for name in names:
    ...     one.root()[name] = one.get_connection(name).root()
    >>> transaction.commit()
    >>> seen = opened(db).root()
    >>> [seen[name]._p_jar.db() is member for name, member in zip(names, members)]
    [True, True, True, True, True, True, True, True, True, True, True]
    """


@example("collection.empty-name", MUST, rules="CONN-57", since=CURRENT, needs="several-databases")
def empty_name() -> None:
    """The empty text is a name like any other. Up to the edition of 2006-08-16 a reference to an
    object of a database without a name was taken for one to an object of the own database.

    >>> nameless = open_db(databases=db.databases, database_name="")
    >>> other = connection.get_connection("")
    >>> thing = other.root()["thing"] = Thing()
    >>> tm.commit()
    >>> connection.root()["thing"], connection.root()["weak"] = thing, WeakRef(thing)
    >>> tm.commit()
    >>> seen = opened(db).root()
    >>> seen["thing"]._p_jar.db() is nameless, seen["weak"]() is seen["thing"]
    (True, True)
    """


@text("collection.empty-name-may-be-lost", MAY, rules="CONN-57", until=Edition.C)
def empty_name_may_be_lost() -> None:
    """An implementation may write a reference to an object of a database whose name is the empty
    text as if it were one to an object of the own database. A program of that time gives each of
    its databases a name that is not empty.
    """


@example(
    "collection.removed-entry",
    MUST,
    rules="XREF-17 XREF-38",
    error="InvalidObjectReference StateLoadError KeyError",
    needs="several-databases",
)
def removed_entry() -> None:
    """A program can take a database out of the mapping, without a word to anybody. From then on
    it is outside of the collection: references to its objects are refused, and what holds such a
    reference can't be loaded. Nothing is lost: once the database is back under its name, all is
    as it was.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> thing = one.get_connection("second").root()["thing"] = Thing()
    >>> transaction.commit()
    >>> holder = one.root()["holder"] = Thing()
    >>> holder.thing = thing
    >>> transaction.commit()
    >>> del db.databases["second"]
    >>> one.root()["thing"] = thing
    >>> with raises("InvalidObjectReference"):
    ...     transaction.commit()
    >>> transaction.abort()
    >>> with raises("StateLoadError", "KeyError"):
    ...     opened(db).root()["holder"].thing
    >>> db.databases["second"] = second
    >>> one.root()["thing"] = thing
    >>> transaction.commit()
    >>> seen = opened(db).root()
    >>> seen["thing"] is seen["holder"].thing, seen["thing"]._p_jar.db() is second
    (True, True)
    """


@example(
    "collection.replaced-entry",
    MUST,
    rules="XREF-17",
    error="InvalidObjectReference",
    needs="several-databases",
)
def replaced_entry() -> None:
    """Where a program has put another database in the place of one, the objects of the former are
    objects of a stranger, although its name is still there: a reference to one of them would be
    read as a reference into the database that has the name now.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> one = db.open()
    >>> thing = one.get_connection("second").root()["thing"] = Thing()
    >>> transaction.commit()
    >>> del db.databases["second"]
    >>> successor = open_db(databases=db.databases, database_name="second")
    >>> one.root()["thing"] = thing
    >>> with raises("InvalidObjectReference"):
    ...     transaction.commit()
    >>> transaction.abort()
    >>> "thing" in opened(db).root()
    False
    """


@example(
    "collection.second-entry",
    SHOULD,
    rules="XREF-5 XREF-6",
    error="KeyError ValueError POSError",
    needs="several-databases",
)
def second_entry() -> None:
    """A program may enter a database under a second name, which is not the one that the database
    knows of. To ask for a connection by that name either is refused or gives the connection that
    the group has to this database. It never adds another one to the group: whoever had an object
    of the first could refer to it no longer, and would learn that from a commit that is refused.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> db.databases["alias"], db.databases["self"] = second, db
    >>> given = {"alias": other, "self": connection}
    >>> for name in "alias", "self":
    ...     with allowing("KeyError", "ValueError", "POSError"):
    ...         given[name] = connection.get_connection(name)
    >>> given["alias"] is other, given["self"] is connection
    (True, True)
    >>> connection.get_connection("second") is other
    True
    >>> connection.get_connection(db.database_name) is connection
    True
    """


@step(
    "collection.closing-aborts",
    MUST,
    rules="CONN-52 LIFE-11 LIFE-14",
    since=CURRENT,
    needs="several-databases",
)
def closing_aborts(world: World, thing: Name) -> Object:
    """To close a database aborts the transactions of the groups that have a connection to it, in
    all members.  What was new there, in whichever database, is unsaved again, and others take it;
    what had changed, is not stored.
    """
    return world.objects[thing]._replace(owner=world.fact(None, id_of(closing_aborts)))


@step(
    "collection.closing-closes-groups",
    MUST,
    rules="CONN-52",
    since=CURRENT,
    needs="several-databases",
)
def closing_closes(world: World, connection: Name) -> Fact[bool]:
    """To close a database closes all members of the groups that have a connection to it. Those to
    other databases may be handed out again by these, or not.
    """
    return world.fact(False, id_of(closing_closes))


@example(
    "collection.closing-disturbs-no-other-group", MUST, rules="CONN-53", needs="several-databases"
)
def closing_disturbs_no_other_group() -> None:
    """To close one database of a collection does nothing to connections of the others that have
    no connection to it in their group. What is under way there goes on.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> elsewhere = opened(second)
    >>> connection.root()["a"] = 1
    >>> elsewhere.root()["a"] = 1
    >>> second.close()
    >>> connection.root()["a"]
    1
    >>> tm.commit()
    >>> opened(db).root()["a"]
    1
    """


@example(
    "collection.closing-ends-groups",
    MUST,
    rules="CONN-52 LIFE-11 LIFE-14",
    error="ConnectionStateError",
    since=CURRENT,
    needs="several-databases",
)
def closing_ends_groups() -> None:
    """Here it is seen how a database that is closed ends the groups that have a connection to it,
    in all members. Half a group would be worse, since a transaction could store half of what it
    did. The other databases work on, and take what was new in the group.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> other = connection.get_connection("second")
    >>> connection.root()["a"] = other.root()["a"] = 1
    >>> mine = connection.root()["mine"] = Thing()
    >>> savepoint = tm.savepoint()
    >>> thing = other.root()["thing"] = Thing()
    >>> other.add(thing)
    >>> second.close()
    >>> with raises("ConnectionStateError"):
    ...     connection.root()
    >>> again = opened(db)
    >>> len(again.root())
    0
    >>> mine._p_jar is None, thing._p_jar is None
    (True, True)
    >>> again.root()["mine"], again.root()["thing"] = mine, thing
    >>> again.transaction_manager.commit()
    >>> sorted(opened(db).root())
    ['mine', 'thing']
    """


@example(
    "collection.closed-gives-no-connection",
    MUST,
    rules="CONN-54",
    error="Exception",
    since=CURRENT,
    needs="several-databases",
)
def closed_gives_no_connection() -> None:
    """A database that was closed gives no connections any more: to ask for one by its name fails,
    and the group that asks works on.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> second.close()
    >>> with raises("Exception"):
    ...     connection.get_connection("second")
    >>> connection.connections == {db.database_name: connection}
    True
    >>> connection.root()["a"] = 1
    >>> tm.commit()
    >>> opened(db).root()["a"]
    1
    """


@example(
    "collection.closed-says-so",
    SHOULD,
    rules="CONN-54",
    error="KeyError POSError",
    since=CURRENT,
    needs="several-databases",
)
def closed_says_so() -> None:
    """The error by which a closed database gives no connection is one of the database's own, or
    that of a name which nobody has: the person who gets it looks for a database that was closed,
    and not for a fault in this library.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> second.close()
    >>> with raises("KeyError", "POSError"):
    ...     connection.get_connection("second")
    """


@example(
    "collection.closed-gives-its-name-back",
    SHOULD,
    rules="CONN-54",
    since=CURRENT,
    needs="several-databases",
)
def closed_gives_its_name_back() -> None:
    """A database that was closed gives its name back: a new one may enter the collection under it,
    as happens where a program opens its file again. Where it does not, the name is taken as long
    as the program leaves the entry in the mapping.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> second.close()
    >>> successor = open_db(databases=db.databases, database_name="second")
    >>> db.databases["second"] is successor
    True
    >>> connection.get_connection("second").db() is successor
    True
    """


@example(
    "collection.closed-while-referred-to",
    MUST,
    rules="CONN-54 XREF-38",
    error="StateLoadError KeyError POSError",
    since=CURRENT,
    needs="several-databases",
)
def closed_while_referred_to() -> None:
    """A database can be closed while objects of others refer to its objects. Then the holders of
    such references can't be loaded, and everything else can. The references stay as they are:
    when a database of this name is there again, they lead into it, or are refused as leading into
    another one than they were made for.

    >>> second = open_db(databases=db.databases, database_name="second")
    >>> root = connection.root()
    >>> root["holder"], root["thing"] = Thing(), Thing()
    >>> root["holder"].ref = connection.get_connection("second").root()
    >>> root["thing"].a = 1
    >>> tm.commit()
    >>> second.close()
    >>> seen = opened(db).root()
    >>> seen["thing"].a
    1
    >>> with raises("StateLoadError", "KeyError", "POSError"):
    ...     seen["holder"].ref
    >>> closed = db.databases.pop("second", None)
    >>> again = open_db(databases=db.databases, database_name="second")
    >>> resolved = []
    >>> with allowing("StateLoadError"):
    ...     resolved.append(opened(db).root()["holder"].ref)
    >>> all(ref._p_jar.db() is again for ref in resolved)
    True
    """
