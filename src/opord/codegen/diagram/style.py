"""The colours and fonts of a diagram as CSS: for light, for dark, or for both."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Theme: TypeAlias = Literal["auto", "light", "dark"]
THEMES: tuple[Theme, ...] = get_args(Theme)

SANS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
MONO = "ui-monospace, Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', monospace"

# The light and dark colours of each part. Text has a contrast of 4.5 to 1 or more with its ground,
# and lines of 3 to 1 or more (a test measures both).
COLOURS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    ".ground": ({"fill": "#ffffff"}, {"fill": "#11161c"}),
    "text": ({"fill": "#16202b"}, {"fill": "#e8edf2"}),
    ".soft": ({"fill": "#55616e"}, {"fill": "#9dabb8"}),
    ".phase .box": ({"fill": "#f4f6f9", "stroke": "#8292a3"}, {"fill": "#181f27", "stroke": "#66778a"}),
    ".any .box": ({"fill": "#e4e9ef", "stroke": "#6c7b8a"}, {"fill": "#27313c", "stroke": "#8293a4"}),
    ".acting .box": ({"fill": "#e9f0fd", "stroke": "#3563c4"}, {"fill": "#182947", "stroke": "#79a2f2"}),
    ".waiting .box": ({"fill": "#fff5d9", "stroke": "#996300"}, {"fill": "#352a0d", "stroke": "#deac3e"}),
    ".success .box": ({"fill": "#def4e6", "stroke": "#1a7741"}, {"fill": "#11331f", "stroke": "#4cc27c"}),
    ".failure .box": ({"fill": "#fde6e4", "stroke": "#bb2a25"}, {"fill": "#411a1a", "stroke": "#f47c75"}),
    ".cancelled .box": ({"fill": "#ece8f7", "stroke": "#65509a"}, {"fill": "#292341", "stroke": "#b09de8"}),
    ".missing .box": ({"fill": "#ffffff", "stroke": "#bb2a25"}, {"fill": "#11161c", "stroke": "#f47c75"}),
    ".sign": ({"stroke": "#16202b"}, {"stroke": "#e8edf2"}),
    ".acting .sign": ({"stroke": "#3563c4"}, {"stroke": "#79a2f2"}),
    ".waiting .sign": ({"stroke": "#996300"}, {"stroke": "#deac3e"}),
    ".success .sign": ({"stroke": "#1a7741"}, {"stroke": "#4cc27c"}),
    ".failure .sign": ({"stroke": "#bb2a25"}, {"stroke": "#f47c75"}),
    ".cancelled .sign": ({"stroke": "#65509a"}, {"stroke": "#b09de8"}),
    ".missing .sign": ({"stroke": "#bb2a25"}, {"stroke": "#f47c75"}),
    ".commit .badge": ({"fill": "#ffddc7", "stroke": "#c04d0b"}, {"fill": "#4a2810", "stroke": "#ee8a48"}),
    ".commit .marker": ({"fill": "#c04d0b", "stroke": "#c04d0b"}, {"fill": "#ee8a48", "stroke": "#ee8a48"}),
    ".commit text": ({"fill": "#6f2a00"}, {"fill": "#ffd3b3"}),
    ".perform .marker": ({"stroke": "#55616e"}, {"stroke": "#9dabb8"}),
    ".perform text": ({"fill": "#36424f"}, {"fill": "#c6d0da"}),
    ".edge .way": ({"stroke": "#66737f"}, {"stroke": "#8a99a8"}),
    ".edge .tip": ({"fill": "#66737f"}, {"fill": "#8a99a8"}),
    ".edge.to-failure .way": ({"stroke": "#bf5c57"}, {"stroke": "#c9706b"}),
    ".edge.to-failure .tip": ({"fill": "#bf5c57"}, {"fill": "#c9706b"}),
    ".edge.to-cancelled .way": ({"stroke": "#8675b3"}, {"stroke": "#9486c4"}),
    ".edge.to-cancelled .tip": ({"fill": "#8675b3"}, {"fill": "#9486c4"}),
    ".start .dot": ({"fill": "#16202b"}, {"fill": "#e8edf2"}),
    ".label text": ({"fill": "#2d3946", "stroke": "#ffffff"}, {"fill": "#cdd7e0", "stroke": "#11161c"}),
    ".phase-name text": ({"fill": "#455361"}, {"fill": "#b4c1cd"}),
    ".label.framed text": ({"stroke": "#f4f6f9"}, {"stroke": "#181f27"}),
    ".edge.lit .way": ({"stroke": "#0b62d6"}, {"stroke": "#6bb0ff"}),
    ".edge.lit .tip": ({"fill": "#0b62d6"}, {"fill": "#6bb0ff"}),
    ".state.lit .box": ({"stroke": "#0b62d6"}, {"stroke": "#6bb0ff"}),
    ".halo": ({"stroke": "#0b62d6"}, {"stroke": "#6bb0ff"}),
}

_FORM = f"""\
text {{ font-family: {SANS}; font-size: 13px; }}
.title {{ font-size: 19px; font-weight: 700; }}
.version {{ font-size: 13px; font-weight: 400; }}
.doc {{ font-size: 13px; }}
.box {{ stroke-width: 1.4px; }}
.name {{ font-size: 13px; font-weight: 700; }}
.phase .box {{ stroke-width: 1.2px; stroke-dasharray: 6 4; }}
.any .box {{ stroke-width: 1px; }}
.any .name {{ font-size: 11px; }}
.inner {{ fill: none !important; }}
.missing .box {{ stroke-dasharray: 4 3; }}
.sign {{ fill: none; stroke-width: 1.9px; stroke-linecap: round; stroke-linejoin: round; }}
.badge {{ stroke-width: 1.2px; }}
.marker {{ stroke-width: 1.6px; }}
.perform .marker {{ fill: none; }}
.work text {{ font-family: {MONO}; font-size: 11px; }}
.commit text {{ font-weight: 700; }}
.way {{ fill: none; stroke-width: 1.4px; }}
.edge.timer .way {{ stroke-dasharray: 5 4; }}
.label text {{ font-size: 11px; paint-order: stroke; stroke-width: 4px; stroke-linejoin: round; }}
.phase-name .name {{ font-size: 12px; }}
.phase-name .kind {{ font-size: 11px; }}
.halo {{ fill: none; stroke-width: 3px; opacity: 0.55; }}
.legend text {{ font-size: 12px; }}
.edge.lit .way {{ stroke-width: 3px; }}
.state.lit .box {{ stroke-width: 2.6px; }}
.traced .graph .state:not(.lit), .traced .graph .edge:not(.lit), .traced .graph .label[data-to]:not(.lit), .traced .graph .start {{ opacity: 0.42; }}"""


def style_sheet(theme: Theme) -> str:
    """Write the CSS of a diagram; "auto" follows the colour scheme of the reader."""
    form = "\n".join(_scoped(line) for line in _FORM.splitlines())
    light, dark = (
        "\n".join(
            f"{_scoped_selector(selector)} {{ {'; '.join(f'{name}: {value}' for name, value in colours[i].items())} }}"
            for selector, colours in COLOURS.items()
        )
        for i in (0, 1)
    )
    if theme == "dark":
        return f"\n{form}\n{dark}\n"
    if theme == "light":
        return f"\n{form}\n{light}\n"
    return f"\n{form}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _scoped(rule: str) -> str:
    selectors, brace, rest = rule.partition(" {")
    return ", ".join(_scoped_selector(each) for each in selectors.split(", ")) + brace + rest


def _scoped_selector(selector: str) -> str:
    """Limit the rules to the diagram, because the page around it has rules of its own."""
    joined = "" if selector.startswith(".traced") else " "
    return f".opord-diagram{joined}{selector}"
