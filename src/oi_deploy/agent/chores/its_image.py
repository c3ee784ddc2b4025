"""Complete command lines that write an image's name or digest to a file."""

import re
from collections.abc import Iterable

from oi_deploy.agent import intents, references, retag
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.state import DeploymentState


def digest(world: Situation) -> Iterable[str]:
    """The digest that the registry has for the image that this run pushed."""
    file = world.new_file
    pair = retag.pair(world) if not world.builds else None
    found = [str(pair[1])] if pair else [text for _, text in references.built(world)]
    if "digest" in world.intents and file and found:
        # The digest alone, or the image's name with it.
        only = "" if re.search(r"@\s*sha256", world.ask.text) else " | sed 's/.*@//'"
        inspect = f"docker inspect --format '{{{{index .RepoDigests 0}}}}' {found[-1]}"
        yield f"{inspect}{only} > {file}"


# A file is to say which image it is.
_ITS_NAME = re.compile(
    r"\b(?:image(?:'s)? (?:name|reference)|name of the image|(?:full|complete|whole) "
    r"(?:image )?(?:name|reference))\b"
    r"|镜像\W{0,2}(?:的)?(?:完整|全)?(?:名称?|地址|引用)|完整(?:的)?镜像",
    intents.FLAGS,
)

_BEFORE_AND_AFTER = re.compile(
    r"\bbefore (?:this|the|that|it)\b.*\bafter (?:this|the|that|it|wards?)\b|前.*后", intents.FLAGS
)


def _says_name(world: Situation) -> str:
    """The sentence that wants the image's name in a file; empty if there is none."""
    said = (
        it
        for it in intents.sentences(world.ask.text)
        if world.new_file in it and _ITS_NAME.search(it) and "table" not in intents.read(it)
    )
    return next(said, "") if world.new_file and "digest" not in world.intents else ""


def name(world: Situation) -> Iterable[str]:
    """The image's name in a file: that of what is built, or what runs after a rollback."""
    file, chosen, said = world.new_file, world.meant.chosen, _says_name(world)
    if not said:
        return
    found = [text for _, text in references.built(world)] if world.builds else []
    if len(found) == 1:
        yield f"echo {found[0]} > {file}"
    elif "undo" in world.intents and len(chosen) == 1:
        sign = ">>" if _BEFORE_AND_AFTER.search(said) else ">"
        yield f"{_running_image(world, chosen[0])} {sign} {file}"


def name_before(world: Situation) -> Iterable[str]:
    """The name of the image that runs before a rollback, where the file is to have both."""
    chosen, said = world.meant.chosen, _says_name(world)
    if "undo" in world.intents and len(chosen) == 1 and _BEFORE_AND_AFTER.search(said):
        yield f"{_running_image(world, chosen[0])} > {world.new_file}"


def _running_image(world: Situation, item: DeploymentState) -> str:
    field = "C0:.spec.template.spec.containers[*].image"
    get = f"{world.kubectl} get deployment {item.name} --no-headers"
    return f"{get} -o custom-columns={field}"
