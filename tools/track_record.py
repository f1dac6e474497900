"""Bring the track record up to date: what the suite finds in released databases and storages.

Every target is run against the specification, and every script of `docs/track-record/scripts` by
itself, with the versions that are installed. What differs from the committed data is printed and
written to `docs/track-record/data`, from which the pages are made. The exit status is 1 where
something differs, where a script shows nothing, or where one is about a clause that no target
breaks. A script is named after its clause; where there is another way to break it, that one's
script is `CLAUSE.WAY.py`.

What a search has found once is kept in `docs/track-record/witnesses` and tried first, on every
target, so that the record does not depend on how far the searches come.

Run as `python tools/track_record.py --profile ci`, for all targets, or with the names of some.
What needs a package or a server that is not here is said, and its data stays as it is; `tox -e
track-record` installs everything. There are those options of `zodb-conformance run` that say how
far to search, and none by which it would find less of what there is to be found.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from zodb_conformance.checks import GENERATED
from zodb_conformance.commands.options import seconds, seed
from zodb_conformance.plan import PROFILES
from zodb_conformance.showing import without_addresses

FOLDER = Path(__file__).parents[1] / "docs" / "track-record"
TARGETS = (
    "zodb-mapping",
    "zodb-mvcc-mapping",
    "zodb-demo",
    "zodb-demo-file",
    "zodb-demo-changes",
    "zodb-file",
    "zodb-file-blobs",
    "zodb-hex",
    "zlib-file",
    "tempstorage",
    "zeo",
    "zeo-shared-blobs",
    "relstorage-sqlite",
    "relstorage-sqlite-hf",
    "relstorage-postgresql",
    "relstorage-postgresql-hf",
)
KILLS = 100
"""How many processes each run kills: what is lost at one moment in a hundred is told as well."""

USABLE, UNUSABLE = (0, 1), 3
"""The exit statuses of a run that came to a verdict, and of one that could not begin."""

Data = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Run what is asked for, and bring the data up to date; gives the exit status.

    Raises SystemExit for arguments that are wrong, and where a run came to no verdict.
    """
    targets, options = asked_for(arguments)
    folder = FOLDER / "data"
    folder.mkdir(exist_ok=True)
    notes: list[str] = []
    for target in targets or TARGETS:
        found = run(target, options, needed=bool(targets))
        if found is not None:
            notes += differences(target, read(folder / f"{target}.json"), found)
            write(folder / f"{target}.json", found)
    shown, before = folder / "scripts.json", read(folder / "scripts.json")
    scripts = dict(spoken(before))
    notes += (
        f"{name}.py: shows {sentence or 'nothing'}"
        for name, sentence in scripts.items()
        if before.get(name) != sentence
    )
    write(shown, scripts)
    notes += gaps(scripts)
    for note in notes:
        print(note)
    return int(bool(notes))


