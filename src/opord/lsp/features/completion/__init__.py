"""Completion: everything that may stand at a place, what is likeliest first.

`complete` says of what kind the place is, from the words before it; the other modules know what there is to offer:
words and snippets, declared names, values in scope, arms of a `match`.
"""

from __future__ import annotations

from opord.lsp.features.completion.complete import complete
from opord.lsp.features.completion.offer import Offer, OfferKind

__all__ = ["Offer", "OfferKind", "complete"]
