"""Arguments that several subcommands share, and what they come to."""

from __future__ import annotations

import argparse
import ast
import importlib.machinery
import importlib.util
import random
import re
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from zodb_spec.clause import Clause

from zodb_conformance.errors import TargetUnusable, UsageError
from zodb_conformance.plan import Plan
from zodb_conformance.suite import Suite
from zodb_conformance.targets.base import DOUBLE, SHORT
from zodb_conformance.targets.resolving import close, refused

COMPUTES_NAMES = (
    "__getattr__",
    "globals",
    "vars()",
    "locals",
    "setattr",
    "exec",
    "import *",
    "sys.modules",
)
"""What a module has where not all of its names stand in its text."""

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add the ways to name a target."""
    what = parser.add_argument_group("what is checked")
    target = what.add_mutually_exclusive_group()
    target.add_argument(
        "target",
        nargs="?",
        default="",
        metavar="TARGET",
        help="a registered name (see `list targets`), or package.module:name of a function that "
        "opens a storage in a given folder; by default the reference",
    )
    target.add_argument(
        "--zconfig",
        default="",
        metavar="FILE",
        help="a ZConfig file with a storage section; {directory} in it is replaced by a folder",
    )
    target.add_argument(
        "--uri",
        default="",
        metavar="URI",
        help="a zodburi address; {directory} in it is replaced by a folder",
    )
    target.add_argument(
        "--database",
        default="",
        metavar="MODULE:NAME",
        help="a function open_database(directory, *, databases=None, database_name='unnamed', "
        "**options), for an implementation of DB and Connection; where it names an option edition, "
        "too, it is opened for the one of --edition",
    )
    what.add_argument(
        "--with-second-target",
        default="",
        metavar="NAME",
        help="open every database after the first one of a script on another target, named as "
        "TARGET is (beside --database, package.module:name stands for such a function)",
    )


def add_level(parser: argparse.ArgumentParser) -> None:
    """Add the choice whose faults count."""
    parser.add_argument(
        "--level",
        choices=("storage", "connection", "all"),
        default="",
        help="whose faults count: those of the storage (what the connections over it break "
        "whatever the storage is excused), those against clauses that bind connections, or all; "
        "by default storage where a storage is named, and all where a whole database is",
    )


def check_level(options: argparse.Namespace) -> None:
    """Raise UsageError where the level makes no sense for the target."""
    if options.database and options.level == "storage":
        raise UsageError(
            "--level storage excuses what known connections do, and --database names others: "
            "leave out --level, or name the storage."
        )


def check_target(options: argparse.Namespace, suite: Suite) -> None:
    """Raise UsageError where the target can not be what the person meant."""
    if options.zconfig and not Path(options.zconfig).is_file():
        raise UsageError(f"There is no ZConfig file {options.zconfig}.")
    if options.database and ":" not in options.database:
        raise UsageError(f"--database {options.database}: write it as package.module:name.")
    if options.database:
        _check_importable(options.database)
    check_name(options.target, suite)
    check_second(options.with_second_target, suite)
    check_place(Plan(zconfig=options.zconfig, uri=options.uri))


def check_second(name: str, suite: Suite) -> None:
    """Raise UsageError where there is no such second target."""
    try:
        check_name(name, suite)
    except UsageError as error:
        raise UsageError(f"--with-second-target: {error}") from error


def check_place(plan: Plan) -> None:
    """Raise UsageError where an address or a configuration names a place of its own, in which
    somebody's data could lie.
    """
    try:
        reason = refused(plan)
    except TargetUnusable as error:
        raise UsageError(f"{error}.") from error
    if reason:
        raise UsageError(reason)


def check_name(target: str, suite: Suite) -> None:
    """Raise UsageError where there is no target of that name."""
    if target.startswith(DOUBLE):
        doubles = [DOUBLE + entry.name for entry in suite.doubles()]
        if target not in doubles:
            raise UsageError(
                f"There is no double {target!r}{close(target, doubles)}; `zodb-conformance list "
                "doubles` names them."
            )
    elif ":" in target:
        _check_importable(target)
    elif target and target not in (*suite.targets(), *SHORT):
        module, dot, name = target.rpartition(".")
        near = dot and _path_of(module) is not None
        hint = f" (did you mean {module}:{name}?)" if near else close(target, suite.targets())
        raise UsageError(
            f"There is no target {target!r}{hint}; `zodb-conformance list targets` names "
            "them, and a storage of your own is written as package.module:name."
        )


def _check_importable(name: str) -> None:
    module, _, function = name.partition(":")
    if not module or not function:
        raise UsageError(f"{name!r} is not of the form package.module:name.")
    if module.endswith(".py") or "/" in module:
        meant = module.removesuffix(".py").strip("./").replace("/", ".")
        raise UsageError(
            f"{name!r} names a file; a module is named as it is imported: {meant}:{function}."
        )
    top = module.partition(".")[0]
    if top in sys.builtin_module_names:
        return
    if _spec_of(top) is None:
        raise UsageError(
            f"There is no module {top!r}: install it in this environment, or start the suite in "
            "the folder where it lies."
        )
    path = _path_of(module)
    defined = None if path is None else _names_in(path)
    if defined is not None and function.partition(".")[0] not in defined:
        hint = close(function, defined)
        raise UsageError(f"{module} defines no {function!r}{hint}; look into {path}.")


def _spec_of(module: str) -> importlib.machinery.ModuleSpec | None:
    """Where a module is found by a child, which also looks into this folder; nothing is imported.

    None where it is not found.
    """
    places: Iterable[str] = [str(Path.cwd()), *sys.path]
    spec = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}".removeprefix(".")
        spec = importlib.machinery.PathFinder.find_spec(name, list(places))
        if spec is None:
            return None
        places = spec.submodule_search_locations or ()
    return spec


def _path_of(module: str) -> Path | None:
    """The file with the Python of a module, None where there is none."""
    try:
        spec = _spec_of(module)
    except ValueError:  # what a path before it made of its name
        return None
    file = spec and spec.origin
    return Path(file) if file and file.endswith(".py") else None


def _names_in(path: Path) -> set[str] | None:
    """The names that the Python in a file may define for others; None where only running it would
    tell.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return None
    if any(word in text for word in COMPUTES_NAMES):
        return None
    names: set[str] = set()
    if path.name == "__init__.py":
        names.update(entry.stem for entry in path.parent.iterdir())
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.alias():
                names.add(node.asname or node.name.partition(".")[0])
    return names


