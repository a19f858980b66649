"""One attempt to post: what counts as received, and to which address it goes."""

from __future__ import annotations

import asyncio
import ssl

import httpcore
import pytest

from opord.server.outgoing.posting import CheckedNetwork, Posted, Poster, Unreachable
from tests.server.outgoing.receiver import Receiver, answered, receiving


async def post(url: str, *, allow_private: bool = True, body: bytes = b"{}", **how: object) -> Posted:
    """Post once."""
    poster = Poster(url, allow_private=allow_private, connections=2, **how)  # type: ignore[arg-type]
    try:
        return await poster.post({"webhook-id": "msg_1"}, body)
    finally:
        await poster.close()


def posted(said: bytes, **how: object) -> tuple[Posted, Receiver]:
    """Post once to a receiver that says this."""

    async def main() -> tuple[Posted, Receiver]:
        async with receiving() as receiver:
            receiver.answer = lambda got: said
            return await post(receiver.url, **how), receiver  # type: ignore[arg-type]

    return asyncio.run(main())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_acknowledgement(status: int) -> None:
    answer, receiver = posted(answered(status))
    assert answer == Posted(status)
    (got,) = receiver.got
    assert (got.target, got.body, got.headers["webhook-id"]) == ("/hook?k=1", b"{}", "msg_1")
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(status: int) -> None:
    answer, _ = posted(answered(status))
    assert (answer.status, answer.trouble) == (status, f"HTTP {status}")


def test_a_pause_that_is_asked_for_is_heard() -> None:
    answer, _ = posted(answered(503, "Retry-After: 120"))
    assert answer.asked_s == 120


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    async def main() -> None:
        async with receiving() as first, receiving() as second:
            first.answer = lambda got: answered(status, f"Location: {second.url}")
            answer = await post(first.url)
            assert answer.trouble.startswith(f"HTTP {status}: redirects are not followed")
            assert second.got == []

    asyncio.run(main())


def test_a_receiver_that_says_nothing_is_left() -> None:
    answer, receiver = posted(b"", timeout_s=0.2)
    assert answer == Posted(0, "no answer within 0.2 s")
    assert len(receiver.got) == 1


def test_a_receiver_that_answers_for_ever_is_left() -> None:
    answer, _ = posted(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n" + b"x" * 200_000, timeout_s=5)
    assert answer == Posted(200)


def test_a_body_that_never_ends_counts_as_no_answer() -> None:
    answer, _ = posted(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", timeout_s=0.2)
    assert answer.trouble == "no answer within 0.2 s"


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000])
def test_what_is_no_http_is_a_failure(said: bytes) -> None:
    answer, _ = posted(said)
    assert answer.trouble.startswith("no answer (RemoteProtocolError")


def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    answer = asyncio.run(post("http://127.0.0.1:1/"))
    assert answer.trouble.startswith("no answer (ConnectError")


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer, _ = posted(answered(200))
    assert answer == Posted(200)


# --- where it goes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "0.0.0.0", "0", "169.254.169.254",
    ],
)  # fmt: skip
def test_no_way_to_write_a_private_host_leads_there(host: str) -> None:
    async def main() -> None:
        async with receiving() as receiver:
            answer = await post(f"http://{host}:{receiver.port}/", allow_private=False)
            assert "which no webhook is sent to" in answer.trouble or "cannot be resolved" in answer.trouble
            assert (receiver.got, receiver.connections) == ([], 0)

    asyncio.run(main())


def test_a_name_that_leads_elsewhere_a_moment_later_is_connected_where_it_was_checked() -> None:
    """A name that is public when checked, and private when connected to, gets nowhere."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["203.0.113.7"] if len(asked) == 1 else ["127.0.0.1"]

    async def main() -> None:
        async with receiving() as receiver:
            first = await post(
                f"http://shop.example:{receiver.port}/", allow_private=False, resolve=rebinding
            )
            second = await post(
                f"http://shop.example:{receiver.port}/", allow_private=False, resolve=rebinding
            )
            assert receiver.connections == 0
            assert "203.0.113.7" in first.trouble
            assert "127.0.0.1, which no webhook is sent to; `allow_private" in second.trouble

    asyncio.run(main())
    assert asked == ["shop.example", "shop.example"]


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """The name is resolved once, and the inner network gets an address and never the name."""
    connected: list[str] = []

    class Inner(httpcore.AnyIOBackend):
        async def connect_tcp(self, host: str, *rest: object, **how: object) -> httpcore.AsyncNetworkStream:
            connected.append(host)
            raise httpcore.ConnectError("closed")

    async def both(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "8.8.8.8", "::1", "1.1.1.1"]

    network = CheckedNetwork(allow_private=False, resolve=both)
    network._inner = Inner()
    with pytest.raises(httpcore.ConnectError):
        asyncio.run(network.connect_tcp("shop.example", 443))
    assert connected == ["8.8.8.8", "1.1.1.1"]


def test_a_name_without_an_address_says_so() -> None:
    async def none(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    network = CheckedNetwork(allow_private=True, resolve=none)
    with pytest.raises(Unreachable, match=r"the name shop\.example cannot be resolved"):
        asyncio.run(network.connect_tcp("shop.example", 443))
    with pytest.raises(Unreachable, match="socket of this machine"):
        asyncio.run(network.connect_unix_socket("/run/docker.sock"))


def test_a_certificate_is_checked() -> None:
    poster = Poster("https://shop.example/", allow_private=False, connections=1)
    context = poster._pool._ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
