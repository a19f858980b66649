"""Make a project from a template.

The name is checked first. The folder appears as a whole or not at all.
"""

from __future__ import annotations

import ast
import errno
import keyword
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

from opord.cli.errors import CliError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*")
# The name becomes a class, a module, a folder and an SQL name, so it must be short.
_LENGTH_MAX = 40
_OWN_IMPORTS = re.compile(r"(?<=\n\n)(?:from (?!__future__|opord)[a-z0-9_]+ import [A-Z].*\n)+")
_TAKEN = {"handlers", "tests", "conftest"}


@dataclass(frozen=True, slots=True)
class Project:
    """A project that was made: the name of its module, and its files in the order to read them."""

    module: str
    files: tuple[str, ...]


def make_project(name: str, template: str, parent: Path) -> Project:
    """Make a project in a new folder of `parent`.

    Raises:
        CliError: the name is not valid, or the folder exists or cannot be made.
    """
    module = _judged(name)
    target = parent / name
    if target.exists() or target.is_symlink():
        raise CliError("exists", f"{name} exists already; choose another name, or move it away", 2)
    texts = _texts(name, module, template)
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=parent))
    except OSError as wrong:
        raise _unwritten(target, wrong) from wrong
    try:
        for file, text in texts.items():
            path = draft / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        draft.chmod(0o755)
        draft.rename(target)
    except BaseException as wrong:
        # No exception, an interrupt included, leaves a draft behind.
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(wrong, OSError):
            raise _unwritten(target, wrong) from wrong
        raise
    return Project(module, tuple(texts))


def _unwritten(target: Path, wrong: OSError) -> CliError:
    """Return the error for a project that was not made. None of its files exist."""
    hint = (
        "Make room" if wrong.errno in (errno.ENOSPC, errno.EDQUOT) else "Go to a folder that you may write in"
    )
    message = f"{target}: {wrong.strerror or wrong}; nothing was made. {hint}, then try again"
    return CliError("file", message, 2)


def _judged(name: str) -> str:
    """Return the name of the module; refuse a name unfit for a folder, a module or a class."""
    if "/" in name or "\\" in name or name in (".", ".."):
        why, hint = "is a path", "go to the folder where you want the project, and give only its name"
    elif not name.isascii():
        why, hint = "has other letters than a to z", "use only a to z, digits and `_`"
    elif len(name) > _LENGTH_MAX:
        why, hint = f"has {len(name)} characters", f"choose a name of at most {_LENGTH_MAX}"
    elif not _NAME.fullmatch(name):
        better = _better(name)
        why = "cannot be the name of a project"
        hint = (
            f"did you mean `{better}`?"
            if better
            else "begin with a letter a to z, then use only a to z, digits and `_`"
        )
    elif keyword.iskeyword(name) or keyword.iskeyword(_class_name(name)):
        why, hint = "is a keyword of Python", "choose another name"
    elif _module_name(name) in _TAKEN:
        why, hint = "is the name of another part of the project", "choose another name"
    elif _is_module(_module_name(name)):
        why, hint = "is an installed Python module, and the project would hide it", "choose another name"
    else:
        return _module_name(name)
    raise CliError("name", f"`{name}` {why}; {hint}", 2)


def _better(name: str) -> str:
    """Return the valid form of a name: `MyShop` and `my shop` become `my_shop`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    words = re.findall(r"[a-z0-9]+", apart.lower())
    better = "_".join(words)
    return better if _NAME.fullmatch(better) else ""


def _is_module(module: str) -> bool:
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in re.split("[_-]", name))


def _in_order(imports: re.Match[str]) -> str:
    """Sort the imports of the project's own modules, and the names in them, as linters expect."""
    lines = []
    for line in imports[0].splitlines():
        head, _, names = line.partition(" import ")
        lines.append(f"{head} import {', '.join(sorted(names.split(', ')))}")
    return "".join(f"{line}\n" for line in sorted(lines))


def _module_name(name: str) -> str:
    """Return the name of the module that `opord gen` writes for the contract."""
    from opord.codegen import module_name
    from opord.contract import Contract

    return module_name(Contract(_class_name(name), 1, (), None))


def _texts(name: str, module: str, template: str) -> dict[str, str]:
    """Return the files of a project by their paths, the generated module among them."""
    from opord.codegen import generate
    from opord.language import check_text

    folder = resources.files("opord.cli").joinpath("templates")

    def filled(source: str) -> str:
        text = folder.joinpath(source).read_text(encoding="utf-8")
        text = text.replace("@Name@", _class_name(name)).replace("@name@", module).replace("@folder@", name)
        return _OWN_IMPORTS.sub(_in_order, text)

    contract_text = filled(f"{template}/contract.opord.txt")
    result = check_text(contract_text, f"{module}.opord")
    contract = result.contract
    code = {
        "handlers.py": filled(f"{template}/handlers.py.txt"),
        f"tests/test_{module}.py": filled(f"{template}/test.py.txt"),
    }
    types = {each.name for each in result.model.records} | {each.name for each in result.model.failures}
    names = types.union(*(_bound(text, module) for text in code.values()))
    if contract is None or contract.name in names:
        message = (
            f"`{_class_name(name)}` has another meaning in the template `{template}`; choose another name"
        )
        raise CliError("name", message, 2)
    return {
        "README.md": filled(f"{template}/README.md.txt"),
        f"{module}.opord": contract_text,
        f"{module}.py": generate(contract, result.sources),
        **code,
        "pyproject.toml": filled("shared/pyproject.toml.txt"),
        ".gitignore": filled("shared/gitignore.txt"),
    }


def _bound(text: str, module: str) -> set[str]:
    """Return the names that a file imports from modules other than the contract's own."""
    return {
        each.asname or each.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module != module
        for each in node.names
    }
