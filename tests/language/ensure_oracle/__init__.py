"""A slow and simple second opinion on promises, from what the kernel does with a contract."""

from __future__ import annotations

from tests.language.ensure_oracle.promises import Promise, promises_of, without_promises
from tests.language.ensure_oracle.runs import Runs, explore
from tests.language.ensure_oracle.verdicts import Verdict, decide

__all__ = ["Promise", "Runs", "Verdict", "decide", "explore", "promises_of", "without_promises"]
