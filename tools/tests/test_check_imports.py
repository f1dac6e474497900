"""Each rule of check_imports passes a sound tree and catches one planted breach."""

from itertools import pairwise
from pathlib import Path

import check_imports
import pytest

SPEC = "spec/zodb_spec/world.py"
REFERENCE = "reference/zodb_reference/database.py"
SUITE = "conformance/zodb_conformance/report.py"
TARGET = "conformance/zodb_conformance/targets/zodb.py"
DOUBLE = "conformance/zodb_conformance/doubles/lost_write.py"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the root of a small checkout that keeps every rule."""
    for part in check_imports.PARTS:
        plant(tmp_path, f"{part.folder}/{part.package}/__init__.py", "")
    return tmp_path


def plant(root: Path, path: str, source: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source, encoding="utf-8")


def messages(root: Path) -> list[str]:
    return [breach.message for breach in check_imports.check(root)]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (SPEC, "import dataclasses\nfrom collections import abc\nfrom zodb_spec import editions"),
        (SPEC, "from . import editions\nfrom .editions import CURRENT"),
        (REFERENCE, "import sqlite3\nfrom persistent import Persistent\nimport transaction"),
        (REFERENCE, "from zope.interface import implementer\nimport zope.interface"),
        (SUITE, "import pytest, hypothesis, rich, jinja2\nfrom zodb_spec.world import World"),
        (TARGET, "from zodb_reference import DB"),
        (TARGET, "def open_database():\n    from ZODB.DB import DB\n    return DB(None)"),
        (TARGET, "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import ZODB"),
        (DOUBLE, "from zodb_reference import DB"),
    ],
)
def test_an_allowed_import_passes(root: Path, path: str, source: str) -> None:
    plant(root, path, source)

    assert messages(root) == []


@pytest.mark.parametrize("module", ["zodb_reference", "zodb_conformance", "persistent", "pytest"])
@pytest.mark.parametrize("source", ["import {}.x", "from {} import x", "def f():\n    import {}"])
def test_the_spec_imports_only_the_standard_library(root: Path, module: str, source: str) -> None:
    plant(root, SPEC, source.format(module))

    assert messages(root) == [f"zodb_spec must not import {module} here"]


@pytest.mark.parametrize("module", ["zodb_spec", "zodb_conformance", "ZODB", "BTrees"])
@pytest.mark.parametrize("source", ["import {}.x", "from {} import x", "def f():\n    import {}"])
def test_the_reference_stands_alone(root: Path, module: str, source: str) -> None:
    plant(root, REFERENCE, source.format(module))

    assert messages(root) == [f"zodb_reference must not import {module} here"]


def test_an_allowed_package_allows_nothing_beside_it(root: Path) -> None:
    plant(root, REFERENCE, "import zope.component")

    assert messages(root) == ["zodb_reference must not import zope here"]


@pytest.mark.parametrize("module", ["zodb_reference", "ZODB", "ZEO", "relstorage", "ZConfig"])
@pytest.mark.parametrize("source", ["import {}.x", "from {} import x", "def f():\n    import {}"])
def test_only_targets_and_doubles_import_an_implementation(
    root: Path, module: str, source: str
) -> None:
    plant(root, SUITE, source.format(module))

    assert messages(root) == [
        f"zodb_conformance must not import {module} here, only doubles and targets may"
    ]


def test_a_module_named_like_an_adapter_is_none(root: Path) -> None:
    plant(root, "conformance/zodb_conformance/targets_list.py", "import zodb_reference")

    assert len(messages(root)) == 1


@pytest.mark.parametrize("path", [TARGET, DOUBLE])
@pytest.mark.parametrize(
    "source",
    [
        "import ZODB",
        "class Target:\n    import ZODB",
        "try:\n    import ZODB\nexcept ImportError:\n    ZODB = None",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import ZODB",
    ],
)
def test_an_adapter_loads_the_implementations_of_others_lazily(
    root: Path, path: str, source: str
) -> None:
    plant(root, path, source)

    assert messages(root) == ["ZODB may not be installed: import it in the function that needs it"]


@pytest.mark.parametrize(
    "source",
    [
        "import zodb_spec.world",
        "from zodb_spec import world",
        "from . import world",
        "from .world import World",
        "def f():\n    from zodb_spec.world import World",
        "if TYPE_CHECKING:\n    from zodb_spec.world import World",
    ],
)
def test_no_module_imports_itself_by_a_detour(root: Path, source: str) -> None:
    plant(root, SPEC, "from zodb_spec import history")
    plant(root, "spec/zodb_spec/history.py", source)

    [message] = messages(root)

    assert message in {
        "cycle of imports: zodb_spec.history -> zodb_spec.world -> zodb_spec.history",
        "cycle of imports: zodb_spec.world -> zodb_spec.history -> zodb_spec.world",
    }


def test_a_cycle_is_told_in_the_direction_of_its_imports(root: Path) -> None:
    for importer, imported in [("life", "reach"), ("reach", "commit"), ("commit", "life")]:
        plant(root, f"spec/zodb_spec/{importer}.py", f"from zodb_spec import {imported}")

    [message] = messages(root)

    told = message.removeprefix("cycle of imports: ").split(" -> ")
    assert set(pairwise(told)) == {
        ("zodb_spec.life", "zodb_spec.reach"),
        ("zodb_spec.reach", "zodb_spec.commit"),
        ("zodb_spec.commit", "zodb_spec.life"),
    }


def test_a_module_does_not_import_itself(root: Path) -> None:
    plant(root, SPEC, "from zodb_spec.world import World")

    assert messages(root) == ["cycle of imports: zodb_spec.world -> zodb_spec.world"]


def test_a_package_and_its_module_do_not_import_each_other(root: Path) -> None:
    plant(root, "spec/zodb_spec/chapters/__init__.py", "from .life import add")
    plant(root, "spec/zodb_spec/chapters/life.py", "from . import add")

    assert len(messages(root)) == 1


def test_a_package_passes_on_the_names_of_its_modules(root: Path) -> None:
    plant(root, "spec/zodb_spec/chapters/__init__.py", "from .life import add")
    plant(root, "spec/zodb_spec/chapters/life.py", "from . import reach\nfrom .. import world")
    plant(root, "spec/zodb_spec/chapters/reach.py", "")
    plant(root, SPEC, "")

    assert messages(root) == []


@pytest.mark.parametrize("path", [SPEC, "reference/tests/test_x.py", "tools/x.py"])
def test_a_module_has_at_most_500_lines(root: Path, path: str) -> None:
    plant(root, path, "pass\n" * 500)
    assert messages(root) == []

    plant(root, path, "pass\n" * 501)
    assert messages(root) == ["501 lines, more than 500: divide it by its ideas"]


def test_a_part_that_is_not_there_is_noticed(tmp_path: Path) -> None:
    assert messages(tmp_path) == ["no modules found"] * 3


def test_a_breach_is_printed_with_its_place(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(root, SPEC, "import dis\nimport pytest")

    assert check_imports.main([str(root)]) == 1
    assert capsys.readouterr().out == f"{SPEC}:2: zodb_spec must not import pytest here\n"


def test_breaches_are_told_in_the_order_of_their_places(root: Path) -> None:
    plant(root, SPEC, "def f():\n    import pytest\nimport pytest")
    plant(root, SUITE, "import ZODB")

    places = [(breach.path, breach.line) for breach in check_imports.check(root)]

    assert places == [(root / SUITE, 1), (root / SPEC, 2), (root / SPEC, 3)]


def test_a_sound_tree_prints_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_imports.main([str(root)]) == 0
    assert capsys.readouterr().out == ""
