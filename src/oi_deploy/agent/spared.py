"""What a prompt wants left alone."""

import functools
import re
from collections.abc import Collection, Sequence

from oi_deploy.agent import intents, words

# What stands for a name of an earlier clause; and what makes a clause an order.
_PRONOUN = re.compile(
    r"\b(?:it|that(?: one)?|this(?: one)?|them|those|these|which)\b|它|那个|这个", intents.FLAGS
)
_ACTION = re.compile(
    r"\b(?:update|upgrade|scale|raise|lower|restart|set|roll|deploy|move|switch|release|apply|reduce"
    r"|build(?! arg)|increase|undo|take|bring|grow|shrink)\b"
    r"|更新|升级|扩|缩|重启|部署|发布|替换|换成|换到|应用|构建|回滚",
    intents.FLAGS,
)
_HANDS_OFF = re.compile(
    r"(?:(?<!分)别|不要|勿|不能|不许|不准|先不|不用)(?:再|去)?(?:动|改|碰|管|更新|升级|重启|发|换|用|应用|部署|发布)"
    r"(?:它|了|啊|哦|[到在][^,。;]{1,8})?[!。]?$"
    r"|(?:不要|别|不用)变(?:了)?[!。]?$"
    r"|^\W*(?:这次|本次|这回|今[天晚]|暂时?|先)+(?:先|就|都)?不(?:动|改|碰|升级?|更新|重启|发布?|换|部署|上线?)"
    r"(?:它|了)?[!。]?$"
    r"|(?<!动)不动(?:它|了)?[!。]?$|(?:跟|和|与)(?:这|此)[^,。]{0,3}(?:没|无)关"
    r"|\bnothing to do with (?:it|this|that)\b"
    r"|^\s*(?:so |they |it )?(?:must|should|may|shall|are|is)(?:n't| not| never) (?:to )?be"
    r" (?:applied|touched|changed|deployed|built|restarted|updated|released)\b"
    r"|\bbelongs? to (?:another|a different|someone|somebody|the other)\b"
    r"|\b(?:is|are) for (?:another|a different|someone|somebody) \w+"
    r"|\bnot ours\b|不是我们(?:的|组)|不归我们|不属于我们",
    re.ASCII,
)
_LEAVE = re.compile(
    r"(?:please |just |so )?(?:leave|do not|don't|never) (?:\w+ )?(?:it|them|that|those)"
    r"(?: (?:alone|out|as (?:it|they) (?:is|are)|untouched))?"
    r"|(?:请|都)?(?:别|不要|勿)(?:去)?(?:动|碰|管|改)(?:它们?)?",
    intents.FLAGS,
)
# Said in the next sentence of what the one before it ends with.
_MUST_STAY = re.compile(
    r"\b(?:it|that one|this one) (?:has to|must|should|needs to|is to) (?:stay|remain|keep)\b",
    intents.FLAGS,
)
# An action as a thing: "the update of api", "api 的部署".
_THING = re.compile(
    r"\b(?:the|an?|any|its)\s+"
    r"(?:update|upgrade|scale|restart|roll|deploy|move|switch|release|build)\b"
    r"|的[^,把将]{0,4}?(?:更新|升级|扩容?|缩容?|重启|部署|发布|替换|构建|回滚)(?![到至成为一])",
    intents.FLAGS,
)
# A part that only tells what is so.
_TOLD = re.compile(r"\b(?:is|are|was|runs?|has|have)\b|是|跑的|正在|现在|目前|已经|改动")
# After a clause, the text goes on about the same one.
_GOES_ON = re.compile(
    r"[\s.,;]*(?:but\b[^,.;]*[,.;]\s*)?(?:(?:so|then|please|now|but) )*[\w ]{0,16}\b(?:it|them)\b",
    re.ASCII,
)
# "x is the control group, hands off": the next clause has no name of its own.
_THAT_STAYS = re.compile(
    r"\s*[,:]\s*(?:(?:就|都|这次|先)?(?:不动|别动|不用动|不要动|(?:保持)?不变|照旧)"
    r"|(?:请)?(?:不要|别|不用)(?:变|改|动)(?:它|了)?"
    r"|(?:remains? |stays? )?(?:unchanged|no changes?|as (?:it )?is))\s*(?:$|[,。;!.(\n])",
    intents.FLAGS,
)
# What a part is about that begins like that.
_ANOTHER = re.compile(r"(?:and )?(?:the )?(?:others?|rest)\b|(?:另外?|其[他它余])", intents.FLAGS)
_BOTH = re.compile(r"\bboth\b|都|两个", intents.FLAGS)
# Where one order ends and the next begins, within a clause.
_AND_SO = re.compile(r"\b(?:and|without)\b|并且?|且")


