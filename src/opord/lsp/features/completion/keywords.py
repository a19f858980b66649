"""Words of the language and snippets, by the place where they may stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.lsp.features.completion.offer import Offer
from opord.lsp.features.describe import describe_word
from opord.lsp.features.words import word

# label: (what it is, the snippet)
_SNIPPETS: dict[str, tuple[str, str]] = {
    "contract": ("the header of a contract", "contract ${1:Name}(${2:order: Order}) key ${3:order.id} version 1"),
    "record": ("a record", "record ${1:Name} {\n  ${2:id}: ${3:str}\n}"),
    "enum": ("an enum", "enum ${1:Name} { ${2:One}, ${3:Other} }"),
    "failure": ("a failure", "failure ${1:Name} {\n  ${2:Unavailable} transient\n}"),
    "role": ("roles", "role ${1:manager}"),
    "event": ("an event", "event ${1:approve}(${2:note: str}) by ${3:manager}"),
    "pure": ("a pure", "pure ${1:name}(${2:order: Order}) -> ${3:bool}"),
    "effect": ("an effect", "effect ${1:find}(${2:id: str}) -> ${3:str} { timeout ${4:10s} }"),
    "action": ("an action", "action ${1:charge}(${2:order: Order}) -> ${3:str} {\n  key ${4:order.id}\n  timeout ${5:10s}\n}"),
    "phase": ("a phase", "phase ${1:Name} {\n  $0\n}"),
    "initial state": ("where a run starts", "initial state ${1:Received} -> ${2:Done} {\n  $0\n}"),
    "state": ("a state", "state ${1:Name} -> ${2:Done} {\n  $0\n}"),
    "final state": ("where a run ends", "final state ${1:Done} ${2|success,failure,cancelled|}"),
    "ensure": ("a promise", "ensure "),
    "use": ("types from another file", 'use "${1:types.opord}" { ${2:Address} }'),
    "on": ("handle an event", "on ${1:event} -> goto ${2:State}"),
    "after": ("move on after a while", "after ${1:48h} -> goto ${2:State}"),
    "at": ("move on at an instant", "at ${1:due} -> goto ${2:State}"),
    "let": ("name a value", "let ${1:x} = $0"),
    "if": ("choose", "if ${1:condition} { $0 }"),
    "match": ("take apart", "match ${1:value} {\n  $0\n}"),
    "match commit": ("commit an action, and handle what comes of it", "match commit ${1:action}($2) {\n  ok ${3:result} -> goto $4\n  else -> goto $0\n}"),
    "goto": ("end the step", "goto "),
    "perform": ("call an effect", "perform "),
    "commit": ("call an action", "commit "),
    "retry": ("try again", "retry ${1:3} times"),
    "timeout": ("a limit for each attempt", "timeout ${1:10s}"),
    "key": ("what makes two the same", "key ${1:expr}"),
    "backoff": ("pauses between attempts", "backoff ${1:1s} to ${2:1m}"),
    "in doubt": ("when nobody knows whether it happened", "in doubt ${1|repeat,ask,skip,report|}"),
    "check": ("ask an effect", "check ${1:effect}($2)"),
}  # fmt: skip

TOP = ("use", "record", "enum", "failure", "role", "event", "pure", "effect", "action", "phase", "state", "final state", "ensure")  # fmt: skip
HANDLERS = ("on", "after", "at")
STATEMENTS = ("goto", "let", "if", "match", "match commit", "perform", "commit")
POLICIES = ("retry", "timeout", "key", "in doubt", "repeatable")
DOUBTS = ("repeat", "check", "ask", "skip", "report")


def offered(labels: Iterable[str], *, rank: int = 60) -> Iterator[Offer]:
    """Offer words, with a snippet where there is more to a word than itself."""
    for at, label in enumerate(labels):
        detail, snippet = _SNIPPETS.get(label, ("", ""))
        known = word(label.split()[-1] if label.startswith(("initial", "final")) else label.split()[0])
        doc = describe_word(label, known) if known is not None else ""
        kind = "snippet" if " " in label or "$" in snippet else "keyword"
        yield Offer(
            label,
            "snippet" if kind == "snippet" else "keyword",
            detail or (known.meaning if known is not None else ""),
            insert=label if "$" in snippet or not snippet else snippet,
            snippet=snippet,
            rank=rank + min(at, 9),
            doc=doc,
        )
