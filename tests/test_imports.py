"""Imports point inward: a room may import the rooms before it in `ORDER`, and no other.

The tree tells the way from contract to run. A room that looks back can no longer be read, tested or
replaced without what it looks at, so each forbidden import is reported with the reason it is forbidden.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from tests.support.rooms import ORDER, PACKAGE, listed

NOT_EVEN_EARLIER = {
    ("kernel", "language"): "the kernel reads the checked contract; how it was written is no concern of it",
    ("kernel", "codegen"): "the kernel is handed a program; how it was made is no concern of it",
    ("generated", "language"): "generated modules run where no contract text is",
    ("generated", "codegen"): "generated modules run where nothing is generated",
    ("stores", "language"): "a store keeps records; it knows nothing of what contracts mean",
    ("stores", "codegen"): "a store keeps records; it knows nothing of what contracts mean",
    ("cli", "stores"): "a command asks a backend, whatever keeps the runs",
    ("cli", "engine"): "a command asks a backend, whatever carries the runs on",
    ("cli", "drive"): "a command asks a backend, whatever carries the runs on",
    ("server", "stores"): "the API asks a backend, whatever keeps the runs",
    ("server", "engine"): "the API asks a backend, whatever carries the runs on",
    ("server", "drive"): "the API asks a backend, whatever carries the runs on",
    ("temporal", "stores"): "a Temporal cluster is the store",
    ("temporal", "engine"): "a Temporal cluster is the engine",
    ("lsp", "kernel"): "an editor shows contracts, not runs",
    ("lsp", "stores"): "an editor shows contracts, not runs",
    ("lsp", "backends"): "an editor shows contracts, not runs",
    ("lsp", "engine"): "an editor shows contracts, not runs",
    ("lsp", "server"): "an editor shows contracts, not runs",
}

# The same within `language/`: a part of it imports the parts before it, and no other.
LANGUAGE_ORDER = [
    "diagnostics",  # a finding as data, and the words that findings share
    "words",  # the table of the language's words
    "syntax",  # text to tokens to a tree
    "diagnostics/render",  # a finding with the lines it is about
    "types",
    "spelling",  # checked expressions in the contract's own words
    "lowering",  # tree to contract
    "flow",  # where the steps of a contract go; rules, promises, sheet, diagram and simulation read it
    "ensure",  # promises, decided over the flow
    "rules",
    "suppression",  # which findings are left out
    "fixes",  # edits that would mend the others
    "compile",  # all of it, one pass after the other
    "sheet",
]
OF_LANGUAGE_NOT_EVEN_EARLIER = {
    ("flow", "lowering"): "the flow is that of the checked contract",
    ("ensure", "lowering"): "promises are decided over the checked contract",
    ("rules", "lowering"): "rules judge the checked contract, however it came about",
    ("flow", "syntax"): "the flow is that of the checked contract",
    ("ensure", "syntax"): "promises are decided over the checked contract",
    ("rules", "syntax"): "rules judge the checked contract, however it was written",
    ("sheet", "syntax"): "the sheet tells the checked contract",
    ("sheet", "rules"): "the sheet tells what the contract does; findings are shown beside it",
}

# Same input, same output: instants, ids and random numbers are arguments, and I/O belongs to the engine.
PURE_ROOMS = ("contract", "statements", "values", "content", "kernel")
IMPURE_MODULES = {
    "apsw", "asyncio", "concurrent", "http", "logging", "multiprocessing", "os", "pathlib", "psycopg", "random",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib",
}  # fmt: skip
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "open", "input", "print"}

DATABASES = {"apsw", "sqlite3", "psycopg", "psycopg_pool"}
# Rooms that may speak to a database. The others ask `stores/`.
DATABASE_ROOMS = {"stores", "testing", "cli", "examples"}


@dataclass(frozen=True)
class Import:
    """One import: where it stands, the module it names, and the name taken from it, if any."""

    file: Path
    line: int
    module: str
    name: str | None

    def __str__(self) -> str:
        said = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return f"{self.file.relative_to(PACKAGE.parent)}:{self.line}: `{said}`"


def room_of_file(file: Path) -> str:
    """Name the room a file stands in: the folder or module directly under the package."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def room_of_import(found: Import) -> str | None:
    """Name the room an import reaches into; None for other packages, `""` for the package's own front."""
    parts = found.module.split(".")
    if parts[0] != "opord":
        return None
    if len(parts) > 1:
        return parts[1]
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir()}
    return found.name if found.name in rooms else ""


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports_of(file: Path) -> Iterator[Import]:
    """Find every import in a file, also those in functions and those for type checkers alone."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name, None)
        elif isinstance(node, ast.ImportFrom):
            module = absolute(file, node)
            for alias in node.names:
                yield Import(file, node.lineno, module, alias.name)


def absolute(file: Path, node: ast.ImportFrom) -> str:
    """Spell out a relative import."""
    if not node.level:
        return node.module or ""
    package = ["opord", *file.relative_to(PACKAGE).parts[:-1]]
    kept = package[: len(package) - (node.level - 1)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def why_forbidden(found: Import) -> str | None:
    """Give the reason an import may not stand where it stands, or None."""
    here, there = room_of_file(found.file), room_of_import(found)
    if there is None or here == there:
        return None
    if there == "":
        own_front = found.name == "__version__" or here in {"examples", "cli"}
        return None if own_front else "rooms import each other, not the front of the package"
    if here == "__init__":
        return None  # the front hands out names of every room; test_startup holds that it does so lazily
    for room in (here, there):
        if room not in ORDER:
            return f"`{room}` has no place in the order of rooms; give it one in {Path(__file__).name}"
    if (here, there) in NOT_EVEN_EARLIER:
        return NOT_EVEN_EARLIER[here, there]
    if ORDER.index(there) > ORDER.index(here):
        return f"`{here}` stands before `{there}` on the way from contract to run, and nothing looks back"
    return None


def test_every_room_imports_only_rooms_before_it() -> None:
    refused = [
        f"{found}: {reason}"
        for file in sources()
        for found in imports_of(file)
        if (reason := why_forbidden(found)) is not None
    ]
    assert not refused, "\n".join(["imports that look back:", *refused])


# --- Fronts ---------------------------------------------------------------------------------------


def why_not_public(found: Import) -> str | None:
    """Give the reason that another room may not import this, or None.

    Each package on the way to a module lists the next part of its name in `__all__`. A name is taken from a package
    that lists it, or from a module that is listed, where all names without an underscore are public.
    """
    here, there = room_of_file(found.file), room_of_import(found)
    if there in (None, "") or here in (there, "__init__"):
        return None
    at, named = PACKAGE, [*found.module.split(".")[1:], *([found.name] if found.name else [])]
    for part in named:
        if at != PACKAGE and (at / "__init__.py").is_file() and part not in listed(at):
            return f"`{at.relative_to(PACKAGE)}/__init__.py` does not list `{part}` in `__all__`"
        if part.startswith("_"):
            return f"`{part}` belongs to its module"
        at = at / part
    return None


def test_a_room_imports_only_what_another_one_lists() -> None:
    refused = [
        f"{found}: {reason}"
        for file in sources()
        for found in imports_of(file)
        if (reason := why_not_public(found)) is not None
    ]
    assert not refused, "\n".join(["not public; ask the room, or list it there:", *refused])


@pytest.mark.parametrize("room", [room for room in ORDER if (PACKAGE / room).is_dir()])
def test_the_front_of_a_room_lists_what_is_there(room: str) -> None:
    fronts = [file.parent for file in sorted((PACKAGE / room).rglob("__init__.py")) if listed(file.parent)]
    assert PACKAGE / room in fronts, "a room lists what others may use"
    missing = [
        f"{front.relative_to(PACKAGE)}: {name}"
        for front in fronts
        for name in listed(front)
        if not (front / f"{name}.py").is_file()
        and not (front / name / "__init__.py").is_file()
        and not hasattr(import_module(module_of(front / "__init__.py")), name)
    ]
    assert not missing, "\n".join(["listed, and not there:", *missing])


@pytest.mark.parametrize(
    ("file", "module", "name", "allowed"),
    [
        ("drive/flight.py", "opord.kernel", "recording", True),
        ("drive/flight.py", "opord.kernel.recording", "start", True),
        ("drive/flight.py", "opord.kernel.recording", "_enter", False),
        ("drive/flight.py", "opord.kernel.backoff", "backoff_us", False),
        ("drive/flight.py", "opord.kernel", "backoff", False),
        ("kernel/plan.py", "opord.kernel.backoff", "backoff_us", True),
        ("backends/front.py", "opord.kernel.legality", "verify", True),
        ("backends/front.py", "opord.kernel.legality.fold", "Fold", False),
        ("backends/front.py", "opord.stores.sqlite.store", "SqliteStore", False),
        ("cli/check.py", "opord.language", "check_file", True),
        ("cli/check.py", "opord.contract", "Contract", True),
        ("cli/check.py", "opord.language.rules", None, False),
    ],
)
def test_a_front_decides_both_ways(file: str, module: str, name: str | None, allowed: bool) -> None:
    assert (why_not_public(Import(PACKAGE / file, 1, module, name)) is None) == allowed


# --- The language ---------------------------------------------------------------------------------


def part_of_language(module: Sequence[str]) -> str | None:
    """Name the part of `language/` that a module stands in; None for modules elsewhere and the room's own front."""
    match module:
        case ["opord", "language", "diagnostics", "render", *_]:
            return "diagnostics/render"
        case ["opord", "language", part, *_]:
            return part
        case _:
            return None


