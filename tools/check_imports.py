"""Check who imports whom: the walls between the parts of this project.

The suite is worth something because it compares two independent statements of the same rules,
and authors of storages can use it because it brings no implementation along. Both hold only as
long as nobody imports across the walls:

- The specification imports the standard library and itself.
- The reference imports neither the specification nor the suite nor ZODB: only the standard
  library and the packages named below.
- Inside the suite, only `targets` and `doubles` import an implementation. Whatever the suite
  doesn't depend on counts as one. Those of others are imported inside the function that needs
  them, because they may not be installed.
- No module imports itself, not even by a detour, inside a function or for its types only.
- No module is longer than 500 lines; this holds for tests and tools too.

Run as `python tools/check_imports.py [ROOT]`, ROOT being the working folder if absent. It prints
a line for each breach and exits with 1 if there is any.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One of the project's packages, and what it may import beside the standard library."""

    folder: str
    package: str
    may_import: frozenset[str] = frozenset()
    adapters: tuple[str, ...] = ()
    """Its subpackages that may import implementations."""


PARTS = (
    Part("spec", "zodb_spec"),
    Part("reference", "zodb_reference", frozenset({"persistent", "transaction", "zope.interface"})),
    Part(
        "conformance",
        "zodb_conformance",
        frozenset(
            {
                "hypothesis",
                "jinja2",
                "markupsafe",
                "persistent",
                "pytest",
                "pygments",
                "rich",
                "transaction",
                "zodb_spec",
                "zope.interface",
            }
        ),
        adapters=("doubles", "targets"),
    ),
)
ALWAYS_INSTALLED = "zodb_reference"  # the one implementation that comes with the suite
FOLDERS = (*(part.folder for part in PARTS), "tools")
MOST_LINES = 500


@dataclass(frozen=True)
class Module:
    """A parsed source file and the dotted name that it is imported by."""

    name: str
    path: Path
    tree: ast.Module


@dataclass(frozen=True)
class Import:
    """An imported name; `lazy` if importing the module that asks for it doesn't load it yet."""

    name: str
    line: int
    lazy: bool


@dataclass(frozen=True, order=True)
class Breach:
    """A place that breaks a rule, and what is wrong there."""

    path: Path
    line: int
    message: str


def read_modules(root: Path, part: Part) -> dict[str, Module]:
    """Parse the modules of `part` in the checkout at `root`; return them by name."""
    folder = root / part.folder
    modules = {}
    for path in sorted((folder / part.package).rglob("*.py")):
        names = path.relative_to(folder).with_suffix("").parts
        name = ".".join(names[:-1] if names[-1] == "__init__" else names)
        tree = ast.parse(path.read_text(encoding="utf-8"), path)
        modules[name] = Module(name, path, tree)
    return modules


def imports_of(module: Module) -> Iterator[Import]:
    """Yield what `module` imports, `from a import b` as `a.b`, relative names resolved."""
    postponed = {
        node
        for block in map(_postponed_block, ast.walk(module.tree))
        for statement in block
        for node in ast.walk(statement)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(module, node)
            names = [f"{origin}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(name, node.lineno, lazy=node in postponed)


def _postponed_block(node: ast.AST) -> list[ast.stmt]:
    """Return the statements below `node` that don't run when the module is imported."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.body
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return node.body
    return []


def _origin(module: Module, node: ast.ImportFrom) -> str:
    """Return the absolute name of the module that `node` imports from."""
    if not node.level:
        return str(node.module)
    is_package = module.path.name == "__init__.py"
    names = module.name.split(".")
    base = names[: len(names) - node.level + is_package]
    return ".".join([*base, node.module] if node.module else base)


def breaches_of_walls(part: Part, module: Module) -> Iterator[Breach]:
    """Yield the imports of `module` that `part` doesn't allow."""
    is_adapter = any(_is_within(module.name, f"{part.package}.{name}") for name in part.adapters)
    for imported in imports_of(module):
        top = imported.name.partition(".")[0]
        if top in sys.stdlib_module_names or any(
            _is_within(imported.name, allowed) for allowed in {part.package, *part.may_import}
        ):
            continue
        if not is_adapter:
            where = f", only {' and '.join(part.adapters)} may" if part.adapters else ""
            yield Breach(
                module.path, imported.line, f"{part.package} must not import {top} here{where}"
            )
        elif top != ALWAYS_INSTALLED and not imported.lazy:
            yield Breach(
                module.path,
                imported.line,
                f"{top} may not be installed: import it in the function that needs it",
            )


def _is_within(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def breaches_by_cycle(modules: Mapping[str, Module]) -> Iterator[Breach]:
    """Yield a breach for one cycle among `modules`, if there is any.

    Importing a module also runs the packages that it lies in. That is not counted, or a package
    that passes on the names of its modules would be in a cycle with each of them.
    """
    imported_by = {
        module.name: {
            found for imported in imports_of(module) if (found := _find(imported.name, modules))
        }
        for module in modules.values()
    }
    try:
        TopologicalSorter(imported_by).prepare()
    except CycleError as error:
        cycle = error.args[1][::-1]  # it lists a module before the one that imports it
        yield Breach(modules[cycle[0]].path, 1, f"cycle of imports: {' -> '.join(cycle)}")


def _find(name: str, modules: Mapping[str, Module]) -> str | None:
    """Return the module that an imported `name` is, or else is defined in."""
    return next((known for known in (name, name.rpartition(".")[0]) if known in modules), None)


def breaches_of_length(path: Path) -> Iterator[Breach]:
    """Yield a breach if the module at `path` is too long to be one idea."""
    lines = len(path.read_text(encoding="utf-8").splitlines())
    if lines > MOST_LINES:
        yield Breach(path, lines, f"{lines} lines, more than {MOST_LINES}: divide it by its ideas")


def check(root: Path) -> list[Breach]:
    """Return every breach of the rules in the checkout at `root`.

    A part without modules is a breach too, or else a renamed folder would pass unseen.
    """
    breaches: list[Breach] = []
    for part in PARTS:
        modules = read_modules(root, part)
        if not modules:
            breaches.append(Breach(root / part.folder / part.package, 1, "no modules found"))
        for module in modules.values():
            breaches += breaches_of_walls(part, module)
        breaches += breaches_by_cycle(modules)
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.py"):
            breaches += breaches_of_length(path)
    return sorted(breaches)


def main(arguments: list[str]) -> int:
    """Print the breaches in the checkout that `arguments` name; return the exit status."""
    root = Path(*arguments)
    breaches = check(root)
    for breach in breaches:
        print(f"{breach.path.relative_to(root)}:{breach.line}: {breach.message}")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
