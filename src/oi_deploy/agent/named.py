"""What a prompt names: image references, namespaces, files and folders."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents, spared, words

NAME = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# A tag, or what a shell makes one of.
_TAG = r"(?::(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\$\([^()]*\)|\$\{[^{}]*\}|\$\w+|[-_.](?=[$\w]))+)?"
_NAMESPACE = re.compile(
    rf"(?:命名空间|名字空间)\s*[:]?\s*[`\"'“「]?(?P<zh>{NAME})"
    rf"|(?P<before>{NAME})[`\"'”」]?[ \t]*(?:这个|的)?[ \t]*(?:命名空间|名字空间)"
    rf"|(?:\s-n|--namespace)[ =](?P<flag>{NAME})"
    rf"|\bnamespace\s+[`\"'“]?(?P<en>{NAME})"
    # "in namespace x" names x, "the x namespace" too.
    rf"|\bthe\s+[`\"'“]?(?P<en_before>{NAME})[`\"'”]?\s+namespace\b",
    re.ASCII,
)
# Behind a colon may stand a tag, but for Chinese, where it begins something new.
_PATH = re.compile(rf"(?<![\w./@$-])(?<![^{intents.CJK}]:)[\w.][\w.-]*(?:/[\w.-]+)*/?", re.ASCII)
# A name in Chinese. No space says where it begins, so a word for what is done with it has to.
_HAN = r"\u4e00-\u9fff"
_HAN_PATH = re.compile(
    rf"(?P<apart>[\s`'\"“「(])?(?P<path>(?:[{_HAN}\w.-]+/)*[{_HAN}\w.-]*[{_HAN}]\."
    r"(?:md|txt|csv|tsv|json|ya?ml|toml|html?|log|conf|ini))(?![\w/-])",
    re.ASCII,
)
_WRITES = (
    r"写[入到进成在]|保存[为到在]|存[为到成入]|生成|输出[到为]|记录?[到在]|放[到在进]|导出[为到]"
)
_WRITTEN = re.compile(rf".*(?:{_WRITES})")
_BEFORE_NAME = re.compile(
    rf".*(?:{_WRITES}|更新|查看|看一?[下看]|读取?|按照?|根据|参照|打开|叫做?|名为|[把将从在见给到为])"
)
GOES_ON = re.compile(r"\s*(?:$|[.,;:)!?]|(?:to|with|so|and|in|on|from|by|then|until)\b)")
# Right before what is not meant.
_NOT = re.compile(
    r"(?:不是|而不是|而非|并非|\bnot|\brather than|\binstead of|\bsame as|\bunlike|\bsince)"
    r"[^,;。,;.\n]{0,12}$"
    r"|(?:\be\.g\.|\bfor (?:example|instance)|\bsuch as|例如|比如|譬如|形如)[,:]?\s*[`'\"]?$"
    r"|\b(?:previous|old|former|earlier|last) (?:version|release|tag)s?,? ?$",
    intents.FLAGS,
)
# Right before a reference that is not to be used. One that is not to be built may be meant.
_NOT_TO_USE = re.compile(
    r"(?:(?:\bnot|n't|\bnever)(?:\s+(?:ever\s+)?(?:re-?)?(?:push|publish|us|overwrit|touch|pull|tag)"
    r"(?:e|ing)?\b)?|\b(?:instead of|rather than|in place of)"
    # What was, and what something new takes the place of.
    r"|\breplac(?:es?|ed|ing)|\blast (?:deploy|release|build|time)[^.;]{0,40}?\b(?:was|is)"
    r"|(?:上次|上一次)[^,。;]{0,24}?[是为]|替换|(?:\bexample\b|例子)[^.;。\n]{0,60}?-t"
    r"|(?:不要?|(?<!分)别|勿|禁止|严禁)(?:再|去)?"
    r"(?:推送?|用|使用|覆盖|动|碰|打)|而不是|而非|不是)"
    r"(?:\s*(?:\b(?:it|the|an?|to|as|over|with|old|existing|image|tag)\b|到|成|镜像|标签|了))*"
    r"\s*[`'\"(]*$",
    intents.FLAGS,
)
# Right after one that was no good.
_NO_GOOD = re.compile(
    r"[`'\"),]*\s*(?:(?:is|was) (?:broken|bad|wrong|faulty|buggy|outdated|stale|old"
    r"|the (?:old|broken|bad|current|previous))\b|(?:crash|fail)(?:s|ed|es)\b|ha[sd] (?:a|the) bug"
    r"|有问题|有\s*bug|坏了|挂了|是旧|是坏|已过时)",
    intents.FLAGS,
)
# Right before what would be there if something else were so.
_SUPPOSED = re.compile(
    r"\b(?:would|could|might) (?:then )?(?:be|become|have been|read|mean|give)"
    r"(?: called| named)?[ `'\"]*$"
    r"|\bfor (?:an? |the )?(?:tagged )?(?:commit|tag|version|release) [`'\"]?v?\d[\w.-]*[`'\"]?,?"
    r" (?:the image |that |it )?is [`'\"]?$"
    r"|(?:就会?是|会变成|就该是|则是|应当是|(?:如果|要是|假如|比如)[^。;\n]{0,40}就叫)\s*[`'\"“]?$"
    r"|(?:\be\.g\.|\bfor (?:example|instance)|\bsuch as|例如|比如|譬如|形如)[,:]?\s*[`'\"“]?$"
    # "So v1.2 becomes shop:1.2."
    r"|(?<![\w.])v?\d+(?:\.\d+)+[`'\"”]?\s*(?:\b(?:becomes|turns into|gives|yields)\b|→|->|=>"
    r"|就?(?:变成|变为|对应|得到))\s*[`'\"“]?$",
    intents.FLAGS,
)
# A version that something has, and is not to get.
RUNS_NOW = re.compile(
    r"\b(?:(?:is|are|was|were)(?: still| currently| now)? (?:on|at)|from"
    r"|\b(?:runs?|running|serves?|live|deployed)(?: there| now| today)? is(?: still)?"
    r"|\b(?:is|are) still(?: running)?|\bstill (?:runs?|serves?)"
    r"|\b(?:stays?|remains?|staying|remaining) (?:at|on|with))\s+v?\d[\w.-]*\w"
    r"|(?:从|(?:还|仍)[在然]?(?:是|跑|运行|用)|(?:现在|目前|当前|线上)的?(?:线上)?(?:还|仍)?(?:是|跑的?是?|运行的?是?))"
    r"\s*v?\d[\w.-]*\w(?![^,。;]*(?:换|切|升|改|部署|更新|推送))",
    intents.FLAGS,
)
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}$")
# The parts of a version, behind a branch's folder too, and what examples begin with.
_NO_FILE = re.compile(
    r"(?:[\w-]+[/-])*v?(?:(?:major|minor|patch|[xyz])\.?){2,4}|e\.g|i\.e"
    # A field of an object; "resources.txt" is a file.
    r"|(?!.*\.(?:txt|md|csv|tsv|json|ya?ml|log|html|xml)$)"
    r"\.?(?:spec|status|metadata|resources|data)\.[\w.\[\]*]+",
    re.IGNORECASE,
)
# They look like files.
_PRODUCT = re.compile(
    r"(?:node|next|nuxt|vue|nest|express|react|ember|backbone|three|d3|alpine)\.js"
    r"|socket\.io|(?:asp|vb)\.net",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Image:
    """An image in the run's registry that the prompt names.

    Attributes:
        repository: with the registry's host.
        tag: as it stands there, with the commit filled in; empty if there is none.
    """

    repository: str
    tag: str = ""

    def __str__(self) -> str:
        """The reference."""
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


def pinned(prompt: str, registry: str) -> tuple[str, ...]:
    """References with a digest under the registry's host that the prompt wants, each once."""
    host = registry.partition("/")[0]
    path = rf"(?<![\w./-]){re.escape(host)}/[a-z0-9._/-]*[a-z0-9](?::[\w.-]+)?"
    found = re.finditer(rf"{path}@sha256:[0-9a-f]{{64}}", prompt, re.ASCII) if host else ()
    meant = (it[0] for it in found if not _NOT_TO_USE.search(prompt[: it.start()]))
    return tuple(dict.fromkeys(meant))


