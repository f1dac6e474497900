"""Groups of connections: at most one to each database of a collection, used together.

`DB.open` gives the first connection of a group, its primary; `get_connection` adds the others, when
they are needed. From then on they belong to the primary: they are opened, closed and pooled with
it, so that an object of one that refers to an object of another may stay in memory (XREF-4 to 11).
What the editions of 2005-06-10 and 2005-06-16 do instead is told by the rules of the database.
"""

import contextlib
from typing import Any

from transaction.interfaces import NoTransaction

from zodb_reference.joint import joint_of


class Group:
    """The connections that are used with `primary`, which is one of them.

    `connections` maps the names of their databases to them. It is what each has as `connections`.
    `is_at_work` tells that the changes of one are being kept for a savepoint, or undone.
    """

    def __init__(self, primary: Any) -> None:
        self.primary = primary
        self.connections: dict[str, Any] = {primary.database.database_name: primary}
        self.is_at_work = False
        self._is_closing = False
        self._saved: set[Any] = set()  # the members that have a share in the last savepoint

    # For programs, by way of a member

    def get_connection(self, member: Any, database_name: str) -> Any:
        """Return the connection to the database of this name, always the same (XREF-5).

        `member` is the one that is asked, and open. Where there is none yet, one is opened. Raises
        `KeyError` where the collection has no database of this name, `ConnectionStateError` where
        that one is closed.
        """
        found = self.connections.get(database_name)
        if found is None:
            database = _database(member.database, database_name)
            found = database.take_connection(member.view, lone=True)
            try:
                self._open_for(member, found)
            except BaseException:
                found.database.forget(found)
                raise
            self.connections[database_name] = found
            found.enter(self)
        elif found.opened is None:  # an interrupt has kept it from being opened with the others
            self._open_for(member, found)
        return found

    def close(self, member: Any) -> None:
        """Close `member` and all that are closed with it, or none of them (CONN-14).

        Nothing happens where they are closed, or are being closed just now. Raises
        `ConnectionStateError` while one of them has changes.
        """
        if self._is_closing:
            return
        members = self._open_ones(member)
        for each in members:
            each.require_unchanged()
        for each in members:
            each.call_on_close()
        members = self._open_ones(member)  # a callback may have closed them, or opened another
        for each in members:
            each.require_unchanged()
        if members:
            self._is_closing = True
            try:
                for each in members:
                    each.database.note_closing(each)
            finally:
                self._is_closing = False
            for each in members:
                each.require_unchanged()  # a monitor gets to see them open, and may do anything
            self._leave(members)
            self._give_back(member)

    def sharing_cache_calls(self, member: Any) -> list[Any]:
        """Return the connections whose caches are reduced with that of `member`."""
        shared = member.database.rules.groups_share_cache_calls
        return list(self.connections.values()) if shared else [member]

    def begin_savepoint(self, member: Any) -> None:
        """Learn that a member is about to make its share of a savepoint.

        All that have changes do, one after the other; so the savepoint before is complete where one
        begins again.
        """
        if member in self._saved:
            for each in self.connections.values():
                each.new_objects.pass_savepoint()
            self._saved.clear()
        self._saved.add(member)

    def end_savepoints(self, member: Any) -> None:
        """Learn that a member's transaction has ended."""
        self._saved.discard(member)

    # For the database

    def open(self, transaction_manager: Any, **options: Any) -> None:
        """Open the primary and all that are opened with it, with the same options."""
        members = self._together_with(self.primary)
        try:
            for each in members:
                each.database.require_open()
                each.open(transaction_manager, **options)
        except BaseException:
            self._leave([each for each in members if each.is_in_use()])
            self.dissolve()
            raise

    def is_lone(self) -> bool:
        """Tell whether the primary is the only connection."""
        return len(self.connections) == 1

    def is_whole(self) -> bool:
        """Tell whether the group can be opened again.

        It cannot where a database was closed or taken out of the collection: another one may have
        its name by now, and objects in memory refer to objects of the old one.
        """
        return self.primary.database.is_open() and all(
            each is self.primary or each.database.is_in_collection()
            for each in self.connections.values()
        )

    def shut_down(self, member: Any) -> None:
        """Abort the transaction under way and close, because the database of `member` closes.

        Another thread may be at work. A commit that it has begun is left to it: the storage, which
        is closed next, finishes it as a whole or not at all. None can begin any more (CONN-52). So
        is a savepoint, or a return to one. And so are changes that are not committed: they cannot
        be any more, and the thread is told so when it tries. To abort its transaction here would
        have it go on in another one, and commit the rest of its changes without them.

        Where it has no changes, it may be about to make some, or have some elsewhere. So its
        transaction is left to it in any case, and the connections refuse to be used any more.
        """
        members = self._open_ones(member)
        if self.is_at_work or any(
            each.is_committing() or each.is_changed_elsewhere() for each in members
        ):
            return  # it is given up when it is closed
        if any(each.is_used_elsewhere() for each in members):
            for each in members:
                each.shut()
            return
        try:
            if members:
                try:
                    self._abort(members)
                finally:  # perhaps only another participant could not be aborted
                    self.close(member)
        finally:
            member.group.dissolve()

    def dissolve(self) -> None:
        """Give up all that is kept for these connections, which are not opened again."""
        for each in list(self.connections.values()):
            each.database.forget(each)

    # What these consist of

    def _together_with(self, member: Any) -> list[Any]:
        """Return what is opened and closed with a connection, the primary first."""
        if not member.database.rules.groups_stay_together:
            return [member]
        return list(dict.fromkeys([self.primary, *self.connections.values()]))

    def _open_for(self, member: Any, other: Any) -> None:
        shared = member.database.rules.groups_share_manager
        other.open(member.transaction_manager if shared else None, **member.options)

    def _open_ones(self, member: Any) -> list[Any]:
        return [each for each in self._together_with(member) if each.is_in_use()]

    def _leave(self, members: list[Any]) -> None:
        """Let them stop to be used; the primary last, so that an interrupted close can go on."""
        for each in reversed(members):
            each.leave()

    def _give_back(self, member: Any) -> None:
        """Return to a pool what was closed."""
        if member.database.rules.groups_stay_together:
            member = self.primary
        elif not self.is_lone():
            del self.connections[member.database.database_name]
            member.enter(Group(member))
        member.database.give_back(member)

    def _abort(self, members: list[Any]) -> None:
        joined = [each.joined for each in members if each.joined is not None]
        for each in members:
            each.lost_changes = bool(joined)
        with contextlib.suppress(NoTransaction):
            current = joined[0] if joined else members[0].transaction_manager.get()
            # Where these have no changes, it may be the work of others, in another thread.
            if joined or not joint_of(current).is_left_alone():
                current.abort()


def _database(asked: Any, name: str) -> Any:
    """Return the database of this name in the collection of the database `asked`."""
    database = asked.databases.get(name)
    if database is None:
        known = ", ".join(map(repr, [*asked.databases]))  # which other threads may change
        raise KeyError(
            f"no database of this collection has the name {name!r}, it has {known or 'none'}; give"
            " all databases of a collection the same `databases`, and keep them open"
        )
    if getattr(database, "database_name", None) != name:
        raise KeyError(
            f"the collection has {database!r} under the name {name!r}, which is not its own; leave"
            " it to the databases to enter the collection"
        )
    database.require_open()
    return database
