"""The rule for a tag, where the prompt says in which document it stands.

Of a document, nothing but what a tag is made of is read: it may be hostile, and a word in it that
looks like a tag is none.
"""

import re
from collections.abc import Mapping

from oi_deploy.agent import intents, words

_DOCUMENT = re.compile(r"\.(?:md|txt|rst|adoc)$", re.IGNORECASE)
_TAG = re.compile(r"\btag(?:s|ged)?\b|标签", intents.FLAGS)
# A tag is a part of an image's name.
_NAMES = re.compile(
    r"\bnam(?:e|es|ed|ing)\b[^.;]{0,12}\bimages?\b|\bimages?\b[^.;]{0,12}\bnam(?:es?|ed|ing)\b|镜像的?命名",
    intents.FLAGS,
)
# Says that it stands there.
_STANDS = re.compile(
    r"\b(?:describ|document|explain|writ|defin|specif|rule|convention|scheme|accord|see\b|says?\b"
    r"|stands?\b|is in\b|tells\b)|写|说明|规则|规范|约定|按照?|参照|依照|见|定义",
    intents.FLAGS,
)
_HEAD = re.compile(r"^#+\s*(?P<head>.+)$", re.MULTILINE)
_LONGEST = 400


def rule(prompt: str, texts: Mapping[str, str]) -> str | None:
    """A sentence about the tag, in the words of the document; None if the prompt names none.

    It is empty if the document has no such rule.

    Args:
        prompt: the task.
        texts: of the files that it names.
    """
    for path, text in texts.items():
        said = [it for it in intents.sentences(prompt) if words.is_named(path, it)]
        told = [it for it in said if _STANDS.search(it)]
        of_tag = any(_TAG.search(it) for it in told)
        if _DOCUMENT.search(path) and (of_tag or any(_NAMES.search(it) for it in told)):
            section = " ".join(_section(text).split())
            # Of images' names, a document need not say what tags they get.
            return f"The tag is: {section}" if section else "" if of_tag else None
    return None


def _section(text: str) -> str:
    """What stands under the only heading about tags, or the only paragraph about them."""
    heads = list(_HEAD.finditer(text))
    ends = [*(it.start() for it in heads[1:]), len(text)]
    under = [
        text[head.end() : end].strip()
        for head, end in zip(heads, ends, strict=False)
        if _TAG.search(head["head"])
    ]
    paragraphs = [it for it in re.split(r"\n\s*\n", text) if _TAG.search(it) and it[:1] != "#"]
    found = under or paragraphs
    return found[0] if len(found) == 1 and len(found[0]) <= _LONGEST else ""
