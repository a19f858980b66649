"""Fixes: the edits that mend a finding, made from the tree where the intent is clear.

Rules see the checked contract, and findings about names know the intended name when they are made.
Some edits also need the text: where a header ends, or how deep an arm is indented. This package
makes those edits after all findings are there, one kind of fix a module. A fix is safe if it cannot
change what the contract does, or if nothing else can have been meant. Other fixes are offered in an
editor and to a reader, who decides.
"""

from __future__ import annotations

from opord.language.fixes.by_code import add_fixes

__all__ = ["add_fixes"]
