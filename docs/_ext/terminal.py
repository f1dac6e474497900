"""The directive ``terminal``: commands, performed when the page is read, with what they print.

So a page can't show what the commands don't do. The commands of one page share an empty folder,
into which the files named by ``:files:`` are copied first. A command that ends with another status
than ``:status:`` (0 by default) is a warning, which fails the build.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

WIDTH = "96"
PATIENCE = 300  # seconds


class Terminal(SphinxDirective):
    """Commands, one a line, and their output.

    files   paths that are copied into the folder of the page, relative to the page
    status  the exit status of the last command
    hidden  perform the commands without showing them
    cut     show only the first lines of what each prints, so many
    keep    a folder that they write, and the path in the site under which it is kept
    """

    has_content = True
    option_spec: ClassVar = {
        "files": directives.unchanged,
        "status": directives.nonnegative_int,
        "hidden": directives.flag,
        "cut": directives.positive_int,
        "keep": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """A block with the commands and what they print."""
        folder = self._folder()
        shown, status = [], 0
        for command in self.content:
            done = performed(command, folder)
            status = done.returncode
            lines = done.stdout.rstrip().splitlines()
            most = self.options.get("cut", len(lines))
            shown += [f"$ {command}", *lines[:most], *(["..."] if most < len(lines) else []), ""]
        if status != self.options.get("status", 0):
            text = "%r ended with status %s:\n%s"
            logger.warning(
                text, self.content[-1], status, "\n".join(shown), location=self.get_location()
            )
        if "keep" in self.options:
            written, kept = self.options["keep"].split()
            path = Path(self.env.app.outdir, kept)
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(folder / written, path)
        if "hidden" in self.options:
            return []
        block = nodes.literal_block("", "\n".join(shown).rstrip(), language="text")
        return [nodes.container("", block, classes=["terminal"])]

    def _folder(self) -> Path:
        """The folder of the page, with the files in it; empty when the page begins."""
        folder = Path(self.env.doctreedir, "terminal", self.env.docname)
        if "terminal" not in self.env.temp_data:
            self.env.temp_data["terminal"] = folder
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        for name in self.options.get("files", "").split():
            relative, path = self.env.relfn2path(name)
            self.env.note_dependency(relative)
            shutil.copy(path, folder)
        return folder


def performed(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Perform a command in a folder; the tools of this Python come first."""
    here = str(Path(sys.executable).parent)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "GITHUB_ACTIONS", "FORCE_COLOR", "TOX_ENV_DIR")
    }
    environment |= {"PATH": f"{here}{os.pathsep}{environment['PATH']}", "COLUMNS": WIDTH}
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    done.stdout = re.sub(r"[ \t]+\n", "\n", done.stdout).replace(str(folder), ".")
    return done


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive with Sphinx."""
    app.add_directive("terminal", Terminal)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
