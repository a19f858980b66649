"""The lowest versions are computed from what the project declares, and each Python is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.install import environments, matrix
from tests.install.lowest import ROOT, constraints, lower_bounds, project

DECLARED: dict[str, Any] = {
    "name": "shop",
    "dependencies": ["Click_Like>=8.1", "apsw>=3.51.3.0"],
    "optional-dependencies": {
        "server": ["starlette>=0.40", "uvicorn[standard]>=0.30"],
        "demo": ["shop[server]", "starlette>=0.40"],
        "dev": ["shop[server]", "ruff>=0.9"],
    },
}


def test_users_get_their_lower_bounds_and_tools_their_pins() -> None:
    pinned = (
        "# pins\nstarlette==1.10.0\nclick-like==9.0\nruff==0.17.6\npytest_asyncio==1.5.0\nanyio==4.16.0\n"
    )
    assert constraints(DECLARED, pinned).splitlines() == [
        "anyio==4.16.0",
        "apsw==3.51.3.0",
        "click-like==8.1",
        "ruff==0.17.6",
        "starlette==0.40",
        "uvicorn==0.30",
    ]


def test_a_package_that_an_extra_adds_has_the_version_of_its_own_package() -> None:
    declared = {**DECLARED, "dependencies": ["psycopg[binary,pool]>=3.2.10", "psycopg-pool>=3.2.7"]}
    found = constraints(declared, "psycopg==3.3.9\npsycopg-binary==3.3.9\npsycopg_pool==3.3.3\n").splitlines()
    assert {"psycopg==3.2.10", "psycopg-pool==3.2.7"} <= set(found)
    assert not [line for line in found if line.startswith("psycopg-binary")]


@pytest.mark.parametrize("line", ["httpx", "httpx<1", "httpx==0.27", "httpx>=0.27,<1"])
def test_a_dependency_says_its_lower_bound_and_no_more(line: str) -> None:
    with pytest.raises(ValueError, match="expected a dependency with a lower bound"):
        lower_bounds({**DECLARED, "dependencies": [line]})


def test_one_package_has_one_lower_bound() -> None:
    with pytest.raises(ValueError, match=r"starlette has two lower bounds: 0\.39 and 0\.40"):
        lower_bounds({**DECLARED, "dependencies": ["starlette>=0.39"]})


def test_every_dependency_of_the_project_has_a_lower_bound_and_a_pin() -> None:
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    bounds = lower_bounds(project())
    assert {
        "msgspec",
        "apsw",
        "click",
        "rich",
        "pygls",
        "cryptography",
        "psycopg",
        "hypothesis",
    } <= bounds.keys()
    assert [name for name in bounds if f"\n{name}==" not in f"\n{pinned}"] == []


def test_the_matrix_asks_for_the_pythons_that_the_project_claims() -> None:
    claimed = matrix.claimed(project())
    assert claimed[0] == project()["requires-python"].removeprefix(">=")
    assert not set(claimed) & set(matrix.LATER)


def test_a_python_that_is_not_there_is_not_found() -> None:
    assert environments.python_of("3.99") is None


def test_a_python_that_was_asked_for_and_is_not_there_fails_the_matrix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix, "python_of", lambda version: Path("python") if version == "3.12" else None)
    monkeypatch.setattr(matrix, "_passes", lambda *_: True)
    assert matrix.main(["--pythons", "3.12"]) == 0
    assert matrix.main(["--pythons", "3.12 3.99"]) == 1
    assert "asked for and not on this machine: Python 3.99" in capsys.readouterr().out
