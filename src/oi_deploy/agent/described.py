"""What a prompt describes and the cluster names: Deployments by a label, an image by a ConfigMap's
key or an annotation.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents, words
from oi_deploy.agent.named import NAME, Image, repository_of
from oi_deploy.agent.versions import is_tag
from oi_deploy.verify.state import DeploymentState

_QUOTE = r"[`'\"“”「」]?"
_LABEL = rf"{_QUOTE}(?P<key>[A-Za-z0-9][\w./-]*)\s*=\s*(?P<value>[\w.-]*\w){_QUOTE}"
_OBJECTS = r"(?:deployments?|workloads?|services?|部署|服务|工作负载)"
_LABELLED = (
    re.compile(
        r"\b(?:(?:all|every|each|those|both|any)\s+(?:of\s+)?)?(?:(?:the|our)\s+)?(?:\w+\s+)?"
        rf"{_OBJECTS}\s+(?:(?:that|which)\s+)?(?:(?:are|is)\s+)?"
        r"(?:labell?ed(?:\s+with)?|(?:with|carry|carries|carrying|has|have|having|bear|bears|bearing|matching)"
        rf"\s+(?:(?:the|a)\s+)?(?:label|selector))\s+{_LABEL}",
        intents.FLAGS,
    ),
    re.compile(
        r"(?:(?:所有|全部|每个|凡是)的?)?\s*(?:带有?|打[了上]?|贴了?|标了?|含有?|有)?着?\s*(?:label|标签)?"
        rf"(?:为|是|:)?\s*{_LABEL}\s*(?:这个)?(?:label|标签)?\s*的\s*"
        rf"(?:所有|全部|每个|那些|[几两三四]个)?的?\s*{_OBJECTS}",
        intents.FLAGS,
    ),
)
_OF_IMAGE = re.compile(r"\b(?:images?|tags?|versions?)\b|镜像|标签|版本", intents.FLAGS)
# What stands before a word of the language and no name.
_ARTICLE = r"(?!(?:the|an?|this|that|its?|our|whose|one|of|in|it)\b)"
_WORD = rf"(?<![\w./-]){_ARTICLE}(?P<{{0}}>[A-Za-z0-9][\w./-]*\w)"
_CALLED = r"(?:\s*[/:]|\s+(?:called|named)\b|\s*名为)?"
_CONFIGMAP = re.compile(
    rf"(?<![\w./-]){_ARTICLE}(?P<before>{NAME}){_QUOTE}\s*(?:这个)?\s*configmap\b"
    rf"|\bconfigmap{_CALLED}\s*{_QUOTE}{_ARTICLE}(?P<after>{NAME})",
    intents.FLAGS,
)
_KEYS = re.compile(
    rf"{_WORD.format('before')}{_QUOTE}\s*(?:(?:这个|那个)\s*(?:键|字段)?|键|字段|\b(?:key|field|entry)\b)"
    rf"|(?:\b(?:key|field|entry){_CALLED}|键|字段)\s*{_QUOTE}{_WORD.format('after')}",
    intents.FLAGS,
)
_ANNOTATION = re.compile(
    rf"{_WORD.format('before')}{_QUOTE}\s*(?:这个)?\s*(?:annotation\b|注解)"
    rf"|(?:\bannotation{_CALLED}|注解)\s*{_QUOTE}{_WORD.format('after')}",
    intents.FLAGS,
)
_READS = re.compile(
    r"\b(?:reads?|tak(?:e|en)|look(?: it)? up|get|fetch|find|says?|lists?|holds?|stands?|names?"
    r"|recorded|kept|stored|written|from|under|in|whatever|use)\b|读|取|查|看|记|写|存|来自|里|中|的值",
    intents.FLAGS,
)
# What is to be written there is not read.
_WRITES = re.compile(
    r"\b(?:set|change|update|edit|add|bump|annotate)\s+(?:(?:the|an?)\s+)?(?:\w+ )?"
    r"(?:keys?|field|entry|value|annotation|configmap|(?-i:[`'\"]?[A-Z_]{3,}\b))"
    r"|\b(?:write|record|put|note|store)\b[^.;]{0,60}\b(?:in|into|to|as) (?:the|an?) (?:\w+ )?"
    r"(?:annotation|configmap)"
    r"|(?:写入|写到|记到|写进|加上|添加|打上|更新)[^。;]{0,16}(?:注解|configmap)"
    r"|(?:注解|键|configmap)[^。;]{0,40}(?:[写设改]成|[设改]为|更新[为成])",
    intents.FLAGS,
)
NO_IMAGE = Image("")
# Names that stand in a file: "registry, deployment and container are in ops/release.toml".
_OF_NAMES = re.compile(
    r"\b(?:images?|registry|repository|deployment|container|names?)\b|镜像|仓库|部署|容器|名称?",
    intents.FLAGS,
)
_OF_SEVERAL = re.compile(r"\bdeployments\b|[几两三多]个\s*(?:deployment|部署)|哪些", intents.FLAGS)
_WORDS = re.compile(r"[\w.-]+(?::\d+)?(?:/[\w.-]+)*(?::[\w.-]*\w)?", re.ASCII)


@dataclass(frozen=True)
class Described:
    """What the cluster has for the words of a prompt.

    Attributes:
        prompt: with the names of Deployments in place of their label.
        image: what a key or an annotation says to run; without a repository where it says a tag.
        missing: what the prompt describes and is not there, as sentences.
    """

    prompt: str = ""
    image: Image = NO_IMAGE
    missing: tuple[str, ...] = ()

    def images(self, named: Sequence[Image]) -> tuple[Image, ...]:
        """The images of a prompt, where those without a tag have the one that was looked up."""
        if self.image.repository:
            return (self.image,)
        return tuple(Image(it.repository, it.tag or self.image.tag) for it in named)


def read(
    prompt: str,
    registry: str,
    deployments: Sequence[DeploymentState],
    configuration: Callable[[str], Mapping[str, str] | None],
    texts: Mapping[str, str],
) -> Described:
    """Look up what the prompt describes.

    Args:
        prompt: the task.
        registry: the input of that name.
        deployments: those that the run may change.
        configuration: the data of a ConfigMap, empty if it is not there; None if it cannot be
            read.
        texts: of the files that the prompt names.
    """
    text, absent = _with_names(prompt, deployments)
    text = _with_names_of_files(text, registry, deployments, texts)
    said = intents.sentences(text)
    for before, sentence, after in zip(["", *said], said, [*said[1:], ""], strict=False):
        about = _OF_IMAGE.search(f"{before} {sentence} {after}") and _READS.search(sentence)
        if not about or _WRITES.search(sentence):
            continue
        for what, value in (
            *_configured(sentence, after, configuration),
            *_annotated(text, sentence, deployments),
        ):
            missing = absent if value else (*absent, f"{what[0].upper()}{what[1:]}.")
            return Described(text, _image(value, registry), missing)
    return Described(text, missing=absent)


def _image(value: str, registry: str) -> Image:
    """What a value says to run; none if it is neither a tag nor an image of the registry."""
    repository, _, tag = value.strip().rpartition(":")
    is_ours = repository.startswith(f"{registry}/") or not repository
    return Image(repository, tag) if is_ours and is_tag(tag) else NO_IMAGE


def _with_names(prompt: str, deployments: Sequence[DeploymentState]) -> tuple[str, tuple[str, ...]]:
    """The prompt with names for labels, and what no Deployment has."""
    missing: list[str] = []

    def names(match: re.Match[str]) -> str:
        key, value = match["key"], match["value"]
        found = [item.name for item in deployments if item.labels.get(key) == value]
        if not found:
            missing.append(f"No Deployment that this run may change has the label {key}={value}.")
            return match[0]
        return f"deployment {', '.join(found)}"

    for pattern in _LABELLED:
        prompt = pattern.sub(names, prompt)
    return prompt, tuple(missing)


def _with_names_of_files(
    prompt: str,
    registry: str,
    deployments: Sequence[DeploymentState],
    texts: Mapping[str, str],
) -> str:
    """The prompt with the names that it only says to stand in a file.

    The file, which may be hostile, chooses among the Deployments that are there and the images that
    they run: one, or several of one image where the prompt speaks of several; else nothing is
    certain.
    """
    if f"{registry}/" in prompt or any(words.is_named(it.name, prompt) for it in deployments):
        return prompt
    for path, text in texts.items():
        said = [it for it in intents.sentences(prompt) if words.is_named(path, it)]
        if not any(_OF_NAMES.search(it.replace(path, " ")) and _READS.search(it) for it in said):
            continue
        # A comment is about others as well.
        found = set(_WORDS.findall(re.sub(r"(?m)(?:^|\s)#.*$", "", text)))
        images = {repository_of(it) for it in found} | {f"{registry}/{it}" for it in found}
        items = [item for item in deployments if item.name in found]
        run = [{repository_of(it.image) for it in item.containers} & images for item in items]
        several = any(_OF_SEVERAL.search(it) for it in said)
        image = set().union(*run)
        if len(image) == 1 and all(run) and (len(items) == 1 or several):
            inside = [it.name for it in items[0].containers if it.name in found]
            container = f" container {inside[0]}" if len(inside) == len(items) == 1 else ""
            names = " and ".join(item.name for item in items)
            return f"{prompt}\n\n{image.pop()}, deployment {names}{container}.\n"
    return prompt


def _configured(
    sentence: str, after: str, configuration: Callable[[str], Mapping[str, str] | None]
) -> Iterator[tuple[str, str]]:
    """What it is if the ConfigMap of a sentence has no such key, and the key's value."""
    for match in _CONFIGMAP.finditer(sentence):
        name = match[match.lastgroup or 0]
        data = configuration(name)
        around = f"{sentence[: match.start()]}\n{sentence[match.end() :]}"
        if data is not None and (key := _key(around, data) or _key(after, data)):
            yield f"the ConfigMap {name} has no key {key}", data.get(key, "")


def _key(text: str, data: Mapping[str, str]) -> str:
    """The key of which a text speaks; empty if it names none."""
    if found := _KEYS.search(text):
        return found[found.lastgroup or 0]
    said = [key for key in data if words.is_named(key, text)]
    return said[0] if len(said) == 1 else ""


def _annotated(
    prompt: str, sentence: str, deployments: Sequence[DeploymentState]
) -> Iterator[tuple[str, str]]:
    """What it is if no Deployment of the prompt has the annotation, and its value."""
    owners = [item for item in deployments if words.is_named(item.name, prompt)]
    for match in _ANNOTATION.finditer(sentence):
        key = match[match.lastgroup or 0]
        values = {value for item in owners for value in _annotations(item, key)}
        if owners and re.search(r"[./]", key) and len(values) < 2:
            names = ", ".join(item.name for item in owners)
            yield f"the Deployment {names} has no annotation {key}", next(iter(values), "")


def _annotations(item: DeploymentState, key: str) -> Iterator[str]:
    """What the Deployment and its pods have."""
    pods = (json.loads(item.template or "{}").get("metadata") or {}).get("annotations") or {}
    yield from (str(it[key]) for it in (item.annotations, pods) if key in it)
