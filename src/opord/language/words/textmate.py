"""Build the TextMate grammar for editors from a template and the table of words.

The template is a grammar with two kinds of gaps. In a pattern, `<<literal>>` is replaced by the
words of that place, `<<promise, claim>>` by the words of several places, and `<<a declaration>>` by
the start of a declaration. In a list of rules, `{"forms of": places, "at": "start" or "anywhere",
"scope": …}` is replaced by a rule for each word of these places, made from the form in the table.
If two rules match, the first wins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from opord.language import words
from opord.language.words.word import Word, WordPlace

_GAP = re.compile(r"<<([^<>]+)>>")
_STARTS = r"(?:^|(?<=[{,]))\s*"
_INTEGER = r"\d[\d_]*"
_DURATION = r"\d[\d_]*(?:ms|s|m|h|d)(?:\d+(?:ms|s|m|h|d))*\b"
_NAME = r"[a-z_][A-Za-z0-9_]*"


def grammar(template: str) -> str:
    """Return the grammar as JSON."""
    return json.dumps(_filled(json.loads(template)), indent=2, ensure_ascii=False) + "\n"


def _filled(node: Any) -> Any:
    match node:
        case dict():
            return {key: _filled(value) for key, value in node.items()}
        case list():
            return [rule for each in node for rule in _rules(each)]
        case str():
            return _GAP.sub(lambda gap: _alternatives(gap[1]), node)
        case _:  # open: JSON has more kinds of values, and a grammar may have them
            return node


def _alternatives(gap: str) -> str:
    if gap == "a declaration":
        return "|".join(_declarations())
    places = cast("list[WordPlace]", gap.split(", "))
    texts = words.texts(*places)
    assert texts, f"no word stands at {gap}"
    return "|".join(text.replace(" ", r"\s+") for text in texts)


def _declarations() -> Iterator[str]:
    """Yield patterns for the starts of declarations.

    Heads with the same continuation share a pattern.
    """
    heads: dict[str, list[str]] = {}
    for word in words.at("file"):
        literal, following = _split(word.form)
        heads.setdefault(_following(following), []).append(r"\s+".join(literal))
    for after, row in heads.items():
        yield (row[0] if len(row) == 1 else f"(?:{'|'.join(row)})") + after


def _following(following: str) -> str:
    if following[:1] == '"':
        return r'\s+"'
    if following == "N":
        return r"\s+\d"
    bare = following.partition("(")[0]
    return {"Name": r"\s+[A-Z]", "name": r"\s+[a-z_]"}.get(bare, r"\s")


def _split(form: str) -> tuple[list[str], str]:
    """Return the words at the start of a form, and the token after them."""
    part_words = words.part_of_words()
    tokens = form.split()
    count = next((at for at, token in enumerate(tokens) if token not in part_words), len(tokens))
    return tokens[:count], tokens[count] if count < len(tokens) else ""


def _rules(node: Any) -> Iterator[Any]:
    if not (isinstance(node, dict) and "forms of" in node):
        yield _filled(node)
        return
    at_start = node["at"] == "start"
    for word in (word for place in cast("list[WordPlace]", node["forms of"]) for word in words.at(place)):
        if at_start or word.form.startswith(word.text):
            yield _rule(word, node["scope"], at_start=at_start)


def _rule(word: Word, scope: str, *, at_start: bool) -> dict[str, Any]:
    """Return the rule for a form.

    At the start of a policy, the rule also matches an incomplete form; elsewhere only the whole
    form.
    """
    pieces = list(_pieces(word.forms[0] if word.forms else word.text, scope))
    captures = {str(number): {"name": name} for number, (_, name) in enumerate(pieces, start=1)}
    first, *others = (f"({pattern})" for pattern, _ in pieces)
    if not at_start:
        return {"match": r"\b" + r"\s+".join([first, *others]), "captures": captures}
    rest = ""
    for other in reversed(others):
        rest = rf"(?:\s+{other}{rest})?"
    return {"match": rf"{_STARTS}{first}\b{rest}", "captures": captures}


def _pieces(form: str, scope: str) -> Iterator[tuple[str, str]]:
    """Yield the patterns of a form with their scopes, up to an expression or an optional part."""
    rest = form.partition("[")[0].strip()
    while rest:
        literal, following = _split(rest)
        if literal:
            yield r"\s+".join(literal), scope
        rest = rest.partition(following)[2].strip() if following else ""
        match following:
            case "N":
                yield _INTEGER, "constant.numeric.integer.opord"
            case "D":
                yield _DURATION, "constant.numeric.duration.opord"
            case _ if following.endswith("(…)"):
                yield _NAME, f"entity.name.function.{following.removesuffix('(…)')}.opord"
            case _:  # open: an expression
                return
