"""What is said about a server of ours, beside what it does just now. Pure."""

from oi_deploy.engine import memory, parsers
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.vllm_args import context_length


def at_start(settings: EngineSettings) -> list[str]:
    """What is known before it starts: the memory that it will need, and what was assumed."""
    tokens, need = context_length(settings), memory.known(settings)
    lines = [f"the model needs about {need.said(tokens)}"] if need and tokens else []
    return [f"engine: {line}" for line in [*lines, parsers.remark(settings)] if line]


def when_ready(log: list[str]) -> list[str]:
    """What it has measured itself, from its log."""
    held = memory.held(log)
    return [f"engine: {held}"] if held else []
