"""Which tag a prompt asks for, as text that stands in a complete command line."""

import datetime
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from oi_deploy.agent import intents
from oi_deploy.agent.repository import is_tag
from oi_deploy.agent.tags import forms as tag_forms
from oi_deploy.agent.tags import patterns as tag_patterns
from oi_deploy.agent.tags import released
from oi_deploy.agent.tags import texts as tag_texts
from oi_deploy.agent.tags import words as tag_words
from oi_deploy.agent.tags.forms import Form, Part

_Q = f"[{tag_words.QUOTES}]?"
_WITH_V = re.compile(
    rf"(?<![\w.]){_Q}v{_Q}\s*(?:\+|followed by|and the|plus|加上?|后面?[跟接]|前缀|prefix|in front)"
    r"|(?:prefix(?:ed)?(?: with| by)?|leading|前缀|字母|开头是?|前面?加上?)"
    r"(?: the letter)?(?: an?)?(?:一?个)?(?:小写)?(?:字母)?的?"
    rf"[\s:]*{_Q}v(?![\w.])|以\s*{_Q}v{_Q}\s*开头",
    intents.FLAGS,
)
_WITHOUT_V = re.compile(
    r"(?:\bwithout|\bno\b|\b(?:strip|drop|remov|omit|minus|trim|cut|leav)\w*(?: (?:off|out|away))?)"
    rf" (?:the |its |a |any )?(?:leading |initial )?(?:letter )?{_Q}v\b"
    rf"|(?:去掉?|去除|不带|不要|不含|省略|删掉|除去|剥掉|没有|不加)(?:了|最)?(?:开头|前面|前缀|前导|字母|的)*"
    rf"\s*{_Q}v\b|\bv{_Q}\s*(?:要|都|请)?(?:去掉|去除|省略|删掉|不要)"
    r"|\bleading v\b.{0,60}\b(?:drop|strip|remove|omit) (?:it|that)\b",
    intents.FLAGS,
)
_AFTER_SLASH = re.compile(
    r"(?:after|behind|following|follows) (?:the |its )?(?:last )?(?:slash|[`\"']?/)"
    r"|斜杠(?:之)?后|[`\"'“]?/[`\"'”]?\s*后面",
    intents.FLAGS,
)
# What a tag is not to begin with, although something that it is made of does.
_STRIPPED = re.compile(
    r"(?:\bwithout|\b(?:strip|drop|remov|omit|minus|trim|cut)\w*(?: (?:off|away))?"
    r"|去掉|去除|不带|不要|不含|省略|删掉|除去)(?: the| its| leading| prefix|了|开头|前面|前缀|的)*"
    rf"\s*{_Q}(?P<affix>[A-Za-z][\w.]*[-_/]+)(?![\w<{{$])"
    rf"|(?<![\w.]){_Q}(?P<zh>[A-Za-z][\w.]*[-_/]+){_Q}\s*(?:要|都|请|部分|前缀)*(?:去掉|去除|不要|删掉|省略)",
    intents.FLAGS,
)
_LENGTH = re.compile(
    r"\bfirst (?P<a>\w+) (?:hex )?(?:char|digit|letter|symbol)|\b(?P<b>\w+)[- ]?(?:char|digit)"
    r"|前 ?(?P<c>\d+|[六七八九十]) ?(?:位|个)"
    r"|(?P<d>\d+|[六七八九十]) ?位(?:的|长)?\s*(?:短|提交|哈希|sha|hash|commit)",
    intents.FLAGS,
)  # fmt: skip
_COMPACT = re.compile(
    r"(?:without|no) (?:any )?(?:separator|dash|hyphen)|\bcompact|digits only"
    r"|eight digits|\b8 digits"
    r"|[无没](?:有)?(?:分隔|横|连字)|不[带加含要]任?何?(?:分隔|短?横|连字|减号)"
    r"|纯数字|[8八] ?位(?:数字|日期)",
    intents.FLAGS,
)  # fmt: skip
_DAY = re.compile(tag_words.DAY, intents.FLAGS)
# What stands for the parts of a day, in a text in small letters.
_DAY_WORDS = {
    "yyyy": "%Y",
    "yy": "%y",
    "mm": "%m",
    "dd": "%d",
    "year": "%Y",
    "month": "%m",
    "day": "%d",
}
_SMALL = re.compile(r"lower[- ]?case|小写(?!字母)", intents.FLAGS)


@dataclass(frozen=True)
class Source:
    """Where a tag's value can come from.

    Attributes:
        commit: HEAD's abbreviated hash.
        full_commit: the whole hash.
        branch: the branch's name.
        git_tags: tags of HEAD.
        described: what `git describe --tags` says of HEAD.
        versions: versions by the file that says them.
        date: today in UTC, as 2026-01-31.
        commit_date: the day of the commit.
        names: those of the programs that a prompt is about.
    """

    commit: str = ""
    full_commit: str = ""
    branch: str = ""
    git_tags: Sequence[str] = ()
    described: str = ""
    versions: Mapping[str, str] = ()  # type: ignore[assignment]
    date: str = ""
    commit_date: str = ""
    names: Collection[str] = ()


