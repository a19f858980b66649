"""Define the content of a contract, independent of its layout, and the digests of the content."""

from opord.content.difference import first_difference
from opord.content.digests import contract_digest, digest_in
from opord.content.form import FORM, content
from opord.content.legacy_digest import legacy_digest

__all__ = ["FORM", "content", "contract_digest", "digest_in", "first_difference", "legacy_digest"]
