"""How examples/serve/compose.yaml starts vLLM; `python -m tests.serve_compose` writes it anew."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from docker.models.images import Image

from oi_deploy.engine import container
from oi_deploy.engine.flags import arguments
from oi_deploy.inputs import parse
from oi_deploy.loaded import load
from oi_deploy.surroundings import engine_settings

FILE = Path(__file__).parents[1] / "examples" / "serve" / "compose.yaml"


def of_the_action() -> dict[str, Any]:
    """Image, command and environment of a workflow that says nothing about the engine."""
    inputs = parse({"INPUT_MODE": "doctor", "INPUT_EXPECT": "none"})
    settings = engine_settings(load(inputs, Path()), {})
    # What it listens on is in a container of its own, whose ports are published.
    vector = arguments(settings, host="0.0.0.0", port=container.PORT)
    image = cast(Image, SimpleNamespace(id="", attrs={"Config": {"Entrypoint": ["vllm"]}}))
    machine = {"NCPU": 8, "MemTotal": 64 * 1024**3}  # of a machine with a GPU, they do not matter
    made = container.configuration(settings, vector, image, [], machine, job={})
    return {
        "image": settings.vllm_image,
        "command": vector,
        "environment": made["environment"],
    }


def written() -> str:
    """The file as it should be."""
    wanted = of_the_action()
    # Quoted as JSON, which YAML is; `$` begins a variable of Compose.
    lines = [f"      - {_quoted(word)}" for word in wanted["command"]]
    pairs = [f"      {name}: {_quoted(value)}" for name, value in wanted["environment"].items()]
    text = FILE.read_text(encoding="utf-8")
    for key, block in (("command", lines), ("environment", pairs)):
        before, _, rest = text.partition(f"    {key}:\n")
        rest = re.sub(r"^(      .*\n)*", "", rest, count=1)
        text = before + "\n".join([f"    {key}:", *block, rest])
    return re.sub(r"^    image: .*$", f"    image: {wanted['image']}", text, flags=re.M)


def _quoted(text: str) -> str:
    return json.dumps(text.replace("$", "$$"))


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
