"""What a prompt asks for, read from its words with the table in `prompts/intents.yaml`.

It decides which complete lines the model is shown; a wrong guess shows one too many or too few.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

# In Chinese, words follow each other without a space: only ASCII characters make one longer.
FLAGS = re.IGNORECASE | re.ASCII

CJK = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef"
# Whoever wraps lines does it beyond that many columns.
_LONG_LINE = 60
_SENTENCE = re.compile(r"[。!?;]|\.(?=\s|$)")
# A line of a form that denies something: "Build: no".
_FIELD = re.compile(
    r"^[-*\s]*(?P<name>[\w -]{2,30}):[ \t]*(?:no|none|false|n/a|否|无|不需要)[ \t.]*"
    r"(?:[-(;][ \t]*(?P<more>[^\n]+))?$\n?",
    re.IGNORECASE | re.MULTILINE,
)
# Its head denies what follows it: "Not wanted: a new build".
_NOT_WANTED = re.compile(
    r"^[-*\s]*(?:not (?:wanted|needed|required|allowed|in scope)|out of scope"
    r"|不(?:需要|要|允许)|禁止):[ \t]*(?=\S)",
    re.IGNORECASE | re.MULTILINE,
)
# A line as in YAML.
_PAIR = re.compile(r"^[ \t]{0,20}(?:[-*][ \t])?[\w.-]{1,60}:[ \t]*[^\s,.;。]+[ \t]*$", re.MULTILINE)
# A colon within a reference or an address is none of a sentence.
_CLAUSE = re.compile(
    rf"[,()「」]|:(?=\s|$|[{CJK}])|(?<=[{CJK}]):|\s--\s|\b(?:but|then)\b|然后|(?<![不别勿必要用需])再(?=[^次])"
)

IMPERATIVE = re.compile(r"(?:build|push|deploy|restart|scale|undo|roll|apply|delete)\b", FLAGS)
# What stands beside a release only in a story, and would do harm there.
_CHANGES = frozenset({"restart", "scale", "undo", "delete", "apply"})
_HAD_TO = re.compile(r"\b(?:had|have had|has had) to (?:\w+ )?$", FLAGS)
_TOLD_FORM = re.compile(r"[\w-]*(?:ed|ing)\b|[^\x00-\x7f]", FLAGS)


@dataclass(frozen=True)
class Clause:
    """A part of a sentence that says one thing.

    Attributes:
        text: its words.
        supposed: whether it, or a part before it in its sentence, is a condition.
        told: whether its sentence only tells how things came about.
    """

    text: str
    supposed: bool
    told: bool = False


@dataclass(frozen=True)
class Intents:
    """What the words of a prompt ask for.

    Attributes:
        wanted: names of the table whose words stand there plainly.
        denied: those that stand only where they are denied.
        supposed: those that stand only in a condition.
        doubted: those that stand plainly in one place and are denied in another.
    """

    wanted: frozenset[str]
    denied: frozenset[str] = frozenset()
    supposed: frozenset[str] = frozenset()
    doubted: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        """Whether the prompt asks for it."""
        return name in self.wanted


@functools.cache
def table() -> dict[str, Any]:
    """The table, as it is written."""
    source = files("oi_deploy.agent").joinpath("prompts/intents.yaml")
    content: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return content


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile("|".join(f"(?:{word})" for word in words), FLAGS)
        for name, words in table()["intents"].items()
    }


@functools.cache
def word(name: str) -> re.Pattern[str]:
    """`denies`, `fails`, `spares`, `states`, `tells`, `told-after` and the like of the table."""
    return re.compile(table()[name], FLAGS)


def wrapped(prompt: str) -> str:
    """The prompt with its long lines of Chinese joined: there, short ones are steps of a list."""
    text = before = ""
    for line in prompt.splitlines():
        wide = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in before)
        goes_on = wide >= _LONG_LINE and re.search(r"[\w,、]$", before)
        new = re.match(r"\s*(?:$|[-*#]|\d+[.)、](?!\d))", line)
        text += (" " if goes_on and not new else "\n") + line
        before = line.rstrip()
    return text


# The same prompt is read from many sides.
@functools.lru_cache(maxsize=256)
def sentences(prompt: str) -> tuple[str, ...]:
    """The prompt's sentences; a line that was only wrapped goes on."""
    prompt = _NOT_WANTED.sub("\n\nno ", prompt)
    prompt = _PAIR.sub(r"\g<0>。", _FIELD.sub(r". no \g<name>.\n\g<more>\n", prompt))
    prompt = wrapped(prompt)
    text = re.sub(
        rf"(?<=[{CJK}])\s*\n\s*|\n\s*(?=[{CJK}])|(?<![:,\s])[ \t]*\n[ \t]*\n\s*"
        r"|\n\s*(?:[-*]|\(?(?:\d{1,2}|[a-z])[.)])\s",
        "。",
        prompt,
    )
    return tuple(" ".join(part.split()) for part in _SENTENCE.split(text) if part.strip())


