"""A command ``initdb`` for the scripts of a run, each of which makes a cluster of its own: it gives
them a copy of one that was made before, in a tenth of the time.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from zodb_conformance.servers import lodging

CLUSTER = "cluster"
"""The folder of the cluster that is copied, beside the command."""

SCRIPT = """#!/bin/sh
# Called as scripts do, with -D FOLDER first.
cp -R {cluster}/. "$2" && chmod 700 "$2"
"""


def make(run: Path, cluster: Path) -> None:
    """Make the command in the folder of a run, from a cluster that was made and never started,
    where there is none yet.
    """
    folder = run / lodging.COMMANDS
    if folder.exists():
        return
    folder.mkdir()
    copied = folder / CLUSTER
    shutil.copytree(cluster, copied)
    # Whoever runs a script may have it run as somebody without rights.
    for each in (folder, copied, *copied.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    command = folder / "initdb"
    command.write_text(SCRIPT.format(cluster=shlex.quote(str(copied))), encoding="utf-8")
    command.chmod(0o755)
