"""Rewrite texts and trees of contracts without a change of content.

Nothing that matters to a run changes.
"""

from __future__ import annotations

import re
from random import Random

from opord.language.compile import lower_source
from opord.language.lowering.recorder import Recorder
from opord.language.syntax import tree
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source

Sources = tuple[tuple[str, str], ...]

_TARGETS = re.compile(r"-> (\w+(?: \| \w+)+) \{$", re.MULTILINE)


def rewritten(sources: Sources, rng: Random) -> Sources:
    """Write a contract with other bindings, another order of declarations and other headers.

    Everything between declarations is removed: documentation, comments and `allow`. So is each
    `ensure`.
    """
    (name, text), *others = sources
    texts = dict(sources)
    text = _with_other_names(name, text, texts)
    text = _TARGETS.sub(_other_header, _mixed(name, text, rng))
    return (name, text), *((path, _mixed(path, each, rng)) for path, each in others)


def _with_other_names(name: str, text: str, texts: dict[str, str]) -> str:
    """Rename each name that a body binds, unless a `..` fills a field with that name from it."""
    recorder = Recorder()
    source = Source(name, text)
    lower_source(source, read=lambda path: texts[path], recorder=recorder)
    taken = {place for rest in recorder.rests for place in rest.places}
    bound = {source.place(local.span): local.span for local in recorder.locals}
    spans = {span for place, span in bound.items() if place not in taken}
    spans |= {
        span for span, places in recorder.references if any(p in bound and p not in taken for p in places)
    }
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}other_{text[start:end]}{text[end:]}"
    return text


def _mixed(name: str, text: str, rng: Random) -> str:
    """Write the declarations in another order, without promises; `use` lines stay first."""
    source = Source(name, text)
    file, findings = parse(source)
    assert findings == []
    kept = [each for each in file.declarations if not isinstance(each, tree.Ensure)]
    rng.shuffle(kept)
    kept.sort(key=lambda each: not isinstance(each, tree.Use))
    return "\n\n".join(source.slice(each.span) for each in kept) + "\n"


def _other_header(found: re.Match[str]) -> str:
    """List the targets of a state in the opposite order, without one of them."""
    _, *others = found[1].split(" | ")
    return f"-> {' | '.join(reversed(others))} {{"
