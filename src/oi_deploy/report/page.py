"""The report: the summary's content as one HTML file, for artifacts and for people without GitHub.

It loads nothing and runs nothing. Every text in it passes through one filter, which takes secrets
out and makes characters visible, and is then escaped; no text is trusted.
"""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from jinja2.runtime import Context
from markupsafe import Markup

from oi_deploy import __version__
from oi_deploy.redact import Redactor
from oi_deploy.report import story
from oi_deploy.result import RunResult
from oi_deploy.text import visible

# Of the time line's width, so that a short phase is still seen.
_THINNEST = 0.5
_ADDRESS = re.compile(r"https?://[^\s\"'<>`]+")


def report_html(result: RunResult, redactor: Redactor) -> str:
    """The whole file."""
    style = _text("report.css")
    bars = story.bars(result)
    return _template().render(
        redactor=redactor,
        result=result,
        story=story,
        version=__version__,
        style=Markup(style),  # noqa: S704 - this package's own file
        policy=_policy(style),
        run_url=result.run_url if _ADDRESS.fullmatch(result.run_url) else "",
        bars=[(bar, *_place(bar, bars)) for bar in bars],
    )


def _text(name: str) -> str:
    return files("oi_deploy.report").joinpath(name).read_text(encoding="utf-8")


@jinja2.pass_context
def _clean(context: Context, value: Any) -> Any:
    """What every value passes through before it is escaped; only the template's own is Markup."""
    if isinstance(value, Markup):
        return value
    redactor: Redactor = context["redactor"]
    return redactor.text(visible(str(value)))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    return environment.from_string(_text("report.html.j2"))


def _policy(style: str) -> str:
    """What a browser may do with the page: show it in our style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _place(bar: story.Bar, bars: list[story.Bar]) -> tuple[str, str]:
    """Where a bar begins and how wide it is, in per cent of the whole time."""
    whole = max(max(item.begin + item.seconds for item in bars), 1e-9)
    width = min(100.0, max(_THINNEST, 100 * bar.seconds / whole))
    begin = max(0.0, min(100 * bar.begin / whole, 100 - width))
    return f"{begin:.2f}%", f"{width:.2f}%"
