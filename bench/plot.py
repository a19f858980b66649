"""Small plots as SVG, lines and bars, legible on light and on dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Point = tuple[float, float]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 24, 48
_BAR, _FIGURE = 36, 64
_STYLE = """\
  <style>
    text { font: 12px system-ui, sans-serif; fill: #333 }
    .grid { stroke: #ccc; stroke-width: 1 }
    .line0 { stroke: #0a6ebd; fill: #0a6ebd }
    .line1 { stroke: #c2571a; fill: #c2571a }
    path.line0, path.line1 { fill: none; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      text { fill: #ddd }
      .grid { stroke: #555 }
      .line0 { stroke: #6db8f2; fill: #6db8f2 }
      .line1 { stroke: #f0a070; fill: #f0a070 }
    }
  </style>"""


def plot(title: str, x_label: str, y_label: str, lines: Mapping[str, Sequence[Point]]) -> str:
    """Draw up to two lines over the same axes, which start at zero; `lines` maps names to points."""
    points = [point for line in lines.values() for point in line]
    x_step, y_step = _step(max(x for x, _ in points)), _step(max(y for _, y in points))
    x_end, y_end = _end(max(x for x, _ in points), x_step), _end(max(y for _, y in points), y_step)

    def across(x: float) -> float:
        return round(_LEFT + x / x_end * (_WIDTH - _LEFT - _RIGHT), 1)

    def down(y: float) -> float:
        return round(_HEIGHT - _BOTTOM - y / y_end * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}">',
        f"  <title>{title}</title>",
        _STYLE,
    ]
    for y in _ticks(y_end, y_step):
        parts.append(
            f'  <line class="grid" x1="{_LEFT}" y1="{down(y)}" x2="{across(x_end)}" y2="{down(y)}"/>'
        )
        parts.append(f'  <text x="{_LEFT - 8}" y="{down(y) + 4}" text-anchor="end">{y:g}</text>')
    for x in _ticks(x_end, x_step):
        parts.append(
            f'  <text x="{across(x)}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{x:g}</text>'
        )
    parts.append(f'  <text x="{across(x_end / 2)}" y="{_HEIGHT - 10}" text-anchor="middle">{x_label}</text>')
    parts.append(f'  <text x="{_LEFT - 40}" y="14">{y_label}</text>')
    for number, (name, line) in enumerate(lines.items()):
        way = " L ".join(f"{across(x)} {down(y)}" for x, y in line)
        parts.append(f'  <path class="line{number}" d="M {way}"/>')
        parts += [f'  <circle class="line{number}" cx="{across(x)}" cy="{down(y)}" r="3"/>' for x, y in line]
        height = _TOP + 16 + 20 * number
        parts.append(f'  <circle class="line{number}" cx="{_LEFT + 16}" cy="{height - 4}" r="4"/>')
        parts.append(f'  <text x="{_LEFT + 28}" y="{height}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def bars(title: str, values: Mapping[str, float]) -> str:
    """Draw a bar for each value, with its name above it and its figure behind it."""
    height = _TOP + 16 + _BAR * len(values)
    most = max(values.values(), default=1.0)
    room = _WIDTH - _RIGHT - 8 - _FIGURE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">',
        f"  <title>{title}</title>",
        _STYLE,
        f'  <text x="8" y="18">{title}</text>',
    ]
    for number, (name, value) in enumerate(values.items()):
        top = _TOP + 16 + _BAR * number
        length = round(max(value / most * room, 1.0), 1)
        line = 0 if name.startswith("Opord") else 1
        shown = f"{value:,.0f}" if value >= 10 else f"{value:.2f}"
        parts.append(f'  <text x="8" y="{top + 10}">{name}</text>')
        parts.append(f'  <rect class="line{line}" x="8" y="{top + 15}" width="{length}" height="12"/>')
        parts.append(f'  <text x="{length + 14}" y="{top + 25}">{shown}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _step(most: float) -> float:
    """Choose a round step that divides an axis into four to ten parts."""
    size = 1e-9
    while most / size > 10:
        for factor in (2, 2.5, 2):
            size *= factor
            if most / size <= 10:
                return size
    return size


def _end(most: float, step: float) -> float:
    ticks = int(most / step)
    return ticks * step if ticks * step >= most else (ticks + 1) * step


def _ticks(end: float, step: float) -> list[float]:
    return [round(step * number, 9) for number in range(round(end / step) + 1)]
