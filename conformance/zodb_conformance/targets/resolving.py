"""From what the command line names to a target, with an error that says what to mend where that
fails.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import chdir, suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.plan import BACKWARDS, LATE, Plan
from zodb_conformance.showing import short
from zodb_conformance.stacks import in_library
from zodb_conformance.targets import reference, zodb
from zodb_conformance.targets.announcing import of_database, of_nobody, of_storage
from zodb_conformance.targets.base import DOUBLE, SEVERAL, SHORT, VERSIONS, Storage, Target, over
from zodb_conformance.targets.configuring import read_only, wrong
from zodb_conformance.targets.deferring import late
from zodb_conformance.targets.editions import CURRENT, in_edition
from zodb_conformance.targets.emptiness import opened, unspoilt
from zodb_conformance.targets.mixing import mixed
from zodb_conformance.targets.ordering import in_order
from zodb_conformance.targets.places import (
    SECTION,
    is_served,
    names_server,
    refusal_of_address,
    refusal_of_configuration,
)
from zodb_conformance.targets.storages import TAKEN

GROUP = "zodb_conformance.targets"
EXTRAS = ("relstorage-postgresql", "relstorage-sqlite", "tempstorage", "zeo", "zlib")
"""The extras of this distribution beside ``zodb``: the names of their targets begin with theirs."""

CONNECTION_LEVEL = frozenset({"raw-records", "historical"})
DATABASE_SECTION = re.compile(r"^\s*<zodb[\s>]", re.MULTILINE | re.IGNORECASE)
A_SECTION = "<filestorage> with a line `path {directory}/Data.fs`"


def registered() -> dict[str, str]:
    """The registered targets: their names, and where they are defined."""
    return {point.name: point.value for point in sorted(metadata.entry_points(group=GROUP))}


def resolve(plan: Plan) -> Target:
    """The target that a plan names, or the baseline of that target where the plan says so, in the
    edition of the plan.

    Raises TargetUnusable with a sentence that says what to mend.
    """
    reason = refused(plan)
    if reason:
        raise TargetUnusable(reason)
    target = _with(plan.found, _named(plan))
    if plan.second:
        target = mixed(target, _second(plan))
    if plan.baseline:
        target = over_baseline(target, plan.variant)
    return in_edition(target, plan.edition)


def _with(found: Collection[str], target: Target) -> Target:
    """A target that also has the capabilities that were found out by trying."""
    if not found:
        return target
    more = frozenset(found)
    return replace(target, capabilities=target.capabilities | more, unknown=target.unknown - more)


def over_baseline(target: Target, variant: str = "") -> Target:
    """The connection level of a target over the storage that stands for a right one, in one of its
    `VARIANTS`.

    It declares what the target declares, so that a script means the same on both.  Raises
    TargetUnusable where no such storage is known for the connection level.
    """
    if not target.baseline:
        raise TargetUnusable(f"{target.database or target.name} has no storage to compare with")
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if target.baseline not in points:
        raise TargetUnusable(f"{target.baseline} is not registered: install zodb-conformance")
    known = _made(target.baseline, points[target.baseline])
    if known.plain is not None and (known.resolves, target.resolves) == (True, False):
        known = known.plain
    known = in_order(known, backwards=variant == BACKWARDS)
    known = late(known) if variant == LATE else known
    known = replace(
        known, capabilities=target.capabilities, unknown=target.unknown, extras=target.extras
    )
    return in_edition(known, target.edition)


def _named(plan: Plan) -> Target:
    if plan.zconfig:
        return _from_zconfig(plan.zconfig, plan.edition)
    if plan.uri:
        return _from_uri(plan.uri, plan.edition)
    if plan.database:
        return _from_database(plan.database, plan.edition)
    name = SHORT.get(plan.target, plan.target)
    if name.startswith(DOUBLE):
        return _double(name)
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name in points:
        return _made(name, points[name])
    if ":" in name:
        return _from_factory(name, plan.edition)
    known = ", ".join(sorted(points)) or "none: is zodb-conformance installed?"
    raise TargetUnusable(
        f"there is no target {name!r}; registered are {known}; "
        "a storage factory is written as package.module:name"
    )


def _second(plan: Plan) -> Target:
    """The target of the further databases: it is named as `Plan.target` is, and where a database
    factory stands for the first, so does one for the second.
    """
    if plan.database and ":" in plan.second and not plan.second.startswith(DOUBLE):
        return _from_database(plan.second, plan.edition)
    return _named(Plan(target=plan.second, edition=plan.edition))


def _made(name: str, point: metadata.EntryPoint) -> Target:
    try:
        made = point.load()()
    except ImportError as error:
        raise TargetUnusable(
            f"target {name!r} needs {error.name or error}, which is not installed"
            f"{_with_extra(name, point)}"
        ) from error
    if not isinstance(made, Target):
        raise TargetUnusable(f"target {name!r}: its entry point gave {made!r} and not a Target")
    return made


def _with_extra(name: str, point: metadata.EntryPoint) -> str:
    """How what a target needs is installed, where it is one of this project."""
    if not point.value.startswith("zodb_conformance."):
        return ""
    extra = next((each for each in EXTRAS if name.startswith(each)), "zodb")
    return f"; install zodb-conformance[{extra}]"


def _double(name: str) -> Target:
    from zodb_conformance.doubles.target import named

    return named(name)


def imported(path: str) -> Any:
    """What ``package.module:name`` stands for.

    Raises TargetUnusable where there is no such thing.
    """
    module, _, name = path.partition(":")
    if not module or not name:
        raise TargetUnusable(f"{path!r} is not of the form package.module:name")
    try:
        found: Any = importlib.import_module(module)
    except ImportError as error:
        raise TargetUnusable(f"{path!r} could not be imported: {error}") from error
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}"
        raise TargetUnusable(f"{path!r} could not be imported: {place}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        raise TargetUnusable(f"{path!r} could not be imported: that {failed(error)}") from error
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        hint = close(name, dir(importlib.import_module(module)))
        raise TargetUnusable(f"module {module!r} has no {name!r}{hint}") from error
    return found


def close(word: str, known: Iterable[str]) -> str:
    """A hint at what the person may have meant, "" where nothing is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def refused(plan: Plan) -> str:
    """Why what a plan names is not to be opened, because it would be written into; "" where nothing
    speaks against it.
    """
    if plan.zconfig:
        return refusal_of_configuration(plan.zconfig, _text(plan.zconfig))
    return refusal_of_address(plan.uri) if plan.uri else ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetUnusable(f"the ZConfig file {path} can't be read: {error}") from error


