"""The contracts: which there are, their versions, sheets, diagrams and texts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from opord.codegen import diagram
from opord.contract import Contract
from opord.kernel.program import Program
from opord.language.sheet import explain_sheet, render_markdown
from opord.server.addresses import root_of
from opord.server.answers import Answer, as_json
from opord.server.desk import Desk
from opord.server.openapi import document
from opord.server.problems import Problem
from opord.server.requests import Request
from opord.server.routing import Route
from opord.values.guard import INT_MAX

_DRAWINGS: Final[dict[str, tuple[str, Callable[[Contract], str]]]] = {
    "svg": ("image/svg+xml", diagram.to_svg),
    "dot": ("text/vnd.graphviz; charset=utf-8", diagram.to_dot),
    "mermaid": ("text/plain; charset=utf-8", diagram.to_mermaid),
}


async def list_contracts(desk: Desk, request: Request) -> Answer:
    """List the contracts: those whose runs can be started here, and those that are stored."""
    request.query(())
    starts = {(one.name, one.version) for one in desk.source.programs}
    known = starts | {(one.name, one.version) for one in await desk.backend.versions()}
    return as_json(
        {
            "contracts": [
                {
                    "contract": name,
                    "versions": sorted(version for one, version in known if one == name),
                    "starts": max((version for one, version in starts if one == name), default=None),
                }
                for name in sorted({name for name, _ in known})
            ]
        }
    )


async def versions(desk: Desk, request: Request) -> Answer:
    """List the versions of a contract, with their digests."""
    request.query(())
    name = request.route["contract"]
    known = {one.version: one.digest for one in await desk.backend.versions(name)}
    starts = {one.version: one.digest for one in desk.source.programs if one.name == name}
    known |= starts
    if not known:
        desk.program(name)  # it says which contracts there are
    return as_json(
        {
            "contract": name,
            "versions": [
                {"version": version, "digest": known[version], "starts": version in starts}
                for version in sorted(known)
            ],
        }
    )


async def sheet(desk: Desk, request: Request) -> Answer:
    """Explain a contract: as data, or as Markdown."""
    request.query(("version", "format"))
    form = _one_of(request, "format", ("json", "markdown"))
    explained = explain_sheet(await _contract(desk, request))
    if form == "markdown":
        return _text(render_markdown(explained), "text/markdown; charset=utf-8")
    return as_json(explained.to_plain())


async def draw(desk: Desk, request: Request) -> Answer:
    """Draw a contract, as SVG or as a text for other tools."""
    request.query(("version", "format"))
    kind, write = _DRAWINGS[_one_of(request, "format", (*_DRAWINGS,))]
    contract = await _contract(desk, request)
    try:
        return _text(await asyncio.to_thread(write, contract), kind)
    except diagram.DiagramError as wrong:
        raise Problem(wrong.code, f"{wrong}; `?format=mermaid` needs nothing more") from None


async def text(desk: Desk, request: Request) -> Answer:
    """Give the text of a contract, as it was accepted."""
    request.query(("version",))
    program = await _program(desk, request)
    return as_json({"sources": [{"file": file, "text": content} for file, content in program.sources]})


async def openapi(desk: Desk, request: Request) -> Answer:
    """Describe the addresses for the runs of a contract, as an OpenAPI document."""
    request.query(("version",))
    base = f"{root_of(request.scope)}/api/v1"
    signed = request.principal.token is not None
    return as_json(document(await _contract(desk, request), desk.limits, base, signed=signed))


async def _contract(desk: Desk, request: Request) -> Contract:
    return (await _program(desk, request)).contract


async def _program(desk: Desk, request: Request) -> Program:
    """Return a contract of the path: one that is served, or one that is only stored."""
    name = request.route["contract"]
    version = request.whole("version", default=0, least=1, most=INT_MAX) or None
    for one in desk.source.programs:
        if one.name == name and one.version == version:
            return one
    stored = [one for one in await desk.backend.versions(name) if version in (None, one.version)]
    served = [one.version for one in desk.source.programs if one.name == name]
    if not stored or (version is None and served):
        return desk.program(name, version)
    return await desk.shown.program_of(max(stored, key=lambda one: one.version).digest)


def _one_of(request: Request, name: str, words: tuple[str, ...]) -> str:
    word = request.once(name) or words[0]
    if word not in words:
        raise Problem("query_invalid", f"expected for {name} one of {', '.join(words)}, got: {word!r}")
    return word


def _text(content: str, kind: str) -> Answer:
    headers: list[Any] = [(b"content-type", kind.encode())]
    # A drawing that is opened as a page of its own runs no script and fetches nothing.
    headers.append((b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox"))
    return Answer(200, content.encode(), headers)


ROUTES = (
    Route("GET", "/contracts", list_contracts, "look"),
    Route("GET", "/contracts/{contract}", sheet, "look"),
    Route("GET", "/contracts/{contract}/versions", versions, "look"),
    Route("GET", "/contracts/{contract}/diagram", draw, "look"),
    Route("GET", "/contracts/{contract}/text", text, "look"),
    Route("GET", "/contracts/{contract}/openapi.json", openapi, "look"),
)
