"""The form of a tag that a prompt shows: as a template, or with an example."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from oi_deploy.agent import intents
from oi_deploy.agent.tags import words as tag_words
from oi_deploy.agent.tags.forms import Form, Part, kinds, literal, spoken

# --- Templates: `<branch>.<date>`, `{version}-{sha}`, `rel-SHORTSHA`, `版本号-短SHA`.

# The names of its groups are in use only once.
_KIND = re.sub(r"\?P<\w+>", "?:", tag_words.KIND.pattern)
_PLACE = r"<[^<>]{1,60}>|\{{1,2}[^{}]{1,60}\}{1,2}|\[[^\[\]]{1,60}\]|\$\w+"
_PIECE = re.compile(
    rf"(?P<place>{_PLACE})|(?P<joint>[-_.+]+)|(?P<word>{_KIND})|(?P<text>v(?=x\.y\.z)|[A-Za-z0-9]+)",
    intents.FLAGS,
)
_BRACKETS = "<>{}[]$ "
# What a word cannot have within a sentence: it is written as one that something is put in for.
_CAPITALS = re.compile(r"[A-Z_]{3,}|(?i:y{2,4}.*)|v?X\.Y\.Z|[^A-Za-z]+.*", re.ASCII | re.DOTALL)
_NO_PLACES = re.compile(r"(?:the |image |docker |镜像)*(?:tag|标签)", intents.FLAGS)
# Shorter names than a sentence has.
_PLACE_KINDS = {
    "unknown": rf"{tag_words.UNKNOWN}|\btime\b|时间",
    "date": rf"date|day|日期|{tag_words.DAY}",
    "count": tag_words.KINDS["count"],
    "full commit": tag_words.KINDS["full commit"],
    "git tag": r"git.?tag",
    "branch": r"branch|分支|\bref\b",
    "version": r"ver(?:sion)?(?![a-z])|版本",
    "commit": r"sha|hash|commit|rev(?:ision)?(?![a-z])|^short$|哈希|提交",
}


def template(text: str) -> Form:
    """The form with the most parts that stands in a text with names in the place of values."""
    # A tag has no slash.
    found = [
        form
        for run in _runs(text)
        if "/" not in (text[run[0].start() - 1 : run[0].start()], text[run[-1].end() :][:1])
        and (form := _filled(run, text))
    ]
    return max(found, key=lambda form: len(kinds(form)), default=())


def _runs(text: str) -> Iterable[list[re.Match[str]]]:
    """Pieces that follow each other without a space."""
    run: list[re.Match[str]] = []
    for match in _PIECE.finditer(text):
        if run and run[-1].end() != match.start():
            yield run
            run = []
        run.append(match)
    if run:
        yield run


def _filled(run: list[re.Match[str]], text: str) -> Form:
    while run and run[-1]["joint"]:
        run = run[:-1]
    if not _is_template(run):
        return ()
    form: list[Part] = []
    for match in run:
        part = _part(match, text, beside=any(other["place"] for other in run))
        if form[-1:] != [part]:
            form.append(part)
    # A placeholder alone, that nothing is said about, stands for the tag itself or is none of it.
    return () if kinds(form) == ["unknown"] and len(run) == 1 else tuple(form)


def _is_template(run: Sequence[re.Match[str]]) -> bool:
    places = [match["place"].strip(_BRACKETS) for match in run if match["place"]]
    if places:
        return len(run) > 1 or not _NO_PLACES.fullmatch(places[0])
    words = [match["word"] for match in run if match["word"]]
    texts = [match["text"] for match in run if match["text"]]
    if tag_words.VERSION_FILE.fullmatch("".join(match[0] for match in run)):
        return False
    if any(match["joint"] for match in run):
        capitals = any(_CAPITALS.fullmatch(word) for word in words)
        return capitals if texts else len(words) > 1
    return bool(words) and texts == ["v"]


def _part(match: re.Match[str], text: str, *, beside: bool) -> Part:
    """The part that a piece is; `beside` says that there are placeholders, as in `sha-<sha>`."""
    if match["joint"]:
        return literal(match[0].replace("+", "-"))
    if match["text"] or (beside and match["word"] and not _CAPITALS.fullmatch(match["word"])):
        return literal(match[0])
    if match["word"]:
        return Part(_kind_of(match[0]))
    name = match["place"].strip(_BRACKETS)
    named = "" if _NO_PLACES.fullmatch(name) else _place(name)
    told = _explained(name, text) if named in ("", "commit") else Part("")
    # "<sha>, where <sha> is the whole hash."
    return told if not named or told.kind == "full commit" else Part(named)


def _kind_of(word: str) -> str:
    found = tag_words.KIND.fullmatch(word)
    return tag_words.kind(found) if found else "unknown"


def _place(name: str) -> str:
    days = re.fullmatch(tag_words.KINDS["date"], name, intents.FLAGS)
    found = (kind for kind, words in _PLACE_KINDS.items() if re.search(words, name, intents.FLAGS))
    return "date" if days else next(found, "")


def _explained(name: str, text: str) -> Part:
    """What a text says that a placeholder stands for: "where <env> is prod"."""
    place = re.escape(name)
    pattern = (
        rf"[`<{{\[$]*{place}[`>}}\]]*\s*"
        r"(?:=|:|\b(?:is|being|means|stands for)\b|就?是|为|指的?是?|表示|代表|用|取)"
        r"\s*(?P<said>[^,;/]+)"
    )
    for match in re.finditer(pattern, text, intents.FLAGS):
        said = match["said"].strip(f" {tag_words.QUOTES}()")
        if found := tag_words.KIND.search(said):
            return Part(tag_words.kind(found))
        if re.fullmatch(r"[A-Za-z0-9_.]+", said):
            return literal(said)
    return Part("unknown")


# --- Examples: "e.g. hotfix-login.20260115". Never its values, only what each stands for.

_DAY = r"20\d\d(?P<sign>[-._]?)(?:0[1-9]|1[0-2])(?P=sign)(?:0[1-9]|[12]\d|3[01])"
_VALUES = {
    "full commit": r"[0-9a-f]{40}",
    "date": _DAY,
    # As `git describe` says it, too.
    "version": r"v?\d+\.\d+(?:\.\d+)*(?:-?(?:rc|alpha|beta)(?:[.-]?\d+)*)?"
    r"(?:-\d+-g[0-9a-f]{7,40})?",
    "commit": r"(?=[0-9a-f]*\d)(?=\d*[a-f]|\d{7}(?!\d))[0-9a-f]{7,12}",
    "text": r"[A-Za-z0-9]+",
    "joint": r"[-_.]+",
}
_VALUE = re.compile(
    "|".join(
        f"(?P<{kind.replace(' ', '_')}>{words}{'' if kind == 'joint' else '(?![A-Za-z0-9])'})"
        for kind, words in _VALUES.items()
    ),
    re.ASCII,
)
_TOKEN = re.compile(r"(?<![\w./-])[A-Za-z0-9_][\w.-]*(?![\w/])", re.ASCII)
# What stands before it leads to the example, and is none.
_SO = re.compile(
    r"→|->|=>|\b(?:becomes?|gives?|yields?|makes|results? in|turns? into)\b|变成|得到|就是|则[是为]"
    r"|标签(?:就|应)?[是为]",
    intents.FLAGS,
)


# An example ends where the next order begins.
_ORDER = re.compile(
    r"[,)]?\s*(?:\band\b|\bthen\b|然后|接着|并|再|,)\s*(?:(?:then|please|finally)\s+)?"
    r"(?:push|update|roll|deploy|release|set|推送|更新|部署|发布|[让把将])",
    intents.FLAGS,
)


def split_examples(text: str) -> tuple[str, str]:
    """A text without its examples, and these."""
    plain: list[str] = []
    examples: list[str] = []
    for sentence in text.split(" / "):
        match = tag_words.EXAMPLE.search(sentence)
        said = _said(sentence, match.end()) if match else ""
        expected = spoken(sentence)
        if match and any(kinds(_read(token, expected, "")) for token in _TOKEN.findall(said)):
            examples.append(said)
            rest = sentence[match.end() + len(said) :]
            plain.append(f"{sentence[: match.start()].rstrip('(')} , {rest}")
        else:
            plain.append(sentence)
    return " / ".join(plain), " / ".join(examples)


def _said(sentence: str, start: int) -> str:
    """What an example that begins there says."""
    within = sentence[:start].count("(") > sentence[:start].count(")")
    said = sentence[start:].partition(")")[0] if within else sentence[start:]
    order = _ORDER.search(said)
    return said[: order.start()] if order else said


def example(said: str, expected: Collection[str], text: str) -> Form:
    """The form of the example that shows most; empty if there is none.

    Args:
        said: what stands where an example is.
        expected: the kinds of which the text around it speaks.
        text: that text; what an example shares with it is literal.
    """
    leads = [match.end() for match in _SO.finditer(said)]
    tokens = _TOKEN.findall(said[leads[-1] :] if leads else said) or _TOKEN.findall(said)
    forms = (_read(token.rstrip(".-"), expected, text) for token in tokens)
    return max(
        (form for form in forms if kinds(form)),
        key=lambda form: (len(kinds(form)), len(form)),
        default=(),
    )


def with_examples(form: Form, shown: Form) -> Form:
    """A form with what an example has in the place of its parts."""
    values = {part.kind: part.example for part in reversed(shown)}
    return tuple(
        part if part.kind == "literal" else replace(part, example=values.get(part.kind, ""))
        for part in form
    )


def _read(token: str, expected: Collection[str], text: str) -> Form:
    """What the pieces of an example stand for."""
    form: list[Part] = []
    for match in _VALUE.finditer(token):
        form.append(_value(match, expected, text))
        # A branch has several pieces.
        if [part.kind for part in form[-3:]] in (["branch", "literal", "branch"],):
            form[-3:] = [Part("branch", example="".join(part.example for part in form[-3:]))]
    return tuple(form)


def _value(match: re.Match[str], expected: Collection[str], text: str) -> Part:
    kind = (match.lastgroup or "").replace("_", " ")
    value = match[0]
    dated = "date" in expected or "version" not in expected
    if kind == "date" and not dated:
        kind = "version"
    if kind == "text" and re.fullmatch(r"\d{6}", value) and "date" in expected:
        kind = "date"
    if kind == "text" and "branch" in expected and not _stands(value, text):
        kind = "branch"
    if kind == "version" and "git tag" in expected and "version" not in expected:
        kind = "git tag"
    return Part("literal" if kind in ("text", "joint") else kind, value, value)


def _stands(word: str, text: str) -> bool:
    return re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text) is not None