@dataclass(frozen=True)
class _Said:
    """What values are read from: the prompt, what of it is about tags, and what there is."""

    prompt: str
    text: str
    source: Source


def wanted(prompt: str, source: Source) -> str:
    """The tag that the prompt asks for: of what it says about tags, or else the commit's hash.

    Empty if the prompt asks for something that is not known here.
    """
    text = tag_words.about(prompt) or tag_words.pushed_as(prompt)
    text = text or released.said(prompt, source.names)
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
    said = _Said(prompt, text, source)
    values = [_VALUES[part.kind](part, said) for part in form]
    if not all(values):
        return ""
    value = _joined(form, values)
    if before == "v" and _WITHOUT_V.search(text):
        before = ""
    if _WITHOUT_V.search(prompt):
        value = re.sub(r"^v(?=\d)", "", value)
    value = value if value.startswith(before) else before + value
    value = value if value.endswith(after) else value + after
    for affix in (match["affix"] or match["zh"] for match in _STRIPPED.finditer(prompt)):
        while value.startswith(affix):
            value = value.removeprefix(affix)
    return value if is_tag(value) else ""


# What a shell puts in, as the words of a template.
_SUBSTITUTED = (
    (re.compile(r"\$\(\s*cat ((?:[\w.-]+/)*VERSION)\s*\)"), r"<version>"),
    (
        re.compile(r"(?:\$\()?\s*\bgit rev-parse --short=(\d+)(?: HEAD)?\s*\)?"),
        r"<\1-char short sha>",
    ),
    (re.compile(r"\$\(\s*git rev-parse --short(?: HEAD)?\s*\)"), "<short sha>"),
    (re.compile(r"\$\(\s*git rev-parse HEAD\s*\)"), "<full sha>"),
    (re.compile(r"\$\(\s*date (?:-u |--utc )?\+['\"]?([%\w.-]+)['\"]?\s*\)"), r"<\1>"),
    (re.compile(r"\$\{(?:GITHUB_SHA|SHA|COMMIT)(?::0)?::?7\}"), "<short sha>"),
    (
        re.compile(r"\$\(\s*git (?:branch --show-current|rev-parse --abbrev-ref HEAD)\s*\)"),
        "<branch>",
    ),
    (re.compile(r"\$\(\s*git describe --tags[^()]*\)"), "<git tag>"),
)


def spelled(prompt: str) -> str:
    """A prompt with templates in the place of what a shell would put in."""
    for pattern, words in _SUBSTITUTED:
        prompt = pattern.sub(words, prompt)
    return prompt


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
    both, many = tag_words.BOTH.search(text), tag_words.MANY.search(text)
    if items is None and both is None and many is None:
        beside = tag_words.beside(prompt)
        first = wanted(beside, source) if beside and tag_words.KIND.search(text) else ""
        return (first, "latest") if first not in ("", "latest") else ()
    count = None
    if items:
        text = items[items.lastgroup or 0]
    elif both:
        text, count = f"{both['one']},{both['two']}", 2
    elif many:
        text = text[many.end() :]
        count = intents.number((many[many.lastgroup or 0] if many.lastgroup else "two").lower())
    found: list[str] = []
    for part in _ITEM_END.split(text):
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


def _commit(part: Part, said: _Said) -> str:
    """As many characters of the hash as are asked for, or git's own number of them."""
    for match in tag_words.KIND.finditer(said.text):
        if tag_words.kind(match) == "commit":
            around = said.text[max(0, match.start() - 12) : match.end() + 22]
            length = _LENGTH.search(around)
            count = intents.number(length[length.lastgroup or 0]) if length else None
            if count is not None and 4 <= count <= 40:
                return said.source.full_commit[:count]
    return said.source.commit


def _version(part: Part, said: _Said) -> str:
    """The version of the file that is named, or of the folder that the prompt is about."""
    known = dict(said.source.versions) if said.source.versions else {}
    names = tag_words.VERSION_FILE.findall(said.text)
    if not _OF_CHANGES.search(said.text):
        names = [it for it in names if not it.startswith("CHANGELOG")]
    named = [path for name in names for path in known if _is_called(path, name)]
    # A list of changes is asked only by its name.
    paths = named if names else [it for it in known if not it.endswith("CHANGELOG.md")]
    near = [path for path in paths if _has_name(path.rpartition("/")[0], said.prompt)]
    exact = [path for path in paths if path in names]
    found = next((known[path] for path in (*near, *exact, *paths)), "")
    if _MAJOR_MINOR.search(said.text):
        found = ".".join(found.split(".")[:2])
    if _DOTS.search(said.text):
        found = found.replace(".", "-")
    return _v(found, part, said, asked=bool(_WITH_V.search(said.text)))


