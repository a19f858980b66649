"""Every code block of README.md, docs/ and examples/ is run; what a page shows is what a reader gets.

A page is a session: its blocks share one folder and one Python namespace, from top to bottom. The word
after the fence says what a block is; words after that say more:

    ```opord                  a whole contract (or file of types): it has no finding
    ```opord refused flow     a whole contract in which the checker finds an error of the rule `flow`
    ```opord part             a few lines out of a contract (declarations, policies, handlers, statements or
                              an expression): they have the form of the language
    ```opord excerpt          lines that stand, in this order, in a whole contract earlier on the page or in
                              an example that is shipped
    ```python                 executed; `await` may stand at the top
    ```python sketch          compiled, not executed
    ```json                   parsed
    ```console                lines with `$` are commands, the lines below each are what it prints
    ```sh                     a recipe without output: `$` may be left out; read for form, not run
    ```sql                    statements that PostgreSQL can read; on the page about it, it runs them
    ```ebnf, ```toml, ```text not looked at, but for toml, which is parsed

`file=order.opord` on any fence also writes the block into the session's folder, for later commands.

Of the commands in a `console` block those that start with `opord` or `cat` are run, by sh, and must exit
with 0: to show a refusal, show its status as a reader would, `$ opord check bad.opord; echo $?`. A `make`
target must exist; other programs (`pip`, `git`) are not run. Output is compared loosely: space of any
width is one blank; instants, durations in (milli)seconds, ids and hashes may differ; `...` stands for
anything within a line, and alone on a line for any lines.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from tests.support.pages import ROOT, Block, blocks_of
from tests.support.postgres import AnyServer

PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
COMMAND_TIMEOUT_S = 120


@dataclass
class Session:
    """What the blocks of one page share."""

    folder: Path
    loop: asyncio.Runner
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "__docs__"})
    contracts: list[str] = field(default_factory=list)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_page_shows_is_what_a_reader_gets(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    if page.name == "postgres.md":
        server: AnyServer = request.getfixturevalue("postgres")
        server.execute("DROP SCHEMA IF EXISTS opord CASCADE")
        monkeypatch.setenv("OPORD_STORE", server.url())
        monkeypatch.setattr(sys.modules[__name__], "execute_sql", server.execute)
    with asyncio.Runner() as loop:
        session = Session(tmp_path, loop)
        for block in blocks_of(page):
            if block.file is not None:
                (tmp_path / block.file).write_text(block.text, encoding="utf-8")
            run_block(block, session)


def run_block(block: Block, session: Session) -> None:
    """Do with a block what its fence says."""
    match block.language, block.words:
        case "opord", ():
            hold_contract(block, session)
        case "opord", ("refused", rule):
            hold_refusal(block, rule)
        case "opord", ("part",):
            hold_part(block)
        case "opord", ("excerpt",):
            hold_excerpt(block, session)
        case "python", ():
            execute(block, session)
        case "python", ("sketch",):
            compile_python(block)
        case "json", ():
            json.loads(block.text)
        case "toml", ():
            tomllib.loads(block.text)
        case "console", ():
            follow(block, session)
        case "sh", ():
            read_recipe(block)
        case "sql", ():
            execute_sql(block.text)
        case (("text" | "ebnf" | "" | "mermaid" | "make" | "yaml" | "html" | "diff"), ()):
            pass
        case language, words:
            pytest.fail(f"{block.place}: no convention for ```{' '.join([language, *words])}")


def execute_sql(text: str) -> object:
    """Leave SQL as it is: only the page about PostgreSQL has a server."""
    return text


# --- Contracts -----------------------------------------------------------------------------------


def findings(text: str, file: str) -> list[Any]:
    """Check a text as `opord check` does; answer its diagnostics."""
    try:
        check_text = importlib.import_module("opord.language").check_text
    except (ImportError, AttributeError) as missing:
        pytest.fail(f"contracts in the documents need `opord.language.check_text`: {missing}")
    return list(check_text(text, file=file).diagnostics)


def errors(text: str, file: str) -> list[Any]:
    return [found for found in findings(text, file) if str(found.severity) == "error"]


def told(found: Any, block: Block) -> str:
    """Say one finding with its place on the page."""
    line = block.line + found.place.line
    return f"{block.page.relative_to(ROOT)}:{line}: {found.rule}: {found.message}"


def hold_contract(block: Block, session: Session) -> None:
    wrong = findings(block.text, block.file or "order.opord")
    assert not wrong, "\n".join(told(found, block) for found in wrong)
    session.contracts.append(block.text)


def hold_refusal(block: Block, rule: str) -> None:
    rules = {str(found.rule) for found in errors(block.text, block.file or "order.opord")}
    assert rule in rules, f"{block.place}: expected an error of `{rule}`, got: {sorted(rules) or 'none'}"


# Where a part may stand. `{}` is the part; it has to have the form of the language in one of these places.
PLACES = [
    "{}",
    "contract Part()\n{}",
    "contract Part()\nphase Shared {{\n{}\n}}",
    "contract Part()\ninitial state Here -> There {{\n{}\n}}",
    "contract Part()\ninitial state Here -> There {{\n  let value = {}\n  goto There\n}}",
    "contract Part()\ninitial state Here -> There {{\n  match commit part() {{\n{}\n  }}\n}}",
    "contract Part()\naction part() {{\n{}\n}}",
    "contract Part()\nrecord Part {{\n{}\n}}",
]


def hold_part(block: Block) -> None:
    fewest: list[Any] | None = None
    for place in PLACES:
        wrong = [
            found for found in errors(place.format(block.text), "part.opord") if str(found.rule) == "syntax"
        ]
        if not wrong:
            return
        fewest = wrong if fewest is None or len(wrong) < len(fewest) else fewest
    messages = [found.message for found in fewest or []]
    pytest.fail("\n".join([f"{block.place}: stands nowhere in a contract; nearest:", *messages]))


def hold_excerpt(block: Block, session: Session) -> None:
    places = [*(ROOT / "src").rglob("*.opord"), *(ROOT / "examples").rglob("*.opord")]
    shipped = (path.read_text(encoding="utf-8") for path in places)
    wanted = squeezed_lines(block.text)
    for contract in [*session.contracts, *shipped]:
        lines = iter(squeezed_lines(contract))
        if all(line in lines for line in wanted):
            return
    pytest.fail(f"{block.place}: no whole contract has these lines in this order")


def squeezed_lines(text: str) -> list[str]:
    return [squeezed for line in text.splitlines() if (squeezed := " ".join(line.split()))]


# --- Python --------------------------------------------------------------------------------------


def compile_python(block: Block) -> CodeType:
    """Compile a block so that a traceback names its place on the page."""
    text = "\n" * block.line + textwrap.dedent(block.text)
    code = compile(text, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    assert isinstance(code, CodeType)
    return code


def execute(block: Block, session: Session) -> None:
    code = compile_python(block)
    if code.co_flags & inspect.CO_COROUTINE:
        session.loop.run(eval(code, session.namespace))
    else:
        exec(code, session.namespace)


# --- Commands ------------------------------------------------------------------------------------


def follow(block: Block, session: Session) -> None:
    """Run the commands of a console block one after the other, each beside what the page says it prints."""
    assert re.match(r"\s*\$ ", block.text), f"{block.place}: a console block starts with a command: `$ …`"
    for part in re.split(r"^\$ ", textwrap.dedent(block.text), flags=re.MULTILINE)[1:]:
        command, shown = split_command(part)
        program = command.split()[0]
        if program in {"opord", "cat"}:
            printed = run_command(command, block, session)
            assert alike(shown, printed), (
                f"{block.place}: `$ {command}`\n--- the page shows\n{shown}\n--- it prints\n{printed}"
            )
        elif program == "make":
            hold_target(command, block)


def split_command(part: str) -> tuple[str, str]:
    """Cut a command, continued by `\\` at the end of its lines, from the output below it."""
    lines = part.split("\n")
    end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1]).strip(), "\n".join(lines[end + 1 :])


def run_command(command: str, block: Block, session: Session) -> str:
    """Run a command line in the session's folder; answer everything it prints."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OPORD_") or name == "OPORD_STORE"
    }
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', '')}",
        "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "TZ": "UTC", "PYTHONPATH": str(session.folder),
    }  # fmt: skip
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=session.folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=COMMAND_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"{block.place}: `$ {command}` exits with {ran.returncode}:\n{ran.stdout}"
    return ran.stdout


