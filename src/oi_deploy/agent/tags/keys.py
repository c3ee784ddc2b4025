"""A tag that is made of what keys in a file say."""

import re
from collections.abc import Mapping
from posixpath import basename

from oi_deploy.agent import intents
from oi_deploy.agent.tags import words
from oi_deploy.agent.versions import is_tag

_KEYED = re.compile(r"\.(?:properties|env|ini|cfg|conf)$|(?:^|/)\.env$")
_OTHERS_KEYED = re.compile(r"\.(?:mk|ya?ml|json)$|(?:^|/)Makefile$")
_PAIRS = re.compile(
    r"^\s*(?:export )?['\"]?([A-Za-z][\w.-]*)['\"]?\s*(?:[:?]?=|:)\s*['\"]?([\w.+-]+)['\"]?,?\s*$",
    re.MULTILINE,
)
_NOT = re.compile(r"(?:\bno longer|\bnot|n't|\binstead of|\brather than|不|别)\W*(?:\w+\W+){0,3}$")


# A key in a template.
_PLACE = r"<([A-Za-z][\w.-]*)>|\$?\{([A-Za-z][\w.-]*)\}"


def as_version(prompt: str, texts: Mapping[str, str]) -> tuple[str, str]:
    """The value of a key that is named with its file, and the prompt with VERSION in their place.

    "RELEASE in the Makefile", "build.env 里的 APP_VERSION". The value is empty if there is none.

    Args:
        prompt: the task.
        texts: of the files that it names.
    """
    for path, text in texts.items():
        if not (_KEYED.search(path) or _OTHERS_KEYED.search(path)):
            continue
        file = rf"[`'\"“]?(?:{re.escape(path)}|{re.escape(basename(path))})[`'\"”]?"
        pairs = _PAIRS.findall(text)
        for key, value in pairs:
            # Its own word is known to say a version, and a key with two values says neither.
            if key.lower() == "version" or len({it for name, it in pairs if name == key}) > 1:
                continue
            word = rf"[`'\"“]?(?<![\w.-]){re.escape(key)}=?(?![\w-]|\.\w)[`'\"”]?"
            match = re.search(
                rf"{word}(?: (?:variable|value|key|field|entry))?"
                rf"(?: (?:set|defined|kept|given|says?))?"
                rf" (?:in|from|of|out of) (?:the |our )?{file}(?![\w/-]|\.\w)"
                rf"|{file}(?:'s|\s*(?:文件)?(?:(?:里|中|里面|内|定义)的?|的))\s*(?:变量|字段|键)?\s*{word}"
                r"(?:\s*(?:的值|字段|变量))?",
                prompt,
                re.ASCII,
            )
            if match is None or _NOT.search(prompt[: match.start()]):
                continue
            if re.search(r"\d", value) and is_tag(value):
                return f"{prompt[: match.start()]} VERSION {prompt[match.end() :]}", value
    return prompt, ""


def filled(prompt: str, texts: Mapping[str, str]) -> str:
    """The tag whose template has keys of files in it: `<app.version>-b<build.number>`.

    Empty if there is none, or a key has no value.

    Args:
        prompt: the task.
        texts: of the files that it names; those of keys and values count.
    """
    values = {key: it for path, text in texts.items() if _KEYED.search(path)
              for key, it in _PAIRS.findall(text)}  # fmt: skip
    others = [dict(_PAIRS.findall(text)) for path, text in texts.items()
              if _OTHERS_KEYED.search(path)]  # fmt: skip
    for match in re.finditer(rf"[\w.-]{{0,40}}(?:{_PLACE})(?:[\w.-]|{_PLACE}){{0,80}}", prompt):
        keys = [one or other for one, other in re.findall(_PLACE, match[0])]
        # One plain word is a name for something that has no file; two of one file are none.
        sure = any(re.search(r"[._]|[A-Z]{2}", key) for key in keys)
        of_one = next((it for it in others if len(set(keys)) > 1 and it.keys() >= set(keys)), {})
        known = values if sure and values.keys() >= set(keys) else of_one
        if known:
            return _if_asked(_fill(match[0], known).rstrip(".-"), prompt[: match.start()])
    return _joined(prompt, values) or _listed(prompt, values)


def _joined(prompt: str, values: Mapping[str, str]) -> str:
    """The tag that is shown as keys without brackets: `RELEASE-bBUILD`."""
    keys = sorted((key for key in values if re.fullmatch(r"[A-Z][A-Z_]{2,}", key)), key=len)
    if not keys:
        return ""
    known = re.compile("|".join(reversed(keys)))
    for match in re.finditer(r"(?<![\w./-])[\w.-]*\w", prompt, re.ASCII):
        between = known.sub("", match[0])
        if len(set(known.findall(match[0]))) < 2 or not re.fullmatch(r"[a-z0-9.-]+", between):
            continue
        return _if_asked(known.sub(lambda it: values[it[0]], match[0]), prompt[: match.start()])
    return ""


def _if_asked(tag: str, before: str) -> str:
    """A tag, if the sentence before it is about one and does not deny it; else empty."""
    sentence = re.split(r"[.;。]\s|\n\n", before)[-1]
    about = re.search(r"\btag|标签", sentence, re.IGNORECASE)
    return tag if is_tag(tag) and about and not _NOT.search(sentence) else ""


def _fill(template: str, values: Mapping[str, str]) -> str:
    return re.sub(_PLACE, lambda it: values[it[1] or it[2]], template)


def _listed(prompt: str, values: Mapping[str, str]) -> str:
    """The tag of keys that a sentence about it lists: "app.version, a hyphen and build.channel"."""
    keys = [key for key in values if re.search(r"[._]", key)]
    for sentence in intents.sentences(prompt):
        found = sorted(
            (match.start(), match.end(), key)
            for key in keys
            for match in re.finditer(
                rf"(?<![\w.]){re.escape(key)}(?![\w]|\.\w)", sentence, re.ASCII
            )
        )
        if len(found) != 2 or not re.search(r"\btag|标签", sentence, re.IGNORECASE):
            continue
        between = sentence[found[0][1] : found[1][0]]
        sign = words.joint(between, "?")
        if len(between) < 40 and sign != "?":
            tag = sign.join(values[key] for *_, key in found)
            return tag if is_tag(tag) else ""
    return ""
