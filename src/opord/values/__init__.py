"""Values at the boundary: canonical JSON, codecs, secrets, durations and checked arithmetic."""

__all__ = [
    "arith",
    "call_words",
    "canonical",
    "codec",
    "codec_source",
    "constructors",
    "duration",
    "failure",
    "guard",
    "ids",
    "names",
    "nesting",
    "printing",
    "secret",
    "shape",
    "sums",
    "types",
    "vault",
    "visible",
]
