"""Which tag a prompt asks for, as text that stands in a complete command line."""

import re
from collections.abc import Sequence

from oi_deploy.agent import intents
from oi_deploy.agent.tags import forms as tag_forms
from oi_deploy.agent.tags import patterns as tag_patterns
from oi_deploy.agent.tags import released
from oi_deploy.agent.tags import texts as tag_texts
from oi_deploy.agent.tags import words as tag_words
from oi_deploy.agent.tags.forms import Form, Part
from oi_deploy.agent.tags.values import VALUES, WITHOUT_V, Said, Source
from oi_deploy.agent.versions import is_tag

__all__ = ["Source", "is_made", "several", "spelled", "wanted"]

_Q = f"[{tag_words.QUOTES}]?"
# What a tag is not to begin with, although something that it is made of does.
_STRIPPED = re.compile(
    r"(?:\bwithout|\b(?:strip|drop|remov|omit|minus|trim|cut)\w*(?: (?:off|away))?"
    r"|去掉|去除|不带|不要|不含|省略|删掉|除去)(?: the| its| leading| prefix|了|开头|前面|前缀|的)*"
    rf"\s*{_Q}(?P<affix>[A-Za-z][\w.]*[-_/]+)(?![\w<{{$])"
    rf"|(?<![\w.]){_Q}(?P<zh>[A-Za-z][\w.]*[-_/]+){_Q}\s*(?:要|都|请|部分|前缀)*(?:去掉|去除|不要|删掉|省略)",
    intents.FLAGS,
)


def wanted(prompt: str, source: Source) -> str:
    """The tag that the prompt asks for: of what it says about tags, or else the commit's hash.

    Empty if the prompt asks for something that is not known here.
    """
    text = tag_words.about(prompt)
    number = released.said(prompt, source.names)
    # A word for the version alone stands for the number that is said.
    if number and (not text or _is_of_version(text)):
        text = number
    text = text or tag_words.pushed_as(prompt)
    if several_tags := several(prompt, source):
        return several_tags[0]
    if tag_words.MANY.search(text):
        return ""
    if said_before := tag_words.SAID_BEFORE.search(text):
        if not tag_words.KIND.search(text[: said_before.start()]):
            earlier = prompt[: prompt.find(said_before[0])]
            there = [it for it in intents.sentences(earlier) if tag_words.KIND.search(it)]
            if not there:
                return ""
            text = f"{there[-1]} / {text}"
        text = tag_words.SAID_BEFORE.sub(" ", text)
    plain, examples = tag_patterns.split_examples(tag_words.meant(text))
    core, before, after = tag_texts.affixes(tag_words.SLASHES.sub(" ", plain))
    core = _BESIDE.sub(lambda it: it[0] if tag_words.KIND.search(it[0]) else " ", core)
    fixed = tag_texts.whole(core)
    form = _form(core, examples, fixed)
    if not (form or fixed) and tag_texts.says_another(core):
        return ""
    form = form or (tag_forms.literal(fixed) if fixed else Part("commit"),)
    said = Said(prompt, text, source)
    values = [VALUES[part.kind](part, said) for part in form]
    if not all(values):
        return ""
    value = _joined(form, values)
    numbers = re.search(r"\d+(?:\.\d+)+", value)
    if numbers and form == (Part("git tag"),) and _NUMBERS_ONLY.search(prompt):
        value = numbers[0]
    if before == "v" and WITHOUT_V.search(text):
        before = ""
    if WITHOUT_V.search(prompt):
        value = re.sub(r"^v(?=\d)", "", value)
    value = value if value.startswith(before) else before + value
    value = value if value.endswith(after) else value + after
    for affix in (match["affix"] or match["zh"] for match in _STRIPPED.finditer(prompt)):
        while value.startswith(affix):
            value = value.removeprefix(affix)
    # The hash of another commit is that of an example.
    foreign = [
        it
        for it in _A_HASH.findall(value)
        if not source.full_commit.startswith(it) and re.search(_AT_COMMIT + it, prompt)
    ]
    return value if is_tag(value) and not foreign else ""


def _is_of_version(text: str) -> bool:
    kinds = {tag_words.kind(it) for it in tag_words.KIND.finditer(text)}
    return kinds == {"version"} and not tag_words.VERSION_FILE.search(text)


def is_made(prompt: str) -> bool:
    """Whether the prompt says what the tag is made of, so that another one in it is an example."""
    text = tag_words.meant(tag_words.about(prompt))
    kinds = {tag_words.kind(it) for it in tag_words.KIND.finditer(text)} - {"version", "unknown"}
    return bool(kinds or tag_words.VERSION_FILE.search(text))