def find_clause(id: str, clauses: Mapping[str, Clause]) -> Clause:
    """The clause with that id.

    Raises UsageError where there is none.
    """
    if id not in clauses:
        hint = close(id, clauses)
        raise UsageError(
            f"There is no clause {id!r}{hint}; `zodb-conformance list clauses` names them."
        )
    return clauses[id]


def matching(pattern: str, clauses: Mapping[str, Clause]) -> list[Clause]:
    """The clauses whose ids match a glob.

    Raises UsageError where none does.
    """
    found = [clause for id, clause in clauses.items() if fnmatchcase(id, pattern)]
    if not found:
        hint = close(pattern, [*clauses, *{id.partition(".")[0] + ".*" for id in clauses}])
        raise UsageError(
            f"No clause matches {pattern!r}{hint}; `zodb-conformance list clauses` names them."
        )
    return found


def seconds(text: str) -> float:
    """A duration as a person writes it: 60, 60s, 2m, 1.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip())
    if not found or found[2] not in UNITS or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 60s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]


def seed(text: str) -> int:
    """A seed: a number, or `random` for one that nobody used before."""
    if text == "random":
        return random.SystemRandom().randrange(10**6)
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no seed; write a number, or random")
    return int(text)


def kills(text: str) -> int:
    """How many processes are to be killed: a number."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of kills; write one, such as 300")
    return int(text)
