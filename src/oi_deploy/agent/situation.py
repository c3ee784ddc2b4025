"""Everything that is known before a turn, as plain values; what is said of it is decided later."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from oi_deploy.agent import beyond, deploys, intents, orders, spared, spelling, tags
from oi_deploy.agent.described import Described
from oi_deploy.agent.dockerfile import told
from oi_deploy.agent.intents import Intents
from oi_deploy.agent.meant import Deployments
from oi_deploy.agent.named import Image, names_latest_too, new_files, repository_of
from oi_deploy.agent.repository import Repository
from oi_deploy.verify.state import DeploymentState

# What is asked for without a new image, if nothing is said of building one.
WITHOUT_IMAGE = frozenset({"undo", "restart", "scale", "delete"})
# A question that orders something, and that has a word in it that denies.
_POLITE = re.compile(
    r"(?P<before>^|[,。;!?\n]\s*)(?:请问)?(?:你|您|大家|咱们?|我们)?(?:能不能|可不可以|可以不可以)(?=帮|把|将|给|麻烦|请|先)",
    re.MULTILINE,
)
_UNLESS = re.compile(r"不(?:通)?过[^,。;]{0,6}不(?:能|要|许|准|得)[^,。;]{0,4}镜像")
_NEW_DOCKERFILE = re.compile(
    r"\b(?:write|add|create|make|needs?)\b[^.;]{0,40}\bdockerfile\b"
    r"|(?:写|补|加|创建|编写)[^。;]{0,12}dockerfile",
    re.IGNORECASE,
)
# A hash that is not written out: "main-xxxxxxxx".
_CROSSES = re.compile(r"(?<=[-:._])x{6,40}(?![\w-]|\.\w)")
_HEADS = re.compile(
    r"(?P<end>[^\s.!?;:。])?(?P<space>\s*)\*\*(?P<head>[^*\n]{1,60}?)(?::\*\*|\*\*:)\s*"
)
# Written in a hurry: "dont touch it".
_NOT = re.compile(
    r"\b(do|does|did|wo|ca|should|must|is|are|was|were|would|could|have|has)nt\b", re.IGNORECASE
)
_HASH = re.compile(r"\b(?:sha|hash|commit)\b|哈希|提交", re.IGNORECASE)
_NOTHING_TO_BUILD = re.compile(
    r"\bnothing (?:has )?to (?:be )?(?:build|built|compiled?)\b"
    r"|\b(?:no|without an?y?) (?:build|compil)(?:e|ing|ation)?(?:[ -](?:step|stage|process))"
    r"|(?:没有|无需?|不(?:需要?|用))(?:编译|构建步骤|构建过程|打包步骤)",
    re.IGNORECASE,
)
# An order of its own: "release web and scale it to 3".
_AND = re.compile(r"\band\b|,|[并再然]后?", re.IGNORECASE)
_WITH_PODS = re.compile(
    rf"\bwith (?:{intents.numbers()}) (?:replicas?|pods?|instances?)\b", intents.FLAGS
)
_RELEASE = re.compile(
    r"^(?:\W|\b(?:please|then|also|now|first|next|finally|just|so)\b)*"
    r"(?:(?:release|ship|deploy)\s+(?!(?:it\s+)?back\b|notes?\b|logs?\b|jobs?\b|window\b|was\b|is\b)[a-z]"
    r"|(?:update|move|bring|upgrade)\b.{1,40}\bto (?:the |this |our )?(?:current|latest|newest|new)"
    r" (?:commit|code|version|build|head)\b)"
    r"|^(?:\W|请|先|再|然后|并|麻烦|帮忙)*(?:发布|上线|部署)(?=\s*(?:[a-z]|新|当前|最新|这个))"
    r"(?!.{0,12}(?:时|后|期间|说明|流程|窗口))"
    r"|(?:把|将)\s*[\w-]+\s*(?:发布|上线|部署|(?:更新|升级)到(?:当前|最新)的?(?:提交|代码|版本))",
    re.IGNORECASE,
)
_NEW = re.compile(
    r"\b(?:this|current|latest|newest|new) (?:commit|code|build|head)\b|\bHEAD\b"
    r"|\b(?:short|full) (?:sha|hash)\b"
    r"|\btag(?:ged)?\b|(?-i:\bVERSION\b)|(?:当前|这个|最新)的?\s*(?:提交|代码|commit)|短\s*(?:sha|哈希)|标签",
    intents.FLAGS,
)


def _brings(part: str) -> re.Match[str] | None:
    """The words for what is new, if the part orders that it is brought out."""
    ordered = deploys.is_asked(part) and not intents.word("denies").search(part)
    return _NEW.search(part) if ordered else None


# What no person writes, and what patterns take long for.
_BLANKS = re.compile(r"[ \t]{9,}")
_LINES = re.compile(r"(?:[ \t]*\n){4,}")
_SAME = re.compile(r"(.{1,12}?)\1{20,}", re.DOTALL)
# Beyond that, the model reads it alone: no line can be certain where only a part was read.
_LONGEST = 8000


@dataclass(frozen=True)
class Ask:
    """What the workflow asks for.

    Attributes:
        prompt: the task.
        expect: the input of that name.
        registry: the input of that name.
        namespace: where commands apply.
        log: the file that the action itself writes its log to.
        date: today in UTC, as 2026-01-31.
    """

    prompt: str
    expect: str
    registry: str = ""
    namespace: str = "default"
    log: str = "deploy.log"
    date: str = ""

    @cached_property
    def text(self) -> str:
        """The prompt for reading it: its orders, with signs of full width as plain ones.

        Empty if it is too long for that.
        """
        # No name goes on after a colon of full width.
        plain = unicodedata.normalize("NFKC", self.prompt.replace("\uff1a", ": "))
        plain = spelling.mended(_NOT.sub(r"\1n't", plain))
        # What is set in bold begins something new, or only stands out.
        plain = _HEADS.sub(_new_sentence, plain).replace("**", "")
        plain = _LINES.sub("\n\n", _BLANKS.sub(" ", _SAME.sub(r"\1", plain)))
        if len(plain) > _LONGEST:
            return ""
        if _HASH.search(plain):
            plain = _CROSSES.sub(lambda it: f"<{len(it[0])}-char short sha>", plain)
        return orders.only(_POLITE.sub(r"\g<before>请", plain))


def _new_sentence(match: re.Match[str]) -> str:
    """A head in bold, after the end of what stands before it."""
    end = match["end"] or ""
    if end and "\n" not in match["space"]:
        return f"{end} {match['head']}: "
    return f"{end}{'.' if end else ''}\n\n{match['head']}: "


@dataclass(frozen=True)
class Situation:
    """The world around one turn.

    Attributes:
        ask: what is asked for.
        intents: read from the prompt.
        repository: the checkout.
        named: the images that the prompt names, in the run's registry.
        tag: the one that the prompt asks for.
        described: what the prompt describes, and the cluster has a name for.
        pinned: references with a digest that the prompt names, and whether the registry has them.
        more_tags: those that the image gets besides.
        meant: the Deployments that the prompt is about.
        deployments: all that the run may change.
        tags: the registry's tags by repository, for those that matter here.
        revisions: images by revision, oldest first, by Deployment.
        began: how many pods each Deployment was to have before the run.
        images: references that the Docker engine has.
        failures: what pods wrote before they ended.
        build: what the last build printed, if it failed.
        mentioned: paths that the prompt names.
        permits: whether the policy allows a verb for a kind and a name.
        exists: whether a path is there.
    """

    ask: Ask
    intents: Intents
    repository: Repository = field(default_factory=Repository)
    named: tuple[Image, ...] = ()
    tag: str = ""
    described: Described = field(default_factory=Described)
    pinned: Mapping[str, bool] = field(default_factory=dict)
    more_tags: tuple[str, ...] = ()
    meant: Deployments = field(default_factory=Deployments)
    deployments: tuple[DeploymentState, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    revisions: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    began: Mapping[str, int] = field(default_factory=dict)
    images: tuple[str, ...] = ()
    failures: str = ""
    build: str = ""
    mentioned: tuple[str, ...] = ()
    permits: Callable[[str, str, str], bool] = lambda kind, name, verb: True
    exists: Callable[[str], bool] = lambda path: False

    def has_image(self, image: Image) -> bool:
        """Whether the registry is known to have it."""
        return bool(image.tag) and image.tag in self.tags.get(image.repository, ())

    def _moves(self, image: Image) -> bool:
        """Whether it is `latest`, which goes on to the image that another name stands for."""
        beside = Image(image.repository) in self.named and "retag" not in self.intents
        new = self.tag and self.tag not in self.tags.get(image.repository, ())
        also = names_latest_too(self.ask.text, image.repository)
        return image.tag == "latest" and beside and bool(new) and also

    def is_beside_new_ones(self, image: Image) -> bool:
        """Whether an image is there, and one of another container of the same pods is not."""
        return self.has_image(image) and any(
            {it.repository, image.repository} <= runs
            for item in self.meant.chosen
            if (runs := {repository_of(container.image) for container in item.containers})
            for it in self.named
            if it.repository != image.repository and it.tag and not self.has_image(it)
        )

    @property
    def told(self) -> str:
        """What says what is amiss with an image: the prompt, its build, and what its pods wrote."""
        return f"{self.ask.text}\n{self.build}\n{self.failures}".rstrip()

    @property
    def kubectl(self) -> str:
        """How a command on the cluster begins."""
        return f"kubectl -n {self.ask.namespace}"

    def rollout_status(self, item: DeploymentState) -> str:
        """The command that waits for the end of a rollout."""
        return f"{self.kubectl} rollout status deployment/{item.name}"

    @property
    def new_files(self) -> tuple[str, ...]:
        """The files that the prompt wants to have written."""
        # What a build printed names what it missed.
        text = told.STEP.sub("", self.ask.text)
        return new_files(text, self.ask.registry, self.repository.files, self.ask.log)

    @property
    def new_file(self) -> str:
        """The first of them; empty if there is none."""
        return next(iter(self.new_files), "")

    @property
    def _is_only_pushed(self) -> bool:
        """Whether a run that deploys nothing is to build an image, in so many words."""
        new = any(image.tag and not self.has_image(image) for image in self.named)
        return new and {"build", "push"} <= self.intents.wanted

    @property
    def keeps_images(self) -> bool:
        """Whether Deployments are only to be restarted or scaled."""
        wanted = self.intents.wanted
        other = {"build", "push", "exists", "retag", "undo", "apply"} & wanted
        return bool({"restart", "scale"} & wanted) and not (
            other or self.named or self.pinned or self.builds
        )

    @property
    def _is_released(self) -> bool:
        """Whether an order beside a restart or another number of pods brings out what is new."""
        # "Update web (tag VERSION)" is one.
        text = re.sub(r"\(([^()\n]*)\)", r" \1 ", self.ask.text)
        return any(
            match and not intents.is_denied(part, match.start())
            for clause in intents.clauses(text)
            if not (clause.supposed or clause.told)
            for part in _AND.split(clause.text)
            if (match := _RELEASE.search(part) or _brings(part))
            and not {"restart", "scale", "undo"} & intents.read(_WITH_PODS.sub(" ", part)).wanted
        )

    @property
    def _is_described(self) -> bool:
        """Whether an image is named that is not there, with what its tag is to be made of."""
        new = any(not (image.tag or self.has_image(Image(image.repository, self.tag)))
                  for image in self.named)  # fmt: skip
        return new and self.ask.expect == "deploy" and tags.is_made(self.ask.text)

    @cached_property
    def only_asks(self) -> bool:
        """Whether a prompt for a deployment orders nothing."""
        return self.ask.expect == "deploy" and deploys.only_asks(self.ask.text)

    @cached_property
    def is_about_images(self) -> bool:
        """Whether the prompt names an image, or orders that one is brought out."""
        if self.only_asks:
            return False
        named_there = self.named or self.pinned or self.described.image.tag
        wanted = {"build", "push", "retag", "exists"} & self.intents.wanted
        return bool(named_there or wanted or self._sets_foreign) or deploys.is_asked(self.ask.text)

    @cached_property
    def _sets_foreign(self) -> bool:
        return deploys.sets_foreign(self.ask.text, self.ask.registry)

    @cached_property
    def beyond(self) -> str:
        """What of a Deployment the prompt wants changed that only a manifest changes."""
        return "" if "apply" in self.intents else beyond.asked(self.ask.text)

    @property
    def builds(self) -> bool:
        """Whether something is to be built.

        Whoever asks for a rollout or a push asks for a build, unless the words say otherwise, or
        speak only of what needs none.
        """
        has = self.intents
        clauses = (clause.text for clause in intents.clauses(self.ask.text))
        new = any(
            (match := _NEW_DOCKERFILE.search(it)) and not intents.is_denied(it, match.start())
            for it in clauses
        )
        # Nothing but the image stays as it is.
        stays = spared.IMAGE_STAYS.search(self.ask.text)
        if stays and not (self.named or {"build", "push"} & has.wanted):
            return False
        if self.beyond and not self.named:
            return False
        # Of a digest, there is one image only.
        if self.pinned and "build" not in has:
            return False
        there = any(
            self.has_image(item) and not (self._moves(item) or self.is_beside_new_ones(item))
            for item in self.named
        )
        # "No image comes out unless the tests pass" denies none; where a Dockerfile is to be
        # written, "nothing to build" is said of the sources.
        denied = "build" in has.denied and not _UNLESS.search(self.ask.text)
        denied = denied and not (new and _NOTHING_TO_BUILD.search(self.ask.text))
        if denied or (self.ask.expect == "none" and not self._is_only_pushed):
            return False
        # One image is to get another's name.
        if "retag" in has and "build" not in has and sum(bool(it.tag) for it in self.named) > 1:
            return False
        # "This build is good, do not rebuild it."
        if "build" in has and not (there and "build" in has.doubted):
            return True
        # A site that is "already built" may still lack its image.
        if there or ("exists" in has and not new):
            return False
        alone = WITHOUT_IMAGE & has.wanted
        if alone:
            released = self._is_released or self._is_described
            return alone <= {"restart", "scale", "undo"} and released
        return self.is_about_images and not (self._sets_foreign and not self.named)
