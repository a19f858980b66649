"""A beginner's mistakes in handlers are shown with the file and line of the beginner's own code.

So it is in `show`, in `history`, in their JSON and in the log, with one next move. No mistake needs
a look into Opord's code to be understood.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opord.loading import load
from opord.stores.sqlite import SqliteStore
from opord.testing.clock import VirtualClock, run_virtually
from opord.testing.engines import virtual_engine
from tests.cli.kit import Shop

CONTRACT = """\
contract Shop(id: str) key id version 1
record Customer { id: str, vip: bool, points: int = 0, since: datetime? }
failure FindError { Unknown, Busy transient }
failure PayError { Declined(reason: str) }
pure rate(id: str) -> int
effect find(id: str) -> Customer fails FindError
action pay(id: str) -> str fails PayError { in doubt ask }
initial state Asking -> Paying | Failed {
  let found = perform find(id) else { Unknown | Busy -> goto Failed }
  goto Paying(found, rate(id))
}
state Paying(found: Customer, rate: int) -> Paid | Failed {
  match commit pay(id) {
    ok receipt -> goto Paid(receipt)
    Declined(reason) -> goto Failed
  }
}
final state Paid(receipt: str) success
final state Failed failure
"""

OTHER = (
    "contract Other(id: str) version 1\nfailure PayError { Declined(code: int) }\n"
    "action pay(id: str) fails PayError { in doubt ask }\n"
    "initial state A -> B { match commit pay(id) { ok -> goto B\n Declined(code) -> goto B } }\nfinal state B success\n"
)

HEAD = """\
import asyncio
import json
from datetime import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial, wraps
from pathlib import Path
from opord.loading import load

here = Path(__file__).parent
shop = load(here / "shop.opord")
other = load(here / "other.opord")


def row(id):
    return {"id": id, "vip": False}


async def fetch(id):
    return row(id)


def bare(function):
    def wrapper(*args, **named):
        return function(*args, **named)
    return wrapper


class Timed:
    def __init__(self, function):
        self.function = function

    def __call__(self, *args, **named):
        return self.function(*args, **named)


class Lazy(Mapping):
    def __iter__(self):
        return iter(("id", "vip"))

    def __len__(self):
        return 2
