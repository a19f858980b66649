"""The tree keeps its own rules: small modules, nothing of one machine, decisions written to one form."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "opord"
TESTS = ROOT / "tests"

LINES_MAX = 600  # one idea a module; the aim is 100 to 400

# Where a file names one of these, it works on one machine and nowhere else, or says where packages must
# come from, which is the business of whoever installs. Spelt in two parts, so that this file passes too.
OF_ONE_MACHINE = [
    "/work" + "/",
    "/root" + "/",
    "/opt" + "/pypi",
    "/opt" + "/wheels",
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry.npmjs" + ".org",
    "proxy.golang" + ".org",
    "index" + "-url",
    "find" + "-links",
]
HOME_OF_SOMEBODY = re.compile(r"/(?:home|Users)/[a-z][\w.-]*/")

DECISIONS = ROOT / "docs" / "decisions"
HEADINGS = ["Context", "Choice", "Refusals", "Consequences"]


@cache
def tracked() -> tuple[Path, ...]:
    """List the files of the project: what git knows, and what it would take in."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def text_of(path: Path) -> str:
    """Read a text file; a binary one counts as empty."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def test_no_module_is_longer_than_one_idea() -> None:
    lengths = {path: len(text_of(path).splitlines()) for path in modules()}
    too_long = [f"{name_of(path)}: {lines} lines" for path, lines in lengths.items() if lines > LINES_MAX]
    assert not too_long, "\n".join([f"over {LINES_MAX} lines; split by idea:", *too_long])


def test_every_module_says_its_job() -> None:
    silent = [
        name_of(path)
        for path in modules()
        if text_of(path).strip() and ast.get_docstring(ast.parse(text_of(path))) is None
    ]
    assert not silent, "\n".join(["a module opens with one sentence on its job:", *silent])


def test_nothing_names_one_machine_or_one_registry() -> None:
    found = []
    for path in tracked():
        for number, line in enumerate(text_of(path).splitlines(), start=1):
            told = [word for word in OF_ONE_MACHINE if word in line] + HOME_OF_SOMEBODY.findall(line)
            found += [f"{name_of(path)}:{number}: {word}" for word in told]
    assert not found, "\n".join(["works on one machine only:", *found])


def test_pins_are_exact() -> None:
    pins = [
        line for line in text_of(ROOT / "constraints.txt").splitlines() if line and not line.startswith("#")
    ]
    loose = [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+]+", line)]
    assert pins
    assert not loose, "\n".join(["not `name==version`:", *loose])


def test_no_test_is_skipped() -> None:
    skips = ["pytest." + "skip(", "mark." + "skip", "import" + "orskip(", "skip" + "Test("]
    skipped = [
        f"{name_of(path)}: {word}"
        for path in tracked()
        if path.suffix == ".py" and path.is_relative_to(ROOT / "tests")
        for word in skips
        if word in text_of(path)
    ]
    assert not skipped, "\n".join(["a test runs or does not exist:", *skipped])


@pytest.mark.parametrize("path", sorted(DECISIONS.glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_says_context_choice_refusals_and_consequences(path: Path) -> None:
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", path.stem), "named NNNN-what-it-is-about.md"
    text = text_of(path)
    number = int(path.stem[:4])
    assert text.startswith(f"# {number}. "), f"opens with `# {number}. ` and its title"
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == HEADINGS


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.stem[:4]) for path in DECISIONS.glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_target_of_the_makefile_is_listed_by_help() -> None:
    makefile = text_of(ROOT / "Makefile")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    listed = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, flags=re.MULTILINE))
    assert targets == listed


@pytest.mark.parametrize("target", ["demo", "test", "check", "soak", "bench", "golden", "docs"])
def test_a_bare_clone_needs_no_set_up_of_its_own(target: str) -> None:
    assert re.search(rf"^{target}: \$\(STAMP\)", text_of(ROOT / "Makefile"), flags=re.MULTILINE)


def test_no_test_imports_from_a_test_module() -> None:
    """What tests share stands in a helper of their folder or in `tests/support`, where it can be found and changed."""
    wrong = [
        f"{name_of(path)}:{node.lineno}: {name}"
        for path in tracked()
        if path.suffix == ".py" and TESTS in path.parents
        for node in ast.walk(ast.parse(text_of(path)))
        for name in imported_by(node)
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert not wrong, "\n".join(["imported from a test module:", *wrong])


def imported_by(node: ast.AST) -> list[str]:
    """Return the modules, and the names from them, that an import statement of the tests names."""
    match node:
        case ast.Import():
            return [one.name for one in node.names if one.name.startswith("tests.")]
        case ast.ImportFrom():
            module = node.module or ""
            if node.level == 0 and not f"{module}.".startswith("tests."):
                return []
            return [f"{module}.{one.name}" for one in node.names]
        case _:  # open: every other node of a syntax tree imports nothing
            return []


INDEPENDENT = [
    *(f"sim/{name}.py" for name in ("verify", "rules", "alarms", "tries", "asked", "shapes", "fold")),
    "progress/look.py",
    "disk/lossy.py",
]
"""What judges the engine and its stores, or stands for the disk below them, from raw data alone."""


@pytest.mark.parametrize("name", INDEPENDENT)
def test_who_judges_shares_no_code_with_what_is_judged(name: str) -> None:
    tree = ast.parse(text_of(TESTS / name))
    modules = [
        node.module or "" if isinstance(node, ast.ImportFrom) else one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in node.names
    ]
    ours = {module for module in modules if module.split(".")[0] in ("opord", "tests")}
    allowed = {f"tests.{other.removesuffix('.py').replace('/', '.')}" for other in INDEPENDENT}
    assert ours <= allowed, ours - allowed


def test_every_folder_of_tests_is_told_of_in_their_readme() -> None:
    folders = {path.relative_to(TESTS).parts[0] for path in tracked() if TESTS in path.parents[1:]}
    rows = re.findall(r"^\| `(\w+)/` \| \S", text_of(TESTS / "README.md"), re.MULTILINE)
    assert rows == sorted(folders)


def test_every_place_where_a_behaviour_stands_is_there() -> None:
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    table = page.split("## Where a behaviour stands\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!behaviour|---)(.+?) \| (.+?) \|$", table, re.MULTILINE)
    assert len(rows) > 12
    for behaviour, places in rows:
        paths = re.findall(r"`([\w/]+(?:\.py|/))`(?: \(`(\w+)`\))?", places)
        assert paths, behaviour
        for path, name in paths:
            place = PACKAGE / path
            assert place.exists(), f"{behaviour}: there is no {path}"
            if name:
                assert re.search(rf"def {name}\b", place.read_text()), f"{behaviour}: {path} has no {name}"