def whole(repository: str) -> re.Pattern[str]:
    """A pattern for a repository, and not for a longer one that begins like it."""
    return re.compile(rf"{re.escape(repository)}(?![\w./-]*\w)", re.ASCII)


def images(prompt: str, registry: str, commit: str) -> tuple[Image, ...]:
    """The images under the registry's host that the prompt names, in order, each once."""
    host = registry.partition("/")[0]
    if not host:
        return ()
    text = re.sub(r"\$\(\s*git rev-parse --short HEAD\s*\)", commit or r"\g<0>", prompt)
    pattern = rf"(?<![\w./-]){re.escape(host)}/(?P<path>[a-z0-9._/-]*[a-z0-9])(?P<tag>{_TAG})"
    # Chinese goes on into a reference without a space.
    found = list(re.finditer(pattern, text, re.ASCII))
    meant = [
        match
        for match in found
        if not _NOT_TO_USE.search(text[: match.start()]) and not _NO_GOOD.match(text, match.end())
    ]
    # "Push it to the registry" names none.
    meant = [match for match in meant if f"{host}/{match['path']}" != registry or match["tag"]]
    examples = {match.start() for match in meant if _SUPPOSED.search(text[: match.start()])}
    if len(examples) < len(meant):
        meant = [match for match in meant if match.start() not in examples]
    elif examples:
        return tuple(dict.fromkeys(Image(f"{host}/{match['path']}") for match in meant))
    tagged = [Image(f"{host}/{match['path']}", _tag(match, text)) for match in meant]
    # What is only said not to be used still says which repository it is about.
    bare = [Image(name) for it in found if (name := f"{host}/{it['path']}") != registry]
    return tuple(dict.fromkeys(tagged or bare))


