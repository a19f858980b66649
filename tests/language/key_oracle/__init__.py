"""A slow and simple second opinion on keys that come again, by trying every path."""

from __future__ import annotations
