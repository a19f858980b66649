"""Where an exception came through: which lines are the user's own, and how a file is named."""

from __future__ import annotations

import functools
import json
import linecache
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import opord
from opord.drive.frames import causes_of, code_of, frame_of, frames_of, home_of, located
from opord.kernel.trouble import CAUSE_FRAMES, CAUSES, FRAMES


def caught(raising: Callable[[], Any]) -> BaseException:
    try:
        raising()
    except BaseException as error:
        return error
    raise AssertionError("it raises nothing")


def compiled(file: Path, text: str) -> dict[str, Any]:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    space: dict[str, Any] = {}
    exec(compile(text, str(file), "exec"), space)
    return space


@pytest.mark.parametrize("marker", ["pyproject.toml", "opord.toml", ".git"])
def test_a_file_is_named_from_the_nearest_project_above_it(tmp_path: Path, marker: str) -> None:
    (tmp_path / "pyproject.toml").touch()
    inner = tmp_path / "services" / "pay"
    inner.mkdir(parents=True)
    (inner / marker).touch()
    assert located(str(inner / "app" / "handlers.py"), None) == ("app/handlers.py", True)
    assert located(str(tmp_path / "services" / "common.py"), None) == ("services/common.py", True)


def test_without_a_project_it_is_named_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert located(str(tmp_path / "in" / "handlers.py"), None) == ("in/handlers.py", True)
    assert located("/nowhere/else/handlers.py", None) == ("/nowhere/else/handlers.py", True)


def test_installed_packages_the_library_and_opord_are_not_own() -> None:
    package = "/project/.venv/lib/python3.11/site-packages/httpx/_client.py"
    assert located(package, None) == ("httpx/_client.py", False)
    assert located("/usr/lib/python3/dist-packages/yaml/loader.py", None) == ("yaml/loader.py", False)
    assert located(f"{sysconfig.get_path('stdlib')}/json/decoder.py", None) == ("json/decoder.py", False)
    ours = Path(opord.__file__).parent
    assert located(str(ours / "drive" / "calls.py"), str(ours)) == ("opord/drive/calls.py", False)
    assert located(str(ours / "examples" / "orders" / "handlers.py"), None).own
    assert located("<frozen importlib._bootstrap>", None) == ("<frozen importlib._bootstrap>", False)
    assert located("<string>", None).own


def test_code_without_a_file_has_no_source_whatever_python_keeps_under_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.13 keeps the text of `python -c` there; code made by `eval` has the same name."""
    kept = (9, None, ["print(1)\n"], "<string>")
    monkeypatch.setitem(linecache.cache, "<string>", kept)
    frame = frames_of(caught(lambda: eval("1 / 0")), None)[-1]
    assert (frame["file"], frame["line"], frame["code"]) == ("<string>", 1, None)


def test_the_package_of_the_handlers_is_own_wherever_it_is_installed(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    space = compiled(site / "shop" / "handlers.py", "def find(id):\n    return id.strp()\n")
    home = home_of(space["find"])
    assert home == str(site / "shop")
    assert located(str(site / "shop" / "db.py"), home) == ("shop/db.py", True)
    assert located(str(site / "shopping" / "db.py"), home) == ("shopping/db.py", False)
    (frame,) = [
        one for one in frames_of(caught(lambda: space["find"]("1")), home) if one["file"] != __file__
    ][-1:]
    assert (frame["file"], frame["line"], frame["own"]) == ("shop/handlers.py", 2, True)
    alone = compiled(site / "alone.py", "def find(id): ...\n")["find"]
    assert home_of(alone) == str(site / "alone.py")
    assert home_of(caught) is None


def test_what_comes_before_the_first_own_line_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    space = compiled(tmp_path / "a.py", "import json\n\ndef load():\n    return json.loads('{')\n")
    frames = frames_of(
        caught(lambda: json.JSONDecoder(object_hook=lambda _: space["load"]()).decode("{}")), None
    )
    assert frames[0]["file"] == "tests/drive/test_frames.py"
    at = [one["file"] for one in frames].index("a.py")
    assert [one["own"] for one in frames[at:]] == [True, False, False, False]
    assert frames[at]["code"] == "return json.loads('{')"
    assert frames[-1]["function"] == "JSONDecoder.raw_decode"


def test_a_long_way_is_cut_to_its_ends_and_the_last_own_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    deep = "def down(n, then):\n    return then() if n == 0 else down(n - 1, then)\n"
    package = compiled(tmp_path / "site-packages" / "deep.py", deep)
    own = compiled(tmp_path / "own.py", "def mine(down, then):\n    return down(50, then)\n")
    fault = compiled(tmp_path / "site-packages" / "fault.py", "def fault():\n    raise KeyError\n")
    error = caught(lambda: package["down"](50, lambda: own["mine"](package["down"], fault["fault"])))
    frames = frames_of(error, None)
    assert len(frames) == FRAMES
    assert frames[0]["own"]
    assert [one["file"] for one in frames if one["own"]][-1] == "own.py"
    assert frames[-1]["file"] == "fault.py"


def test_causes_come_nearest_first_and_are_bounded() -> None:
    def chain(depth: int) -> None:
        if depth == 0:
            raise ValueError("root")
        try:
            chain(depth - 1)
        except ValueError as error:
            raise ValueError(f"at {depth}") from error

    error = caught(lambda: chain(20))
    causes = causes_of(error, None)
    assert [one["message"] for one in causes] == [f"at {depth}" for depth in range(19, 19 - CAUSES, -1)]
    assert {one["how"] for one in causes} == {"cause"}
    assert all(len(one["frames"]) <= CAUSE_FRAMES for one in causes)


def test_a_context_is_told_unless_it_is_hidden_and_a_group_tells_its_members() -> None:
    def during(hide: bool) -> None:
        try:
            raise KeyError("first")
        except KeyError:
            if hide:
                raise ValueError("second") from None
            raise ValueError("second")

    assert [(one["how"], one["type"]) for one in causes_of(caught(lambda: during(False)), None)] == [
        ("context", "KeyError")
    ]
    assert causes_of(caught(lambda: during(True)), None) == []

    def group() -> None:
        raise ExceptionGroup("two", [KeyError("a"), OSError("b")])

    assert [(one["how"], one["type"]) for one in causes_of(caught(group), None)] == [
        ("member", "KeyError"),
        ("member", "OSError"),
    ]


def test_a_ring_of_causes_ends() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert [cause["message"] for cause in causes_of(one, None)] == ["two"]


class CalledItself:
    def __call__(self, id: str) -> None: ...

    def method(self, id: str) -> None: ...


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


@decorated
def plain(id: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (plain, "plain"),
        (CalledItself().method, "CalledItself.method"),
        (CalledItself(), "CalledItself.__call__"),
        (functools.partial(plain, "1"), "plain"),
        (lambda id: None, "<lambda>"),
    ],
)
def test_the_line_of_a_handler_is_that_of_its_def(function: Any, name: str) -> None:
    frame = frame_of(function, None)
    assert frame is not None
    assert (frame["file"], frame["function"], frame["own"]) == ("tests/drive/test_frames.py", name, True)
    assert "def " in frame["code"] or "lambda" in frame["code"]


def test_what_is_not_written_in_python_has_no_line() -> None:
    assert frame_of(len, None) is None
    ring = decorated(plain)
    ring.__wrapped__ = ring
    assert code_of(ring) is None