def _from_factory(path: str, edition: str) -> Target:
    found = imported(path)
    if isinstance(found, Target):
        return found
    if isinstance(found, type) and issubclass(found, Target):
        return found()  # type: ignore[call-arg]  # a subclass gives its own defaults
    _require_callable(path, found, "open_storage(directory)")
    opening = Storage(lambda directory: found(str(directory)), _calling(path, "storage"))
    if _takes(found, "read_only"):
        opening = opening._replace(
            read_only=Storage(
                lambda directory: found(str(directory), read_only=True),
                _calling(path, "storage", ", read_only=True"),
            )
        )
    return _over_storage(path, opening, edition)


def _require_callable(path: str, found: Any, form: str) -> None:
    if not callable(found):
        raise TargetUnusable(f"{path!r} is {found!r}, which can't be called; it should be {form}")
    _takes_a_folder(path, found, form)


def _calling(path: str, variable: str, options: str = "") -> tuple[str, ...]:
    """The lines of Python that call what `path` stands for on a new folder."""
    module, _, name = path.partition(":")
    top, dot, rest = name.partition(".")
    known, renamed = ("factory", " as factory") if top in TAKEN else (top, "")
    return (
        "import tempfile",
        f"from {module} import {top}{renamed}",
        "directory = tempfile.TemporaryDirectory()",
        f"{variable} = {known}{dot}{rest}(directory.name{options})",
    )