# A list of changes may be named for another reason.
_OF_CHANGES = re.compile(
    r"\b(?:in|from|of) (?:the |our )?[`'\"]?CHANGELOG"
    r"|CHANGELOG(?:\.md)?[`'\"]?\s*(?:里|中|里面)?的?(?:最新|最近|最后)?[^,。;]{0,6}(?:版本|发布)",
    intents.FLAGS,
)
_MAJOR_MINOR = re.compile(
    r"\bmajor(?:(?: and|/|,|\.| plus|-)\s?(?:the )?)minor\b(?!.{0,20}patch)|主版本号?[和、]次版本",
    intents.FLAGS,
)
_DOTS = re.compile(
    r"\b(?:hyphens?|dashes) (?:in place of|instead of|for) (?:the |its )?dots"
    r"|\bdots? (?:\w+ )?(?:replaced|turned|changed) (?:by|with|to|into) (?:hyphens?|dashes|-)"
    r"|点号?(?:都|全)?(?:换成|改成|替换[为成])\s*(?:短?横[线杠]?|连字符|减号|-)",
    intents.FLAGS,
)


def _is_called(path: str, name: str) -> bool:
    file = path.rpartition("/")[2]
    return path == name or path.endswith(f"/{name}") or file.partition(".")[0] == name != file


def _has_name(folder: str, text: str) -> bool:
    """Whether a text has a folder's path, or the last name of it."""
    words = "|".join(re.escape(name) for name in (folder, folder.rpartition("/")[2]) if name)
    return bool(words) and bool(re.search(rf"(?<![\w-])(?:{words})(?![\w-])", text, re.ASCII))


def _git_tag(part: Part, said: _Said) -> str:
    """HEAD's tag; what stands before a slash in it, which no image's tag has, is left out."""
    tags = said.source.git_tags
    near = [tag for tag in tags if _has_name(tag.rpartition("/")[0], said.prompt)]
    found = next(reversed(near or tags), "").rpartition("/")[2]
    if not found and re.search(r"\bgit[- ]describe\b", said.prompt):
        found = said.source.described.rpartition("/")[2]
    return _v(found, part, said, asked=False)


def _v(version: str, part: Part, said: _Said, *, asked: bool) -> str:
    """A version with the `v` that is asked for, or that an example has, and without another."""
    if _WITHOUT_V.search(said.text) or (part.kind == "git tag" and part.example[:1].isdigit()):
        return re.sub(r"^v(?=\d)", "", version)
    wanted = asked or (part.kind == "version" and part.example.startswith("v"))
    return f"v{version}" if wanted and version[:1].isdigit() else version


def _branch(part: Part, said: _Said) -> str:
    """The branch's name with what a tag cannot have replaced, and as it is to be written."""
    name = said.source.branch
    if _AFTER_SLASH.search(said.text):
        name = name.rpartition("/")[2]
    slashes = tag_words.SLASHES.search(said.text)
    sign = _sign(slashes[slashes.lastgroup or 0]) if slashes else "-"
    clean = re.sub(r"[^A-Za-z0-9_.-]+", sign, name).strip("-.")
    return clean.lower() if _SMALL.search(said.text) else clean


def _sign(word: str) -> str:
    """The character that a word for one stands for."""
    return tag_words.joint(f" {word.strip(tag_words.QUOTES)} ", "." if "点" in word else "-")


def _date(part: Part, said: _Said) -> str:
    """The day as an example has it, or as a text says; else as in 2026-01-31."""
    date = said.source.date
    if _OF_COMMIT.search(said.text):
        date = said.source.commit_date
    if not date:
        return ""
    shown = re.match(r"20\d\d([-._]?)", part.example)
    written = _DAY.search(said.text)
    if shown:
        form = f"%Y{shown[1]}%m{shown[1]}%d"
    elif part.example:
        form = "%y%m%d"
    elif written:
        form = written[0] if "%" in written[0] else _day_form(written[0].lower())
    else:
        form = "%Y%m%d" if _COMPACT.search(said.text) else "%Y-%m-%d"
    return datetime.date.fromisoformat(date).strftime(form)


_OF_COMMIT = re.compile(
    r"\b(?:commit(?:'s|ter)? date|dates? of (?:the |this |that |its )?(?:current |head )?commit)\b"
    r"|\bday (?:of|on which) (?:the |this )?commit|(?:提交|commit)\s*(?:的|那天的?)?(?:日期|日子)",
    intents.FLAGS,
)


def _day_form(written: str) -> str:
    """YYYY.MM.DD, for `strftime`."""
    return re.sub("|".join(_DAY_WORDS), lambda match: _DAY_WORDS[match[0]], written)


_VALUES: Mapping[str, Callable[[Part, _Said], str]] = {
    "literal": lambda part, said: part.text,
    "unknown": lambda part, said: "",
    "commit": _commit,
    "full commit": lambda part, said: said.source.full_commit,
    "branch": _branch,
    "date": _date,
    "version": _version,
    "git tag": _git_tag,
}
