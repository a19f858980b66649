"""Routes of webhooks as they are declared: what is refused before anything is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opord.loading import program_of
from opord.server import HttpApi, WebhookInvalid
from opord.server.webhooks import WebhookRoute, read_webhooks
from opord.server.webhooks.secrets import keys_of
from tests.server import signing
from tests.server.hooks import ENVIRONMENT, ORDER, PAID, PLACED, REMARKED, load_order
from tests.support.contracts import compiled, workflow_of

KEYLESS = """
contract Note(text: str)
event go()
initial state Waiting -> Gone { on go() -> goto Gone }
final state Gone success
"""

PROGRAMS = [program_of(workflow_of(compiled(text))).contract for text in (ORDER, KEYLESS)]


def read(route: Any, name: str = "stripe", environ: dict[str, str] = ENVIRONMENT) -> WebhookRoute:
    (found,) = read_webhooks({name: route}, PROGRAMS, environ)
    return found


def problems(routes: Any) -> list[str]:
    with pytest.raises(WebhookInvalid) as wrong:
        read_webhooks(routes, PROGRAMS, ENVIRONMENT)
    return list(wrong.value.problems)


def without(route: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in route.items() if name not in names}


def test_a_route_says_what_it_does() -> None:
    assert [read(one).does for one in (PAID, PLACED)] == ["sends Order.paid", "starts Order"]
    assert (read(PAID).actor, read(PAID).tolerance_s) == ("webhook:stripe", 300)
    assert read(PAID | {"tolerance": "1h"}).tolerance_s == 3600


def test_keys_are_in_no_text_of_a_route() -> None:
    assert signing.STRIPE not in repr(read(PAID))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "hooks"}, "`path` is a path such as /hooks/stripe; got: 'hooks'"),
        ({"path": "/api/v1/runs"}, "`path` begins with /api, which is the server's own"),
        ({"path": "/metrics"}, "`path` begins with /metrics"),
        ({"path": "/hooks/{name}"}, "`path` is a path such as"),
        ({"path": "/hooks/../x"}, "clients take for a folder"),
        ({"scheme": "strip"}, "`scheme` is one of standard, stripe, github; got: 'strip'"),
        ({"secrets": []}, "`secrets` is a list of names"),
        ({"secrets": "env:STRIPE"}, "`secrets` is a list of names"),
        ({"secrets": ["env:NOWHERE"]}, "the environment variable NOWHERE is not set"),
        ({"secrets": ["file:/nowhere/secret"]}, "`file:/nowhere/secret` cannot be read: No such file"),
        ({"secrets": [signing.STRIPE]}, "a secret is named, as in `env:STRIPE_SECRET`"),
        ({"scheme": "standard", "secrets": ["env:GITHUB"]}, "the secret in `env:GITHUB` cannot be used: a secret of Standard Webhooks begins with whsec_"),
        ({"tolerance": "soon"}, "`tolerance` is a duration up to 24h"),
        ({"tolerance": 0}, "`tolerance` is a duration"),
        ({"tolerance": True}, "`tolerance` is a duration"),
        ({"evnt": "Order.paid"}, "`evnt` is not known; did you mean `event`?"),
        ({"event": "Order"}, "`event` is a contract and its event"),
        ({"event": "Ordr.paid"}, "the contract `Ordr` is not served here; did you mean `Order`?"),
        ({"event": "Order.payd"}, "Order has no event `payd`; did you mean `paid`?"),
        ({"start": "Order"}, "say what a delivery does: either"),
        ({"event": None}, "say what a delivery does: either"),
        ({"run": None}, "`run` is where the key of the run stands"),
        ({"run": "payload.id"}, "`run`: expected a place such as `body.data.id`"),
        ({"run": "body..id"}, "`run`: expected a place"),
        ({"args": {"charge": "body.id"}}, "`args` has no `cents`, which Order.paid needs"),
        ({"args": PAID["args"] | {"chrge": "body.id"}}, "Order.paid has no parameter `chrge`; did you mean `charge`?"),
        ({"args": PAID["args"] | {"charge": "id"}}, "`args.charge`: expected a place"),
        ({"args": PAID["args"] | {"cents": "headers.x-cents"}}, "`args.cents` comes from a header, which is a text, and `int` is wanted"),
        ({"args": PAID["args"] | {"cents": "text:9"}}, "`args.cents` is '9', and `int` is wanted"),
        ({"args": PAID["args"] | {"charge": 5}}, "`args.charge` is 5, and `str` is wanted"),
        ({"args": PAID["args"] | {"charge": {"id": "body.id"}}}, "`args.charge` is a table, and `str` is wanted"),
        ({"args": "body"}, "`args` is a table"),
        ({"role": "cashier"}, "`role` is for events that are declared `by` a role"),
        ({"event": "Order.checked", "args": {}}, 'only cashier may send checked; add role = "cashier"'),
        ({"event": "Order.checked", "role": "boss"}, "`role`: the event wants cashier; got: 'boss'"),
        ({"when": "always"}, "`when` is a table"),
        ({"when": {"type": "x"}}, "`when`: expected a place"),
        ({"when": {"body.type": []}}, "`when` wants of body.type a text"),
        ({"unknown": "ignore"}, '`unknown` is "retry" or "accept"'),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_said_with_name_and_place(change: dict[str, Any], said: str) -> None:
    found = problems({"stripe": {key: value for key, value in (PAID | change).items() if value is not None}})
    assert all(one.startswith("[webhooks.stripe] ") for one in found)
    assert any(said in one for one in found), found
    assert not any(secret in one for one in found for secret in ENVIRONMENT.values())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"run": "body.id"}, "`run` is for events; the key of a new Order comes from its input"),
        ({"unhandled": "accept"}, "`unhandled` is for events"),
        ({"args": {"id": "body.id"}}, "`args` has no `cents`, which Order needs"),
    ],
)  # fmt: skip
def test_what_cannot_be_started(change: dict[str, Any], said: str) -> None:
    assert any(said in one for one in problems({"shop": PLACED | change}))


def test_members_of_records_are_checked_too() -> None:
    checked = PAID | {"event": "Order.checked", "role": "cashier"}
    (wrong,) = problems({"stripe": checked | {"args": {"tags": "body.tags", "charge": {"id": "body.id"}}}})
    assert "`args.charge` has no `cents`, which Charge needs" in wrong
    (wrong,) = problems({"stripe": checked | {"args": {"charge": "body.charge", "tags": "headers.tags"}}})
    assert "and a list is wanted" in wrong


def test_all_mistakes_are_told_at_once() -> None:
    assert len(problems({"a": {"scheme": "x"}, "b": 5, "c d": PAID})) >= 5


def test_routes_at_one_path_have_conditions_and_the_same_secrets() -> None:
    assert len(read_webhooks({"a": PAID, "b": PAID}, PROGRAMS, ENVIRONMENT)) == 2
    assert "has no `when`" in problems({"a": PAID, "b": without(PAID, "when")})[0]
    other = PAID | {"scheme": "github", "secrets": ["env:GITHUB"]}
    assert "give both the same scheme, secrets and tolerance" in problems({"a": PAID, "b": other})[0]


def test_a_place_may_have_several_secrets_and_space_around_them() -> None:
    two = keys_of("stripe", ["env:S"], {"S": " whsec_new whsec_old\n"})
    assert two == keys_of("stripe", ["env:A", "env:B"], {"A": "whsec_new", "B": "whsec_old"})
    assert keys_of("github", ["env:S"], {"S": "two words\n"}) == (b"two words",)
    for empty in ("", " ", "\n"):
        with pytest.raises(ValueError, match="the environment variable S is not set"):
            keys_of("stripe", ["env:S"], {"S": empty})


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{signing.STANDARD}\n")
    route = PLACED | {"secrets": [f"file:{tmp_path}/secret", "env:STANDARD"]}
    keys = read(route).keys
    assert keys[0] == keys[1]
    (tmp_path / "secret").write_text("x" * 5000)
    assert "more than 4,096 bytes" in problems({"shop": route})[0]


def test_an_application_reads_them_when_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import opord

    monkeypatch.delenv("GITHUB", raising=False)
    engine = opord.Engine("sqlite://:memory:", [load_order(tmp_path)])
    with pytest.raises(WebhookInvalid, match="GITHUB is not set"):
        HttpApi(engine, webhooks={"github": REMARKED})
