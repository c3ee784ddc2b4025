"""A Dockerfile for a folder that has none, as a shell command that writes it."""

import fnmatch
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import yaml

from oi_deploy.agent.dockerfiles import inside, is_plain


def command(
    paths: Sequence[str],
    images: Sequence[str],
    *,
    folder: str = ".",
    stages: tuple[str, str] | None = None,
    program: str = "",
    user: str = "",
) -> str:
    """A shell command that writes a fitting Dockerfile, or empty if none of ours fits.

    Args:
        paths: of the repository's files.
        images: references that the engine has.
        folder: where the Dockerfile is to be.
        stages: the command that fills a folder, and that folder: the image gets nothing else.
        program: the file that starts it, where the usual names do not say it.
        user: the number of the user that it runs as; the base image's if empty.
    """
    source = files("oi_deploy.agent").joinpath("prompts/dockerfiles.yaml")
    templates: list[dict[str, Any]] = yaml.safe_load(source.read_text(encoding="utf-8"))
    paths = [path for path in paths if is_plain(path)]
    names = [path if folder == "." else path.removeprefix(f"{folder}/") for path in paths
             if folder == "." or path.startswith(f"{folder}/")]  # fmt: skip
    top = [path for path in names if "/" not in path]
    for template in templates:
        deep = template["file"].count("/")
        matching = fnmatch.filter((it for it in names if it.count("/") == deep), template["file"])
        if (deep and len(matching) != 1) or set(template.get("unless", ())) & set(top):
            continue
        entries = [name for name in template.get("entries", []) if name in top]
        if program and fnmatch.fnmatch(program, template["file"]) and "entries" in template:
            matching, entries = [program], [program]
        if not matching or ("entries" in template and not entries and len(matching) != 1):
            continue
        entry = entries[0] if entries else matching[0]
        body = template["lines"]
        if stages and "CMD" in body:
            start = body.splitlines()[-1]
            body = (
                f"FROM {{base}} AS build\nWORKDIR /src\nCOPY . .\nRUN {stages[0]}\n"
                f"FROM {{base}}\nWORKDIR /app\nCOPY --from=build /src/{stages[1]}/ ./\n{start}\n"
            )
        if user and "CMD" in body:
            rest, start = body.rstrip("\n").rsplit("\n", 1)
            body = f"{rest}\nUSER {user}\n{start}\n"
        base = _base_image(template["base"], template["tag"], images)
        body = body.replace("{base}", base).replace("{entry}", entry)
        body = body.replace("{folder}", entry.rpartition("/")[0])
        return f"cat > {inside(folder, 'Dockerfile')} <<'EOF'\n{body}EOF"
    return ""


def _base_image(repository: str, tag: str, images: Sequence[str]) -> str:
    """The usual base image, or one that the engine already has: offline, no other can be had."""
    usual = f"{repository}:{tag}"
    here = sorted(image for image in images if image.startswith(f"{repository}:"))
    return usual if usual in here or not here else here[-1]