"""

GOOD = {
    "rate": "def rate(id):\n    return 3\n",
    "find": "async def find(id):\n    return row(id)\n",
    "pay": "async def pay(id, *, call):\n    return 'receipt'\n",
}


@dataclass(frozen=True)
class Mistake:
    """The handlers with one mistake; `HERE` marks the line that is to be named."""

    call: str
    code: str
    said: str
    type: str = "WrongAnswer"
    in_class: bool = False


MISTAKES = {
    # --- what is returned
    "nothing returned": Mistake(
        "find", "async def find(id):  # HERE\n    customer = row(id)\n",
        "`find` returned None; the contract says Customer"),
    "printed, not returned": Mistake(
        "pay", "def pay(id, *, call):  # HERE\n    print('receipt')\n",
        "`pay` returned None; the contract says str"),
    "an exception swallowed": Mistake(
        "find", "async def find(id):  # HERE\n    try:\n        return row(idd)\n    except Exception:\n        pass\n",
        "`find` returned None; the contract says Customer", in_class=True),
    "a wrong type": Mistake(
        "pay", "async def pay(id, *, call):  # HERE\n    return 17\n",
        "`pay` returned 17; the contract says str"),
    "a float for an int": Mistake(
        "rate", "def rate(id):  # HERE\n    return 0.5\n",
        "`rate` returned 0.5; the contract says int"),
    "a wrong type in a field": Mistake(
        "find", "def find(id):  # HERE\n    return {'id': id, 'vip': 'yes'}\n",
        "`find` returned a dict that does not fit Customer: vip: expected bool, got a text"),
    "a wrong field": Mistake(
        "find", "async def find(id):  # HERE\n    return {**row(id), 'is_vip': True}\n",
        "`find` returned a dict that does not fit Customer: `is_vip` is not a member of Customer", in_class=True),
    "a field missing": Mistake(
        "find", "def find(id):  # HERE\n    return {'id': id}\n",
        "`find` returned a dict that does not fit Customer: vip is missing; expected bool", in_class=True),
    "a naive datetime": Mistake(
        "find", "async def find(id):  # HERE\n    return {**row(id), 'since': datetime(2026, 1, 1)}\n",
        "`find` returned a dict that does not fit Customer: since: "),
    "the class itself": Mistake(
        "find", "async def find(id):  # HERE\n    return shop.Customer\n",
        "`find` returned the class Customer itself; the contract says Customer"),
    "a generator": Mistake(
        "find", "def find(id):  # HERE\n    yield row(id)\n",
        "`find` returned a generator; the contract says Customer"),
    "a failure returned": Mistake(
        "pay", "async def pay(id, *, call):  # HERE\n    return shop.PayError.Declined('no')\n",
        "`pay` returned the failure PayError.Declined; raise it instead"),
    # --- what is not awaited
    "an await forgotten": Mistake(
        "find", "async def find(id):  # HERE\n    return fetch(id)\n",
        "`find` returned a coroutine; an `await` is missing, and the contract says Customer", "ForgottenAwait"),
    "an await forgotten in a field": Mistake(
        "find", "async def find(id):  # HERE\n    return {'id': fetch(id), 'vip': True}\n",
        "`find` returned a coroutine, in `id`; an `await` is missing", "ForgottenAwait"),
    "an await forgotten before a use": Mistake(
        "pay", "async def pay(id, *, call):\n    return fetch(id)['id']  # HERE\n",
        "TypeError: 'coroutine' object is not subscriptable; an `await` is missing", "ForgottenAwait"),
    "a pure that is a coroutine": Mistake(
        "rate", "def rate(id):  # HERE\n    return fetch(id)\n",
        "`rate` returned a coroutine; an `await` is missing, and the contract says int", "ForgottenAwait"),
    # --- what is raised
    "an undeclared failure": Mistake(
        "pay", "async def pay(id, *, call):\n    raise shop.FindError.Unknown  # HERE\n",
        "`pay` raised FindError.Unknown, which its contract does not declare; the contract declares PayError.Declined",
        "UndeclaredFailure"),
    "an undeclared failure of an effect": Mistake(
        "find", "def find(id):\n    raise shop.PayError.Declined('no')  # HERE\n",
        "`find` raised PayError.Declined, which its contract does not declare; "
        "the contract declares FindError.Unknown, FindError.Busy", "UndeclaredFailure"),
    "a failure in a pure": Mistake(
        "rate", "def rate(id):\n    raise shop.FindError.Unknown  # HERE\n",
        "`rate` raised FindError.Unknown, which its contract does not declare; a pure has no failures", "UndeclaredFailure"),
    "the failure of another contract": Mistake(
        "pay", "def pay(id, *, call):\n    raise other.PayError.Declined(402)  # HERE\n",
        "`pay` raised PayError.Declined of the module opord_loaded_other", "UndeclaredFailure"),
    "a failure with a wrong field": Mistake(
        "pay", "async def pay(id, *, call):\n    raise shop.PayError.Declined(402)  # HERE\n",
        "`pay` raised PayError.Declined, whose content does not fit: reason: expected str, got the number 402"),
    "a failure without its fields": Mistake(
        "pay", "async def pay(id, *, call):\n    raise shop.PayError.Declined  # HERE\n",
        "TypeError: Declined needs reason", "TypeError"),
    "a key that is not there": Mistake(
        "find", "async def find(id):\n    return {'id': id, 'vip': row(id)['VIP']}  # HERE\n",
        "KeyError: 'VIP'", "KeyError", in_class=True),
    "a typo in an attribute": Mistake(
        "find", "def find(id):\n    return {'id': id.strp(), 'vip': True}  # HERE\n",
        "AttributeError: 'str' object has no attribute 'strp'", "AttributeError"),
    "a wrong import at call time": Mistake(
        "pay", "def pay(id, *, call):\n    import strype  # HERE\n",
        "ModuleNotFoundError: No module named 'strype'", "ModuleNotFoundError", in_class=True),
    "a library that refuses": Mistake(
        "find", "def find(id):\n    return json.loads('{')  # HERE\n",
        "JSONDecodeError: Expecting property name", "JSONDecodeError"),
    "another exception raised from it": Mistake(
        "find", "def find(id):\n    try:\n        return row(idd)\n    except NameError as error:\n"
        "        raise RuntimeError('no customer') from error  # HERE\n",
        "RuntimeError: no customer", "RuntimeError"),
    "one of several tasks": Mistake(
        "find", "async def broken():\n    return row(idd)  # HERE\n\n\n"
        "async def find(id):\n    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(broken())\n",
        "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)", "ExceptionGroup"),
    "a recursion without an end": Mistake(
        "rate", "def rate(id):\n    return rate(id) + 1  # HERE\n",
        "RecursionError: maximum recursion depth exceeded", "RecursionError"),
    "wrong arguments for a function of its own": Mistake(
        "find", "async def find(id):\n    return row(identity=id)  # HERE\n",
        "TypeError: row() got an unexpected keyword argument 'identity'", "TypeError"),
    "a decorator that takes other parameters": Mistake(
        "find", "def logged(function):\n    @wraps(function)\n    def inner(customer, number):\n"
        "        return function(customer)\n    return inner\n\n\n"
        "@logged\ndef find(id):  # HERE\n    return row(id)\n",
        "TypeError: find() missing 1 required positional argument: 'number'", "TypeError"),
    # --- handlers of other forms
    "a decorator without wraps": Mistake(
        "find", "@bare\nasync def find(id):  # HERE\n    print(id)\n",
        "`find` returned None; the contract says Customer", in_class=True),
    "a decorator that is a class": Mistake(
        "find", "@Timed\ndef find(id):  # HERE\n    print(id)\n",
        "`find` returned None; the contract says Customer"),
    "a cached handler": Mistake(
        "find", "@lru_cache\ndef find(id):  # HERE\n    print(id)\n",
        "`find` returned None; the contract says Customer", in_class=True),
    "a cached handler that cannot be cached": Mistake(
        "find", "@lru_cache\ndef find(id):  # HERE\n    return row(id)\n\n\n__hash__ = None\n",
        "TypeError: unhashable type: 'Handlers'", "TypeError", in_class=True),
    "a partial": Mistake(
        "find", "def look(vip, id):  # HERE\n    return {'id': id, 'vip': vip}\n\n\nfind = partial(look, 'yes')\n",
        "`find` returned a dict that does not fit Customer: vip: expected bool"),
    "a class": Mistake(
        "find", "class find:\n    def __init__(self, id):  # HERE\n        self.vip = True\n",
        "`find` returned a find; the contract says Customer"),
    "code made at run time": Mistake(
        "pay", "def pay(id, *, call):\n    return eval('id[0][1]')  # HERE\n",
        "IndexError: string index out of range", "IndexError", in_class=True),
    "a dataclass that is frozen": Mistake(
        "pay", "@dataclass(frozen=True)\nclass Asked:\n    id: str\n\n\n"
        "async def pay(id, *, call):\n    Asked(id).id = 'x'  # HERE\n",
        "FrozenInstanceError: cannot assign to field 'id'", "FrozenInstanceError"),
    "a dataclass for a record": Mistake(
        "find", "@dataclass\nclass Customer:\n    id: str\n    vip: bool\n\n\n"
        "async def find(id):  # HERE\n    return Customer(id, True)\n",
        "`find` returned a Customer; the contract says Customer"),
    # --- values and exceptions that answer wrongly themselves
    "a mapping that reads too late": Mistake(
        "find", "class Row(Lazy):\n    def __getitem__(self, name):\n        raise OSError('closed')  # HERE\n\n\n"
        "async def find(id):\n    return Row()\n",
        "`find` returned a Row that does not fit Customer: OSError: closed"),
    "a mapping that exits": Mistake(
        "find", "class Row(Lazy):\n    def __getitem__(self, name):\n        raise SystemExit(3)  # HERE\n\n\n"
        "def find(id):\n    return Row()\n",
        "`find` returned a Row that does not fit Customer: SystemExit: 3"),
    "a number of 5,000 digits": Mistake(
        "pay", "def pay(id, *, call):  # HERE\n    return 10**5000\n",
        "`pay` returned a huge number; the contract says str"),
    "a syntax error without a line": Mistake(
        "pay", "async def pay(id, *, call):\n    raise SyntaxError('bad', ('f', 'one', 'two', 3, 4, 5))  # HERE\n",
        "SyntaxError: bad (f)", "SyntaxError"),
    "an exception that answers nothing": Mistake(
        "find", "class Mute(Exception):\n    def __getattribute__(self, name):\n        raise SystemExit(name)\n\n\n"
        "def find(id):\n    raise Mute('x')  # HERE\n",
        "Mute: x", "Mute"),
    "a failure's class returned": Mistake(
        "pay", "async def pay(id, *, call):  # HERE\n    return shop.PayError.Declined\n",
        "`pay` returned the failure PayError.Declined; raise it instead"),
    "a failure of one of several tasks": Mistake(
        "pay", "async def ask():\n    raise shop.PayError.Declined('no')  # HERE\n\n\n"
        "async def pay(id, *, call):\n    async with asyncio.TaskGroup() as tasks:\n        tasks.create_task(ask())\n",
        "`pay` raised the failure PayError.Declined in a group of exceptions; raise the failure alone"),
    # --- more uses of what is not awaited
    "an await forgotten before json": Mistake(
        "find", "async def find(id):\n    return json.dumps(fetch(id))  # HERE\n",
        "TypeError: Object of type coroutine is not JSON serializable; an `await` is missing", "ForgottenAwait"),
    "an await forgotten before len": Mistake(
        "find", "async def find(id):\n    return row(len(fetch(id)))  # HERE\n",
        "TypeError: object of type 'coroutine' has no len(); an `await` is missing", "ForgottenAwait"),
    "an await forgotten in a sum": Mistake(
        "pay", "async def pay(id, *, call):\n    return 'no ' + fetch(id)  # HERE\n",
        'TypeError: can only concatenate str (not "coroutine") to str; an `await` is missing', "ForgottenAwait"),
    "an await forgotten in a comparison": Mistake(
        "pay", "async def pay(id, *, call):\n    return fetch(id) > 3  # HERE\n",
        "TypeError: '>' not supported between instances of 'coroutine' and 'int'; an `await` is missing",
        "ForgottenAwait"),
}  # fmt: skip


def write(folder: Path, mistake: Mistake) -> int:
    """Write a project with the mistake, and return the number of the line that is to be named."""
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (folder / "shop.opord").write_text(CONTRACT)
    (folder / "other.opord").write_text(OTHER)
    code = "\n\n".join({**GOOD, mistake.call: mistake.code}.values())
    if mistake.in_class:
        code = "class Handlers:\n" + textwrap.indent(code, "    ").replace("(id", "(self, id").replace(
            "fetch(self, id", "fetch(id"
        ).replace("row(self, id", "row(id")
    text = f"{HEAD}\n\n{code}"
    (folder / "app").mkdir()
    (folder / "app" / "handlers.py").write_text(
        text.replace("here = Path(__file__).parent", "here = Path(__file__).parent.parent")
    )
    return next(number for number, line in enumerate(text.splitlines(), 1) if "# HERE" in line)


def handlers_in(folder: Path, mistake: Mistake) -> Any:
    spec = importlib.util.spec_from_file_location("handlers_with_a_mistake", folder / "app" / "handlers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Handlers() if mistake.in_class else module


@pytest.mark.filterwarnings("ignore:coroutine 'fetch' was never awaited")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_with_the_line_of_ones_own_code(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, shop: Shop
) -> None:
    mistake = MISTAKES[name]
    line = write(tmp_path, mistake)
    module = load(tmp_path / "shop.opord")
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "mistake.db", clock=lambda: clock.now_us)

    async def story() -> None:
        workflow = module.Shop(handlers_in(tmp_path, mistake))
        async with virtual_engine(store, [workflow], clock, seed=1, worker="w") as engine:
            await engine.start(module.Shop, id="1")
            await asyncio.sleep(300)  # an effect that went wrong is tried again

    caplog.set_level(logging.INFO, logger="opord")
    run_virtually(story(), clock)
    store.close()
    place = f"app/handlers.py:{line}"
    url = f"sqlite:///{tmp_path / 'mistake.db'}"

    view = shop.opord("runs", "show", "Shop/1", "--json", "--store", url).json
    held = "in_doubt" if mistake.call == "pay" else "stalled"
    assert view["status"] == held
    assert mistake.said in view["reason"]
    assert f"({place})" in view["reason"]
    trouble = view["trouble"]
    assert trouble["type"] == mistake.type
    own = [one for part in (trouble, *trouble.get("causes", ())) for one in part["frames"] if one["own"]]
    (at,) = {one["line"]: one for one in own if one["line"] == line}.values()
    assert at["file"] == "app/handlers.py"
    assert "# HERE" in at["code"]
    assert at["function"]

    page = shop.opord("runs", "show", "Shop/1", "--store", url).out
    assert f"({place})" in page
    assert "# HERE" in page
    verb = "resolve Shop/1" if mistake.call == "pay" else "resume Shop/1"
    assert f"you can    opord runs {verb}" in page

    story_text = shop.opord("runs", "history", "Shop/1", "--verbose", "--store", url).out
    assert mistake.said in story_text
    assert f"({place})" in story_text
    assert f"{place} in " in story_text
    assert f"opord runs {verb}" in story_text
    records = shop.opord("runs", "history", "Shop/1", "--json", "--store", url).json
    (record,) = [one for one in records if one["kind"] in ("stalled", "doubt")]
    assert record["trouble"] == trouble

    logged = [one.getMessage() for one in caplog.records if mistake.said in one.getMessage()]
    assert logged
    assert all(f"({place})" in one for one in logged)
    assert f"`opord runs {'resolve' if mistake.call == 'pay' else 'resume'} Shop/1" in logged[-1]
    assert (
        "unbroken and legal; it needs a person" in shop.opord("runs", "verify", "Shop/1", "--store", url).out
    )


def test_a_wrong_parameter_is_named_with_its_place_before_anything_runs(tmp_path: Path, shop: Shop) -> None:
    line = write(
        tmp_path, Mistake("find", "async def find(customer):  # HERE\n    return row(customer)\n", "")
    )
    said = shop.process(
        "worker", "--contract", str(tmp_path / "shop.opord"), "--handlers", "app.handlers", "--until-idle",
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert said.status == 1
    assert f"app/handlers.py:{line}) takes `(customer)`: `customer` where the contract has `id`" in said.err
