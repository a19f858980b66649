"""Keys for what is secret."""

from __future__ import annotations

import base64

KEY, OTHER = (base64.b64encode(bytes([fill] * 32)).decode() for fill in (7, 9))
