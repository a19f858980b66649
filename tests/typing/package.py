"""Typed usage of the package itself; `make check` holds it against mypy and pyright."""

from typing import assert_type

import opord

assert_type(opord.__version__, str)
