"""What the lines of a run come to: what verification must find, and what no push may replace."""

import re
from collections.abc import Sequence

from oi_deploy.agent import named, words
from oi_deploy.agent.named import Image
from oi_deploy.agent.situation import Situation
from oi_deploy.verify.check import Asked

# The images of `set image deployment/web app=IMAGE proxy=IMAGE`.
_SETS = re.compile(r" set image deployment/(\S+) (.*)$")
_RESTARTS = re.compile(r" rollout restart deployment/(\S+)$")
# What brings another image.
_DEPLOYS = re.compile(r" set image | rollout undo |^docker push ")
_SCALES = re.compile(r" scale deployment/(\S+) --replicas=(\d+)$")


def asked(world: Situation, commands: Sequence[str]) -> Asked:
    """The numbers of pods that lines set, and what manifests may change."""
    lines = (match for line in commands if (match := _SCALES.search(line)))
    known = {match[1]: int(match[2]) for match in lines}
    restarted = {match[1] for line in commands if (match := _RESTARTS.search(line))}
    kept = frozenset({*known, *restarted})
    # Where no line is known, a new image is still none of what is asked for.
    if not kept and world.keeps_images:
        kept = frozenset(item.name for item in world.meant.chosen)
    if world.ask.expect != "deploy" or any(map(_DEPLOYS.search, commands)):
        kept = frozenset()
    about = world.meant.chosen if "scale" in world.intents else ()
    made = world.repository.made if "apply" in world.intents else ()
    sets = (match for line in commands if (match := _SETS.search(line)))
    return Asked(
        {**{item.name: None for item in about}, **known},
        frozenset(item.name for item in made),
        {it[1]: frozenset(pair.partition("=")[2] for pair in it[2].split()) for it in sets},
        kept,
    )


def declined(world: Situation, commands: Sequence[str]) -> dict[str, str]:
    """Commands that the prompt gives no reason for, and that a small model runs, as broker's rules.

    A push over a tag that the registry has; a new image where Deployments keep theirs.
    """
    if world.ask.expect == "deploy" and world.keeps_images:
        why = "the task restarts or scales only, and has no word for another image"
        return dict.fromkeys(("docker.build", "docker.push", "kubectl.set.image"), why)
    return _taken(world, commands)


def _taken(world: Situation, commands: Sequence[str]) -> dict[str, str]:
    pushed = {line.rpartition(" ")[2] for line in commands if line.startswith("docker push ")}
    text = words.plain(world.ask.text, world.ask.registry)
    return {
        f"docker.push {repository}:{tag}": (
            "the registry has this tag already, and the task has no word for another image under it"
        )
        for repository, known in world.tags.items()
        for tag in (known if pushed else ())
        if f"{repository}:{tag}" not in pushed
        and Image(repository, tag) not in world.named
        and not named.speaks_of(tag, text)
        and not words.is_named(tag, text)
    }
