"""What holds for all tests: settings of Hypothesis, and an environment that says nothing of Opord."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import settings

# No deadline: a slow machine is not a finding. The blob of a failing example is printed, to run it again.
settings.register_profile("opord", deadline=None, print_blob=True)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "opord"))


@pytest.fixture(autouse=True)
def settings_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take `OPORD_*` out of the environment: a developer's own store is not to be tested on."""
    for name in [name for name in os.environ if name.startswith("OPORD_") and name != "OPORD_GOLDEN"]:
        monkeypatch.delenv(name)
    # Contracts with secrets run in tests as they should elsewhere: with a key.
    monkeypatch.setenv("OPORD_SECRET_KEYS", base64.b64encode(bytes(range(32))).decode())