def read(path: Path) -> Data:
    """The data of a file, or none where there is no such file."""
    found: Data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write(path: Path, found: Data) -> None:
    """Write data, so that a change of it can be read line by line."""
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def asked_for(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The targets that are named, and the options of every run.

    Raises SystemExit where there is no such target or option, or no such value of one.
    """
    summary, *rest = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(
        description=summary,
        epilog="\n\n".join(rest[:3]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help=f"what to run: {', '.join(TARGETS)}; by default all that can be run here",
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
    targets = given.pop("targets")
    for target in targets:
        if target not in TARGETS:
            parser.error(f"{target!r} has no record; there are {', '.join(TARGETS)}")
    return targets, [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name}", str(value))
    ]


def run(target: str, options: list[str], *, needed: bool) -> Data | None:
    """What a run on a target finds: the versions, how many clauses were held against it, and those
    that are broken; None where it can't be run here, and `needed` is not said.

    Raises SystemExit where it came to no verdict.
    """
    print(f"running {target} ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        remember(target, Path(folder, "witnesses"))
        kills = "--kills", str(KILLS)
        command = ["zodb-conformance", "run", target, *kills, *options, "--report", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == UNUSABLE and not needed:
            print(f"{target} stays as it is:\n{done.stderr.strip()}")
            return None
        if done.returncode not in USABLE:
            said = done.stdout + done.stderr
            raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        report = json.loads(Path(folder, "report.json").read_text(encoding="utf-8"))
        broken = {
            id: clause["level"]
            for id, clause in sorted(report["clauses"].items())
            if clause["verdict"] == "deviates"
        }
        keep(target, Path(folder, "witnesses"), broken)
    verdicts = [clause["verdict"] for clause in report["clauses"].values()]
    return {
        "packages": report["target"]["packages"],
        "checked": verdicts.count("holds") + verdicts.count("deviates"),
        "broken": broken,
    }


def remember(target: str, folder: Path) -> None:
    """Put the kept witnesses where a run on a target tries them first."""
    folder.mkdir()
    for path in (FOLDER / "witnesses").glob("*.json"):
        if path.stem not in (clause := clause_of(path.stem), f"{clause}.{target}"):
            continue
        witness = read(path)
        witness["plan"]["target"] = target
        write(folder / path.name, witness)


def keep(target: str, folder: Path, broken: Container[str]) -> None:
    """Keep the witnesses of a run that a search has found, and that were not kept yet: as
    `CLAUSE.json`, or as `CLAUSE.TARGET.json` where that one shows nothing on the target.

    broken: the clauses that count as broken; what was seen once, and not again, is not kept
    """
    witnesses = FOLDER / "witnesses"
    witnesses.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.json")):
        witness = read(path)
        if path.stem not in broken or not witness["deviation"]["check"].startswith(GENERATED):
            continue
        common, own = witnesses / path.name, witnesses / f"{path.stem}.{target}.json"
        if not common.exists():
            write(common, witness)
        elif not own.exists() and not shows(common, target):
            write(own, witness)


def shows(witness: Path, target: str) -> bool:
    """Whether a kept witness shows what it is kept for on a target as well."""
    command = ["zodb-conformance", "replay", str(witness), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode == 1


def spoken(before: Data) -> Iterator[tuple[str, str]]:
    """What each script says, by its name; one that needs a package which is not here is taken to
    say what it said before.
    """
    for path in sorted((FOLDER / "scripts").glob("*.py")):
        done = subprocess.run(
            [sys.executable, path.name],
            cwd=path.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        missing = re.search(r"^ModuleNotFoundError: (.*)", done.stderr, re.MULTILINE)
        if missing:
            print(f"{path.name} was not run: {missing[1]}")
        yield path.stem, before.get(path.stem, "") if missing else sentence(path.stem, done)


def sentence(name: str, done: subprocess.CompletedProcess[str]) -> str:
    """What a script said of its clause, but for what differs from run to run; "" if nothing."""
    lines = [line for line in done.stderr.splitlines() if line.startswith(f"{name}: ")]
    if done.returncode != 1 or not lines:
        return ""
    return without_addresses(lines[0]).removeprefix(f"{name}: ")


def differences(target: str, before: Data, after: Data) -> Iterator[str]:
    """What has changed in the data of a target, in sentences."""
    packages, broken = before.get("packages", {}), before.get("broken", {})
    for name, version in after["packages"].items():
        if packages.get(name) != version:
            yield f"{target}: {name} is {version}, it was {packages.get(name)}"
    for clause in sorted(after["broken"].keys() ^ broken.keys()):
        verb = "breaks" if clause in after["broken"] else "does not break any more"
        yield f"{target}: {verb} {clause}"


def gaps(scripts: dict[str, str]) -> Iterator[str]:
    """Where scripts and deviations don't go together, in sentences.

    That every deviation is told of, with a script, is for the pages to say: they fail to build.
    """
    broken = {
        id for target in TARGETS for id in read(FOLDER / f"data/{target}.json").get("broken", ())
    }
    for name, said in scripts.items():
        if not said:
            yield f"{name}.py does not show that {clause_of(name)} is broken"
        if clause_of(name) not in broken:
            yield f"{name}.py is there, and no target breaks {clause_of(name)}"


def clause_of(name: str) -> str:
    """The id of the clause that a script or a witness is about, of which the name is given."""
    return ".".join(name.split(".")[:2])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
