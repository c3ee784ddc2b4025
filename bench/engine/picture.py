"""The figures as a picture: two bars each, ours and the seed's. Plain SVG."""

import statistics
from collections.abc import Mapping, Sequence
from html import escape

from bench.engine.figures import Figures

_COLOURS = ("#1f6feb", "#bf8700")
_LEFT, _WIDTH, _BAR, _GAP = 210, 420, 14, 10
_NAMES = ("this action", "as the seed has it")

# What is compared: a name, ours, and the seed's if it was measured.
Pair = tuple[str, float, float | None]


def picture(figures: Figures) -> str:
    """An SVG document: the starts, and tokens a second; each group has its own scale."""
    plain = figures.plain
    median = statistics.median
    groups: Mapping[str, Sequence[Pair]] = {
        "seconds to the first question, server warm": [
            ("container's start", median(figures.starts), median(figures.naive))
        ],
        "seconds to the first token": [
            ("the server's start", figures.ours.start, plain.start if plain else None),
            ("the second job", figures.second_job, None),
            ("the model alone", figures.bare, None),
        ],
        "tokens/s": [
            (f"{number} at once", rate, plain.load.decode[number] if plain else None)
            for number, rate in figures.ours.load.decode.items()
        ],
        "tokens/s of a prompt": [
            ("long prompts", figures.ours.load.prefill, plain.load.prefill if plain else None)
        ],
    }
    parts = [
        f'<rect x="{_LEFT + place * 150}" y="8" width="12" height="12" fill="{colour}"/>'
        f'<text x="{_LEFT + 18 + place * 150}" y="18">{escape(name)}</text>'
        for place, (name, colour) in enumerate(zip(_NAMES, _COLOURS, strict=True))
    ]
    y = 48.0
    for title, pairs in groups.items():
        parts.append(f'<text x="{_LEFT}" y="{y:g}" class="t">{escape(title)}</text>')
        y += 8
        most = max(value for _, *both in pairs for value in both if value is not None)
        for name, *both in pairs:
            values = [value for value in both if value is not None]
            middle = y + _BAR * len(values) / 2 + 4
            parts.append(f'<text x="{_LEFT - 10}" y="{middle:g}" class="n">{escape(name)}</text>')
            for colour, value in zip(_COLOURS, values, strict=False):
                width = _WIDTH * value / (most or 1)
                parts.append(
                    f'<rect x="{_LEFT}" y="{y:g}" width="{width:g}" height="{_BAR - 2}" '
                    f'fill="{colour}"/>'
                )
                parts.append(
                    f'<text x="{_LEFT + width + 8:g}" y="{y + _BAR - 3:g}">{value:.1f}</text>'
                )
                y += _BAR
            y += _GAP / 2
        y += _GAP + 14
    style = "text{font:12px sans-serif;fill:#57606a}.n{text-anchor:end}.t{font-weight:bold}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 70}" height="{y:g}" '
        f'role="img" aria-label="Starts and speeds of the engine">\n<style>{style}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
