"""The errors, under the names and with the bases that programs of the ecosystem catch."""

from typing import Any

from transaction.interfaces import TransactionError, TransientError

from zodb_reference.oids import oid_repr, tid_repr
from zodb_reference.records import class_name


class POSError(Exception):
    """Anything that goes wrong with persistent objects."""


class POSKeyError(POSError, KeyError):
    """There is no object with this oid (the first argument)."""

    def __str__(self) -> str:
        return oid_repr(self.args[0]) if self.args else ""


class ConflictError(POSError, TransientError):
    """Two transactions cannot both take effect; the one that failed may be tried again.

    `message` says what happened. The object is given as `object` or as `oid`. `serials` is the pair
    of the serial that is committed now and the serial that the transaction had read. The class name
    is taken from `object`, or from the record `data`.
    """

    default_message = "database conflict error"

    def __init__(
        self,
        message: str | None = None,
        object: Any = None,  # noqa: A002 - the ecosystem passes it by this name
        oid: bytes | None = None,
        serials: tuple[bytes, bytes] | None = None,
        data: bytes | None = None,
    ) -> None:
        super().__init__()
        self.message = self.default_message if message is None else message
        self.oid = oid
        self.class_name: str | None = None
        self.serials = serials
        if object is not None:
            self.oid = object._p_oid
            self.class_name = f"{type(object).__module__}.{type(object).__name__}"
        elif data is not None:
            self.class_name = class_name(data)

    def __str__(self) -> str:
        details = []
        if self.oid is not None:
            details.append(f"oid {oid_repr(self.oid)}")
        if self.class_name:
            details.append(f"class {self.class_name}")
        if self.serials is not None:
            committed, read = self.serials
            details.append(f"serial this txn started with {tid_repr(read)}")
            details.append(f"serial currently committed {tid_repr(committed)}")
        return f"{self.message} ({', '.join(details)})" if details else self.message

    def get_oid(self) -> bytes | None:
        """Return the oid of the object in conflict, if it is known."""
        return self.oid

    def get_class_name(self) -> str | None:
        """Return the dotted class name of the object in conflict, if it is known."""
        return self.class_name

    def get_serials(self) -> tuple[bytes, bytes] | None:
        """Return the serial committed now and the serial read, if they are known."""
        return self.serials


class ReadConflictError(ConflictError):
    """An object that had to stay as it was read has changed, or was created after the snapshot."""

    default_message = "database read conflict error"


class VersionError(POSError):
    """A version was named that can't be, or can't be used like that (edition 2006-08-16)."""


class VersionCommitError(VersionError):
    """A version can't be committed to where it was to be."""


class VersionLockError(VersionError, TransactionError):
    """The object (the first argument) is held by a version (the second), and can't be stored."""

    def __str__(self) -> str:
        if len(self.args) != 2:
            return super().__str__()
        oid, version = self.args
        return (
            f"object {oid_repr(oid)} is held by version {version!r}: commit or abort that version "
            "first, or store the object in it"
        )


class UndoError(POSError):
    """A transaction can't be undone, for a `reason`; `oid` is the object that is in the way."""

    def __init__(self, reason: object, oid: bytes | None = None) -> None:
        super().__init__(reason, oid)
        self._reason = reason
        self._oid = oid

    def __str__(self) -> str:
        return _explain_undo(self._oid, self._reason)


class MultipleUndoErrors(UndoError):
    """Objects are in the way of an undo: `errs` has a pair of oid and reason for each of them."""

    def __init__(self, errs: Any) -> None:
        oid, reason = errs[0]
        super().__init__(reason, oid)
        self.args = (errs,)
        self._errs = errs

    def __str__(self) -> str:
        return "\n".join(_explain_undo(oid, reason) for oid, reason in self._errs)


def _explain_undo(oid: object, reason: object) -> str:
    return str(reason) if oid is None else f"object {oid_repr(oid)} can't be undone: {reason}"


class StorageError(POSError):
    """A storage cannot do what it was asked for."""


class StorageTransactionError(StorageError):
    """A storage was called for a transaction, or in a phase, that it is not in."""


class ReadOnlyError(StorageError):
    """The storage takes no changes."""


class ReadOnlyHistoryError(POSError):
    """Something was to be changed as it is shown by a historical connection."""


class InvalidObjectReference(POSError):
    """A reference, or a call, names an object that belongs to another connection.

    Where a reference was to be stored the arguments are a message, the connection that was to store
    it, and the object (XREF-52).
    """

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ConnectionStateError(POSError):
    """The connection is closed, or is joined to a transaction, and must not be."""


class StateLoadError(POSError):
    """The state of an object could not be made from its record; the cause is chained."""


class ExportError(POSError):
    """A file is no export, or not one that can be imported here."""


class Unsupported(POSError):
    """The storage cannot keep what was to be stored."""


class BlobError(Exception):
    """A blob cannot be opened like this now."""


class BrokenModified(TypeError):
    """A placeholder for an object whose class is missing was to be changed."""


class _OwnErrors:
    """Within its context, errors of other implementations become those of this module."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: Any
    ) -> None:
        if error is not None:
            own = own_error(error)
            if own is not error:
                raise own from error


#: The context in which a storage is called.
own_errors = _OwnErrors()


def own_error(error: BaseException) -> BaseException:
    """Return `error` as the error of this module with the same name, or `error` itself.

    A storage that was written for another implementation raises that one's errors; a program of
    this one catches those of this module.
    """
    for klass in type(error).__mro__:
        own = globals().get(klass.__name__)
        if own is klass:
            break
        if isinstance(own, type) and issubclass(own, POSError):
            translated = own.__new__(own, *error.args)
            translated.__dict__.update(error.__dict__)
            return translated
    return error
