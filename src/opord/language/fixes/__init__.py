"""Fixes: the edits that would mend a finding, made from the tree, where it is clear what is meant.

Rules see the checked contract, and findings of names know what was meant when they are made. What needs the
text as well, such as where a header ends or how deep an arm is indented, is worked out here, one kind of fix
a module, after all findings are there. A fix is safe where it cannot change what the contract does, or where
nothing else can have been meant; the others are offered in an editor, and to a reader, who decides.
"""

from __future__ import annotations

from opord.language.fixes.by_code import add_fixes

__all__ = ["add_fixes"]
