"""A crash told as a plain script: it writes the files that were left, opens the storage on them,
and looks for what the storage had told before.

So it shows the deviation wherever it is run, without a kill and without a power failure; how the
files came to be as they are is said in comments.
"""

from __future__ import annotations

import ast
import base64
import inspect
import zlib
from collections.abc import Sequence
from pprint import pformat
from textwrap import indent, wrap

from zodb_spec.clause import clauses
from zodb_spec.crash import Found, Told, current, last_of, outcomes, stored_in

from zodb_conformance.quoting import bindings, names_used, quotations
from zodb_conformance.targets.base import Target

Image = dict[str, bytes | None]

IMPORTS = ("import base64", "import logging", "import pathlib", "import sys", "import zlib")
"""What every script imports."""

MOST_BYTES = 300_000
"""How many bytes of compressed files a script may carry."""

PROGRAM = '''\
{heading}

from __future__ import annotations

{imports}

CLAUSE = {clause!r}

# What was left of each file, compressed; None stands for a folder.
LEFT = {left}

# What the storage may show: the tid of the last transaction, and by oid the current value with its
# tid, None where there is no object. A value is told by its beginning, its length and its checksum.
ALLOWED = {allowed}

# These objects may be gone: the root did not lead to them when a pack began.
GARBAGE = {garbage}

# What blobs hold, told likewise: by oid, with the tid of the revision.
BLOBS = {blobs}


{quoted}


{brief}


def state_of(storage, oid):
    """What the storage shows of an object."""
    try:
        data, tid = newest(storage).load(bytes.fromhex(oid), "")[:2]
    except KeyError:
        return None
    return brief("a blob" if data == blob_record() else value_in(data)), tid.hex()


def difference(storage, last, state):
    """How the storage differs from what it may show; "" where it does not."""
    for oid, wanted in state.items():
        seen = state_of(storage, oid)
        if seen != wanted and not (seen is None and oid in GARBAGE):
            return f"object {{oid}} is to be {{wanted}}, and it is {{seen}}"
    seen = newest(storage).lastTransaction().hex()
    return "" if seen == last else f"the last transaction is to be {{last}}, and it is {{seen}}"


def lost_blob(storage):
    """What of a blob is not there; "" for nothing."""
    for oid, (tid, wanted) in BLOBS.items():
        try:
            path = storage.loadBlob(bytes.fromhex(oid), bytes.fromhex(tid))
            seen = brief(pathlib.Path(path).read_text(errors="replace"))
        except KeyError:
            seen = "without its file"
        if seen != wanted:
            return f"the blob {{oid}} is to hold {{wanted}}, and it is {{seen}}"
    return ""


def look():
    """Open the storage on what was left, and say what is wrong; "" for nothing."""
    for name in sorted(LEFT):
        path = pathlib.Path(directory.name, name)
        if LEFT[name] is None:
            path.mkdir()
        else:
            path.write_bytes(zlib.decompress(base64.b85decode(LEFT[name])))
    storage = open_storage()
    differences = [difference(storage, *allowed) for allowed in ALLOWED]
    if all(differences):
        return differences[0]
    if lost_blob(storage):
        return lost_blob(storage)
{listing}    before = newest(storage).lastTransaction()
    storage.registerDB(Layer())
    oid = storage.new_oid()
    if state_of(storage, oid.hex()) is not None:
        return f"a new object gets the oid {{oid.hex()}}, which another one has"
    tid = commit(storage, (oid, bytes(8), content("after the crash")))
    storage.close()
    storage = open_storage()
    if tid <= before or state_of(storage, oid.hex()) != (brief("after the crash"), tid.hex()):
        return "what is committed now is not there when it is opened the next time"
    storage.close()
    return ""


{opening}


logging.disable()
{directory}
try:
    message = look()
except Exception as error:
    message = f"{{type(error).__name__}}: {{error}}"
if message:
    sys.exit(f"{{CLAUSE}}: {{message}}")
'''


def brief(value: str) -> str:
    """A value, told by its beginning, its length and its checksum."""
    return f"{value[:12]}... {len(value)} {zlib.crc32(value.encode()):08x}"


def program(
    clause: str,
    target: Target,
    image: Image,
    told: Told,
    found: Found | None,
    comments: Sequence[str],
) -> str:
    """A script that shows that a storage does not find what it should in the files that were left;
    "" where they are too large for a script, or the data are elsewhere.

    clause    the id of the clause that is broken
    image     the files
    told      what the storage had told before the crash
    found     what it showed afterwards, None where it could not be opened
    comments  how the files came to be so
    """
    storage = target.storage
    if storage is None or storage.crash is not None:
        return ""
    left = {
        name: None if content is None else base64.b85encode(zlib.compress(content, 9)).decode()
        for name, content in image.items()
    }
    if sum(len(text or "") for text in left.values()) > MOST_BYTES:
        return ""
    folder, others = _folder_and_others(storage.lines)
    if not folder:
        return ""
    body = "\n".join([*others, "return storage"])
    quoted = quotations(["newest, value_in, blob_record, content, commit, Layer"])
    used = names_used("\n".join(quoted))
    needed = {line for name, line in bindings({}).items() if name in used}
    imports = sorted({*IMPORTS, *needed}, key=lambda line: (not line.startswith("import"), line))
    heading = [f"{clause}: {clauses()[clause].summary}", "", *comments]
    return PROGRAM.format(
        heading="\n".join(
            f"# {line}".rstrip() for text in heading for line in wrap(text, 97) or [""]
        ),
        clause=clause,
        imports="\n".join(imports),
        left=_literal(left),
        allowed=_literal(_allowed(told, found)),
        blobs=_literal(_blobs(told, found)),
        garbage=_literal(sorted(oid.hex() for oid in told.garbage)),
        quoted="\n\n\n".join(quoted),
        listing="    list(storage.iterator())\n" if found and found.unlisted else "",
        brief=inspect.getsource(brief).strip(),
        opening=f"def open_storage():\n{indent(body, '    ')}",
        directory=folder,
    )


def _allowed(
    told: Told, found: Found | None
) -> list[tuple[str, dict[str, tuple[str, str] | None]]]:
    histories = outcomes(told, found or Found(b"", {}))
    return [
        (
            last_of(history).hex(),
            {
                oid.hex(): None if known is None else (brief(known[0]), known[1].hex())
                for oid, known in sorted(current(history).items())
            },
        )
        for history in histories
        if last_of(history)
    ]


def _blobs(told: Told, found: Found | None) -> dict[str, tuple[str, str]]:
    """What those hold that are blobs now, with the tids of their revisions."""
    if found is None:
        return {}
    return {
        oid.hex(): (known[1].hex(), brief(stored_in(oid, told, found)))
        for oid in found.blobs
        if (known := found.current[oid]) is not None
    }


def _literal(value: object) -> str:
    return pformat(value, width=100, sort_dicts=True)


def _folder_and_others(lines: Sequence[str]) -> tuple[str, list[str]]:
    """The line that makes the folder, with the imports before it, and the other lines."""
    statements = [ast.unparse(node) for node in ast.parse("\n".join(lines)).body]
    imports = [each for each in statements if each.startswith(("import ", "from "))]
    making = [each for each in statements if each.startswith("directory = ")]
    others = [each for each in statements if each not in imports and each not in making]
    return "\n".join([*imports, *making]) if making else "", others
