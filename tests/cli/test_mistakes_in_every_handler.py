"""Each mistake in each kind of handler: a pure, an effect and an action, `def` and `async def`.

Wherever a run is shown (`show`, `history --verbose`, their JSON, the log), the handler is named,
and the file and line of the beginner's own code.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from opord.drive.errors import HandlersInvalid
from opord.loading import load
from opord.stores.sqlite import SqliteStore
from opord.testing.clock import VirtualClock, run_virtually
from opord.testing.engines import virtual_engine
from tests.cli.kit import Shop

CONTRACT = """\
contract Shop(id: str) key id version {version}
record Customer {{ id: str, vip: bool }}
failure FindError {{ Unknown{more}, Busy transient }}
failure PayError {{ Declined }}
failure StockError {{ Gone }}
pure rate(id: str) -> Customer
effect find(id: str) -> Customer fails FindError
effect seek(id: str) -> Customer fails FindError
effect stock(id: str) fails StockError
action pay(id: str) -> Customer fails FindError | PayError {{ in doubt ask }}
action buy(id: str) -> Customer fails FindError | PayError {{ in doubt ask }}
initial state Asking -> Done | Paying | PayingPlain | Failed {{
  if id == "1" {{ goto Done(rate(id)) }}
  if id == "2" {{
    let found = perform find(id) else problem -> goto Failed
    goto Done(found)
  }}
  if id == "3" {{
    let found = perform seek(id) else problem -> goto Failed
    goto Done(found)
  }}
  if id == "4" {{
    perform stock(id) else problem -> goto Failed
    goto Failed
  }}
  if id == "5" {{ goto Paying }}
  goto PayingPlain
}}
state Paying -> Done | Failed {{
  let paid = commit pay(id) else problem -> goto Failed
  goto Done(paid)
}}
state PayingPlain -> Done | Failed {{
  let paid = commit buy(id) else problem -> goto Failed
  goto Done(paid)
}}
final state Done(found: Customer) success
final state Failed failure
"""

HEAD = """\
import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from opord.loading import load

here = Path(__file__).parent.parent
shop = load(here / "shop.opord")
newer = load(here / "newer.opord")


def row(id):
    return {"id": id, "vip": False}


async def fetch(id):
    return row(id)


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")


def at_home(id):
    return in_the_hall(id)


def in_the_hall(id):
    return in_the_cellar({"id": id})


def in_the_cellar(found):
    return found["vip"]  # DEEP


class Handlers:
    def stock(self, id):
        pass
