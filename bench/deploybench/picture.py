"""The results as a picture: one bar for each family, one colour for each agent. Plain SVG."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.deploybench.results import Result, rows

_COLOURS = ("#1f6feb", "#bf8700", "#8250df", "#cf222e")
_LEFT, _WIDTH, _BAR, _GAP, _TOP = 170, 420, 14, 10, 34


def picture(results: Sequence[Result]) -> str:
    """An SVG document of the share of passed runs, by family and agent."""
    agents = sorted({item.agent for item in results})
    rates: dict[str, Mapping[str, tuple[int, int]]] = {
        agent: {
            row.name: (row.passed, row.runs)
            for row in rows([r for r in results if r.agent == agent], lambda item: item.family)
        }
        for agent in agents
    }
    families = [*sorted({item.family for item in results}), "all"]
    parts: list[str] = []
    for place, agent in enumerate(agents):
        x, colour = _LEFT + place * 150, _COLOURS[place % len(_COLOURS)]
        parts.append(f'<rect x="{x}" y="8" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="18">{escape(agent)}</text>')
    y = _TOP
    for family in families:
        middle = y + _BAR * len(agents) / 2 + 4
        parts.append(f'<text x="{_LEFT - 10}" y="{middle:g}" class="n">{escape(family)}</text>')
        for place, agent in enumerate(agents):
            passed, runs = rates[agent].get(family, (0, 0))
            if runs:
                parts += _bar(y, passed, runs, _COLOURS[place % len(_COLOURS)])
            y += _BAR
        y += _GAP
    style = "text{font:12px sans-serif;fill:#57606a}.n{text-anchor:end}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" height="{y}" '
        f'role="img" aria-label="Share of passed runs by family">\n<style>{style}</style>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bar(y: float, passed: int, runs: int, colour: str) -> list[str]:
    width = _WIDTH * passed / runs
    return [
        f'<rect x="{_LEFT}" y="{y}" width="{_WIDTH}" height="{_BAR - 2}" fill="#d0d7de55"/>',
        f'<rect x="{_LEFT}" y="{y}" width="{width:g}" height="{_BAR - 2}" fill="{colour}"/>',
        f'<text x="{_LEFT + _WIDTH + 8}" y="{y + _BAR - 3}">{passed}/{runs}</text>',
    ]
