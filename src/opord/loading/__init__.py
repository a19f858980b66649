"""Make a program from a contract's text: check it, write it as Python, compile it, fill tables.

A generated module on disk and a contract loaded from its text take the same path and run the same
code.
"""

from __future__ import annotations

from opord.generated.handlers import check_handlers
from opord.loading.build import build_program
from opord.loading.errors import ContractRefused, LoadingError, OtherContract, StaleModule
from opord.loading.load import load, load_accepted, load_program, load_sources, program_of, read_accepted
from opord.loading.modules import compile_module

__all__ = [
    "ContractRefused",
    "LoadingError",
    "OtherContract",
    "StaleModule",
    "build",
    "build_program",
    "check_handlers",
    "compile_module",
    "errors",
    "load",
    "load_accepted",
    "load_program",
    "load_sources",
    "program_of",
    "read_accepted",
]
