"""Read the comments above a declaration: its documentation, and what it allows."""

from __future__ import annotations

import re
from abc import ABC

from opord.language.diagnostics.model import code
from opord.language.syntax.parse_requires import RequireParser
from opord.language.syntax.tree import Allow, Name
from opord.values.visible import readable

ALLOW_WITHOUT_REASON = code("OP030", rule="syntax", title="an `allow` comment without a rule or a reason")

_ALLOW = re.compile(
    r"#+\s*opord:\s*allow\b\s*([A-Za-z_-]*)((?:[\s,]+(?!because\b)\w+)*)[\s,]*(?:because\b\s*(.*))?"
)
_WORD = re.compile(r"\w+")


class CommentParser(RequireParser, ABC):
    """Read comments that belong to the declaration below them."""

    def doc_above(self, index: int) -> str:
        """Join the `##` lines above the token at `index`, without the signs.

        Whatever shows it may trust that it has no control and no hidden characters.
        """
        comments = self.tokens.comments_before.get(index)
        if not comments:
            return ""
        lines = [
            comment.text.lstrip("#").removeprefix(" ")
            for comment in comments
            if comment.is_doc and not _ALLOW.match(comment.text)
        ]
        return readable("\n".join(lines)).strip("\n")

    def allows_above(self, index: int) -> list[Allow]:
        """Read the `# opord: allow` comments above the token at `index`."""
        allows: list[Allow] = []
        for comment in self.tokens.comments_before.get(index, ()):
            match = _ALLOW.match(comment.text) if comment.own_line else None
            if not match:
                continue
            start = comment.span[0]
            rule = Name(match[1], (start + match.start(1), start + match.end(1)))
            names_rule = rule.text not in ("", "because")
            if names_rule:
                listed = start + match.start(2)
                names = [
                    Name(each[0], (listed + each.start(), listed + each.end()))
                    for each in _WORD.finditer(match[2])
                ]
                allows.append(Allow(rule, names, (match[3] or "").strip(), comment.span))
            if not names_rule or not match[3]:
                self.report(
                    ALLOW_WITHOUT_REASON,
                    comment.span,
                    "this comment allows nothing: it names no rule" if not names_rule
                    else "this comment allows nothing: it gives no reason",
                    "write `# opord: allow <rule> [names] because <reason>`",
                )  # fmt: skip
        return allows
