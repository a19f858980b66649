"""Find the kind of a place from its brackets and the words before it, and offer what fits there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import assert_never, get_args

from opord.language import words as w
from opord.language.diagnostics.model import WarningRule, rules_with_names
from opord.language.syntax import tokens as t
from opord.language.syntax import tree
from opord.language.words import Word
from opord.language.words.table import WORDS
from opord.lsp.analysis import Analysis
from opord.lsp.features.completion import keywords as k
from opord.lsp.features.completion import names
from opord.lsp.features.completion.arms import arms
from opord.lsp.features.completion.offer import CompletionSpot, Offer, spotted
from opord.lsp.features.completion.values import members, record_fields, values
from opord.lsp.features.describe import describe_word

# An operand follows each of these.
_OPERAND_AFTER = frozenset(
    {"=", "(", "[", ",", ":", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "//", "%", "??"}
    | {word.text for word in WORDS if word.leads_to == "value"}
)  # fmt: skip
# A rule, and names behind it, as far as they are written.
_ALLOW_BEGUN = re.compile(r"[a-z]*|[a-z]+(?:[\s,]+\w+)*[\s,]+\w*")
_CALLS = frozenset({"pure", "effect", "action"})
_ONE_OF = frozenset({"contract", "initial"})


def complete(analysis: Analysis, offset: int) -> tuple[tuple[int, int], list[Offer]]:
    """Return the span of the word being written at an offset, and the offers to replace it."""
    if (rules := _allow(analysis, offset)) is not None:
        return rules
    spot = spotted(analysis, offset)
    if spot is None:
        return (offset, offset), []
    offers: dict[tuple[str, str], Offer] = {}
    for offer in _offers(spot):
        offers.setdefault((offer.label, offer.kind), offer)
    return spot.word, sorted(offers.values(), key=lambda offer: (offer.rank, offer.label))


def _allow(analysis: Analysis, offset: int) -> tuple[tuple[int, int], list[Offer]] | None:
    """Offer what follows `# opord: allow`: a rule, then the actions that it may have to name."""
    start = analysis.text.rfind("\n", 0, offset) + 1
    head, found, rest = analysis.text[start:offset].rpartition("# opord: allow ")
    if not found or head.strip() or not _ALLOW_BEGUN.fullmatch(rest):
        return None
    *words, word = re.split(r"[\s,]+", rest)
    span = (offset - len(word), offset)
    if not words:
        return span, list(_rules())
    if words[0] in rules_with_names() and "because" not in words:
        named = [Offer(name, "call", "an action") for name in _actions(analysis) if name not in words]
        return span, [*named, Offer("because", "keyword", "the reason", insert="because ")]
    return None


def _rules() -> Iterator[Offer]:
    named = rules_with_names()
    for rule in get_args(WarningRule):
        yield Offer(rule, "constant", "a warning", insert=f"{rule} " if rule in named else f"{rule} because ")


def _actions(analysis: Analysis) -> Iterator[str]:
    return (call.name for call in analysis.ctx.calls.values() if call.kind == "action")


def _offers(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    before = cursor.before
    at = cursor.index - 1
    if at >= 0 and cursor.tokens.kinds[at] == "." and cursor.tokens.ends[at] <= spot.word[0]:
        return members(spot)
    match cursor.frame.kind:
        case "(":
            return _in_parentheses(spot)
        case "[":
            owner = cursor.callee(cursor.frame)[0]
            return names.types(spot) if owner in ("list", "map") and _in_type(spot) else values(spot)
        case "text":
            return values(spot)
        case "fields":
            return record_fields(spot) if before == "" else _operand_or_operator(spot)
        case "top":
            return _declaration(spot)
        case "phase":
            return (
                chain(k.offered(w.at("handler")), _declaration(spot)) if cursor.is_fresh else _in_phase(spot)
            )
        case "record" | "variants":
            return _member(spot)
        case "policies":
            return _policy(spot)
        case "use":
            return names.used_types(spot)
        case "match" | "else":
            return _arm(spot)
        case "state" | "block":
            return _statement(spot)
        case _:
            assert_never(cursor.frame.kind)


# --- Declarations ---------------------------------------------------------------------------------


def _declaration(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    words, before = cursor.words, cursor.before
    if cursor.is_fresh:
        return _fresh_declaration(spot)
    match words[0]:
        case "initial" | "final" if len(words) == 1:
            return k.offered(k.named("file", "state"))
        case "final":
            return k.offered(w.at("outcome"), rank=1) if len(words) > 2 else ()
        case "state" | "initial":
            return _header(spot)
        case "contract":
            return _operand_or(spot, "key", w.at("contract"))
        case "require":
            return _requirement(spot)
        case "event":
            return _event(spot)
        case word if word in _CALLS:
            return _call(spot)
        case "ensure":
            return _promise(spot)
        case "use" | "role":
            return ()
        case _:  # open: a word of the text
            pass
    return values(spot) if before in _OPERAND_AFTER else ()


def _fresh_declaration(spot: CompletionSpot) -> Iterator[Offer]:
    nodes = spot.analysis.file.declarations
    if not any(isinstance(node, tree.Contract) for node in nodes):
        yield from k.offered(k.named("file", "contract"), rank=1)
    if not any(symbol.node.kind == "initial" for symbol in spot.ctx.states.values()):
        yield from k.offered(k.named("file", "initial"), rank=40)
    if spot.cursor.frame.kind == "phase":
        yield from k.offered(w.at("phase"), rank=50)
        return
    any_number = [word for word in w.at("file") if not word.later and word.text not in _ONE_OF]
    yield from k.offered(any_number, rank=50)


def _in_phase(spot: CompletionSpot) -> Iterable[Offer]:
    return _statement(spot) if spot.cursor.words[0] in t.HANDLER_WORDS else _declaration(spot)


def _header(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    if cursor.before in ("->", "|"):
        return names.states(spot, taken=cursor.words)
    return (
        [Offer("->", "keyword", "the states it can go to", insert="-> ", rank=1)]
        if len(cursor.words) > 1
        else ()
    )


def _requirement(spot: CompletionSpot) -> Iterable[Offer]:
    """Offer values of the input, then operators and `else`, then nothing: the text is written."""
    words, before = spot.cursor.words, spot.cursor.before
    if before in _OPERAND_AFTER and before != "else":
        return values(spot)
    told = words.count("else") > words.count("then")
    if told:
        return ()
    to_be_told = Offer("else", "keyword", "the text for a start that is refused", 'else "', rank=1)
    return chain([to_be_told], _operand_or_operator(spot))


def _event(spot: CompletionSpot) -> Iterable[Offer]:
    words, before = spot.cursor.words, spot.cursor.before
    if before == "by" or (before == "|" and "by" in words):
        return names.roles(spot)
    clauses = [word for word in w.at("event") if word.text not in words]
    if "by" in words and before in spot.ctx.roles:
        return k.offered(clauses, rank=1)
    operand_after = "except" if "except" in words else "key"
    return _operand_or(spot, operand_after, clauses) if len(words) > 2 else ()


def _operand_or(spot: CompletionSpot, operand_after: str, clauses: Iterable[Word]) -> Iterable[Offer]:
    """Offer values after a word that takes one, else the words that are still possible."""
    before = spot.cursor.before
    if before == operand_after or (before in _OPERAND_AFTER and before != ")"):
        return values(spot)
    return k.offered(clauses, rank=1) if before == ")" or operand_after in spot.cursor.words else ()


def _call(spot: CompletionSpot) -> Iterable[Offer]:
    words, before = spot.cursor.words, spot.cursor.before
    if before == "->":
        return names.types(spot)
    if before == "fails" or (before == "|" and "fails" in words):
        return names.failures(spot)
    if before == "undoes":
        return names.calls(spot, "action", bare=True)
    if before in ("stands", "in"):
        return k.rest(w.at("call"), after=before)
    if before == "because":
        return ()
    if len(words) <= 2:
        return ()
    offers: list[Offer] = []
    if "->" not in words and "fails" not in words:
        offers.append(Offer("->", "keyword", "the result", insert="-> ", rank=1))
    if words[0] != "pure":
        clauses = [word for word in w.at("call") if word.parts[0] not in words and words[0] in word.of]
        offers += k.offered(clauses, rank=5)
    return offers


def _promise(spot: CompletionSpot) -> Iterable[Offer]:
    words = spot.cursor.words[1:]
    if not words:
        forms = (
            Offer(word.text, "keyword", "a form of promise", f"{word.text} ", rank=1, doc=describe_word(word))
            for word in w.at("promise")
        )
        return chain(names.promised(spot), forms)
    if words[0] == "every":
        rest = {1: "run ends", 2: "ends", 3: "within "}.get(len(words))
        return [Offer(rest.strip(), "keyword", insert=rest)] if rest is not None else ()
    before = words[-1]
    if before in ("never", "after", "or", "eventually"):
        return names.promised(spot)
    if any(before in word.parts[:-1] for word in w.at("claim")):
        return k.rest(w.at("claim"), after=before)
    following: tuple[str, ...] = {"never": ("after", "or"), "after": ("eventually", "or")}.get(
        words[0], (*w.texts("claim"), "or")
    )
    if words[0] != "never" and "after" in words[1:]:
        following = ("or",)
    return [Offer(word, "keyword", insert=f"{word} ", rank=at) for at, word in enumerate(following)]


def _member(spot: CompletionSpot) -> Iterable[Offer]:
    """Offer what can be written in a record, enum or failure."""
    before = spot.cursor.before
    if before == "=":
        return values(spot)
    if _in_type(spot):
        return names.types(spot)
    head = spot.cursor.tokens.texts[spot.cursor.frame.start]
    if head == "failure" and not spot.cursor.is_fresh:
        return _mark(before)
    return ()


def _mark(before: str) -> Iterable[Offer]:
    """Offer what can stand behind a variant of a failure."""
    if before == ")" or before[:1].isupper():
        return k.offered(w.at("variant"), rank=1)
    if before == "at":
        return k.rest(w.at("variant part"), after=before)
    following = {"transient": "wait", "wait": "at most"}.get(before, "")
    return k.offered(k.named("variant part", following), rank=1)


def _in_type(spot: CompletionSpot) -> bool:
    """Say whether a type is being written: after a `:`, before any `=`."""
    before = spot.cursor.before
    brackets = {"list", "map", "[", "secret", ":"}
    return (
        before == ":"
        or (before in brackets and ":" in spot.cursor.words)
        or (before == "," and spot.cursor.frame.kind == "[")
    )


def _policy(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    words, before = cursor.words, cursor.before
    kind = cursor.tokens.texts[cursor.frame.start]
    if cursor.is_fresh:
        inside = cursor.tokens.texts[cursor.frame.opening : cursor.index]
        policies = [word for word in w.at("policy") if kind in word.of and word.parts[-1] not in inside]
        return k.offered(policies, rank=1)
    match words[0]:
        case "in":
            if before == "in":
                return k.rest(w.at("policy"), after="in")
            if before == "doubt":
                return k.offered(w.at("doubt"), rank=1)
            if before == "check":
                return names.calls(spot, "effect")
            part = "within" if before == "ask" else "after" if before == ")" else ""
            return k.offered(k.named("policy part", part), rank=1)
        case "retry":
            part = "times" if len(words) == 2 else "backoff" if before == "times" else ""
            return k.offered(k.named("policy part", part), rank=1)
        case "key":
            return _key_policy(spot)
        case _:  # open: a word of the text
            return ()


def _key_policy(spot: CompletionSpot) -> Iterable[Offer]:
    words, before = spot.cursor.words, spot.cursor.before
    if before == "key" or before in _OPERAND_AFTER:
        return chain(values(spot), k.offered(k.named("policy part", "for"), rank=70))
    if before == "shared":
        return k.rest(w.at("policy part"), after=before)
    if before == "for" or "because" in words:
        return ()
    clauses = ("shared because",) if "for" in words else ("for", "shared because")
    return k.offered(k.named("policy part", *clauses), rank=1)


# --- Bodies ---------------------------------------------------------------------------------------


def _statement(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    words, before = cursor.words, cursor.before
    if cursor.is_fresh:
        waits = cursor.frame.kind in ("state", "phase")
        return chain(
            k.offered(w.at("statement"), rank=40), k.offered(w.at("handler") if waits else (), rank=45)
        )
    if before == "on" and len(words) == 1:
        return names.events(spot)
    return _behind(spot, before)


def _behind(spot: CompletionSpot, before: str) -> Iterable[Offer]:
    match before:
        case "goto":
            return names.states(spot, with_arguments=True)
        case "perform":
            return names.calls(spot, "effect")
        case "commit":
            return names.calls(spot, "action")
        case "->":
            return k.offered(w.at("arrow"), rank=1)
        case "=" | "match":
            return chain(values(spot), k.offered(k.named("statement", "perform", "commit"), rank=25))
        case "let":
            return ()
        case _:  # open: a word of the text
            pass
    return _operand_or_operator(spot)


def _operand_or_operator(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    before, words = cursor.before, cursor.words
    if before in _OPERAND_AFTER and not (before == "else" and ("perform" in words or "commit" in words)):
        return values(spot)
    if words[:1] == ["on"] and (before == ")" or len(words) == 2):
        return chain(k.offered(w.at("handler part"), rank=1), (Offer("->", "keyword", insert="-> ", rank=1),))
    following = [word for word in w.texts("operator", "copy") if word != "not"]
    if "if" in words and "then" not in words and words[0] != "if":
        following.insert(0, "then")
    if "then" in words or ("perform" in words or "commit" in words or words[0] == "if"):
        following.insert(0, "else")
    return (Offer(word, "keyword", insert=f"{word} ", rank=70 + at) for at, word in enumerate(following))


def _arm(spot: CompletionSpot) -> Iterable[Offer]:
    cursor = spot.cursor
    words, before = cursor.words, cursor.before
    if cursor.is_fresh or (before == "|" and "->" not in words):
        return arms(spot)
    if "->" not in words:
        return (Offer(word, "keyword", insert=f"{word} ", rank=at) for at, word in enumerate(("->", "|")))
    return _behind(spot, before)


def _in_parentheses(spot: CompletionSpot) -> Iterable[Offer]:
    """Offer what can be in parentheses: parameters of a declaration, bound names, or arguments."""
    cursor = spot.cursor
    frame = cursor.frame
    name, before = cursor.callee(frame)
    head = cursor.tokens.texts[frame.start]
    outer = cursor.frames[-2].kind
    declares = (outer in ("top", "phase") and (before in t.DECLARATION_WORDS)) or outer in (
        "record",
        "variants",
    )
    last = cursor.tokens.texts[cursor.index - 1]
    if declares:
        if last == ":" or last in ("secret", "[") or (last == "," and cursor.frame.kind == "["):
            return names.types(spot)
        return values(spot) if last == "=" or (last in _OPERAND_AFTER and last not in ("(", ",", ":")) else ()
    if head == "on" and before == "on":
        event = spot.ctx.events.get(name)
        return [names.field(each, colon=False) for each in event.params.values()] if event is not None else ()
    if outer in ("match", "else") and "->" not in cursor.tokens.texts[frame.start : frame.opening]:
        variants = spot.ctx.variants.get(name, ())
        return [names.field(each, colon=False) for variant in variants for each in variant.fields.values()]
    return values(spot) if last in _OPERAND_AFTER else _operand_or_operator(spot)