def _tag(match: re.Match[str], text: str) -> str:
    """The tag of a reference; empty where a placeholder stands: `:TAG`, `:v-$TAG`, `:v-<sha>`."""
    tag = match["tag"].removeprefix(":").rstrip(".-")
    held = re.fullmatch(
        r".*YYYY.*|[A-Z][A-Z_]*(?:[-.][A-Z][A-Z_]*)*|.*\$(?:\w|\{\w+\}|\([A-Z_]+\)).*", tag
    )
    return "" if held or text[match.end() : match.end() + 1] in tuple("<{[") else tag


def names_latest_too(text: str, repository: str) -> bool:
    """Whether a text names the `latest` of an image beside another name of it."""
    beside = r"\band|&|\+|和|及|\bas|(?:\balso|\band) (?:move|push|update|set)|同时(?:更新|推送?)"
    latest = rf"(?:{beside})\s*[`'\"]?{re.escape(repository)}:latest"
    return re.search(latest, text, re.ASCII) is not None


def tagged(
    prompt: str, found: Sequence[Image], tags: Mapping[str, Sequence[str]]
) -> tuple[Image, ...]:
    """The images, where one has no tag with the one of the registry that the prompt speaks of.

    Args:
        prompt: the task.
        found: the images that it names; if there are none, those of its Deployments are meant.
        tags: the registry's tags by repository.
    """
    text = words.without_references(prompt)
    images = list(found) or [Image(name) for name in tags]
    filled = [
        Image(image.repository, spoken[-1])
        if not image.tag and (spoken := _spoken(text, tags.get(image.repository, ())))
        else image
        for image in images
    ]
    return tuple(item for item in filled if item.tag or item in found)


def speaks_of(tag: str, text: str) -> re.Match[str] | None:
    """Where a text has a version that is meant, with or without a `v` before it."""
    number = re.sub(r"^v(?=\d)", "", tag)
    pattern = rf"(?<![\w.-])v?{re.escape(number)}(?![\w-]|\.\d)"
    found = re.finditer(pattern, text, re.ASCII)
    # A long number may be any.
    named = re.compile(
        r"(?:\btag|\bbuild|\bversion|\bimage|标签|版本|镜像|(?:升级?|更新)[到为成])\W{0,3}$",
        intents.FLAGS,
    )
    return next(
        (
            match
            for match in found
            if not _NOT.search(text[: match.start()])
            and not _NO_GOOD.match(text, match.end())
            and (not tag.isdigit() or named.search(text[: match.start()]))
            and not (tag.isdigit() and _COUNTED.match(text, match.end()))
        ),
        None,
    )


