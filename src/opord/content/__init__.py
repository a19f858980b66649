"""What a contract is, apart from how it is written: its content, and the digests that stand for it."""

from opord.content.difference import first_difference
from opord.content.digests import contract_digest, digest_in
from opord.content.form import FORM, content
from opord.content.legacy_digest import legacy_digest

__all__ = ["FORM", "content", "contract_digest", "digest_in", "first_difference", "legacy_digest"]
