"""Signatures as Standard Webhooks have them, and when a message is tried again."""

from __future__ import annotations

import base64

import pytest

from opord.server.outgoing import schedule
from opord.server.outgoing.schedule import asked_pause_s, next_try
from opord.server.outgoing.signing import key_of, message_id, new_secret, signed
from opord.values.types import Instant

# Of the specification's own example.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND = 1_000_000
BEGIN = Instant(1_767_225_600 * SECOND)


def test_a_signature_is_that_of_the_specification() -> None:
    headers = signed([key_of(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_secret_signs() -> None:
    other = key_of(new_secret())
    both = signed([key_of(SECRET), other], "msg_1", 1, b"{}")["webhook-signature"].split(" ")
    assert both == [signed([key], "msg_1", 1, b"{}")["webhook-signature"] for key in (key_of(SECRET), other)]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_!!!!", "not base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "has 23 bytes"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "has 65 bytes"),
    ],
)
def test_what_is_no_secret_is_refused_without_showing_it(secret: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        key_of(secret)
    assert secret not in str(refused.value)


def test_an_id_is_stable_and_has_no_point() -> None:
    assert message_id("Order/a.b", 1) == message_id("Order/a.b", 1) != message_id("Order/a.b", 2)
    assert "." not in message_id("Order/a.b", 1)


# --- again ---------------------------------------------------------------------------------------


def test_pauses_grow_and_are_spread() -> None:
    def pause_s(attempts: int, random: float = 0.5, asked_s: float = 0) -> float:
        at = next_try(attempts, BEGIN, BEGIN, asked_s=asked_s, random=lambda: random)
        assert at is not None
        return (at - BEGIN) / SECOND

    assert [pause_s(n) for n in range(1, 12)] == [*schedule.PAUSES_S, 28800, 28800]
    assert (pause_s(3, 0.0), pause_s(3, 1.0)) == (96, 144)
    assert pause_s(1, asked_s=600) == 600
    assert pause_s(1, asked_s=10**9) == schedule.ASKED_S_MOST


def test_a_message_is_tried_once_more_at_the_end_and_then_given_up() -> None:
    end = Instant(BEGIN + schedule.GIVEN_UP_S * SECOND)
    late = Instant(end - 60 * SECOND)
    assert next_try(20, BEGIN, late, asked_s=0, random=lambda: 0.5) == end
    assert next_try(21, BEGIN, end, asked_s=0, random=lambda: 0.5) is None


@pytest.mark.parametrize(
    ("header", "pause_s"),
    [
        ("", 0), ("17", 17), (" 5 ", 5), ("-5", 0), ("soon", 0), ("1e9", 0), ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0), ("Thu, 99 Jan 2026 00:01:00 GMT", 0), ("9" * 400, 999_999_999),
    ],
)  # fmt: skip
def test_a_pause_is_read_as_seconds_or_as_an_instant(header: str, pause_s: float) -> None:
    assert asked_pause_s(header, BEGIN / SECOND) == pause_s