def _takes_a_folder(path: str, factory: Callable[..., Any], form: str) -> None:
    """Raise TargetUnusable where a factory can't be called with a folder alone."""
    try:
        parameters = inspect.signature(factory)
    except (TypeError, ValueError):  # it does not tell
        return
    try:
        parameters.bind("")
    except TypeError as error:
        name = path.partition(":")[2]
        raise TargetUnusable(
            f"{path!r} is {name}{parameters}, and the suite calls it with a folder alone; "
            f"it should be {form}"
        ) from error


def _joins_collections(factory: Callable[..., Any]) -> bool:
    """Whether a database factory takes the options that put a database into a collection."""
    try:
        inspect.signature(factory).bind("", databases={}, database_name="")
    except (TypeError, ValueError):
        return False
    return True


def _takes(factory: Callable[..., Any], option: str) -> bool:
    """Whether a factory names an option."""
    try:
        return option in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return False


def failed(error: BaseException) -> str:
    """That something failed, with the place and the error in one line.

    The place is the innermost one that is not in the standard library, where there is one.
    """
    frames = traceback.extract_tb(error.__traceback__)
    called = [frame for frame in frames if frame.filename != __file__]
    own = [frame for frame in called if not in_library(frame.filename)] or called
    place = f" in {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""
    return f"failed{place}: {' '.join(''.join(traceback.format_exception_only(error)).split())}"


def _checked(
    name: str, open_storage: Callable[[Path], Any], *, one_place: bool
) -> Callable[[Path], Any]:
    """What opens storages, and raises TargetUnusable with a sentence where it opens something else,
    or one that holds data which are not those of the folder that the suite gave it.

    one_place: whether they have no data in folders
    """
    last: list[Any] = []

    def checked(directory: Path) -> Any:
        with chdir(Path.cwd()):  # a factory may leave its folder
            return opened_in(directory)

    def opened_in(directory: Path) -> Any:
        if not one_place and any(directory.iterdir()):
            return _again(open_storage, directory)
        try:
            storage = open_storage(directory)
        except TargetUnusable:
            raise
        except (Exception, SystemExit) as error:
            raise TargetUnusable(f"{name}: the storage factory {failed(error)}") from error
        reason = _why_no_storage(storage, last)
        if reason:
            raise TargetUnusable(f"{name}: the storage factory returned {reason}")
        last[:] = [storage]
        return unspoilt(storage)

    return checked


def _why_no_storage(found: Any, last: Sequence[Any]) -> str:
    """Why what a factory returned is not to be used, "" where it is; `last` is what it returned
    before.
    """
    if isinstance(found, type):
        return f"the class {found.__name__}; it should return a storage, an instance of that"
    if hasattr(found, "tpc_begin"):
        again = any(found is each for each in last)
        more = "the same storage twice; it should open another one whenever it is called"
        return more if again else ""
    if hasattr(found, "open"):
        return f"{short(found)}, which is a database: name it with --database"
    return f"{short(found)}; it should return a storage, which has a method `tpc_begin`"


def _again(open_storage: Callable[[Path], Any], directory: Path) -> Any:
    """Open a storage in its folder again: what becomes of that is for the checks."""
    try:
        return open_storage(directory)
    except TargetUnusable as error:
        raise error.__cause__ or error from None


def _over_storage(name: str, opening: Storage, edition: str, *, one_place: bool = False) -> Target:
    """A storage with a connection level over it: ZODB's, or the reference's where ZODB is not
    installed, or where an older edition is asked for, which ZODB can't be opened for.

    opening    how it is opened, also so that nothing can be changed, where that may be possible
    one_place  whether all storages that it opens are the same, as on a server
    """
    storage = opening._replace(open=_checked(name, opening.open, one_place=one_place))
    # A server may be silent for long, and in a place for all there may be somebody's data.
    announced = of_nobody() if one_place else of_storage(storage.open)
    several = frozenset() if one_place else frozenset({SEVERAL})
    capabilities = announced.capabilities | CONNECTION_LEVEL | several
    connections = None
    if edition == CURRENT:
        with suppress(ImportError):
            connections = zodb.connections()
    if connections is None:
        return over(
            name,
            reference.connections(),
            storage,
            capabilities=capabilities,
            unknown=announced.unknown,
            distributions=("zodb-conformance",),
            knows_editions=True,
        )
    beside = {"class-factory", "large-record-warning", "references"}
    return over(
        name,
        connections,
        storage,
        capabilities=(capabilities | beside) - {VERSIONS},
        unknown=announced.unknown - {VERSIONS},
        distributions=("ZODB",),
    )


