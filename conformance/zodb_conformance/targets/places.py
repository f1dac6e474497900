"""Where an address or a configuration keeps its data: only in the folder that the suite gives it.

The suite fills one database after another.  What names a place of its own could name one in which
somebody's data lie, so it is refused before anything is opened.  A server has no folder; what it
serves is looked at when it is opened (see `zodb_conformance.targets.emptiness`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

DIRECTORY = "{directory}"
"""What stands for the folder in addresses and configurations."""

PLACE = re.compile(r"(path|dir|directory|folder|file|filename)$", re.IGNORECASE)
"""How the names of options end whose values are places in the file system."""

PATH = re.compile(r"~|\.{0,2}[/\\]|[a-z]:[/\\]", re.IGNORECASE)
"""How values begin that are places in the file system, whatever their option is called."""

REACHED = frozenset({"server", "socket", "unix-socket", "unix_socket", "dsn", "host", "address"})
"""Options that say where a server is reached, also if that is a socket in the file system."""

SERVERS = frozenset({"zeoclient", "clientstorage", "relstorage"})
"""The sections of ZConfig that speak to a server."""

SECTION = re.compile(r"^\s*<([\w-]+)", re.MULTILINE)
"""Where a section of ZConfig begins, with its kind."""

DEMO = re.compile(r"demo:\((?P<base>.*)\)/\((?P<changes>.*)\)(?P<rest>#.*)?$", re.IGNORECASE)
"""An address of zodburi that lays one storage over another."""

REFUSED = "names a fixed place, and the suite would write there. Nothing was opened; write instead:"


def within(value: str) -> bool:
    """Whether a place lies in the folder that the suite gives."""
    head, *more = value.lstrip("/").split("/")
    return head == DIRECTORY and ".." not in more


def moved(value: str) -> str:
    """A place in the folder that is called as the given one."""
    name = PurePosixPath(value.replace("\\", "/")).name.replace(DIRECTORY, "")
    return f"{DIRECTORY}/{name if name.strip('.~') else 'data'}"


def is_fixed(option: str, value: str, *, server: bool = False) -> bool:
    """Whether an option names a place that is not in the folder."""
    if not value or option in REACHED:
        return False
    placed = bool(PLACE.search(option)) or (not server and bool(PATH.match(value)))
    return placed and not within(value)


# Addresses.


def refusal_of_address(uri: str) -> str:
    """Why an address of zodburi is not opened, with the mended one; "" where nothing speaks
    against it.
    """
    if "zconfig:" in uri.lower():
        return (
            f"--uri {uri}: {DIRECTORY} is not filled in in the file that such an address names. "
            "Nothing was opened; use --zconfig with a file that holds the storage section"
        )
    mended = _mended(uri)
    if mended == uri:
        return ""
    return f"--uri {uri} {REFUSED} --uri '{mended}'"


def _mended(uri: str) -> str:
    scheme, colon, rest = uri.partition(":")
    if scheme.lower() == "memory" or not colon:
        return uri
    found = DEMO.match(uri)
    if found:
        base, changes = _mended(found["base"]), _mended(found["changes"])
        return f"demo:({base})/({changes}){found['rest'] or ''}"
    slashes = "//" if rest.startswith("//") else ""
    place, mark, options = rest.removeprefix("//").partition("?")
    server = _is_server(scheme, rest)
    if not server and not within(place):
        place = moved(place)
    query = "&".join(_mended_option(option, server) for option in options.split("&"))
    return f"{scheme}:{slashes}{place}{mark}{query}"


def _is_server(scheme: str, rest: str) -> bool:
    if scheme.lower() in ("memory", "file", "sqlite", "sqlite3"):
        return False
    host = rest.removeprefix("//").partition("?")[0].partition("/")[0]
    return scheme.lower() == "zeo" or (host not in ("", DIRECTORY))


def is_served(uri: str) -> bool:
    """Whether an address, or what is under one of `demo`, leads to a server."""
    found = DEMO.match(uri)
    if found:
        return is_served(found["base"]) or is_served(found["changes"])
    scheme, colon, rest = uri.partition(":")
    return bool(colon) and _is_server(scheme, rest)


def _mended_option(option: str, server: bool) -> str:
    name, equals, value = option.partition("=")
    return (
        f"{name}={moved(value)}" if is_fixed(name, value, server=server) else name + equals + value
    )


# Configurations.


def names_server(text: str) -> bool:
    """Whether a ZConfig file has a section that speaks to a server."""
    return any(found[1].lower() in SERVERS for found in SECTION.finditer(text))


def refusal_of_configuration(path: str, text: str) -> str:
    """Why a ZConfig file is not opened, with the mended line; "" where nothing speaks against it.

    What can't be read as ZConfig is not judged here: it can't be opened either.
    """
    try:
        from ZConfig import ConfigurationError
    except ImportError:
        return ""
    try:
        fixed = next(_fixed_lines(text), None)
    except ConfigurationError:
        return ""
    if fixed is None:
        return ""
    number, option, value = fixed
    place = f"{path}, line {number}"
    if option == "%include":
        return (
            f"{place}: %include {value}: {DIRECTORY} is not filled in in a file that is included. "
            "Nothing was opened; write what it holds in place of this line"
        )
    return f"{place}: {option} {value} {REFUSED} {option} {moved(value)}"


def _fixed_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """The lines of a configuration that name fixed places: number, option, value."""
    from ZConfig.cfgparser import ZConfigParser

    found: list[tuple[int, str, str]] = []

    class Section:
        def __init__(self, *, server: bool) -> None:
            self.server = server

        def addValue(self, option: str, value: str, position: tuple[int, None, str]) -> None:
            if is_fixed(option, value, server=self.server):
                found.append((position[0], option, value))

    class Context:
        def startSection(self, container: Section, kind: str, name: str | None) -> Section:
            return Section(server=container.server or kind in SERVERS)

        def endSection(self, *_: object) -> None:
            pass

        def importSchemaComponent(self, package: str) -> None:
            pass

        def includeConfiguration(self, section: Section, url: str, defines: object) -> None:
            found.append((parser.lineno, "%include", url))

    class Resource:
        file = io.StringIO(text)
        url = ""

    parser = ZConfigParser(Resource(), Context())
    parser.parse(Section(server=False))
    yield from found
