"""What a prompt wants without saying it, and changes that no command of a run makes."""

import re

from oi_deploy.agent import changes, intents, words
from oi_deploy.agent.intents import FLAGS
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation


def unknown(world: Situation) -> tuple[Obstacle, ...]:
    """What a prompt wants changed without saying to what, where no line could be made.

    A small model makes it up, and what it made up is then verified.
    """
    # One that is too long is not read here.
    builds = world.builds and not world.only_asks
    if world.ask.expect != "deploy" or builds or not world.ask.text.strip():
        return ()
    changes_something = (WITHOUT_IMAGE | {"apply"}) & world.intents.wanted
    if world.only_asks or not (changes_something or world.is_about_images):
        text = (
            "The prompt has no word for a change that a run makes: an image, a restart, a number "
            "of pods, a rollback, a manifest. For a report, give the input `expect: none`."
        )
        return (Obstacle(text, True),)
    if not world.meant.chosen:
        return ()
    wanted, names = world.intents.wanted, ", ".join(it.name for it in world.meant.chosen)
    remedy = "Write it into the prompt."
    if wanted & WITHOUT_IMAGE == {"scale"} and all(it is None for _, it in changes.counts(world)):
        text = f"How many pods {names} is to have is not known: neither the prompt nor a file says"
        return (Obstacle(f"{text} a number. {remedy}", True),)
    tagged = world.tag not in ("", world.repository.commit) or bool(world.pinned)
    tagged = tagged or any(it.tag for it in world.named)
    existing = "exists" in wanted or ("build" in world.intents.denied and world.named)
    if existing and not (tagged or (WITHOUT_IMAGE | {"apply", "retag"}) & wanted):
        return (Obstacle(f"Which image {names} is to run is not known. {remedy}", True),)
    return ()


def beyond(world: Situation) -> list[Obstacle]:
    """A change of a Deployment that needs a manifest, where none may be applied."""
    chosen = world.meant.chosen
    if world.ask.expect == "none" or not (world.beyond and chosen) or world.builds:
        return []
    text = (
        f"No command that a run may use changes {world.beyond} of {chosen[0].name}: put it into a "
        "manifest, and let the prompt and the policy have that applied."
    )
    certain = not any(world.permits("deployment", it.name, "apply") for it in chosen)
    return [Obstacle(text, certain)]


_CONFIGURED = re.compile(
    r"\b(?:set|change|patch|update|edit|put)\b[^.;\n]{0,60}\bconfigmap\b"
    r"|\bconfigmap\b[^.;\n]{0,60}\b(?:so that|from \S+ to)\b"
    r"|configmap[^。;\n]{0,40}(?:[改设][成为]|更新[成为])",
    FLAGS,
)


def configured(world: Situation) -> list[Obstacle]:
    """A ConfigMap that is to be changed, and that no manifest of the repository has."""
    kinds = {kind for found in world.repository.manifests.values() for kind in found}
    asked = any(
        not (clause.supposed or clause.told or intents.is_denied(clause.text, match.start()))
        for clause in intents.clauses(world.ask.text)
        for match in _CONFIGURED.finditer(clause.text)
    )
    if world.ask.expect == "none" or "ConfigMap" in kinds or not asked:
        return []
    text = (
        "A run changes a ConfigMap by a manifest: put it into the repository, and let the prompt "
        "and the policy have that applied."
    )
    return [Obstacle(text, not world.permits("configmap", "", "apply"))]


_NOT_OUT = re.compile(
    r"\bnothing (?:gets|is|will be|is to be) (?:deployed|rolled out|released)\b"
    r"|\b(?:don't|do not) (?:roll (?:it|this|anything) out|deploy (?:it|this|anything)"
    r"|touch the cluster)(?=\s*(?:[.,;!]|$))"
    r"|(?:不要?|别)动集群|集群(?:不要?|别)[动碰]",
    FLAGS,
)


_GOES_OUT = re.compile(
    r"\bdeploy(?!ments?\b)|\broll(?:s|ed|ing)?[ -]?(?:[\w-]+ ){0,3}out\b|\breleas|\bship|\bupdat"
    r"|\bset image\b|\bswitch|\brestart|\bscal|\bput\b"
    r"|部署|发布|上线|更新|升级|[换切]|重启|扩|缩|回滚",
    FLAGS,
)
_NO_DEPLOYMENT = re.compile(
    r"\b(?:don't|do not|not to|never|without) (?:\w+ )?deploy(?:ing)?\b"
    r"|\bno (?:rollout|deploy(?:ment)?(?: changes?)?)(?=\s*(?:[.,;!]|$))"
    r"|\bonly push\b|\bpush only\b|\bleave the deployments? (?:alone|as (?:it is|they are))"
    r"|\b(?:do not|don't) (?:call|use|run) kubectl\b|\bdeployment (?:will be|is) done by\b"
    r"|(?:不要?|暂不)(?:部署|上线|发布)|(?:部署|集群|deployment)\s*不动|不要?动\s*(?:deployment|集群)"
    r"|只推送|部署由[^,。;]{1,16}(?:完成|负责|做)",
    FLAGS,
)
# What others bring out, or what is for another time.
_BY_OTHERS = re.compile(
    r"\b\w+ will (?:\w+ )?(?:deploy|roll|release)\b[^.;]*|\bonce\b[^.;]*"
    r"|(?:通过|完成|验收)(?:之?后)[^,。;]*",
    FLAGS,
)


def _is_kept_in(world: Situation) -> bool:
    """Whether the prompt denies a deployment, and orders none anywhere."""
    text = words.plain(world.ask.text, world.ask.registry)
    ordered = any(
        not intents.is_denied(clause.text, match.start())
        for clause in intents.clauses(_BY_OTHERS.sub(" ", _NO_DEPLOYMENT.sub(" ", text)))
        for match in _GOES_OUT.finditer(clause.text)
    )
    return bool(_NO_DEPLOYMENT.search(text)) and not ordered


def not_out(world: Situation) -> list[Obstacle]:
    """An image that is only to be pushed, in a run that is to end with a deployment."""
    if world.ask.expect != "deploy" or not (world.builds or "retag" in world.intents):
        return []
    if not (_NOT_OUT.search(world.ask.text) or _is_kept_in(world)):
        return []
    text = "The prompt wants nothing deployed: give the input `expect: push`, or `expect: none`."
    return [Obstacle(text, True)]