# What is left out of all of a kind. "除了 x,还要" adds to x.
_EXCEPT = re.compile(
    r"\b(?:except(?:ing)?(?: for)?|excluding|apart from|aside from|other than"
    r"|(?:all|everything) but)\s+(?P<en>[^,;]*)"
    r"|除了?(?P<zh>[^,;]{0,200}?)(?:以外|之外|外)(?!\W{0,2}(?:还|也))"
    r"|除了?(?P<comma>[^,;]{0,200}?)[,)\s]\s*(?:其[他它余]|所有|全部|别的|剩下)"
    r"|除了?(?P<every>[^,;都]{1,60}?)\s*都"
    # Bounded: it is tried at every place of the text.
    r"|(?P<before>[^,;]{0,60}?)除外"
    # What is named right after it is meant, and not what is done to it.
    r"|\bwithout (?P<without>(?:the )?[\w./-]+(?:(?:, | and | or )[\w./-]+)*)",
    intents.FLAGS,
)
# Several are meant.
_SEVERAL = re.compile(
    r"\b(?:both|two|three|each|all(?! (?:night|day|week|weekend|morning|good|right|fine)))\b"
    r"|都|两个|三个|全部|分别",
    intents.FLAGS,
)


def is_excepted(name: str, prompt: str) -> bool:
    """Whether a prompt wants something done to all of a kind but the one of that name.

    It does not where it has an order about that one elsewhere.
    """
    if name not in prompt or not _has_exceptions(prompt):
        return False
    rest = [_EXCEPT.sub(" ", sentence) for sentence in intents.sentences(prompt)]
    for clause in (clause for sentence in rest for clause in intents.split(sentence)):
        if words.is_named(name, clause) and _ACTION.search(clause) and not _spares(clause):
            return False
    for sentence in intents.sentences(prompt):
        for match in _EXCEPT.finditer(sentence):
            region = match[match.lastgroup or 0]
            # The next order ends what is excepted.
            end = re.search(rf"\band\b[^,;]*?(?:{_ACTION.pattern})", region, intents.FLAGS)
            if words.is_named(name, region[: end.start()] if end else region):
                return True
    return False


@functools.lru_cache(maxsize=256)
def _has_exceptions(prompt: str) -> bool:
    return any(map(_EXCEPT.search, intents.sentences(prompt)))


def is_only_told_of(name: str, prompt: str, others: Collection[str]) -> bool:
    """Whether a prompt only says how the bearer of a name is, while another one gets an order.

    That is "web is fine" beside "scale worker". The sentence after it must not go on about it.

    Args:
        name: of a Deployment.
        prompt: the task, without references to images.
        others: the names of those that the order may be for.
    """
    said = intents.sentences(prompt)
    if not any(_ACTION.search(it) and _names_one(others, it) for it in said):
        return False
    places = [place for place, it in enumerate(said) if words.is_named(name, it)]
    for place in places:
        if not _TOLD.search(said[place]) or _ACTION.search(said[place].replace(name, " ")):
            return False
        for after in said[place + 1 : place + 2]:
            # A pronoun behind another name means that one.
            names = (match.start() for it in others if (match := words.find(it, after)))
            goes_on = _PRONOUN.search(after[: min(names, default=None)])
            if goes_on or _SEVERAL.search(after) or not _names_one(others, after):
                return False
    return bool(places)