"""

HEADERS = {
    "rate": "def rate(self, id):",
    "find": "async def find(self, id):",
    "seek": "def seek(self, id):",
    "pay": "async def pay(self, id, *, call):",
    "buy": "def buy(self, id, *, call):",
}
"""The handlers: a pure, an effect and an action, plain and as a coroutine."""


RUNS = {"rate": "1", "find": "2", "seek": "3", "pay": "5", "buy": "6"}
"""The run that calls each of them."""


@dataclass(frozen=True)
class Mistake:
    """The body of each handler, what is said, and the type on record. `NAME` is the handler's name.

    The line that is named has `# HERE` or `# DEEP`; if none of the body has, it is that of the
    `def`. `pure` is what is said of a pure, if that differs.
    """

    body: str
    said: str
    type: str
    deep: bool = False
    pure: str = ""
    coroutine: str = ""


UNDECLARED = "the contract declares FindError.Unknown, FindError.Busy"

MISTAKES = {
    # --- what is returned
    "a wrong type": Mistake("return 17", "`NAME` returned 17; the contract says Customer", "WrongAnswer"),
    "nothing": Mistake("row(id)", "`NAME` returned None; the contract says Customer", "WrongAnswer"),
    "a member missing": Mistake(
        "return {'id': id}", "`NAME` returned a dict that does not fit Customer: vip is missing", "WrongAnswer"),
    "a member too many": Mistake(
        "return {**row(id), 'is_vip': True}",
        "`NAME` returned a dict that does not fit Customer: `is_vip`", "WrongAnswer"),
    "an await forgotten": Mistake(
        "return {'id': fetch(id), 'vip': True}", "`NAME` returned a coroutine, in `id`; an `await` is missing", "ForgottenAwait"),
    "a coroutine function": Mistake(
        "async def inner():\n    return row(id)\nreturn inner",
        "`NAME` returned a function; the contract says Customer", "WrongAnswer"),
    "a generator": Mistake(
        "yield row(id)", "`NAME` returned a generator; the contract says Customer", "WrongAnswer",
        coroutine="`NAME` returned an async generator"),
    "an exception": Mistake(
        "return KeyError(id)", "`NAME` returned a KeyError; the contract says Customer", "WrongAnswer"),
    "a failure": Mistake(
        "return shop.FindError.Unknown()", "`NAME` returned the failure FindError.Unknown; raise it instead", "WrongAnswer"),
    # --- what is raised
    "an undeclared failure": Mistake(
        "raise shop.StockError.Gone  # HERE", f"`NAME` raised StockError.Gone, which its contract does not declare; {UNDECLARED}",
        "UndeclaredFailure", pure="`NAME` raised StockError.Gone, which its contract does not declare; a pure has no failures"),
    "a failure of another version": Mistake(
        "raise newer.FindError.Lost  # HERE", "`NAME` raised FindError.Lost of the module ",
        "UndeclaredFailure", pure="`NAME` raised FindError.Lost, which its contract does not declare; a pure has no failures"),
    "a key that is not there, deep in helpers": Mistake("return at_home(id)", "KeyError: 'vip'", "KeyError", deep=True),
    "a key that is not there, on a thread of its own": Mistake(
        "with ThreadPoolExecutor(1) as pool:\n    return pool.submit(at_home, id).result()",
        "KeyError: 'vip'", "KeyError", deep=True),
    "a group": Mistake(
        "try:\n    at_home(id)\nexcept KeyError as error:\n    raise ExceptionGroup('two', [error, OSError('gone')])",
        "ExceptionGroup: two (2 sub-exceptions)", "ExceptionGroup", deep=True),
    "one raised from another": Mistake(
        "try:\n    return at_home(id)\nexcept KeyError as error:\n    raise LookupError('no customer') from error  # HERE",
        "LookupError: no customer", "LookupError"),
    "one raised from none": Mistake(
        "try:\n    return at_home(id)\nexcept KeyError:\n    raise LookupError('no customer') from None  # HERE",
        "LookupError: no customer", "LookupError"),
    "a recursion": Mistake(
        "def down(n):\n    return down(n + 1)  # HERE\nreturn down(0)",
        "RecursionError: maximum recursion depth exceeded", "RecursionError"),
    "an exit": Mistake("sys.exit('bye')  # HERE", "SystemExit: bye", "SystemExit"),
    "an interrupt": Mistake("raise KeyboardInterrupt  # HERE", "KeyboardInterrupt", "KeyboardInterrupt"),
    "a cancellation": Mistake("raise asyncio.CancelledError  # HERE", "CancelledError", "CancelledError"),
    "a time-out of its own": Mistake(
        "raise asyncio.TimeoutError('the socket')  # HERE", "TimeoutError: the socket", "TimeoutError"),
    "one that cannot be printed": Mistake(
        "raise Mute  # HERE", "Mute (its text cannot be read: RuntimeError)", "Mute"),
    "a module with a mistake": Mistake(
        "import crooked  # HERE\nreturn row(id)", "SyntaxError: ", "SyntaxError"),
    "an assertion": Mistake("assert id == ''  # HERE", "AssertionError", "AssertionError"),
    "a stop": Mistake("raise StopIteration(id)  # HERE", "StopIteration", "")  # in a coroutine, Python makes a RuntimeError of it
    ,
}  # fmt: skip


SLOW = """
    async def slow(self, id):
        try:
            await asyncio.sleep(10**9)  # HERE
        finally:
            id = None