def clauses(prompt: str) -> list[Clause]:
    """The prompt's clauses, in order."""
    found: list[Clause] = []
    for sentence in sentences(prompt):
        supposed, told = False, _is_background(sentence)
        for text in split(sentence):
            supposed = supposed or bool(word("supposes").search(text))
            found.append(Clause(text, supposed, told))
    return found


def _is_background(sentence: str) -> bool:
    """Whether a sentence only tells how things are or would be, under a word for that."""
    match = word("background").match(sentence)
    if match is None:
        return False
    rest = split(sentence[match.end() :])
    return not any(word("asks").search(it) or IMPERATIVE.match(it) for it in rest)


def split(sentence: str) -> list[str]:
    """The texts of a sentence's clauses."""
    return [text.strip() for text in _CLAUSE.split(sentence) if text.strip()]


@functools.lru_cache(maxsize=256)
def read(prompt: str) -> Intents:
    """What a prompt asks for."""
    seen: dict[str, set[str]] = {"wanted": set(), "denied": set(), "supposed": set()}
    for clause in clauses(prompt):
        for name, pattern in _patterns().items():
            if clause.told and name in _CHANGES:
                continue
            found = pattern.finditer(clause.text)
            match = next((it for it in found if not _only_tells(name, it)), None)
            if match is None:
                continue
            before = clause.text[: match.start()]
            denied = word("denies").search(word("states").sub(" ", before))
            seen["supposed" if clause.supposed else "denied" if denied else "wanted"].add(name)
    return Intents(
        frozenset(seen["wanted"]),
        frozenset(seen["denied"] - seen["wanted"]),
        frozenset(seen["supposed"] - seen["wanted"] - seen["denied"]),
        frozenset(seen["wanted"] & seen["denied"]),
    )


_OF_IT = re.compile(r"\b(?:date|day|time|not) of (?:the |a |each )?$", FLAGS)


def _only_tells(name: str, match: re.Match[str]) -> bool:
    """Whether a word tells what does not work, or what somebody did: "web was restarted"."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    if word("fails").search(before):
        return True
    # "The date of the commit, not of the build."
    if name == "build" and _OF_IT.search(before):
        return True
    # "Not found in the build context."
    if name == "build" and after.startswith(" context") and word("denies").search(before):
        return True
    if name not in _CHANGES:
        return False
    if _HAD_TO.search(before):
        return True
    if word("told-after").match(after) and not word("asks").search(match.string):
        return True
    form = _TOLD_FORM.match(match.string, match.start())
    return form is not None and bool(word("tells").search(before))


def is_denied(clause: str, start: int) -> bool:
    """Whether a clause denies, before a place in it, what stands there."""
    return word("denies").search(clause, 0, start) is not None


_FIGURE = "[一二三四五六七八九]"


def number(text: str) -> int | None:
    """The number that a figure or a word means; None if it means none."""
    if tens := re.fullmatch(rf"({_FIGURE})?十({_FIGURE})?", text):
        known = table()["numbers"]
        return 10 * int(known.get(tens[1], 1)) + int(known.get(tens[2], 0))
    return int(text) if text.isdecimal() else table()["numbers"].get(text.lower())


def numbers() -> str:
    """A pattern for every number that is understood."""
    every = rf"\d+|{_FIGURE}?十{_FIGURE}?|"
    return every + "|".join(sorted(table()["numbers"], key=len, reverse=True))
