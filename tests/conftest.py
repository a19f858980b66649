"""What holds for all tests: settings of Hypothesis, and an environment that says nothing of Opord."""

from __future__ import annotations

import base64
import logging
import os
import signal
import sys
from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import settings

from tests.support.needs import Need, is_met
from tests.support.postgres import AnyServer, shared_server, stop_shared_server

# No deadline: a slow machine is not a finding. The blob of a failing example is printed, to run it again.
settings.register_profile("opord", deadline=None, print_blob=True)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "opord"))

# A shell that starts the tests in the background lets them ignore SIGINT, and so the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take `OPORD_*` out of the environment: a developer's own store is not to be tested on."""
    for name in [name for name in os.environ if name.startswith("OPORD_") and name != "OPORD_GOLDEN"]:
        monkeypatch.delenv(name)
    # Contracts with secrets run in tests as they should elsewhere: with a key.
    monkeypatch.setenv("OPORD_SECRET_KEYS", base64.b64encode(bytes(range(32))).decode())


@pytest.fixture(autouse=True)
def log_that_speaks() -> None:
    """Give Opord's log its level back: many tests silence it, and others read what it says."""
    logging.getLogger("opord").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def postgres() -> AnyServer:
    """A PostgreSQL server for tests that leave it as it is; each takes a schema of its own there."""
    return shared_server()


def pytest_sessionfinish() -> None:
    """Stop the server that tests were given."""
    if "tests.support.stores" in sys.modules:
        sys.modules["tests.support.stores"].close_all()
    stop_shared_server()


def pytest_report_header() -> list[str]:
    """Say which tests there are none of on this machine."""
    return [
        f"no tests of {need}: this machine has none, or lets us make none"
        for need in get_args(Need)
        if not is_met(need)
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that need what this machine does not let us make."""
    left_out = [item for item in items for mark in item.iter_markers("needs") if not is_met(mark.args[0])]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def _log_of_a_command_ends_with_its_test() -> Iterator[None]:
    """A worker or server that a test runs in this process logs to a stream that ends with the test."""
    yield
    worker_log = sys.modules.get("opord.cli.worker_log")
    if worker_log is not None:
        worker_log.stop_logging()