"""


class AtOnce(Executor):
    """Threads that are this one: each call is made where it is handed in."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def write(folder: Path, mistake: Mistake) -> dict[str, int]:
    """Write a project with the mistake in each handler; return the line to be named of each."""
    (folder / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    (folder / "shop.opord").write_text(CONTRACT.format(version=1, more=""))
    (folder / "newer.opord").write_text(CONTRACT.format(version=2, more=", Lost"))
    (folder / "app").mkdir()
    (folder / "app" / "crooked.py").write_text("def broken(:\n")
    lines = HEAD.splitlines()
    deep = next(number for number, line in enumerate(lines, 1) if "# DEEP" in line)
    at: dict[str, int] = {}
    for name, header in HEADERS.items():
        lines += ["", f"    {header}"]
        at[name] = deep if mistake.deep else len(lines)
        for line in mistake.body.splitlines():
            lines.append(f"        {line}")
            if "# HERE" in line:
                at[name] = len(lines)
    (folder / "app" / "handlers.py").write_text("\n".join(lines) + "\n")
    return at


def handlers_in(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("handlers_with_mistakes", folder / "app" / "handlers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Handlers()


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(tmp_path / "app"))
    yield
    sys.modules.pop("crooked", None)


@pytest.mark.usefixtures("importing")
@pytest.mark.filterwarnings("ignore:coroutine 'fetch' was never awaited")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_shown_with_handler_file_and_line(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, shop: Shop
) -> None:
    mistake = MISTAKES[name]
    lines = write(tmp_path, mistake)
    module = load(tmp_path / "shop.opord")
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "mistake.db", clock=lambda: clock.now_us)

    async def story() -> None:
        workflow = module.Shop(handlers_in(tmp_path))
        engine = virtual_engine(store, [workflow], clock, seed=1, worker="w")
        assert engine._environment is not None
        engine._environment.threads = AtOnce()
        async with engine:
            for handler in HEADERS:
                await engine.start(module.Shop, id=RUNS[handler])
            await asyncio.sleep(300)  # an effect that went wrong is tried again

    caplog.set_level(logging.INFO, logger="opord")
    run_virtually(story(), clock)
    store.close()
    url = f"sqlite:///{tmp_path / 'mistake.db'}"
    wrong = [
        problem
        for handler in HEADERS
        for problem in problems(shop, url, handler, mistake, f"app/handlers.py:{lines[handler]}", caplog)
    ]
    assert not wrong, "\n".join(wrong)


def problems(
    shop: Shop, url: str, handler: str, mistake: Mistake, place: str, caplog: pytest.LogCaptureFixture
) -> Iterator[str]:
    """Say where a mistake of a handler is not shown as it should be."""
    run, acts = f"Shop/{RUNS[handler]}", handler in ("pay", "buy")
    said = mistake.said
    if handler == "rate":
        said = mistake.pure or said
    elif HEADERS[handler].startswith("async"):
        said = mistake.coroutine or said
    said = said.replace("NAME", handler)
    file, _, line = place.rpartition(":")

    def miss(where: str, wanted: object, text: object) -> Iterator[str]:
        if str(wanted) not in str(text):
            yield f"{handler}: {where} has no {wanted!r}: {text}"

    view = shop.opord("runs", "show", run, "--json", "--store", url).json
    if view["status"] != ("in_doubt" if acts else "stalled"):
        yield f"{handler}: it is {view['status']}: {view}"
        return
    for text in (said, f"({place})"):
        yield from miss("the reason", text, view["reason"])
    trouble = view["trouble"]
    expected = "ForgottenAwait" if "async generator" in said else mistake.type
    yield from miss("the type", expected, trouble["type"])
    own = [one for part in (trouble, *trouble.get("causes", ())) for one in part["frames"] if one["own"]]
    if not any((one["file"], str(one["line"])) == (file, line) and one["function"] for one in own):
        yield f"{handler}: no frame at {place}: {trouble}"
    yield from miss("the frames", handler, [one["function"] for one in own])

    page = shop.opord("runs", "show", run, "--store", url).out
    for text in (said, f"({place})", handler, f"opord runs {'resolve' if acts else 'resume'} {run}"):
        yield from miss("show", text, page)
    story = shop.opord("runs", "history", run, "--verbose", "--store", url).out
    for text in (said, f"({place})", f"{place} in ", handler):
        yield from miss("history", text, story)
    records = shop.opord("runs", "history", run, "--json", "--store", url).json
    (record,) = [one for one in records if one["kind"] in ("stalled", "doubt")]
    if (record["trouble"], record["call"]) != (trouble, handler):
        yield f"{handler}: the record is {record}"
    logged = [one.getMessage() for one in caplog.records if run in one.getMessage()]
    for message in logged[-1:]:
        for text in (said, f"({place})", handler):
            yield from miss("the log", text, message)


def test_a_coroutine_that_hangs_is_shown_with_the_place_where_it_hung(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shop: Shop
) -> None:
    write(tmp_path, Mistake("return row(id)", "", ""))
    path = tmp_path / "app" / "handlers.py"
    text = path.read_text()
    for name in ("find", "pay"):
        header = HEADERS[name]
        text = text.replace(
            f"{header}\n        return row(id)", f"{header}\n        return await self.slow(id)"
        )
    text += SLOW
    path.write_text(text)
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "# HERE" in one)
    module = load(tmp_path / "shop.opord")
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "mistake.db", clock=lambda: clock.now_us)

    async def story() -> None:
        async with virtual_engine(
            store, [module.Shop(handlers_in(tmp_path))], clock, seed=1, worker="w", call_limit_s=60
        ) as engine:
            for name in ("find", "pay"):
                await engine.start(module.Shop, id=RUNS[name])
            await asyncio.sleep(600)

    caplog.set_level(logging.INFO, logger="opord")
    run_virtually(story(), clock)
    store.close()
    url = f"sqlite:///{tmp_path / 'mistake.db'}"
    said = {
        "find": "find did not answer within the worker's limit of 60 s",
        "pay": "no answer within 60 s",
    }
    wrong = [
        problem
        for name, words in said.items()
        for problem in problems(
            shop, url, name, Mistake("", words, "CallLimit"), f"app/handlers.py:{line}", caplog
        )
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("handler", HEADERS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("missing", "Handlers has no handler for the "),
        ("parameter", "takes `(customer"),
        ("a value", "is no function but 17"),
    ],
)
def test_what_is_no_handler_is_refused_before_anything_runs(
    handler: str, change: str, said: str, tmp_path: Path
) -> None:
    lines = write(tmp_path, Mistake("return row(id)", "", ""))
    path = tmp_path / "app" / "handlers.py"
    text = path.read_text()
    header = HEADERS[handler]
    match change:
        case "missing":
            text = text.replace(header, header.replace(handler, "other"))
        case "parameter":
            text = text.replace(header, header.replace("(self, id", "(self, customer"))
        case _:
            text = text.replace(header, header.replace(handler, "other")) + f"    {handler} = 17\n"
    path.write_text(text)
    module = load(tmp_path / "shop.opord")
    clock = VirtualClock()
    store = SqliteStore(tmp_path / "mistake.db", clock=lambda: clock.now_us)

    async def story() -> None:
        async with virtual_engine(store, [module.Shop(handlers_in(tmp_path))], clock, seed=1, worker="w"):
            raise AssertionError("it is open")

    with pytest.raises(HandlersInvalid) as refused:
        run_virtually(story(), clock)
    message = str(refused.value)
    assert said in message
    assert f"`{handler}`" in message
    assert f"expected `def {handler}(id" in message
    assert f"{path}" in message
    if change == "parameter":
        assert f"{path}:{lines[handler]}" in message
