"""Words of the language as completions, by their places in the table of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opord.language import words
from opord.language.words import Snippet, Word, WordPlace
from opord.lsp.features.completion.offer import Offer
from opord.lsp.features.describe import describe_word


def named(place: WordPlace, *texts: str) -> Iterator[Word]:
    """Yield the words of a place that have one of these texts."""
    return (word for word in words.at(place) if word.text in texts)


def offered(words: Iterable[Word], *, rank: int = 60) -> Iterator[Offer]:
    """Offer words; a word with more text around it has a snippet."""
    rows = [(word, snippet) for word in words for snippet in word.snippets or (Snippet(word.text, "", ""),)]
    for at, (word, snippet) in enumerate(rows):
        filled_in = "$" in snippet.text
        yield Offer(
            snippet.label,
            "snippet" if " " in snippet.label or filled_in else "keyword",
            snippet.detail or word.meaning,
            insert=snippet.label if filled_in or not snippet.text else snippet.text,
            snippet=snippet.text,
            rank=rank + min(at, 9),
            doc=describe_word(word),
        )


def rest(words: Iterable[Word], *, after: str, rank: int = 1) -> Iterator[Offer]:
    """Offer the rest of the words with several parts, after the part `after`."""
    for word in words:
        if after in word.parts[:-1]:
            following = " ".join(word.parts[word.parts.index(after) + 1 :])
            yield Offer(following, "keyword", word.meaning, rank=rank, doc=describe_word(word))