def _from_database(path: str, edition: str) -> Target:
    """The target of a database factory, which is asked in an edition for what it can do."""
    found = imported(path)
    _require_callable(path, found, "open_database(directory)")

    def open_database(directory: Path, **options: Any) -> Any:
        try:
            database = found(str(directory), **options)
        except TargetUnusable:
            raise
        except (Exception, SystemExit) as error:
            if options:  # what becomes of them may be what is asked
                raise
            raise TargetUnusable(f"{path}: the database factory {failed(error)}") from error
        if hasattr(database, "tpc_begin"):
            raise TargetUnusable(
                f"{path} returned {short(database)}, which is a storage: name it without --database"
            )
        if not hasattr(database, "open"):
            raise TargetUnusable(
                f"{path}: the database factory returned {short(database)}; "
                "it should return a database"
            )
        return database

    knows_editions = _takes(found, "edition")
    asked: dict[str, Any] = {}
    if knows_editions and edition != CURRENT:
        asked["edition"] = edition
    announced = of_database(lambda directory: opened(open_database, directory, **asked))
    together = frozenset({SEVERAL}) if _joins_collections(found) else frozenset()
    return Target(
        name=path,
        open_database=open_database,
        lines=_calling(path, "db"),
        level="connection",
        database=path,
        capabilities=announced.capabilities | together,
        unknown=announced.unknown,
        knows_editions=knows_editions,
    )


def _from_zconfig(path: str, edition: str) -> Target:
    text = _text(path)
    try:
        from ZConfig import ConfigurationError
        from ZODB.config import storageFromString
    except ImportError as error:
        raise TargetUnusable("--zconfig needs ZODB; install zodb-conformance[zodb]") from error
    if SECTION.search(text) is None:
        raise TargetUnusable(
            f"{path} holds no section; it should hold that of a storage, such as {A_SECTION}"
        )
    if DATABASE_SECTION.search(text) is not None:
        raise TargetUnusable(
            f"{path} holds a section <zodb>; write only the storage section that is in it, "
            f"such as {A_SECTION}"
        )

    def configured(text: str) -> Storage:
        def open_storage(directory: Path) -> Any:
            try:
                return storageFromString(text.replace("{directory}", str(directory)))
            except ConfigurationError as error:
                raise TargetUnusable(wrong(path, text, error)) from error
            except Exception as error:
                raise TargetUnusable(f"{path}: opening it {failed(error)}") from error

        lines = (
            "import tempfile",
            "from ZODB.config import storageFromString",
            "directory = tempfile.TemporaryDirectory()",
            f"storage = storageFromString({text!r}.replace('{{directory}}', directory.name))",
        )
        return Storage(open_storage, lines)

    opening = configured(text)._replace(read_only=configured(read_only(text)))
    return _over_storage(path, opening, edition, one_place=names_server(text))


def _from_uri(uri: str, edition: str) -> Target:
    try:
        from zodburi import resolve_uri
    except ImportError as error:
        raise TargetUnusable("--uri needs zodburi; install zodb-conformance[zodb]") from error

    def addressed(uri: str) -> Storage:
        def open_storage(directory: Path) -> Any:
            try:
                factory, _ = resolve_uri(uri.replace("{directory}", str(directory)))
                return factory()
            except Exception as error:
                raise TargetUnusable(f"{uri}: opening it {failed(error)}") from error

        lines = (
            "import tempfile",
            "from zodburi import resolve_uri",
            "directory = tempfile.TemporaryDirectory()",
            f"storage = resolve_uri({uri!r}.replace('{{directory}}', directory.name))[0]()",
        )
        return Storage(open_storage, lines)

    option = f"{'&' if '?' in uri else '?'}read_only=1"
    opening = addressed(uri)._replace(read_only=addressed(uri + option))
    return _over_storage(uri, opening, edition, one_place=is_served(uri))