def why_forbidden_in_language(found: Import) -> str | None:
    """Give the reason an import within `language/` may not stand where it stands, or None."""
    here = part_of_language(module_of(found.file).split("."))
    named = found.module.split(".")
    there = part_of_language([*named, found.name] if named == ["opord", "language"] and found.name else named)
    if here is None or there is None or here == there:
        return None
    for part in (here, there):
        if part not in LANGUAGE_ORDER:
            return f"`{part}` has no place in the order of `language/`; give it one in {Path(__file__).name}"
    if (here, there) in OF_LANGUAGE_NOT_EVEN_EARLIER:
        return OF_LANGUAGE_NOT_EVEN_EARLIER[here, there]
    if LANGUAGE_ORDER.index(there) > LANGUAGE_ORDER.index(here):
        return f"`{here}` stands before `{there}` on the way from text to findings, and nothing looks back"
    return None


def test_every_part_of_the_language_imports_only_parts_before_it() -> None:
    refused = [
        f"{found}: {reason}"
        for file in sources()
        for found in imports_of(file)
        if (reason := why_forbidden_in_language(found)) is not None
    ]
    assert not refused, "\n".join(["imports that look back:", *refused])


def test_every_part_of_the_language_has_its_place() -> None:
    parts = {path.name.removesuffix(".py") for path in (PACKAGE / "language").iterdir()}
    assert parts - {"__init__", "__pycache__"} == set(LANGUAGE_ORDER) - {"diagnostics/render"}


