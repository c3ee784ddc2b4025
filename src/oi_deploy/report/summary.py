"""Outputs, the last table on the console, and the job summary."""

import re
from collections.abc import Sequence

from oi_deploy.errors import Status
from oi_deploy.markdown import fenced, inert, inline_code
from oi_deploy.result import CheckLine, CommandLine, RunResult
from oi_deploy.text import one_line, visible

# Of a prompt, of an error, of a list, and of one line there. Together they stay below what GitHub
# shows of a summary, so that no text, however long, pushes out what comes after it.
_MOST_LINES = 200
_MOST_BYTES = 120 * 1024
_LONGEST_LINE = 8 * 1024


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
        "report-path": result.report_path,
        "turns": str(result.turns),
        "prompt-tokens": str(result.prompt_tokens),
        "completion-tokens": str(result.completion_tokens),
        "model": result.model,
        "engine-seconds": f"{result.engine_seconds:.1f}",
        "duration-seconds": f"{result.duration_seconds:.1f}",
    }


def table(result: RunResult) -> str:
    """The last thing on the console: every output, aligned."""
    rows = [(name, one_line(value) or "-") for name, value in outputs_of(result).items()]
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
    if result.rollback:
        parts += ["### Rollback", _checks(result.rollback)]
    if result.checks:
        parts += ["### How it was verified", _checks(result.checks)]
    changing = [item for item in result.commands if item.mutates and item.allowed]
    refused = [item for item in result.commands if not item.allowed]
    if changing:
        parts += ["### Commands that changed something"]
        parts += [_block("\n".join(map(_shown, changing)), "sh")]
    if refused:
        parts += ["### Refused commands"]
        parts += [_block("\n".join(one_line(item.command) for item in refused), "sh")]
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


def _checks(checks: Sequence[CheckLine]) -> str:
    kept, note = _first([" ".join(visible(c.sentence).splitlines()) for c in checks])
    marks = ["✅" if check.ok else "❌" for check in checks]
    lines = [f"{mark} {inert(text)}" for mark, text in zip(marks, kept, strict=False)]
    return "\n".join(f"- {line}" for line in (*lines, *note))


def _code(text: str) -> str:
    return inline_code(visible(text))


def _block(text: str, language: str = "text") -> str:
    kept, note = _first(visible(text).splitlines())
    return fenced("\n".join([*kept, *note]), language)


def _first(lines: list[str]) -> tuple[list[str], list[str]]:
    """The first lines, as many as there is room for, and a line about the rest if there is one."""
    kept: list[str] = []
    room = _MOST_BYTES
    for line in lines[:_MOST_LINES]:
        size = len(line.encode(errors="replace"))
        if size > _LONGEST_LINE:
            # Not its beginning: what was cut in half would no longer be known as a secret.
            line = f"(a line of {size} bytes)"
        room -= min(size, _LONGEST_LINE)
        if room < 0:
            break
        kept.append(line)
    more = len(lines) - len(kept)
    return kept, [f"... and {more} more"] if more else []


def _shown(item: CommandLine) -> str:
    command = one_line(item.command)
    if item.exit_code == 0:
        return command
    ending = "killed" if item.exit_code is None else f"exit code {item.exit_code}"
    return f"{command}  # {ending}"


def _gantt(result: RunResult) -> str:
    # Times of day, counted from midnight: the axis then shows them alike in every time zone.
    lines = ["gantt", "    dateFormat HH:mm:ss", "    axisFormat %H:%M:%S", "    todayMarker off"]
    begin = 0
    for name, seconds, _ in result.phases:
        end = begin + max(1, round(seconds))
        label = re.sub(r"[^A-Za-z ]", "", name)
        lines.append(f"    {label} {seconds:.0f} s : {_clock(begin)}, {_clock(end)}")
        begin = end
    return fenced("\n".join(lines), "mermaid")


def _clock(seconds: int) -> str:
    return f"{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
