"""`opord new`: the new project works at once, and an invalid name leaves nothing behind."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from opord.cli import scaffold
from opord.cli.new import TEMPLATES
from tests.cli.kit import OPORD, Shop


def ran(folder: Path, *command: str) -> str:
    """Run a program in the project; show its output if it failed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_passes_everything_at_once(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory, template: str
) -> None:
    said = shop.opord("new", f"my-{template}", "--template", template)
    assert said.status == 0
    project = shop.folder / f"my-{template}"
    files = {str(file.relative_to(project)) for file in project.rglob("*") if file.is_file()}
    assert files == {
        "README.md", ".gitignore", "pyproject.toml", "handlers.py", f"my_{template}.opord", f"my_{template}.py",
        f"tests/test_my_{template}.py",
    }  # fmt: skip
    assert {line.removeprefix(f"my-{template}/") for line in said.out.splitlines()[: len(files)]} == files
    assert not [file for file in files if re.search(r"@\w+@", (project / file).read_text())]
    assert ran(project, *OPORD, "check", "--strict", ".").startswith("1 file checked: no findings\n")
    ran(project, *OPORD, "gen", "--check", f"my_{template}.opord", "-o", ".")
    ran(project, *OPORD, "fmt", "--check", f"my_{template}.opord")
    # One cache for all templates: shared imports are read once, and each project by itself.
    cache = tmp_path_factory.getbasetemp() / "mypy"
    ran(project, sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache), ".")
    ran(project, sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I", ".")
    assert re.search(r"^\d+ passed", ran(project, sys.executable, "-m", "pytest", "-q"), re.MULTILINE)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_five_commands_of_its_readme_work(shop: Shop, template: str) -> None:
    shop.opord("new", "shop_floor", "--template", template)
    project = shop.folder / "shop_floor"
    blocks = re.findall(r"```sh\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    commands = blocks[1].splitlines()
    assert len(commands) == 5
    program = f"opord() {{ {sys.executable} -c 'from opord.cli import main; main()' \"$@\"; }}; pytest() {{ true; }}"
    printed = ran(project, "bash", "-euc", f"{program}\n" + "\n".join(commands) + "\nopord runs list\n")
    assert "success" in printed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("class", "`class` is a keyword of Python; choose another name"),
        ("none", "`none` is a keyword of Python; choose another name"),
        ("json", "`json` is an installed Python module, and the project would hide it; choose another name"),
        ("opord", "`opord` is an installed Python module, and the project would hide it; choose another name"),
        ("handlers", "`handlers` is the name of another part of the project; choose another name"),
        ("MyShop", "`MyShop` cannot be the name of a project; did you mean `my_shop`?"),
        ("my shop", "`my shop` cannot be the name of a project; did you mean `my_shop`?"),
        ("9lives", "`9lives` cannot be the name of a project; begin with a letter a to z, then use only a to z, digits and `_`"),
        ("", "`` cannot be the name of a project; begin with a letter a to z, then use only a to z, digits and `_`"),
        ("café", "`café` has other letters than a to z; use only a to z, digits and `_`"),
        ("a/b", "`a/b` is a path; go to the folder where you want the project, and give only its name"),
        ("..", "`..` is a path; go to the folder where you want the project, and give only its name"),
        ("x" * 41, f"`{'x' * 41}` has 41 characters; choose a name of at most 40"),
        ("receipt", "`Receipt` has another meaning in the template `approval`; choose another name"),
        ("world", "`World` has another meaning in the template `approval`; choose another name"),
        ("lock", "`Lock` has another meaning in the template `approval`; choose another name"),
        ("test", "`test` is an installed Python module, and the project would hide it; choose another name"),
        ("pytest", "`pytest` is an installed Python module, and the project would hide it; choose another name"),
    ],
)  # fmt: skip
def test_an_invalid_name_is_refused_and_nothing_is_written(shop: Shop, name: str, said: str) -> None:
    before = sorted(shop.folder.iterdir())
    answer = shop.opord("new", "--", name)
    assert (answer.status, answer.out, answer.err) == (2, "", f"error[name]: {said}\n")
    assert sorted(shop.folder.iterdir()) == before


@pytest.mark.parametrize("kind", ["a folder", "a file", "a link to nothing"])
def test_existing_files_are_left_alone(shop: Shop, kind: str) -> None:
    place = shop.folder / "shop_floor"
    match kind:
        case "a folder":
            place.mkdir()
        case "a file":
            place.write_text("mine")
        case _:
            place.symlink_to("nowhere")
    said = shop.opord("new", "shop_floor")
    assert said.status == 2
    assert said.err == "error[exists]: shop_floor exists already; choose another name, or move it away\n"
    assert place.is_symlink() or not (place.is_dir() and list(place.iterdir()))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (errno.ENOSPC, "No space left on device; nothing was made. Make room, then try again"),
        (
            errno.EIO,
            "Input/output error; nothing was made. Go to a folder that you may write in, then try again",
        ),
    ],
)
def test_a_project_that_cannot_be_written_leaves_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, wrong: int, said: str
) -> None:
    before = sorted(shop.folder.iterdir())
    monkeypatch.setattr(scaffold.Path, "write_text", _failing(OSError(wrong, os.strerror(wrong))))
    answer = shop.opord("new", "shop_floor")
    assert (answer.status, sorted(shop.folder.iterdir())) == (2, before)
    assert answer.err == f"error[file]: {shop.folder / 'shop_floor'}: {said}\n"


def test_a_read_only_folder_is_reported(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder's own mode would not stop a test that runs as root.
    refusal = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(scaffold.tempfile, "mkdtemp", _failing(refusal))
    answer = shop.opord("new", "shop_floor")
    assert answer.status == 2
    assert "shop_floor: Read-only file system; nothing was made. Go to a folder" in answer.err


def test_an_interrupt_leaves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(shop.folder.iterdir())
    monkeypatch.setattr(scaffold.Path, "write_text", _failing(KeyboardInterrupt()))
    assert shop.opord("new", "shop_floor").status == 130
    assert sorted(shop.folder.iterdir()) == before


def _failing(raised: BaseException) -> Callable[..., NoReturn]:
    def fail(*arguments: object, **options: object) -> NoReturn:
        raise raised

    return fail


def test_git_ignores_the_files_of_runs_and_no_project_file(shop: Shop) -> None:
    shop.opord("new", "shop_floor")
    project = shop.folder / "shop_floor"
    (project / "input.json").write_text("{}")
    for left in ("opord.db", "opord.db-wal", "outside.json"):
        (project / left).touch()
    ran(project, "git", "init", "-q")
    kept = ran(project, "git", "status", "--short", "--untracked-files=all").split()[1::2]
    assert "input.json" in kept
    assert {".gitignore", "README.md", "handlers.py", "shop_floor.opord"} <= set(kept)
    assert not [each for each in kept if each.startswith(("opord.db", "outside"))]


def test_the_name_of_the_module_is_that_of_the_contract(shop: Shop) -> None:
    shop.opord("new", "a-b2", "--template", "minimal")
    assert {"ab2.opord", "ab2.py"} <= {each.name for each in (shop.folder / "a-b2").iterdir()}