_A_HASH = re.compile(r"(?<![0-9a-z])(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}(?![0-9a-z])")
_AT_COMMIT = r"(?:\b[Aa]t|\b[Cc]ommit|提交)\s*[`'\"]?"
# What a shell puts in, as the words of a template.
_SUBSTITUTED = (
    (re.compile(r"\$\(([A-Z][A-Z_]*)\)"), r"${\1}"),
    (re.compile(r"\$\(\s*cat ((?:[\w.-]+/)*VERSION)\s*\)"), r"<version>"),
    (
        re.compile(r"(?:\$\()?\s*\bgit rev-parse --short=(\d+)(?: HEAD)?\s*\)?"),
        r"<\1-char short sha>",
    ),
    (re.compile(r"\$\(\s*git rev-parse --short(?: HEAD)?\s*\)"), "<short sha>"),
    (re.compile(r"\$\(\s*git rev-parse HEAD\s*\)"), "<full sha>"),
    (re.compile(r"\$\(\s*date (?:-u |--utc )?\+['\"]?([%\w.-]+)['\"]?\s*\)"), r"<\1>"),
    (re.compile(r"\$\{(?:GITHUB_SHA|SHA|COMMIT)(?::0)?::?7\}"), "<short sha>"),
    (re.compile(r"\$\{?CI_COMMIT_SHORT_SHA\b\}?"), "<8-char short sha>"),
    (re.compile(r"\$\{?(?:CI_COMMIT_REF_(?:SLUG|NAME)|GITHUB_REF_NAME)\b\}?"), "<branch>"),
    (
        re.compile(r"\$\(\s*git (?:branch --show-current|rev-parse --abbrev-ref HEAD)\s*\)"),
        "<branch>",
    ),
    (re.compile(r"\$\(\s*git rev-list [^()]*--count[^()]*\)"), "<commit count>"),
    (re.compile(r"\$\(\s*git describe --tags[^()]*\)"), "<git tag>"),
    (re.compile(r"(?<![(\w])git rev-parse --short HEAD\b"), "<short sha>"),
    (re.compile(r"<(?:that|this) version>"), "<version>"),
)
# Where a hash comes from, beside the word for it: "the short hash (as git rev-parse prints it)".
_COMES_FROM = re.compile(
    r"(?P<said>(?:\bhash|\bsha|哈希值?)[^().;。]{0,60})"
    r"\((?:as|what|like|i\.e\.|that is|the output of|see|即|就是|也就是|同)[^()]{0,4}"
    r"\bgit rev-parse[^()]*\)",
    intents.FLAGS,
)
# "Just the X.Y.Z part" of a git tag.
_NUMBERS_ONLY = re.compile(
    r"\b(?:just|only)(?: (?:the|its))? (?:v?\d+\.\d+\.\d+|X\.Y\.Z|numbers?|numeric|digits)\b"
    r"|\bX\.Y\.Z (?:part|portion|bit)\b"
    r"|[只仅](?:取|用|要|保留)?\s*(?:其中的?|里面的?)?\s*(?:X\.Y\.Z|数字)|取\s*版本号?部分|X\.Y\.Z\s*(?:这|那)?(?:一?部分|一?段)",
    intents.FLAGS,
)


def spelled(prompt: str) -> str:
    """A prompt with templates in the place of what a shell would put in."""
    prompt = _COMES_FROM.sub(r"\g<said>", prompt)
    for pattern, words in _SUBSTITUTED:
        prompt = pattern.sub(words, prompt)
    # What is listed are parts of one tag.
    return _LISTED.sub(lambda it: it[0].replace(";", ","), prompt)


_LISTED = re.compile(
    r"\b(?:made (?:up )?(?:of|from)|consists? of|composed of|built from|joins?) (?:the )?"
    r"(?:\w+ ){0,2}(?:parts|pieces|elements)\b[^:.]{0,60}:(?:[^.\n]|\n(?!\n)|\.(?=\w))+"
    r"|由[^:。]{0,12}(?:部分|段)[^:。]{0,20}:[^。]+",
    intents.FLAGS,
)


def _joined(form: Form, values: Sequence[str]) -> str:
    """The parts in one; a git tag may begin with what an example of it has in front."""
    text = ""
    for part, value in zip(form, values, strict=True):
        text = value if part.kind == "git tag" and value.startswith(text) else text + value
    return text


# In brackets stands what a part is like: "(UTC, eight digits)".
_BESIDE = re.compile(
    rf"\((?![^()]*(?:tag|标签|=|\d\.\d))[^(){tag_words.QUOTES}<>]{{0,80}}\)", intents.FLAGS
)
# A line that goes on about the parts of one tag.
_TOLD_OF = re.compile(
    r"[,、]\s*[^,、]*(?:\b(?:where|is|means|with|from|replaced|taken|for example|e\.g)\b"
    r"|用|取|换成|其中|例如|比如|即|是|替换|来自)",
    intents.FLAGS,
)
_ITEM_END = re.compile(r"[,;:()、/\n]|\band\b|[和与及]", intents.FLAGS)
_SURE = re.compile(
    rf"\d|[{tag_words.QUOTES}]|^\s*(?:one|the other|another|一个|另一个)\s*(?:is|是)|^\s*[-*]"
)
_ITEM = re.compile(
    rf"[{tag_words.QUOTES}]*"
    r"(?:(?:one|the other|another|once|first|second|第?[一二]个?|另一个|分别|还有|[-*])\s*)?"
    r"(?:(?:is|as|with|being|是|用|为|叫)\s*)?(?:(?:the|an?)\s+)?(?P<said>.+)",
    intents.FLAGS,
)


