"""The tables of docs/engine.md; `python -m tests.engine_table` writes them anew."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from oi_deploy.engine import parsers
from oi_deploy.engine.container import CACHE
from oi_deploy.engine.flags import FLAGS, LEFT, VARIABLES, Machine, arguments
from oi_deploy.engine.interface import EngineSettings
from oi_deploy.engine.memory import DEFAULT, DEFAULT_FP8, GIB, gib
from oi_deploy.inputs import parse
from oi_deploy.loaded import load
from oi_deploy.surroundings import engine_settings

PAGE = Path(__file__).parents[1] / "docs" / "engine.md"
GPUS = (16, 24, 40, 48, 80)
LENGTHS = (8192, 16384, 32768)
MACHINE = Machine(cpus=2, memory_bytes=24 * GIB, cache=CACHE)


def default_settings(**given: str) -> EngineSettings:
    """What the action makes of a workflow that says nothing about the engine, or only this."""
    variables = {"INPUT_MODE": "doctor", "INPUT_EXPECT": "none"}
    variables |= {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}
    return engine_settings(load(parse(variables), Path()), {})


def command() -> str:
    """The command line of the default inputs."""
    words = arguments(default_settings(), host="127.0.0.1", port=8000)
    text = " ".join(shlex.quote(word) for word in words)
    return "```sh\nvllm serve " + text.replace(" --", " \\\n    --") + "\n```\n"


def flags() -> str:
    """Each argument with its value for the default inputs, and its reason."""
    settings, on_cpu = default_settings(), default_settings(gpus="none")
    rows = []
    for flag in FLAGS:
        of = settings if flag.wanted(settings) else on_cpu
        text = f" {flag.value(of)}" if flag.value and flag.wanted(of) else ""
        rows.append((f"`{flag.name}{text}`", flag.when, flag.reason))
    return _table(("argument", "only with", "why"), rows)


def variables() -> str:
    """The same for environment variables, on a GPU or else on a CPU."""
    choices = (default_settings(), default_settings(gpus="none", model="/srv/models/Qwen3"))
    rows = []
    for variable in VARIABLES:
        settings = next(one for one in choices if variable.wanted(one, MACHINE))
        text = f"`{variable.name}={variable.value(settings, MACHINE)}`"
        rows.append((text, variable.when, variable.reason))
    return _table(("variable", "only with", "why"), rows)


def left() -> str:
    """What is not given, and why."""
    return _table(("not given", "why"), [(one.name, one.reason) for one in LEFT])


def models() -> str:
    """Which parser belongs to which models."""
    rows: dict[str, list[str]] = {}
    for one in parsers.FAMILIES:
        rows.setdefault(one.parser, []).append(one.models)
    return _table(("parser", "models"), [(f"`{k}`", "; ".join(v)) for k, v in rows.items()])


def memory() -> str:
    """How many runs have room at once, by GPU and context length."""
    rows = []
    for tokens in LENGTHS:
        cache = gib(tokens * DEFAULT.token)
        for words, need in (("bf16", DEFAULT), ("FP8", DEFAULT_FP8)):
            runs = [str(need.runs(total * GIB, tokens)) for total in GPUS]
            weights = f"{words}, {gib(need.weights)}"
            rows.append((str(tokens), cache, weights, gib(need.each(tokens)), *runs))
    sizes = (f"{total} GiB" for total in GPUS)
    return _table(("context", "its KV cache", "weights", "one run needs", *sizes), rows)


SECTIONS: dict[str, Callable[[], str]] = {
    "command": command,
    "arguments": flags,
    "left out": left,
    "variables": variables,
    "memory": memory,
    "parsers": models,
}


def written(page: str) -> str:
    """The page with each section as the code has it, between its two comments."""
    for name, made in SECTIONS.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        page = before + begin + made() + end + rest.partition(end)[2]
    return page


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
