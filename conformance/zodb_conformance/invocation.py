"""How this command and its Python are called from the shell of the person who started it.

What is printed to be copied has to run there.  Where the shell finds what runs here by its name,
the name is enough; otherwise the path is told.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "zodb-conformance"


def command(*words: str) -> str:
    """A command line of ``zodb-conformance`` with these words after it."""
    script = Path(sys.executable).with_name(NAME)
    called = [_called(script)] if script.exists() else [_python(), "-m", __package__]
    return shlex.join([*called, *words])


def script(path: Path) -> str:
    """A command line that runs a Python script with the Python that runs here."""
    return shlex.join([_python(), str(path)])


def _python() -> str:
    here = Path(sys.executable)
    plain = here.with_name("python")
    return _called(plain if plain.exists() else here)


def _called(program: Path) -> str:
    """The name of a program where the shell finds it by that, and its path where not."""
    found = shutil.which(program.name, path=_path_of_the_shell())
    if found and Path(found).parent.resolve() == program.parent.resolve():
        return program.name
    # The path of a program in a virtual environment tells which one it is: a link stays a link.
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


def _path_of_the_shell() -> str:
    """The PATH without what tox puts before it, which is gone when tox has ended."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    made = os.environ.get("TOX_ENV_DIR")
    return os.pathsep.join(
        entry for entry in entries if not made or not Path(entry).is_relative_to(made)
    )
