"""Versions, of edition 2006-08-16: named sets of changes that only who asks for them can see.

What is stored in a version hides the trunk from who looks at that version, and holds the object:
nobody can store it elsewhere until the version is committed or aborted. That follows from the
newest record of each object alone (VER-31), so to commit and to abort is to write records.
"""

from collections.abc import Callable

from zodb_reference.storages.history import Record
from zodb_reference.storages.reading import is_name
from zodb_reference.storages.states import State, again, state_now
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage


class VersionedStorage(TwoPhaseStorage):
    """A storage that has versions if it was opened with them; otherwise it says that it has none.

    `load`, `store` and `history` take the name of a version, "" for the trunk.
    """

    def supportsVersions(self) -> bool:
        """Tell whether there can be versions."""
        return self._versions

    def modifiedInVersion(self, oid: bytes) -> str:
        """Return the version that holds the object, or "" (VER-10).

        `POSKeyError` if there is no such object.
        """
        with self._lock:
            return self._existing(oid).version

    def versionEmpty(self, version: str) -> bool:
        """Tell whether a version holds nothing (VER-12); `VersionError` for the empty name."""
        if self._versions and not is_name(version):
            raise self._errors.VersionError(
                f"only a version can be empty, and {version!r} is the name of none: pass a text "
                "that is not empty"
            )
        with self._lock:
            return version not in self._open_history().held().values()

    def versions(self, max: int | None = None) -> list[str]:  # noqa: A002 - known by this name
        """Return the names of the versions that hold objects, at most `max` of them (VER-13).

        `ValueError` for a number less than 0.
        """
        if max is not None and max < 0:
            raise ValueError(f"at most {max} versions can't be returned: give 0 or more, or None")
        with self._lock:
            return list(dict.fromkeys(self._open_history().held().values()))[:max]

    def commitVersion(self, src: str, dest: str, transaction: object) -> tuple[bytes, list[bytes]]:
        """Move what the version `src` holds to the version `dest`, or to the trunk if that is "".

        This is a call of the first phase of the two-phase commit of `transaction`. Returns the tid
        and the oids of the new records (VER-14). Raises `VersionCommitError` if `src` can't be a
        version, `dest` neither one nor the trunk, or both are the same (VER-15);
        `NotImplementedError` where there are no versions.
        """
        self._require_versions()
        if not is_name(src) or not (dest == "" or is_name(dest)):
            raise self._errors.VersionCommitError(
                f"can't commit {src!r} to {dest!r}: a version is named by a text that is not "
                "empty, and only the trunk by an empty one"
            )
        if src == dest:
            raise self._errors.VersionCommitError(
                f"can't commit version {src!r} to itself: name another one, or '' for the trunk"
            )
        with self._lock:
            commit = self._require_begun(transaction, "commitVersion")
            return self._move(commit, src, lambda state: state.newest, dest)

    def abortVersion(self, src: str, transaction: object) -> tuple[bytes, list[bytes]]:
        """Give up what the version `src` holds: the objects are those of the trunk again.

        This is a call of the first phase of the two-phase commit of `transaction`. Returns the tid
        and the oids of the new records; those of objects that were created in the version have no
        data (VER-17). Raises `VersionError` if `src` can't be a version; `NotImplementedError`
        where there are no versions.
        """
        self._require_versions()
        if not is_name(src):
            raise self._errors.VersionError(
                f"can't abort {src!r}: a version is named by a text that is not empty"
            )
        with self._lock:
            commit = self._require_begun(transaction, "abortVersion")
            return self._move(commit, src, lambda state: state.trunk, "")

    def _move(
        self, commit: Commit, src: str, choose: Callable[[State], Record | None], dest: str
    ) -> tuple[bytes, list[bytes]]:
        """Store again, in `dest`, one of the records of each object that `src` holds."""
        held = self._open_history().held()
        for oid, records in commit.records.items():
            held[oid] = records[-1].version
        oids = sorted(oid for oid, version in held.items() if version == src)
        for oid in oids:
            source = choose(state_now(self._history, oid, commit.records.get(oid, ())))
            commit.put(again(oid, commit.tid, source, dest))
        return commit.tid, oids

    def _require_versions(self) -> None:
        if not self._versions:
            raise NotImplementedError(f"{self._name} has no versions: open it with versions=True")