def _names_one(names: Collection[str], text: str) -> bool:
    return any(words.is_named(name, text) for name in names)


IMAGE_STAYS = re.compile(
    r"镜像(?:都|也|仍|还是|保持|维持)*\s*(?:不[变动换改]|原样|原来)"
    r"|\bimages? (?:stays?|remains?|is (?:kept|left|to stay)|must (?:not change|stay))"
    r"|\bimages? (?:does not|doesn't) change|\b(?:image|version) unchanged\b"
    r"|\b(?:keeps?|keeping) (?:its|the) (?:current |present |old )?"
    r"(?:image|version)\b(?! (?:repository|name|tag|path))"
    r"|\bon (?:its|the) (?:current|present|old|same) (?:image|version)\b",
    intents.FLAGS,
)


_STAYS_AT = re.compile(
    r"\b(?:stays?|staying|remains?|remaining|still) (?:at|on|with) v?\d+\.\d"
    r"|(?:仍然?|还是?|继续|依旧)(?:用|跑|在|是)\s*v?\d+\.\d",
    intents.FLAGS,
)


def keeps_its_image(name: str, prompt: str, others: Collection[str]) -> bool:
    """Whether a Deployment is only named for something else than its image.

    Args:
        name: its own.
        prompt: the task, without references to images.
        others: names of other Deployments; what follows one of them is about that one.
    """
    for sentence in intents.sentences(prompt):
        after = sentence
        while match := words.find(name, after):
            after = after[match.end() :]
            ends = [it.start() for other in others if (it := words.find(other, after))]
            own = after[: min(ends, default=len(after))]
            if IMAGE_STAYS.search(own) or _STAYS_AT.search(own):
                return True
    return False


_OTHER_KEYS = re.compile(
    r"[,;]?\s*(?:别的|其[他它余]|另外的)(?:键|字段|值|内容|配置项?|行)[^,;。\n]{0,10}?(?:不[动变改]|别[动改]|保持[^,;。]{0,4}不变|照旧)"
    r"|[,;]?\s*\b(?:leave|keep) (?:the |all )?other"
    r" (?:keys?|fields?|values?|lines?)\b[^,;.\n]{0,24}",
    intents.FLAGS,
)


def is_left_out(name: str, prompt: str, others: Collection[str] = ()) -> bool:
    """Whether a name stands in the prompt only to be left alone.

    That may follow in the clauses after the one with the name: "there is also x, leave it out".

    Args:
        name: of a file or a Deployment.
        prompt: the task, without references to images.
        others: names of the same kind; what follows one of them is about that one.
    """
    if name not in prompt:
        return False
    # What else is in a file is no file.
    prompt = _OTHER_KEYS.sub(" ", prompt)
    if is_excepted(name, prompt):
        return True
    said: list[bool] = []
    every = [
        [part for clause in intents.split(sentence) for part in _AND_SO.split(clause)]
        for sentence in intents.sentences(prompt)
    ]
    for parts, next_ones in zip(every, [*every[1:], []], strict=True):
        # "Those in demo/ are somebody else's; leave them alone."
        parts += [it for it in next_ones[:1] if _LEAVE.fullmatch(it.strip(" ."))]
        if not any(_names_one([name, *others], it) for it in next_ones):
            parts += [it for it in next_ones if _MUST_STAY.search(it)]
        for place, part in enumerate(parts):
            if not words.is_named(name, part):
                continue
            # An order is about it, whatever it must not be done with it.
            spared = _spares(part.replace(name, " ")) and not words.is_named(
                name, part[: _denial(part)]
            )
            spared = spared or _HANDS_OFF.search(part) is not None
            ordered = bool(_ACTION.search(part.replace(name, " ")))
            behind = part[match.end() :] if (match := words.find(name, part)) else ""
            nearer = _names_one([it for it in others if it != name], behind)
            which = nearer and re.match(r"which\b", " ".join(parts[place + 1 : place + 2]))
            if not spared and not ordered and not which:
                spared = _is_spared_after(parts[place + 1 :], (name, *others))
            if spared or ordered or not _TOLD.search(part):
                said.append(spared)
    return bool(said) and all(said)