def several(prompt: str, source: Source) -> tuple[str, ...]:
    """The tags of a prompt that wants more than one for an image, those with a figure first.

    Empty if any of them is not known.
    """
    text = tag_words.about(prompt) or tag_words.pushed_as(prompt)
    items = tag_words.ITEMS.search(prompt)
    if items and items["line"] and _TOLD_OF.search(items["line"]):
        items = None
    both, many = tag_words.BOTH.search(text), tag_words.MANY.search(text)
    if items is None and both is None and many is None:
        beside, other = tag_words.beside(prompt)
        is_told = tag_words.KIND.search(text) or re.search(r"\d\.\d", text)
        first = wanted(beside, source) if beside and is_told else ""
        return (first, other) if first not in ("", other) else ()
    count = None
    if items:
        text = items[items.lastgroup or 0]
        text = re.sub(r"\([^()\n]*\)", " ", text) if items["below"] else text
    elif both:
        text, count = f"{both['one'] or both['once']},{both['two'] or both['again']}", 2
    elif many:
        text = text[many.end() :]
        count = intents.number((many[many.lastgroup or 0] if many.lastgroup else "two").lower())
    found: list[str] = []
    for part in filter(str.strip, _ITEM_END.split(text)):
        item = _ITEM.fullmatch(part.strip())
        said = item["said"].strip(f" {tag_words.QUOTES}") if item else ""
        if tag_words.KIND.search(said):
            found.append(wanted(f"the tag is the {said}", source))
        elif own := _like(said, prompt, source):
            found.append(own)
        # Any other word may be part of the sentence.
        elif is_tag(said) and (_SURE.search(part) or tag_texts.is_usual(said)):
            found.append(said)
        elif found and count is None:
            break
        if len(found) == count:
            break
    if len(found) < 2 or count not in (None, len(found)) or not all(found):
        return ()
    return tuple(sorted(dict.fromkeys(found), key=lambda tag: not any(map(str.isdigit, tag))))


_EXAMPLE = re.compile(
    rf"(?:\be\.g\.,?|\bfor example,?|例如|比如|譬如)\s*{_Q}(\d+\.\d+\.\d+)(?![\w.]*\w)"
    rf"|\bfor {_Q}(\d+\.\d+\.\d+){_Q},? (?:that|this|it|these) (?:is|are|would|gives?|becomes?)\b",
    intents.FLAGS,
)


def _like(said: str, prompt: str, source: Source) -> str:
    """The version, or its first two numbers, where an example of another one has them.

    "For 3.4.5 that is `3.4`."
    """
    version = wanted("the tag is the version", source)
    examples = ["".join(it) for it in _EXAMPLE.findall(prompt) if version not in it]
    if not re.fullmatch(r"\d+\.\d+(?:\.\d+)?", said) or not re.match(r"\d+\.\d+\.", version):
        return ""
    if said in examples:
        return version
    short = any(it.startswith(f"{said}.") for it in examples)
    return ".".join(version.split(".")[:2]) if short else ""


def _form(text: str, examples: str, fixed: str) -> Form:
    """The form that is described best; empty if the tag is said as it is, or not at all."""
    shown = tag_patterns.example(examples, tag_forms.spoken(text), text)
    template = tag_patterns.template(text)
    phrase, certain = tag_forms.phrase(text)
    # A placeholder may stand for a part of what words say in full.
    spoken = tag_forms.spoken(text)
    # "A git tag of the form vX.Y.Z" speaks of no version besides.
    of_git = tag_forms.kinds(template) == ["version"] and "git tag" in spoken
    if of_git and not re.search(r"\bversion|版本|\.json\b|\.toml\b", text, intents.FLAGS):
        return (Part("git tag"),)
    more = certain and set(tag_forms.kinds(template)) < set(tag_forms.kinds(phrase))
    if template and not more:
        return tag_patterns.with_examples(template, shown)
    told, seen = set(tag_forms.kinds(phrase)), set(tag_forms.kinds(shown))
    # A whole hash is one, too.
    seen |= {"commit"} if "full commit" in seen else set()
    if seen and (told <= seen if certain else not fixed):
        return shown
    # "Tag it with version 2.3.0."
    if fixed and (not certain or phrase == (Part("version"),)):
        return ()
    return tag_patterns.with_examples(phrase, shown)
