"""The line that writes the Dockerfile that a repository, or a folder of it, lacks."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from oi_deploy.agent import intents, named
from oi_deploy.agent.dockerfile import proposal, wishes
from oi_deploy.agent.dockerfile.files import inside
from oi_deploy.agent.situation import Situation

# What makes a folder a project of its own.
_PROJECT = frozenset(
    [
        *("package.json", "go.mod", "requirements.txt", "pyproject.toml"),
        *("app.py", "main.py", "server.py", "index.js", "server.js", "app.js"),
    ]
)
_ROOT = re.compile(r"根目录|根下|\broot\b(?! user)", intents.FLAGS)


def line(world: Situation, names: Sequence[str]) -> str:
    """For the folder that is meant, else for the root; nothing where there are others.

    Args:
        world: what is known.
        names: of the Deployment and of its image.
    """
    if place := _apart(world):
        text = _written(world, ".")
        folder = place.rpartition("/")[0]
        return text.replace("cat > Dockerfile", f"mkdir -p {folder}\ncat > {place}", 1)
    found = (_written(world, folder) for folder in _folders(world, names))
    return next(filter(None, found), "")


_BELOW = re.compile(r"(?<![\w./-])(?:\./)?((?:[\w-]+/)+Dockerfile)(?![\w-]|\.\w)", re.ASCII)


def _apart(world: Situation) -> str:
    """The path of a Dockerfile that is to lie in a folder which has nothing of the project."""
    folders = named.folders(world.repository.files)
    found = dict.fromkeys(_BELOW.findall(world.ask.text))
    place = next(iter(found), "")
    clauses = [it for it in intents.split(world.ask.text) if place and place in it]
    if any(intents.is_denied(it, it.find(place)) for it in clauses):
        return ""
    there = place.rpartition("/")[0] in folders or world.exists(place)
    return place if len(found) == 1 and not there else ""


def _written(world: Situation, folder: str) -> str:
    there = world.exists(inside(folder, "Dockerfile"))
    if there or (folder == "." and world.repository.dockerfiles):
        return ""
    inner, texts = below(world, folder)
    read = wishes.read(world, {*inner, *named.folders(inner)}, texts)
    return proposal.command(inner, world.images, folder=folder, wanted=read, texts=texts)


def below(world: Situation, folder: str) -> tuple[list[str], dict[str, str]]:
    """The files of a folder, and what is known of their texts, with their paths from there."""
    prefix = "" if folder == "." else f"{folder}/"
    files, known = world.repository.files, world.repository.texts
    inner = [path.removeprefix(prefix) for path in files if path.startswith(prefix)]
    return inner, {path: known[f"{prefix}{path}"] for path in inner if f"{prefix}{path}" in known}


def _folders(world: Situation, names: Sequence[str]) -> list[str]:
    """Where the Dockerfile may go: what is only mentioned is a part of the root's project."""
    files = world.repository.files
    folders = named.folders(files)
    text = world.ask.text
    # A package is a part of what lies above it, whatever its programs are called, unless it is
    # written as a folder.
    lists = [path for path in files if not path.endswith(".py")]
    below = [
        path
        for path in world.mentioned
        if path in folders
        and (
            f"{path}/__init__.py" not in files
            or _is_project(path, files if f"{path}/" in text else lists)
        )
    ]
    for path in world.mentioned:
        if path.endswith("/Dockerfile") and str(PurePosixPath(path).parent) in folders:
            return [str(PurePosixPath(path).parent)]
    if wishes.stages_of(world, {*files, *folders}, world.repository.texts) or any(
        _is_root(sentence) for sentence in intents.sentences(text)
    ):
        return ["."]
    named_there = wishes.files_of(world, {*files, *folders})
    if len({path.partition("/")[0] for path in named_there}) > 1:
        return ["."]
    projects = [path for path in below if _is_project(path, files)]
    called = [path for path in projects if PurePosixPath(path).name in names]
    said = [path for path in below if _is_to_be_built(path, text)]
    if "." in map(str, {PurePosixPath(path).parent for path in files if _marks(path)}):
        # The root is a project: a part of it has to be called one.
        return [*called, *(path for path in said if path in projects), "."][:1]
    first = [*called, *said, *projects][:1]
    if named_there.intersection(first):
        # It comes into the image with its name.
        return ["."]
    # What it needs beside it is there in the root only.
    beside = not called and not said and len(projects) == 1 < len(below)
    return [".", *first] if beside or not first else first


def _is_root(sentence: str) -> bool:
    found = _ROOT.search(sentence)
    before = sentence[: found.start()] if found else ""
    user = re.search(r"\bas\s+$|非\s*$|以\s*$", before)
    return found is not None and not user and not intents.word("denies").search(before[-24:])


def _marks(path: str) -> bool:
    return PurePosixPath(path).name in _PROJECT


def _is_project(folder: str, files: Iterable[str]) -> bool:
    """Whether a folder has at its top what a project has there."""
    return any(_marks(path) and str(PurePosixPath(path).parent) == folder for path in files)


def _is_to_be_built(folder: str, text: str) -> bool:
    """Whether the prompt says that the folder is what is built, or has the Dockerfile."""
    name = rf"`?{re.escape(folder)}/?`?(?![\w./-])"
    return any(
        re.search(pattern, text, intents.FLAGS)
        for pattern in (
            rf"\b(?:service|dockerfile|one)\b[^,.;]{{0,24}}\b(?:in|for|of|from|under)\s+"
            rf"(?:the\s+)?(?:folder\s+|directory\s+)?{name}",
            rf"\b(?:build|containeri[sz]e|package|deploy)\s+(?:the\s+)?(?:folder\s+|directory\s+|service\s+)?{name}",
            rf"(?:为|给|在|构建|打包)\s*{name}\s*(?:目录|文件夹|服务|项目|里|下|中)*[^,。]{{0,12}}(?:dockerfile|镜像)",
            rf"服务[^,。]{{0,6}}在\s*{name}",
        )
    )