def hold_target(command: str, block: Block) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in command.split()[1:]:
        if "=" not in target:
            assert re.search(rf"^{re.escape(target)}:", makefile, flags=re.MULTILINE), (
                f"{block.place}: no such target: {target}"
            )


def read_recipe(block: Block) -> None:
    """Hold the form of a recipe and the existence of the targets it makes."""
    commands = re.sub(r"^\$ ", "", textwrap.dedent(block.text), flags=re.MULTILINE)
    read = subprocess.run(["sh", "-n"], input=commands, capture_output=True, text=True, check=False)
    assert read.returncode == 0, f"{block.place}: {read.stderr}"
    for line in commands.splitlines():
        if line.startswith("make "):
            hold_target(line.split("#")[0], block)


VARYING = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?", "<instant>"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "<instant>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<id>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", "<hash>"),
    (r"\b\d+(\.\d+)? ?(ms|s)\b", "<duration>"),
]


def alike(shown: str, printed: str) -> bool:
    """Say whether a command prints what the page shows, as loosely as the convention allows."""
    pattern = ""
    for line in normal_lines(shown):
        if line in {"...", "…"}:
            pattern += r"(?:.*\n)*?"
        else:
            pattern += r".*?".join(re.escape(piece) for piece in re.split(r"\.\.\.|…", line)) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in normal_lines(printed))) is not None


def normal_lines(text: str) -> list[str]:
    for varying, name in VARYING:
        text = re.sub(varying, name, text)
    return squeezed_lines(text)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("Charged  1", "Charged 1\n", True),
        ("Charged  1", "Charged 2\n", False),
        ("at 2026-01-02T03:04:05Z", "at 2027-05-06T07:08:09.123Z\n", True),
        ("took 12 ms", "took 3.5 ms\n", True),
        ("hash 0123456789abcdef", "hash fedcba9876543210\n", True),
        ("first\n...\nlast", "first\nand\nmore\nlast\n", True),
        ("first\n...\nlast", "first\nand\nmore\n", False),
        ("run Order/...", "run Order/17\n", True),
        ("", "", True),
        ("", "unexpected\n", False),
    ],
)
def test_output_is_compared_loosely_but_not_blindly(shown: str, printed: str, same: bool) -> None:
    assert alike(shown, printed) == same


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    here = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    dead = [target for target in here if not (page.parent / target).exists()]
    assert not dead, f"{page.relative_to(ROOT)} links to what is not there: {dead}"
