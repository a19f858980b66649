"""Every code has a status, and every error of the API is a problem that says what to do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opord
import opord.engine.restoring  # its refusal is one of all
from opord.backends.base import Unsupported
from opord.codegen.diagram import DiagramError
from opord.drive.errors import EngineError
from opord.server import HttpLimits
from opord.server.problems import KINDS
from tests.server.kit import at, run, served

ROOT = Path(__file__).parent.parent.parent
OWN = re.compile(r'Problem\(\s*"([a-z_]+)"')


def classes_below(base: type[Any]) -> Iterator[type[Any]]:
    yield base
    for one in base.__subclasses__():
        yield from classes_below(one)


def codes_of_refusals() -> set[str]:
    """Return the codes of all errors that a backend can raise."""
    assert Unsupported in set(classes_below(EngineError))
    codes = {one.code for base in (EngineError, DiagramError) for one in classes_below(base)}
    source = (ROOT / "src/opord/backends/codes.py").read_text()
    codes |= set(re.findall(r'RefusalCode\(\s*"([a-z_]+)"', source))
    codes |= set(re.findall(r'code = "([a-z_]+)" if', source)) | set(re.findall(r'else "([a-z_]+)"', source))
    codes |= {"archive_damaged", "archive_refused"}
    kinds = re.findall(
        r'"(\w+)"', (opord.StoreUnavailable.__doc__ or "").partition("`kind` is")[2].partition(".")[0]
    )
    assert {"full", "locked", "gone", "other_server"} <= set(kinds)
    return codes | {f"store_{kind}" for kind in kinds}


def own_codes() -> set[str]:
    """Return the codes that the server itself answers with."""
    sources = [path.read_text() for path in (ROOT / "src/opord/server").rglob("*.py")]
    text = "\n".join(sources)
    return {code for source in sources for code in OWN.findall(source)} | set(
        re.findall(r'code = "(\w+)" if isinstance\(error', text)
        + re.findall(r'isinstance\(.*\) else "(\w+)"', text)
    )


def test_every_code_has_a_status() -> None:
    missing = (codes_of_refusals() | own_codes()) - set(KINDS)
    assert not missing, f"give them a status in opord/server/problems.py: {sorted(missing)}"


def test_no_status_is_of_a_code_that_is_no_more() -> None:
    assert set(KINDS) - codes_of_refusals() - own_codes() == set()


def test_statuses_are_errors_and_titles_are_sentences() -> None:
    for code, kind in KINDS.items():
        assert 400 <= kind.status < 600, code
        assert re.fullmatch(r"[A-Z][^.]*\.", kind.title), code


def test_no_fact_takes_the_place_of_a_member_of_every_problem() -> None:
    for code, kind in KINDS.items():
        assert not {*kind.facts} & {"type", "title", "status", "detail", "code"}, code


def test_an_error_of_our_own_says_nothing_of_itself_but_an_id(
    refund: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:

            async def breaks(*_: Any, **__: Any) -> None:
                raise ZeroDivisionError("a secret of the server")

            monkeypatch.setattr(api.engine.backend, "row", breaks)
            answer = await api.web.get(at("o1"))
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (500, "internal")
            assert "secret" not in answer.text
            assert problem["id"] in problem["detail"]
            assert problem["id"] in caplog.text
            assert "a secret of the server" in caplog.text

    run(test)


@pytest.mark.parametrize("kind", ["full", "locked", "readonly", "io", "gone", "unreachable"])
def test_a_store_that_cannot_answer_is_503_with_when_to_come_again(
    refund: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:

            async def away(*_: Any, **__: Any) -> None:
                raise opord.StoreUnavailable(kind, "it is away")

            monkeypatch.setattr(api.engine.backend, "start", away)
            answer = await api.start("o1")
            assert (answer.status_code, answer.json()["code"]) == (503, f"store_{kind}")
            assert answer.headers["retry-after"] == "1"

    run(test)


def test_a_store_that_says_nothing_is_waited_for_a_while_only(
    refund: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        limits = HttpLimits(answer_s=0.02, body_s=20)
        async with served(refund, handlers=False, limits=limits) as api:

            async def silent(*_: Any, **__: Any) -> None:
                await asyncio.Event().wait()

            for verb in ("start", "row"):
                monkeypatch.setattr(api.engine.backend, verb, silent)
            async with asyncio.timeout(10):
                answers = [await api.start("o1"), await api.web.get(at("o1"))]
            for answer in answers:
                assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
                assert "safely send it again" in answer.json()["detail"]

    run(test)


def test_a_write_to_a_store_that_was_deleted_is_told_so(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        store = tmp_path / "runs.db"
        limits = HttpLimits(answer_s=0.5)
        async with served(refund, handlers=False, limits=limits, store=f"sqlite:///{store}") as api:
            assert (await api.start("o1")).status_code == 201
            store.rename(tmp_path / "moved.db")
            refused = await api.start("o2")
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            assert "was moved, deleted or replaced while open" in refused.json()["detail"]
            (tmp_path / "moved.db").rename(store)
            again = await api.start("o2")
            assert again.status_code in (200, 201), "the first one may have been carried out meanwhile"

    run(test)


def test_more_requests_than_the_limit_are_sent_away(refund: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with served(refund, handlers=False, limits=HttpLimits(requests=3)) as api:
            go = asyncio.Event()
            real = api.engine.backend.start

            async def slow(*args: Any, **named: Any) -> Any:
                await go.wait()
                return await real(*args, **named)

            monkeypatch.setattr(api.engine.backend, "start", slow)
            first = [asyncio.create_task(api.start(f"o{number}")) for number in range(3)]
            await asyncio.sleep(0)
            busy = await api.start("o9")
            assert (busy.status_code, busy.json()["code"]) == (503, "server_busy")
            go.set()
            assert [one.status_code for one in await asyncio.gather(*first)] == [201] * 3
            assert (await api.start("o9")).status_code == 201

    run(test)


def test_a_pruned_run_is_gone(refund: Any, tmp_path: Path) -> None:
    async def test() -> None:
        from opord.backends.base import PruneWish
        from opord.values.types import Duration

        async with served(refund) as api:
            await api.start("o1")
            await api.send("o1", "approve", note="ok")
            await api.until("o1", "ended")
            async for _ in api.engine.backend.prune(
                PruneWish(age_us=Duration(0), keep_us=Duration(10**12)), None
            ):
                pass
            gone = await api.web.get(at("o1"))
            assert (gone.status_code, gone.json()["code"], gone.json()["state"]) == (
                410,
                "run_pruned",
                "Paid",
            )
            again = await api.start("o1")
            assert (again.status_code, again.json()) == (
                200, {"run": "Refund/o1", "created": False, "pruned": True},
            )  # fmt: skip

    run(test)
