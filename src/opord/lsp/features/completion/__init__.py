"""Completion: everything that can be written at a place, with the likeliest first.

`complete` finds the kind of the place from the words before it. The other modules know the offers:
words and snippets, declared names, values in scope, arms of a `match`.
"""

from __future__ import annotations

from opord.lsp.features.completion.complete import complete
from opord.lsp.features.completion.offer import Offer, OfferKind

__all__ = ["Offer", "OfferKind", "complete"]
