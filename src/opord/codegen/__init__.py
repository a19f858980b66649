"""Derive other forms of the checked contract: the Python module here, the picture in `diagram`."""

from __future__ import annotations

from opord.codegen.files import OtherModule, is_stale, module_path, origin_of, write_module
from opord.codegen.names import module_name
from opord.codegen.python import generate

__all__ = [
    "OtherModule",
    "diagram",
    "expressions",
    "generate",
    "imports",
    "is_stale",
    "module_name",
    "module_path",
    "names",
    "origin_of",
    "python",
    "steps",
    "write_module",
]
