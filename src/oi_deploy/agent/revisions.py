"""Which earlier revision a prompt wants back."""

import re
from collections.abc import Mapping

from oi_deploy.agent import intents, named, words


def said_number(prompt: str) -> str:
    """The number of a revision that a prompt wants back; empty if it says none."""
    number = re.search(
        r"(?:revision|修订版?本?(?:号)?|版次)\s*#?(\d+)"
        r"|[到回至成于]\s*(?:版本\s*|第\s*)(\d{1,5})(?![\d.])(?!\s*个?(?:修订)?(?:版本?)?(?:有|坏|之前|以前))",
        prompt,
    )
    return number[1] or number[2] if number else ""


# Goes back to a version, and no revision may have it.
_TO_VERSION = re.compile(
    r"(?:\b(?:roll)?(?:back|undo|revert|restore|return)\w*(?:\s[\w-]+){0,5}?\s(?:to|on)"
    # The revision that had it.
    r"(?: (?:the|that) (?:revision|version|release|state|one)"
    r"(?: (?:of|in|from) (?:its|the) (?:rollout )?history)?,? (?:that|which|with|where|when|of)"
    r"(?: it)?(?: (?:ran|runs|has|had|was|used|uses|deployed))?(?: (?:image|version|tag))?)?"
    r"|(?:回滚|回退|退回|撤销|还原|恢复|[回换切退])[^,;。]{0,8}?[到为成])"
    r"\s*(?:the )?(?:version |release |image |tag |版本)?[`'\"“]?"
    r"v?(?P<version>\d+\.\d[\w.-]*\w|\d+\.\d)"
    r"(?![\w.-]*\s*(?:之前|以前))",
    intents.FLAGS,
)


# "Find the revision that ran 1.1.0, and roll back to it."
_FOUND = re.compile(
    r"\b(?:last|only) (?:known )?(?:good|working|stable|right|sane)\b[^.;]{0,40}?\b(?:is|was)\s+"
    r"v?(?P<last>\d+\.\d[\w.-]*\w|\d+\.\d)(?=.{0,80}\bback to\b.{0,40}\b(?:it|that|this)\b)|"
    r"(?:\b(?:find|look up|look for|search|identify)\b[^.;]{0,60}?"
    r"\b(?:r[au]n|runs|running|ha[sd]|having|with|for|of|us(?:es|ed|ing)|deployed)"
    r"|(?:找|查|定位)[^。;]{0,24}?(?:运行|跑|用|对应|是|有))(?:过|着|的)?\s*"
    r"(?:the )?(?:image |version |tag |镜像|版本)?[`'\"“]?"
    r"v?(?P<version>\d+\.\d[\w.-]*\w|\d+\.\d)(?=.{0,80}"
    r"(?:\bback to|\bundo to|\brestore|\breturn to|[回换切退][滚退换到]?到)"
    r"\s*(?:it\b|that\b|this\b|[它那该这]))",
    intents.FLAGS | re.DOTALL,
)


def said_version(prompt: str) -> str:
    """The version that a prompt wants to go back to; empty if it says none."""
    # Of a reference, the tag is the version.
    text = re.sub(r"[\w.-]+(?::\d+)?/[\w./-]+:(?=v?\d)", "", prompt, flags=re.ASCII)
    if found := _FOUND.search(words.without_references(text)):
        return found["version"] or found["last"]
    for clause in intents.clauses(words.without_references(text)):
        match = _TO_VERSION.search(clause.text)
        if match and not clause.supposed:
            denied = intents.is_denied(clause.text, match.start())
            return "" if denied else match["version"]
    return ""


def wanted(prompt: str, known: Mapping[str, tuple[str, ...]]) -> str | None:
    """The revision that a prompt wants back; empty for the one before the current one.

    None if it names one that is not there: the one before the current one is not what it wants.

    Args:
        prompt: the task.
        known: images by revision, oldest first.
    """
    if (number := said_number(prompt)) in known:
        return number
    # Where nothing is known of the revisions, none is missing.
    if number and known:
        return None
    text = words.without_references(prompt)
    if known and (version := said_version(prompt)):
        having = (
            it for it in reversed(list(known)) if any(_has(version, tag) for tag in known[it])
        )
        return next(having, None)
    starts = [
        match.start()
        for match in re.finditer(
            r"back|undo|revert|restore|回滚|回退|退回|撤销|还原|恢复|[回换切退]到",
            text,
            intents.FLAGS,
        )
    ]
    for start in starts or [0]:
        for revision, images in reversed(list(known.items())):
            tags = [image.rpartition(":")[2] for image in images if ":" in image]
            # A bare number is no version.
            for tag in (tag for tag in tags if "." in tag):
                if match := named.speaks_of(tag, text[start:]):
                    if _is_limit(match):
                        return _before(revision, known)
                    # What is said to be bad is what to get away from.
                    if not _is_bad(match):
                        return revision
    if known and (series := _BEFORE.search(text)):
        return _before_series(series["en"] or series["zh"], known)
    two = re.search(
        r"(?:two|2) (?:revisions?|versions?|releases?|steps?)|上上个|(?:两|2)个版本",
        text,
        intents.FLAGS,
    )
    names = list(known)
    return names[-3] if two and len(names) >= 3 else ""


def _has(version: str, image: str) -> bool:
    return image.rpartition(":")[2].removeprefix("v") == version


_BAD = re.compile(
    r"[^,.;。]{0,20}?(?:\b(?:broke|bad\b|break|throw|crash|leak|fail|bug|fault|slow|wrong|regress)"
    r"|问题|报错|坏|\bbug|崩|异常|故障|泄漏)",
    intents.FLAGS,
)


def _is_bad(match: re.Match[str]) -> bool:
    """Whether a version is named as what to get away from."""
    before, after = match.string[: match.start()], match.string[match.end() :]
    undone = re.search(
        r"(?:undo|revert|撤销|\bfrom|从)\s+(?:the )?"
        r"(?:(?:version|release|upgrade to|update to) )?v?$",
        before,
        intents.FLAGS,
    )
    return bool(undone or _BAD.match(after))


def _is_limit(match: re.Match[str]) -> bool:
    """Whether what was there before a version is meant, and not the version."""
    return bool(
        re.search(r"\b(?:before|prior to|preceding)\s+(?:the )?v?$", match.string[: match.start()])
        or re.match(r"\s*(?:版本)?(?:之前|以前|的前一|的上一)", match.string[match.end() :])
    )


def _before(revision: str, known: Mapping[str, tuple[str, ...]]) -> str | None:
    names = list(known)
    place = names.index(revision)
    return names[place - 1] if place else None


# Every release of a series is one to get away from: "the last one before 1.9".
_BEFORE = re.compile(
    r"\b(?:before|prior to|preceding)\s+(?:the )?v?(?P<en>\d+(?:\.\d+)+)(?:\.[x*])?(?![\w.]*\w)"
    r"|(?<![\w.])v?(?P<zh>\d+(?:\.\d+)+)(?:\.[x*])?\s*(?:系列|版本?|线)?(?:之前|以前)",
    intents.FLAGS,
)


def _before_series(series: str, known: Mapping[str, tuple[str, ...]]) -> str | None:
    """The newest revision before those of a series; None if there is none, or no such series."""
    seen = False
    for revision, images in reversed(list(known.items())):
        tags = [image.rpartition(":")[2].removeprefix("v") for image in images]
        if any(f"{tag}.".startswith(f"{series}.") for tag in tags):
            seen = True
        elif seen:
            return revision
    return None
