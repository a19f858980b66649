"""The applications of `docs/web.md`: each is served and asked, as a reader would do it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import ROOT, blocks_of

FASTAPI = """
from starlette.testclient import TestClient
import refund_fastapi

with TestClient(refund_fastapi.app) as web:
    for _ in range(2):
        answer = web.post("/refunds", json={"order": "o8", "cents": 900})
        assert (answer.status_code, answer.json()) == (201, {"run": "Refund/o8"})
    answer = web.post("/refunds", json={"order": "o8", "cents": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "start_conflict")
"""

DJANGO = """
import sys, types
from django.conf import settings

urls = sys.modules["refund_urls"] = types.ModuleType("refund_urls")
settings.configure(
    ROOT_URLCONF="refund_urls", MIDDLEWARE=["refund_views.Refusals"], SECRET_KEY="x", ALLOWED_HOSTS=["*"]
)
import django
from django.test import Client
from django.urls import path

django.setup()
import refund_views

urls.urlpatterns = [path("refunds", refund_views.ask)]
post = Client().post
for _ in range(2):
    answer = post("/refunds", {"order": "o9", "cents": 9}, content_type="application/json")
    assert (answer.status_code, answer.json()) == (201, {"run": "Refund/o9"})
answer = post("/refunds", {"order": "o9", "cents": 1}, content_type="application/json")
assert (answer.status_code, answer.json()["code"]) == (409, "start_conflict")
"""

STARLETTE = """
from starlette.testclient import TestClient
import opord
from refund_bank import Handlers
from refund_web import Refund, make_app

with TestClient(make_app(opord.Engine("sqlite:///refunds.db", [Refund(Handlers())]))) as web:
    assert web.post("/refunds", json={"order": "o1", "cents": 900}).status_code == 201
    answer = web.post("/refunds/o1/approve", json={"note": "ok"}, headers={"x-user": "ann"})
    assert answer.json() == {"event": "taken"}
    assert web.get("/refunds/o1?wait=20").json()["data"] == {"number": "transfer o1"}
    assert web.get("/refunds/nobody").status_code == 404
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for block in blocks_of(ROOT / "docs" / "web.md"):
        if block.file is not None:
            (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    return tmp_path


def python(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("program", [STARLETTE, FASTAPI, DJANGO], ids=["starlette", "fastapi", "django"])
def test_the_application_answers(folder: Path, program: str) -> None:
    python(folder, "-c", program)


def test_the_tests_of_the_application_pass(folder: Path) -> None:
    python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_refund_web.py")