def _is_spared_after(parts: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the first part that speaks of an earlier one's name says to leave it alone."""
    for part in parts:
        if any(words.is_named(name, part) for name in names) or _ANOTHER.match(part):
            return False
        # Chinese leaves the pronoun out: what has no other object is about what was named.
        if _HANDS_OFF.search(part):
            return True
        if _PRONOUN.search(part) and (_spares(part) or _ACTION.search(part)):
            return _spares(part) and not _ACTION.search(part[: _denial(part)])
    return False


def orders(part: str, name: str) -> bool:
    """Whether a part of a text with a name orders something."""
    return bool(_ACTION.search(part.replace(name, " ")))


def means_several(text: str) -> bool:
    """Whether a text says that more than one is meant."""
    return _SEVERAL.search(text) is not None


def _denial(part: str) -> int:
    """Where a part begins to say what is not to be done; its end, if it does not."""
    found = [intents.word(name).search(part) for name in ("denies", "spares")]
    return min((match.start() for match in found if match), default=len(part))


def _spares(clause: str) -> bool:
    return _denial(clause) < len(clause)


def clause_at(text: str, place: int) -> str:
    """The clause around a place of a text."""
    ends = list(re.finditer(rf"[,。;!?()\n]|[.:](?=\s|$)|(?<=[{intents.CJK}]):|\bbut\b", text))
    start = max((item.end() for item in ends if item.end() <= place), default=0)
    end = min((item.start() for item in ends if item.start() >= place), default=len(text))
    return text[start:end]


def in_a_denying_clause(text: str, place: int) -> bool:
    """Whether the clause around a place denies something."""
    return intents.word("denies").search(clause_at(text, place)) is not None


def in_a_spared_clause(text: str, place: int) -> bool:
    """Whether the clause around a place says what is not to be done."""
    clause = clause_at(text, place)
    end = text.find(clause, max(0, place - len(clause))) + len(clause)
    goes_on = _GOES_ON.match(text, end) or _BOTH.search(text, end)
    if _THAT_STAYS.match(text, end):
        return True
    fine = intents.word("fine").search(clause) and not goes_on
    # "Other services (shop, web) stay": what is said of those in parentheses follows them.
    if (begun := text.rfind("(", 0, place)) > text.rfind(")", 0, place):
        clause += text[text.find(")", begun) :].partition(",")[0][1:12]
    return bool(
        fine or intents.word("denies").search(clause) or intents.word("spares").search(clause)
    )


def _is_ordered(name: str, clause: str) -> bool:
    """Whether a clause orders something for a name, whatever it must not be done with it."""
    before = clause[: _denial(clause)]
    # In Chinese, what stands behind a name is its own: "api 部署" is that of api.
    text = re.sub(rf"(?<![把将给请] )(?<![把将给请]){re.escape(name)}", " 的 ", before)
    text = _THING.sub(" ", text.replace(name, " "))
    return words.is_named(name, before) and bool(_ACTION.search(text))


def is_spared(name: str, text: str) -> bool:
    """Whether a clause with the name says to leave it alone, and no order about it follows."""
    pattern = (
        rf"(?<![A-Za-z0-9_./-]){re.escape(name)}(?!['\u2019]s\b|[A-Za-z0-9_-]|[./:][A-Za-z0-9_$])"
    )
    places = [match.start() for match in re.finditer(pattern, text)]
    ordered = [_is_ordered(name, clause_at(text, place)) for place in places]
    spared = [in_a_spared_clause(text, place) for place in places]
    spared = [it and not order for it, order in zip(spared, ordered, strict=True)]
    explicit = [bool(re.search(r"deployments?\s*$", text[:place])) for place in places]
    # What is said last counts.
    if not any(spared) or (ordered[-1] and not spared[-1]):
        return False
    return not any(mark and not sparing for mark, sparing in zip(explicit, spared, strict=True))
