"""What the model reads, in files."""

from importlib.resources import files
from typing import Any

import jinja2


def prompt_file(name: str) -> str:
    """A file of `prompts/`."""
    return files("oi_deploy.agent").joinpath(f"prompts/{name}").read_text(encoding="utf-8")


def fill(name: str, **values: Any) -> str:
    """A template of `prompts/` with values; it ends in one line end."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - plain text for a model, not HTML
    )
    return environment.from_string(prompt_file(name)).render(**values).strip() + "\n"