_COUNTED = re.compile(r"\s*(?:个|副本|\breplicas?|\bpods?|\binstances?)", intents.FLAGS)


def _spoken(text: str, tags: Sequence[str]) -> list[str]:
    """The tags that a text surely has as words, in its order: `1.2`, `rc-7`."""
    text = RUNS_NOW.sub(" ", text)
    # A short number is one only right behind a word for it.
    sure = (
        tag
        for tag in tags
        if "." in tag or tag.isdigit() or re.fullmatch(r"[A-Za-z]+-\w*\d\w*", tag)
    )
    places = {tag: match.start() for tag in sure if (match := speaks_of(tag, text))}
    return sorted(places, key=lambda tag: places[tag])


def can_be_a_name(word: str) -> bool:
    """Whether a word in the place of a name may be one, and goes not on with the sentence."""
    # In capitals, it begins a sentence or is an abbreviation.
    listed = word in intents.table()["no-names"].split()
    return word == word.lower() and not listed and not word.endswith("ly")


def repository_of(reference: str) -> str:
    """A reference without its tag and digest."""
    name = reference.partition("@")[0]
    head, _, tail = name.rpartition(":")
    return name if "/" in tail or not head else head


def namespaces(prompt: str) -> tuple[tuple[str, bool], ...]:
    """Namespaces that the prompt names and does not spare, and whether they surely are names."""
    found: dict[str, bool] = {}
    for match in _NAMESPACE.finditer(prompt):
        kind = match.lastgroup or ""
        name = match[kind]
        usual = name in ("production", "prod", "staging")
        if (usual or can_be_a_name(name)) and not spared.in_a_spared_clause(prompt, match.start()):
            goes_on = kind == "en" and bool(GOES_ON.match(prompt[match.end() :]))
            # Nothing but a name follows that word twice.
            certain = goes_on or kind in ("zh", "before", "flag") or name in found
            found[name] = found.get(name, False) or certain
    return tuple(found.items())


def paths(prompt: str, registry: str) -> tuple[str, ...]:
    """What looks like a path: it has a slash or an ending, or may be a folder's name."""
    text = words.plain(prompt, registry)
    found = (match.rstrip("./") for match in _PATH.findall(text))
    return tuple(dict.fromkeys(item for item in (*found, *_in_chinese(text)) if item))


def _in_chinese(text: str) -> Iterable[str]:
    for match in _HAN_PATH.finditer(text):
        name = match["path"]
        # Behind a space, the name may begin, or Chinese go on after a word of Latin letters.
        before = _WRITTEN if match["apart"] else _BEFORE_NAME
        if begins := before.match(name.partition("/")[0]):
            name = name[begins.end() :]
        if (begins or match["apart"]) and not name.startswith((".", "/")) and not name.isascii():
            yield name


# "The file's name, for example web.log".
_FILE_AS_EXAMPLE = re.compile(
    r"(?:\be\.g\.|\bfor (?:example|instance)|\bsuch as|例如|比如|譬如|形如)[,:]?\s*"
    r"[`'\"“]?[\w./-]+",
    intents.FLAGS,
)


def folders(files: Iterable[str]) -> frozenset[str]:
    """All folders that files lie in, the root left out."""
    return frozenset(
        "/".join(parts[:end])
        for parts in (path.split("/") for path in files)
        for end in range(1, len(parts))
    )


def new_files(prompt: str, registry: str, files: Collection[str], log: str) -> tuple[str, ...]:
    """The files that the prompt wants to have written: they have an ending and are not there."""
    # A Dockerfile of that name is there, wherever it is.
    there = {name for path in files if "ockerfile" in (name := path.rpartition("/")[2])}
    return tuple(
        path
        for path in paths(_FILE_AS_EXAMPLE.sub(" ", prompt), registry)
        if _ENDING.search(path)
        and path not in there
        # That is nginx's own.
        and not path.endswith(("conf.d/default.conf", "nginx.conf"))
        and not _NO_FILE.fullmatch(path)
        # ".png" is a kind of file.
        and not re.fullmatch(r"\.\w+", path)
        and not (path in files or path == log or _is_number(path) or _PRODUCT.fullmatch(path))
    )


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[vV]?\d[\d.]*", text) is not None
