"""Derive other forms of the checked contract: Python here, pictures in `diagram`, JSON Schemas."""

from __future__ import annotations

from opord.codegen.files import OtherModule, is_stale, module_path, move_away, origin_of, write_module
from opord.codegen.names import module_name
from opord.codegen.python import generate

__all__ = [
    "OtherModule",
    "diagram",
    "expressions",
    "generate",
    "imports",
    "input_schema",
    "is_stale",
    "module_name",
    "module_path",
    "names",
    "move_away",
    "origin_of",
    "python",
    "schema",
    "steps",
    "write_module",
]
