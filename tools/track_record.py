"""Bring the track record up to date: what the suite finds in the released ZODB.

Every target is run against the specification, and every script of `docs/track-record` by itself,
with the versions that are installed. What differs from the committed data is printed and written to
`docs/track-record/data.json`, from which the page is made. The exit status is 1 where something
differs, or where a deviation and its script don't go together: a clause that is broken and has no
script, a script that shows nothing, or one whose clause no target breaks. A script is named after
its clause; where there is another way to break it, that one's script is `CLAUSE.WAY.py`.

What a search has found once is kept in `docs/track-record/witnesses` and tried first, on every
target, so that the record does not depend on how far the searches come.

Run as `python tools/track_record.py --profile ci`; `--help` tells of the options. There are those
of `zodb-conformance run` that say how far to search, and none by which it would find less of what
there is to be found.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zodb_conformance.checks import GENERATED
from zodb_conformance.commands.options import seconds, seed
from zodb_conformance.plan import PROFILES
from zodb_conformance.showing import without_addresses

FOLDER = Path(__file__).parents[1] / "docs" / "track-record"
DATA = FOLDER / "data.json"
WITNESSES = FOLDER / "witnesses"
TARGETS = ("zodb-mapping", "zodb-file", "zodb-demo")
USABLE = (0, 1)
"""The exit statuses of a run that came to a verdict."""


def main(arguments: list[str]) -> int:
    """Run everything, and bring the data up to date; gives the exit status.

    Raises SystemExit for arguments that are wrong, and where a run came to no verdict.
    """
    options = options_of(arguments)
    before = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    after = {
        "targets": {target: run(target, options) for target in TARGETS},
        "scripts": {path.stem: shown_by(path) for path in sorted(FOLDER.glob("*.py"))},
    }
    DATA.write_text(json.dumps(after, indent=2) + "\n", encoding="utf-8")
    notes = [*differences(before, after), *gaps(after)]
    for note in notes:
        print(note)
    return int(bool(notes))


def options_of(arguments: list[str]) -> list[str]:
    """The options of every run, from the arguments of the command.

    Raises SystemExit where there is no such option, or no such value of one.
    """
    summary, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog="\n\n".join(rest[:2]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile", choices=list(PROFILES), help="how much work each run is; by default quick"
    )
    parser.add_argument(
        "--budget",
        type=seconds,
        metavar="TIME",
        help="how long each run searches, such as 60s or 10m; by default as the profile says",
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="fixes the scripts; by default as that of a run"
    )
    given = vars(parser.parse_args(arguments))
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name}", str(value))
    ]


def run(target: str, options: list[str]) -> dict[str, Any]:
    """What a run on a target finds: the versions, and the clauses that are broken.

    Raises SystemExit where it came to no verdict.
    """
    print(f"running {target} ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        remember(target, Path(folder, "witnesses"))
        command = ["zodb-conformance", "run", target, *options, "--report", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in USABLE:
            said = done.stdout + done.stderr
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
        keep(Path(folder, "witnesses"))
    return {
        "packages": report["target"]["packages"],
        "broken": {
            id: clause["level"]
            for id, clause in sorted(report["clauses"].items())
            if clause["verdict"] == "deviates"
        },
    }


def remember(target: str, folder: Path) -> None:
    """Put the kept witnesses where a run on a target tries them first."""
    folder.mkdir()
    for path in WITNESSES.glob("*.json"):
        witness = json.loads(path.read_text(encoding="utf-8"))
        witness["plan"]["target"] = target
        Path(folder, path.name).write_text(json.dumps(witness), encoding="utf-8")


def keep(folder: Path) -> None:
    """Keep the witnesses of a run that a search has found, and that were not kept yet."""
    WITNESSES.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.json")):
        witness = json.loads(path.read_text(encoding="utf-8"))
        kept = WITNESSES / path.name
        if witness["deviation"]["check"].startswith(GENERATED) and not kept.exists():
            kept.write_text(json.dumps(witness, indent=2) + "\n", encoding="utf-8")


def shown_by(script: Path) -> str:
    """What a script says of its clause, but for what differs from run to run; "" if nothing."""
    done = subprocess.run(
        [sys.executable, script.name], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith(f"{script.stem}: ")]
    if done.returncode != 1 or not lines:
        return ""
    return without_addresses(lines[0]).removeprefix(f"{script.stem}: ")


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """What has changed in the data, in sentences."""
    for target, found in after["targets"].items():
        old = before.get("targets", {}).get(target, {"packages": {}, "broken": {}})
        for name, version in found["packages"].items():
            if old["packages"].get(name) != version:
                yield f"{target}: {name} is {version}, it was {old['packages'].get(name)}"
        for clause in sorted(found["broken"].keys() ^ old["broken"].keys()):
            verb = "breaks" if clause in found["broken"] else "does not break any more"
            yield f"{target}: {verb} {clause}"
    for name, sentence in after["scripts"].items():
        if before.get("scripts", {}).get(name) != sentence:
            yield f"{name}.py: shows {sentence or 'nothing'}"


def gaps(data: dict[str, Any]) -> Iterator[str]:
    """Where deviations and scripts don't go together, in sentences."""
    broken = {clause for found in data["targets"].values() for clause in found["broken"]}
    for clause in sorted(broken - {clause_of(name) for name in data["scripts"]}):
        yield f"{clause} is broken, and {FOLDER.name}/{clause}.py is missing"
    for name, sentence in data["scripts"].items():
        if not sentence:
            yield f"{name}.py does not show that {clause_of(name)} is broken"
        if clause_of(name) not in broken:
            yield f"{name}.py is there, and no target breaks {clause_of(name)}"


def clause_of(script: str) -> str:
    """The id of the clause that a script is about, of which the name is given."""
    return ".".join(script.split(".")[:2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
