"""Outputs, the last table on the console, and the job summary."""

import re

from oi_deploy.errors import Status
from oi_deploy.markdown import fenced, inert, inline_code
from oi_deploy.result import CommandLine, RunResult
from oi_deploy.workflow import visible

# Of a prompt, of an error, of a list; far below GitHub's limit for a summary.
_MOST_LINES = 200


def outputs_of(result: RunResult) -> dict[str, str]:
    """The step's outputs, by name."""
    return {
        "image-tag": result.image_tag,
        "image-digest": result.image_digest,
        "log-path": result.log_path,
        "status": str(result.status),
        "changed": str(result.changed).lower(),
        "deployment": result.deployment,
        "revision": result.revision,
        "previous-image": result.previous_image,
        "transcript-path": result.transcript_path,
        "turns": str(result.turns),
        "prompt-tokens": str(result.prompt_tokens),
        "completion-tokens": str(result.completion_tokens),
        "model": result.model,
        "engine-seconds": f"{result.engine_seconds:.1f}",
        "duration-seconds": f"{result.duration_seconds:.1f}",
    }


def table(result: RunResult) -> str:
    """The last thing on the console: every output, aligned."""
    rows = [(name, value or "-") for name, value in outputs_of(result).items()]
    rows = [row for row in rows if row[0] == "status"] + [row for row in rows if row[0] != "status"]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows)


def summary_markdown(result: RunResult) -> str:
    """The job summary: on failure the cause first, else what is running now."""
    parts = [f"## oi-deploy: {result.status}"]
    if result.error:
        parts += [_block(result.error)]
        if result.remedy:
            parts += ["**What to do**", _block(result.remedy)]
    rows = [
        ("image", result.image_tag),
        ("digest", result.image_digest),
        ("Deployment", f"{result.namespace}/{result.deployment}" if result.deployment else ""),
        ("revision", result.revision),
        ("image before", result.previous_image),
    ]
    shown = [f"| {name} | {_code(value)} |" for name, value in rows if value]
    if shown:
        parts.append("\n".join(["| | |", "|---|---|", *shown]))
    if result.status == Status.DEPLOYED and not result.changed:
        parts.append("The cluster ran this image already; nothing had to change.")
    if result.checks:
        lines = [f"- {'✅' if c.ok else '❌'} {_words(c.sentence)}" for c in result.checks]
        parts += ["### How it was verified", "\n".join(_first(lines))]
    changing = [item for item in result.commands if item.mutates and item.allowed]
    refused = [item for item in result.commands if not item.allowed]
    if changing:
        parts += ["### Commands that changed something"]
        parts += [_block("\n".join(_shown(item) for item in changing), "sh")]
    if refused:
        parts += ["### Refused commands"]
        parts += [_block("\n".join(item.command for item in refused), "sh")]
    if result.prompt:
        parts += ["### What was asked", _block(result.prompt)]
    if result.phases:
        parts += ["### Where the time went", _gantt(result)]
    parts.append(
        f"{result.turns} turns, {result.prompt_tokens} + {result.completion_tokens} tokens "
        f"(prompt + completion), {result.duration_seconds:.0f} s in all, of which "
        f"{result.engine_seconds:.0f} s until the model was ready. Model: "
        f"{_code(result.model or 'none')}. Log: {_code(result.log_path)}"
    )
    return "\n\n".join(parts) + "\n"


def _words(text: str) -> str:
    """Text as one paragraph of plain words."""
    return inert(" ".join(visible(text).split()))


def _code(text: str) -> str:
    return inline_code(visible(text))


def _block(text: str, language: str = "text") -> str:
    return fenced("\n".join(_first(visible(text).splitlines())), language)


def _first(lines: list[str]) -> list[str]:
    # Whole lines only: what was cut in half would no longer be known as a secret.
    more = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], f"... and {more} more"] if more > 0 else lines


def _shown(item: CommandLine) -> str:
    if item.exit_code == 0:
        return item.command
    ending = "killed" if item.exit_code is None else f"exit code {item.exit_code}"
    return f"{item.command}  # {ending}"


def _gantt(result: RunResult) -> str:
    # Times of day, counted from midnight: the axis then shows them alike in every time zone.
    lines = ["gantt", "    dateFormat HH:mm:ss", "    axisFormat %H:%M:%S", "    todayMarker off"]
    begin = 0
    for name, seconds in result.phases:
        end = begin + max(1, round(seconds))
        label = re.sub(r"[^A-Za-z ]", "", name)
        lines.append(f"    {label} {seconds:.0f} s : {_clock(begin)}, {_clock(end)}")
        begin = end
    return fenced("\n".join(lines), "mermaid")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
