"""Outputs, the last table on the console, and the job summary."""

import re
from collections.abc import Callable, Sequence

from oi_deploy.markdown import fenced, inert, inline_code
from oi_deploy.report import story
from oi_deploy.result import CheckLine, CommandLine, DeploymentLine, ExaminedLine, RunResult
from oi_deploy.text import one_line, visible


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
    mark = "✅" if result.status.ok else "❌"
    parts = [f"## {mark} oi-deploy: {result.status}"]
    if result.error:
        parts += [_block(result.error)]
    if advice := story.remedy(result):
        parts += ["**What to do**", _block(advice)]
    sentence = " ".join(part for part in (story.headline(result), story.state(result)) if part)
    parts += [inert(story.value(sentence)), *_now(result)]
    if result.examined:
        rows = [_examined(item) for item in result.examined]
        parts.append(_table(("check", "", "found", "what to do"), *rows))
    if result.rollback:
        parts += ["### Rollback", _checks(result.rollback)]
    if result.checks:
        parts += ["### How it was verified", _checks(result.checks)]
    if changing := story.changing(result):
        parts += ["### Commands that changed something", _commands(changing, _shown)]
    if refused := story.refused(result):
        parts += ["### Refused commands", _commands(refused, _why)]
    if result.prompt:
        parts += ["### What was asked", _block(result.prompt)]
    if result.expect:
        parts.append(f"What verification had to find: {_code(f'expect: {result.expect}')}")
    if result.last_words:
        parts += ["### The model's last words", "They decide nothing.", _block(result.last_words)]
    if bars := story.bars(result):
        parts += ["### Where the time went", _gantt(bars), _time_table(bars)]
    cost = [*story.cost(result), ("model", _code(result.model))]
    parts += ["### What it cost", _table(*zip(*cost, strict=True))]
    files = [
        ("log", result.log_path),
        ("transcript", result.transcript_path),
        ("report", result.report_path),
    ]
    rows = [(name, _code(path)) for name, path in files if path]
    if rows:
        parts += ["### Files in the workspace", _table(*zip(*rows, strict=True))]
    return "\n\n".join(parts) + "\n"


def _now(result: RunResult) -> list[str]:
    """What runs now, and what ran before."""
    parts = []
    image = [("image", result.image_tag), ("digest", result.image_digest)]
    rows = [(name, _code(text)) for name, text in image if text]
    if rows:
        parts.append(_table(*rows))
    return [*parts, *story.bounded(story.deployments(result), _deployment)]


def _deployment(item: DeploymentLine) -> str:
    heading = f"Deployment {_code(f'{item.namespace}/{item.name}')}"
    changes = [
        ("image", item.image_before, item.image_now),
        ("revision", item.revision_before, item.revision_now),
    ]
    shown = [(name, _code(before), _code(now)) for name, before, now in changes]
    return _table((heading, "before", "now"), *shown)


def _table(head: Sequence[str], *rows: Sequence[str]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _checks(checks: tuple[CheckLine, ...]) -> str:
    return "\n".join(f"- {line}" for line in story.bounded(checks, _check))


def _check(check: CheckLine) -> str:
    sentence = " · ".join(line.strip() for line in visible(check.sentence).splitlines())
    return f"{'✅' if check.ok else '❌'} {inert(story.short(sentence))}"


def _examined(item: ExaminedLine) -> tuple[str, ...]:
    mark = {"ok": "✅", "FAILED": "❌", "warning": "⚠️"}.get(item.state, "➖")  # noqa: RUF001
    texts = (item.name, f"{mark} {item.state}", item.found, item.remedy)
    return tuple(inert(story.value(text)) for text in texts)


def _code(text: str) -> str:
    return inline_code(story.value(text)) if text else "-"


def _block(text: str, language: str = "text") -> str:
    return fenced("\n".join(story.lines(text)), language)


def _commands(items: list[CommandLine], show: Callable[[CommandLine], str]) -> str:
    return fenced("\n".join(story.bounded(items, show)), "sh")


def _shown(item: CommandLine) -> str:
    command = story.command(item)
    return command if item.exit_code == 0 else f"{command}  # {story.ending(item)}"


def _why(item: CommandLine) -> str:
    why = story.reason(item)
    return f"{story.command(item)}  # {why}" if why else story.command(item)


def _gantt(bars: list[story.Bar]) -> str:
    # Times of day, counted from midnight: the axis then shows them alike in every time zone.
    lines = [
        "gantt",
        "    dateFormat HH:mm:ss.SSS",
        "    axisFormat %H:%M:%S",
        "    todayMarker off",
    ]
    for bar in bars:
        label = re.sub(r"[^A-Za-z0-9 ]", "", bar.name)
        # Mermaid draws nothing of a bar that ends when it begins.
        end = bar.begin + max(0.1, bar.seconds)
        lines.append(f"    {label} {bar.seconds:.1f} s : {_clock(bar.begin)}, {_clock(end)}")
    return fenced("\n".join(lines), "mermaid")


def _time_table(bars: list[story.Bar]) -> str:
    """The same for where the picture is not drawn."""
    rows = [
        ("&emsp;" * bar.depth + inert(bar.name), f"{bar.begin:.1f} s", f"{bar.seconds:.1f} s")
        for bar in bars
    ]
    return _table(("phase", "began after", "took"), *rows)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600 % 24:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"