def test_kernel_and_values_import_neither_clock_nor_disk_nor_chance() -> None:
    refused = [
        str(found)
        for file in sources()
        if room_of_file(file) in PURE_ROOMS
        for found in imports_of(file)
        if found.module.split(".")[0] in IMPURE_MODULES
    ]
    assert not refused, "\n".join(["same input, same output; hand it in as an argument:", *refused])


def test_kernel_and_values_read_no_clock_and_make_no_ids() -> None:
    refused = []
    for file in sources():
        if room_of_file(file) not in PURE_ROOMS:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and called_name(node) in IMPURE_CALLS:
                refused.append(f"{file.relative_to(PACKAGE.parent)}:{node.lineno}: `{ast.unparse(node)}`")
    assert not refused, "\n".join(["instants and ids come in as arguments:", *refused])


def called_name(call: ast.Call) -> str:
    """Name what is called: `now` for `datetime.now(UTC)`, `open` for `open(path)`."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="datetime" | "date" | "uuid"), attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def test_only_stores_speak_to_a_database() -> None:
    refused = [
        str(found)
        for file in sources()
        if room_of_file(file) not in DATABASE_ROOMS
        for found in imports_of(file)
        if found.module.split(".")[0] in DATABASES
    ]
    assert not refused, "\n".join(["ask the store; SQL lives in `stores/`:", *refused])


@pytest.mark.parametrize(
    ("file", "module", "name", "allowed"),
    [
        ("language/syntax/parser.py", "opord.contract", "Contract", True),
        ("language/syntax/parser.py", "opord.language.syntax.lexer", "lex", True),
        ("kernel/step.py", "opord.language", "check_text", False),
        ("kernel/step.py", "opord.engine", None, False),
        ("engine/worker.py", "opord", "kernel", True),
        ("engine/worker.py", "opord", "Engine", False),
        ("stores/base.py", "opord.codegen", "generate", False),
        ("cli/check.py", "opord", "__version__", True),
        ("cli/runs/list.py", "opord.backends.base", "RunFilter", True),
        ("cli/runs/list.py", "opord.stores.base", "RunFilter", False),
        ("cli/worker.py", "opord.engine.environment", "Environment", False),
        ("server/desk.py", "opord.backends.base", "Backend", True),
        ("server/desk.py", "opord.stores.base", "RowDamaged", False),
        ("server/desk.py", "opord.drive.errors", "Refused", False),
        ("kernel/step.py", "asyncio", None, True),  # another test's concern
    ],
)
def test_the_order_decides_both_ways(file: str, module: str, name: str | None, allowed: bool) -> None:
    found = Import(PACKAGE / file, 1, module, name)
    if name == "kernel":
        assert (PACKAGE / "kernel").is_dir()
    assert (why_forbidden(found) is None) == allowed


@pytest.mark.parametrize(
    ("file", "module", "name", "allowed"),
    [
        ("language/ensure/ends.py", "opord.language.flow.spinning", "spinning_rounds", True),
        ("language/ensure/ends.py", "opord.language.rules.spinning_cycle", "CODE", False),
        ("language/ensure/ends.py", "opord.language", "rules", False),
        ("language/rules/broken_promise.py", "opord.language.ensure", "decide", True),
        ("language/rules/unused.py", "opord.language.syntax", "tree", False),
        ("language/diagnostics/model.py", "opord.language.syntax.source", "Source", False),
        ("language/diagnostics/render/human.py", "opord.language.syntax.source", "Source", True),
        ("language/flow/graph.py", "opord.language.wording", "quoted", False),
        ("cli/check.py", "opord.language.rules", "find_all", True),  # the other test's concern
    ],
)
def test_the_order_of_the_language_decides_both_ways(
    file: str, module: str, name: str | None, allowed: bool
) -> None:
    assert (why_forbidden_in_language(Import(PACKAGE / file, 1, module, name)) is None) == allowed


# --- Circles --------------------------------------------------------------------------------------


def module_of(file: Path) -> str:
    """Name the module that a file is."""
    parts = ["opord", *file.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph() -> dict[str, set[str]]:
    """Return the modules that each module names in an import, wherever in it and for whatever purpose."""
    modules = {module_of(file): file for file in sources()}
    graph: dict[str, set[str]] = {}
    for module, file in modules.items():
        named = set()
        for found in imports_of(file):
            inner = f"{found.module}.{found.name}"
            named.add(inner if inner in modules else found.module)
        graph[module] = (named & modules.keys()) - {module}
    return graph


def a_circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return modules of which each imports the next, the first again at the end; nothing if there are none."""
    done: set[str] = set()
    for start in sorted(graph):
        path: list[str] = []
        todo = [iter([start])]
        while todo:
            module = next(todo[-1], None)
            if module is None:
                todo.pop()
                if path:
                    done.add(path.pop())
            elif module in path:
                return [*path[path.index(module) :], module]
            elif module not in done:
                path.append(module)
                todo.append(iter(sorted(graph[module])))
    return []


def test_no_module_imports_itself_through_others() -> None:
    """Types count as well: what can be read only together is one module, whatever the files say."""
    circle = a_circle(import_graph())
    assert not circle, (
        "these modules import each other in a circle: "
        + " -> ".join(circle)
        + "\nlet the inner one name what it needs, as a Protocol of its own, or move what both need to a third"
    )


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"a"}}, ["a", "b", "c", "d", "a"]),
        ({"a": set(), "b": {"a", "c"}, "c": {"a", "b"}}, ["b", "c", "b"]),
    ],
)
def test_a_circle_is_found_and_named(graph: dict[str, set[str]], circle: list[str]) -> None:
    assert a_circle(graph) == circle


def test_imports_in_functions_and_for_types_are_in_the_graph() -> None:
    graph = import_graph()
    assert "opord.backends.front" in graph["opord.cli.acting"], "imported within a function"
    assert "opord.backends.shown" in graph["opord.cli.acting"], "imported for types"
    assert "opord.kernel.inbox" in graph["opord.drive.flight"], "a module taken from its package"
