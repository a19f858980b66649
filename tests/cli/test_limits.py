"""Limits on the command line: in the settings file, as flags, and `opord limits`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from opord.backends.limits import LimitInvalid, merged, read_flag, read_limits
from opord.kernel.limits import Permit, Returned
from opord.loading import program_of
from opord.stores.sqlite import SqliteStore
from opord.values.types import Duration
from tests.cli.kit import Shop, stop
from tests.support.contracts import compiled, workflow_of

CONTRACT = """
contract Order(id: str, customer: Customer, note: str?) key id version 1
record Customer { id: str, card: secret str }
failure Bank { Refused }
pure weigh(id: str) -> int
effect look(id: str) -> str
action charge(id: str, cents: int) -> str fails Bank { key id }
initial state Paying -> Paid | Stopped {
  let seen = perform look(id)
  match commit charge(id, weigh(id)) {
    ok receipt -> goto Paid(seen)
    Refused -> goto Stopped
  }
}
final state Paid(receipt: str) success
final state Stopped failure
"""


def read(table: Any) -> list[str]:
    program = program_of(workflow_of(compiled(CONTRACT)))
    return [f"{one.name}: {one}" for one in read_limits(table, [program])]


def test_a_table_has_limits_of_contracts_and_of_calls() -> None:
    table = {
        "Order": {
            "at_once": 5,
            "per_minute": 100,
            "by": "customer.id",
            "charge": {"per_second": 3, "by": "cents"},
            "look": {"per_hour": 7, "by": "note"},
        },
        "Refund": {"at_once": "somebody else's"},
    }
    assert read(table) == [
        "Order: 5 at once, 100 per minute, by customer.id",
        "Order.charge: 3 per second, by cents",
        "Order.look: 7 per hour, by note",
    ]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({"Ordr": {"at_once": 1}}, "`limits.Ordr`: no contract here has that name; did you mean `Order`?"),
        ({"Order": 5}, "expected a table in `limits.Order`, got: 5"),
        (5, "expected a table for each contract in `limits`, got: 5"),
        ({"Order": {"chrage": {"at_once": 1}}}, "Order has no effect or action `chrage`; did you mean `charge`?"),
        ({"Order": {"x": {"at_once": 1}}}, "Order has no effect or action `x`; its calls are look, charge"),
        ({"Order": {"weigh": {"at_once": 1}}}, "Order.weigh is a pure, which calls nothing outside; limit an effect or an action"),
        ({"Order": {"at_onec": 1}}, "`at_onec` in the limit of Order is not known; did you mean `at_once`?"),
        ({"Order": {"max": 1}}, "`max` in the limit of Order is not known; a limit has at_once, per_second, per_minute, per_hour, by"),
        ({"Order": {"at_once": 0}}, "expected a whole number from 1 to 1,000,000 for at_once of Order, got: 0"),
        ({"Order": {"at_once": True}}, "expected a whole number from 1 to 1,000,000 for at_once of Order, got: True"),
        ({"Order": {"per_second": 1.5}}, "expected a whole number from 1 to 1,000,000 for per_second of Order, got: 1.5"),
        ({"Order": {"by": "id"}}, "the limit of Order has no number; give it at_once or a rate, as in at_once = 20"),
        ({"Order": {"per_second": 1, "per_minute": 1}}, "the limit of Order has per_second and per_minute; give it one rate"),
        ({"Order": {"at_once": 1, "by": "custmer"}}, "`by` of Order is `custmer`, and there is no `custmer`; did you mean `customer`?"),
        ({"Order": {"at_once": 1, "by": "customer.name"}}, "`by` of Order is `customer.name`, and there is no `name`; there are id, card"),
        ({"Order": {"at_once": 1, "by": "customer.card"}}, "`by` of Order is `customer.card`, which is secret; a key is stored readable"),
        ({"Order": {"at_once": 1, "by": 7}}, "expected the name of a parameter for `by` of Order, got: 7"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_in_words(table: Any, why: str) -> None:
    with pytest.raises(LimitInvalid) as refused:
        read(table)
    assert str(refused.value) == why


def test_a_flag_takes_the_place_of_the_same_limit_in_the_file() -> None:
    file = {"Order": {"at_once": 5, "by": "id", "charge": {"at_once": 1}, "look": {"at_once": 2}}}
    flags = [read_flag("Order.charge per_second=9 by=cents"), read_flag("Order at_once=7")]
    assert merged([file, *flags]) == {
        "Order": {"at_once": 7, "charge": {"per_second": 9, "by": "cents"}, "look": {"at_once": 2}}
    }


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("Order", "expected what the limit is, as in `Order at_once=20`, got: 'Order'"),
        ("Order at_once 5", "expected NAME=VALUE, as in at_once=20, got: 'at_once'"),
    ],
)
def test_a_wrong_flag_is_refused_in_words(flag: str, why: str) -> None:
    with pytest.raises(LimitInvalid) as refused:
        read_flag(flag)
    assert str(refused.value) == why


def test_a_worker_puts_its_limits_into_the_store_and_they_are_shown(shop: Shop) -> None:
    (shop.folder / "opord.toml").write_text(
        "[limits.Desk]\nat_once = 3\n[limits.Desk.charge]\nper_second = 100\n"
    )
    shop.start("o1", "o2")
    said = shop.work("--limit", "Desk.charge per_minute=50")
    assert said.status == 0
    assert "the limit Desk is new: 3 at once" in said.err
    assert "the limit Desk.charge is new: 50 per minute" in said.err
    assert [line.split() for line in shop.opord("limits").out.splitlines()] == [
        ["LIMIT", "ALLOWS", "HELD", "WAITING"],
        ["Desk", "3", "at", "once", "0", "0"],
        ["Desk.charge", "50", "per", "minute", "0", "0"],
    ]
    assert shop.opord("limits", "--json").json[1] == {
        "limit": "Desk.charge", "at_once": None, "rate": 50, "window_s": 60.0, "by": None, "held": 0, "waiting": 0, "keys": 0,
    }  # fmt: skip
    changed = shop.work("--limit", "Desk.charge per_minute=70")
    assert "the limit Desk.charge is now 70 per minute for all workers; it was 50 per minute" in changed.err


def test_a_limit_that_the_settings_do_not_name_holds_until_it_is_dropped(shop: Shop) -> None:
    assert shop.work("--limit", "Desk at_once=3").status == 0
    said = shop.work()
    assert "the limit Desk (3 at once) is in the store and not in the settings of this worker" in said.err
    wrong = shop.opord("limits", "drop", "Dsek")
    assert (wrong.status, wrong.err) == (
        1,
        "error[limit_unknown]: there is no limit 'Dsek'; did you mean 'Desk'?\n",
    )
    assert shop.opord("limits", "drop", "Desk").status == 0
    nothing = shop.opord("limits")
    assert (nothing.status, nothing.out) == (0, "")
    assert nothing.err == "this store has no limits; a worker puts those of its settings there\n"


def test_a_wrong_limit_ends_the_worker_before_it_takes_a_run(shop: Shop) -> None:
    shop.start("o1")
    said = shop.work("--limit", "Desk.chrage at_once=1")
    assert said.status == 2
    assert "error[limit]: Desk has no effect or action `chrage`; did you mean `charge`?" in said.err


def test_a_run_that_waits_for_a_limit_says_so_in_every_view(shop: Shop) -> None:
    assert shop.work("--limit", "Desk.charge at_once=1").status == 0
    store = SqliteStore(shop.folder / "opord.db")
    (limit,) = store.permits.limits()
    store.heartbeat("another", [], ttl_us=Duration(600_000_000))
    store.permits.exchange("another", [], [(Permit("held", limit.id, ""),)])
    shop.start("o1")
    worker = shop.begin("worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers")
    end = time.monotonic() + 30
    while shop.view("o1")["waiting_for"][:1] != [{"limit": "Desk.charge"}]:
        assert time.monotonic() < end, "the run does not wait for the limit"
        time.sleep(0.05)
    stop(worker)
    assert shop.view("o1")["reason"].startswith("it waits for the limit Desk.charge")
    shown = shop.opord("runs", "show", "Desk/o1")
    assert (shown.status, shown.err) == (0, "")
    assert "waits for  a permit of the limit Desk.charge" in shown.out
    assert "opord limits" in shown.out
    assert "it waits for the limit Desk.charge" in shop.opord("runs", "list").out
    assert "waits for  a permit of the limit Desk.charge" in shop.opord("runs", "history", "Desk/o1").out
    assert shop.opord("limits").out.splitlines()[1].split() == ["Desk.charge", "1", "at", "once", "1", "1"]
    assert "1 run waits for the limit Desk.charge" in shop.opord("doctor").out
    assert shop.opord("runs", "verify").status == 0
    store.permits.exchange("another", [Returned(Permit("held", limit.id, ""), True)], [])
    store.close()
    assert shop.work().status == 0
    assert shop.view("o1")["outcome"] == "success"
