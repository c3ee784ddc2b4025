"""The words that prompts have for the parts of a tag, and what of a prompt is about tags."""

import re

from oi_deploy.agent import intents

QUOTES = "`\"'“”「」『』"
DAY = r"yy(?:yy)?[-._]?mm(?:[-._]?dd)?|mm[-._]?dd|%y[-._]?%m(?:[-._]?%d)?"
DAY += r"|(?<![a-z])year[-._]month(?:[-._]day)?(?![a-z])"
_COUNT = r"(?:\d+|six|seven|eight|nine|ten|twelve|[六七八九十])"
_SHORT = r"(?:(?:short(?:ened)?|abbreviated|abbrev|commit|git|head)(?:'s)?[-_ ]*)*"
_HASH = (
    rf"(?:the )?first {_COUNT} (?:hex )?(?:characters|chars|digits|letters|symbols)"
    r" (?:of|in|from) (?:the |this |its )?(?:full |current |git )*(?:commit|sha|hash|head)"
    r"(?:[-_ ]?(?:sha|hash|id))?"
    rf"|(?:{_COUNT}[- ]?(?:characters?|chars?|digits?) )?{_SHORT}(?:sha|hash)(?!-?\d)"
    r"|short(?:ened)?[-_ ]?(?:commit|rev)(?:ision)?(?:[-_ ]?id)?"
    rf"|(?:{_COUNT}[- ]?(?:characters?|chars?|digits?) )?(?:commit|revision)[-_ ]?id"
    rf"|(?:{_COUNT} ?位)?短\s*(?:sha|哈希|hash|commit|提交)(?:值|号)?"
    rf"|{_COUNT} ?位的?\s*(?:git\s*)?(?:提交|commit)?\s*(?:哈希值?|提交号|号(?=$|[^码]))"
    rf"|(?:(?:提交|commit)的?)?\s*(?:短?哈希值?|提交(?:号|id)|提交 id)"
    rf"(?:的?前 ?{_COUNT} ?(?:位|个))?"
    rf"|(?:提交|commit|sha|head)(?:sha|哈希)?\s*的?前 ?{_COUNT} ?(?:位|个)"
)
_FULL = (
    r"(?:full|long|whole|complete|entire|unabbreviated|40[- ](?:characters?|chars?|digits?))"
    r"[- ](?:git )?(?:commit[- ])?(?:sha|hash|id)(?:-1)?"
    r"|(?:完整|全长|全部|40 ?位)的?\s*(?:git\s*)?(?:提交的?|commit)?\s*(?:哈希值?|sha|hash|提交号?)"
    r"|git rev-parse (?:--verify )?head\b(?!\s*\|)"
)
_NAMED_BRANCH = "".join(
    rf"(?<!\b{name} )" for name in ("main", "master", "develop", "dev", "release", "default")
)
# Endings of files that may say a version.
_FILES = r"(?:json|toml|properties|cfg|env|gradle|hpp|h)(?![A-Za-z0-9_])"
# What can be a part of a tag, in the order in which one that is meant is looked for.
KINDS = {
    "git tag": r"git[- ]describe(?: --[\w-]+)*|git[-_ ]?(?:tag|标签)(?:'s)?(?: name)?"
    r"|(?<!no )(?<!没有)(?<!没有 )release[- ]tag(?! of (?:the )?image| yet| if)(?:'s)?(?: name)?"
    r"|(?:same tag as|tag of) (?:the|this) (?:current )?commit"
    r"|(?:commit|head) is tagged(?: in git)?"
    r"|(?:当前)?提交上?的\s*(?:git )?(?:tag|标签)",
    "count": r"git rev-list (?:--[\w-]+ )*--count(?: --[\w-]+)*(?: head)?"
    r"|(?:commit|revision)[-_ ]count|(?:number|count) of (?:the |all )?(?:git )?commits"
    r"|提交(?:总|的)*(?:数量?|次数|计数)",
    "full commit": _FULL,
    "commit": _HASH,
    "date": r"today(?!'s (?:[\w-]+\.\w|version|build|commit|image|release))(?:'s)?"
    r"(?: (?:utc )?date)?"
    rf"|(?<!due )date(?![a-z])|{DAY}"
    r"|the day (?:it|this|that|the image) (?:was|is|gets) built(?: on)?|day of the build"
    r"|日期|年月日|[今当]天|当日",
    "branch": rf"{_NAMED_BRANCH}branch(?:'s)?(?:[-_ ]?name)?|ref[-_ ]name|分支(?:的?名称?|名字)?",
    "version": rf"(?:[\w.-]+/)*(?:version\.txt|version|[\w-]*\.{_FILES}|Chart\.ya?ml"
    r"|appVersion|__version__|pyproject)"
    r"(?:[-_ ]?number)?"
    r"|(?-i:RELEASE)(?=[`'\"]?\s*(?:file\b|文件))|CHANGELOG\.md|semver|版本号?|x\.y\.z|major\.minor\.patch",
}
# What is asked for, but known to nobody here.
UNKNOWN = (
    rf"(?:{DAY})[-_.t]?(?:hh|%h)[\w:%-]*|%[hms]|hh[-:]?mm(?:[-:]?ss)?"
    r"|time[-_ ]?stamp|(?:current|build)[-_ ]time|epoch"
    r"|(?:build|run|job|pipeline)[-_ ]?(?:number|no|num|id|counter)|pr[-_ ]?number"
    r"|时间戳|(?:当前|构建)时间|(?:构建|流水线|任务|运行)(?:编?号|序号)|流水号"
)
KIND = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\bv)(?=x\.y\.z))(?:"
    + "|".join(f"(?P<{name.replace(' ', '_')}>{words})" for name, words in KINDS.items())
    + rf"|(?P<unknown>{UNKNOWN}))(?![A-Za-z0-9])",
    intents.FLAGS,
)
VERSION_FILE = re.compile(
    r"(?<![\w/.<{$+-])(?:[\w.-]+/)*"
    rf"(?:VERSION(?![-_+>}}]|\.\w)|RELEASE(?=[`'\"]?\s*(?:file\b|文件))|CHANGELOG(?:\.md)?|version\.txt|[\w-]*\.{_FILES}|Chart\.ya?ml"
    r"|pyproject|Cargo|Makefile|__init__\.py|_?version\.py|__about__\.py)(?!\w)",
    re.ASCII,
)
JOINTS = {
    "": r"directly|immediately|no separator|without (?:a |any )?(?:separator|space)"
    r"|直接|紧跟|无分隔",
    "_": r"\bunderscores?\b|下划线|(?<!\w)_(?!\w)",
    ".": r"\bdots?\b|\bperiod\b|\bfull stop\b|点号|(?<![\w.])\.(?![\w.])|(?<=[个用以])点",
    "-": r"\bhyphens?\b|\bdash(?:es)?\b|\bminus\b|(?<!\w)-(?!\w)"
    r"|减号|连字符|短?横[线杠]?|[短中]划线",
}

_TAGGING = re.compile(
    r"(?<![a-z])(?:re|git)?-?tag|标签|版本号|版本定"
    r"|\bcall(?:ed)? (?:it|this) (?:v?\d|what|after|by\b)"
    r"|\bversion(?:ed)? (?:(?:from|in|by|as|out of)\b|is(?: (?:written|kept|set|given))? in"
    r"|(?:lives|stands|sits) in)|\bversion(?: [\w-]+){0,4} (?:lives|sits|stands) in\b"
    r"|\b(?:image|read the) version\b(?! of\b)|\bown VERSION file\b"
    r"|\bnamed? after\b|\bnames? (?:[\w-]+ ){0,3}images? (?:\w+ )?after\b"
    r"|\b(?:push|publish|put)\b[^.;]{0,80}\bunder \w+ names\b|命名"
    # What is left of a reference whose tag is still to be filled in.
    r"|(?:^|\s):(?=[\w.-]*(?:[<{\[$]|YYYY)|(?-i:[A-Z]{3}))"
    r"|版本号?(?:我们|都|均|只|统一|一律)*(?=取|用|来自|从|以|按|是|为|[写记标]?在)",
    intents.FLAGS,
)
_EXAMPLE_WORDS = (
    r"\bhad (?:it|the file) said\b|\bif (?:it|the file|that) (?:said|read|were|was)\b"
    r"|假如|假设|要是|比方说?|"
    r"\bfor (?:example|instance)\b|\bsuch as\b|(?<!d )\blike\b|\bas in\b|\bsay,? (?=\S*\d)|→|->|=>"
    r"|比如|例如|譬如|举例|示例|例(?=:)|样例|形如|诸如|类似于?|(?<![镜图])像"
    r"|(?<![比例形诸])如(?=\s*[`\"'“「]?[A-Za-z0-9])"
    r"|\((?=[\w.-]*\d[\w.-]*\))"
)
EXAMPLE = re.compile(_EXAMPLE_WORDS, intents.FLAGS)
# A sentence that only goes on about the tag of the one before.
_GOES_ON = re.compile(
    rf"{_EXAMPLE_WORDS}|prefix|suffix|[前后]缀|开头|结尾|末尾|\bformat|\bpattern\b|格式|形式"
    r"|^\W*(?:where )?[`<{\[]{0,2}[\w -]{1,20}[`>}\]]{0,2}\s*(?:=|:|\bis\b|\bmeans\b|是|为|指|表示)"
    r"|<[\w -]+>|(?<!\$)\{[\w -]+\}|(?:use|take|用|取)\W|\bslash|斜[杠线]"
    r"|^(?:and )?the (?:other|second) (?:one )?is\b|^(?:另|再|第二)一?个(?:是|为|用)",
    intents.FLAGS,
)  # fmt: skip
# They end like sentences.
_ABBREVIATION = re.compile(r"\be\.?\s?g\.?(?![a-z])[,:]?", intents.FLAGS)
_THAT_IS = re.compile(r"\bi\.e\.,?", intents.FLAGS)
# The tag of something else.
_OTHERS = re.compile(r"[^,;()/]*(?:base[- ]image|基础镜像|\bFROM\b)[^,;()/]*", re.ASCII)
# What is not meant, up to where the sentence says what is.
_DENIED = re.compile(
    r"(?:\binstead of\b|\brather than\b|\bnot\b(?! forget)|n't\b(?! forget)|\bnever\b"
    r"|而不是|而非|不再?(?:是|要|用|打|使用|采用)|(?<!分)别(?:再?用|打|加)|(?:请勿|勿|禁止|严禁))(?!忘)"
    r"(?:(?!\bbut\b|\band (?:re-?tag|tag|use|then|push|take|give)\b|而是|要?改用|[,;:()]|\s/\s).)*",
    intents.FLAGS,
)
# How the slashes of a branch are written in a tag.
SLASHES = re.compile(
    r"(?:with |any |all |the |every |each |where |and )*(?:slash(?:es)?|[`\"'“]?/[`\"'”]?)"
    r"[^,;()]{0,25}?"
    r"(?:replaced|turned|changed|become|becomes|converted|swapped|->|→)"
    r"(?: \w+)? (?:by |with |to |into )?(?:an? )?(?P<en>underscores?|dots?|hyphens?|dash(?:es)?|"
    r"[`\"'“]?[-_.][`\"'”]?)"
    r"|(?:replac|turn|chang|convert|swap)\w* (?:any |all |the |every )*(?:slash(?:es)?"
    r"|[`\"'“]?/[`\"'”]?) (?:by|with|to|into) (?:an? )?"
    r"(?P<en2>underscores?|dots?|hyphens?|dash(?:es)?|[`\"'“]?[-_.][`\"'”]?)"
    r"|\b(?:put|use|write|with) (?:an? )?(?P<en3>underscores?|dots?|hyphens?|dash(?:es)?)"
    r" (?:wherever|where|in place of|instead of|for) [^,;.]{0,40}"
    r"|(?:其中|把|将|里的?|中的?)*\s*(?:斜杠|斜线|[`\"'“「]?/[`\"'”」]?)\s*(?:都|要|全部)*"
    r"(?:就|一律|统统|统一)?(?:换成?|替换为?成?|改成?为?|变成?为?|转成?为?|用)\s*"
    r"(?P<zh>下划线|减号|连字符|短?横[线杠]?|中划线|点号?|[`\"'“「]?[-_.][`\"'”」]?)(?:代替|替换)?",
    intents.FLAGS,
)
# More than one tag for an image.
MANY = re.compile(
    r"\b(?P<en>two|2|three|3|several|multiple) (?:[\w-]+ )?tags\b"
    r"|\b(?:push|publish|put)\b[^.;]{0,80}\bunder (?P<names>two|2|three|3|several) names\b"
    r"|\btags (?=[\w.<>-]+ and [\w.<>-]+)"
    r"|(?P<zh>[两2二三3多])个(?:不同的?)?\s*(?:标签|tag)"
    r"|(?:标签|\btag)\s*[要打有共用]*\s*(?P<after>[两2二三3])个",
    intents.FLAGS,
)
# The same of two that are only named: "with both the version and the hash".
BOTH = re.compile(
    r"\btag\w*\b[^.;,/]{0,24}?\bboth (?P<one>(?!with\b|as\b|to\b|of\b|images\b)[^,.;]{1,40}?)"
    r" and (?P<two>[^,.;]{1,40}?)(?=[,.;]|$)"
    r"|\bonce (?:tagged )?(?:with|as|under) (?P<once>[^,.;]{1,80}?),? and once (?:tagged )?"
    r"(?:with|as|under) (?P<again>[^,.;(/]{1,40}?)(?=\s*[,.;(/]|$)",
    intents.FLAGS,
)
# One that many images have besides their own.
LATEST_TOO = re.compile(
    r"(?:\band|\balso|\badditionally|\bplus|\bas well as|[,+和与及]|还有|同时"
    r"|再(?:推送?|打|加)(?:一?[个份]|成|上)?)\s*"
    r"(?:also\s+)?(?:(?:move|point)s?\s+|push(?:ed)?\s+(?:it|(?:this|the same) image)\s+)?"
    r"(?:tag(?:ged)?\s+(?:it\s+)?)?(?:as\s+)?"
    # Any other word than that one may be part of the sentence.
    rf"[{QUOTES}]?(?P<too>latest|(?<=\bas )stable|(?<=[打标推]成 )stable)\b"
    rf"(?!\s+(?!and\b|to\b|in\b|too\b)[a-z])[{QUOTES}]?"
    r"(?!\s*(?:之类|等)?[^,。;]{0,8}(?:不要|不用|不推|不需要|不动|别))"
    r"|\b(?:move|point|set|update) (?:the )?(?:tag )?"
    rf"[{QUOTES}]?(?P<moved>latest|stable|current)[{QUOTES}]?"
    r"(?: tag)? (?:to|at|on) (?:it|that|this|the same|the new)\b"
    rf"|[{QUOTES}]?(?P<points>latest|stable|current)[{QUOTES}]?\s*(?:这个)?(?:标签)?"
    r"[^,。;]{0,6}指向(?:它|该|这个|同一|新)",
    intents.FLAGS,
)
# They stand before that, or in a list of their own.
ITEMS = re.compile(
    r"(?<![\w.-])(?P<before>[\w.-]{1,60}(?:\s{0,3}(?:[、,和与及]|\band\b)\s*[\w.-]{1,60}){1,4})\s{0,3}[这共]?[两2二三3]个\s*(?:标签|tag)"
    r"|^[ \t]{0,8}(?:[-*][ \t])?(?:image |镜像)?(?:tags|标签):[ \t]*"
    r"(?:(?P<line>[^\n]*[,、][^\n]*)$|\n(?P<list>(?:[ \t]*[-*][ \t]*[^\n]+(?:\n|\Z))+))"
    r"|(?:[两2二三3]个\s*(?:标签|tag)|\b(?:two|three) tags\b)[^\n]{0,30}:[ \t]*\n"
    r"(?P<below>(?:[ \t]*[-*][ \t]*[^\n]+(?:\n|\Z)){2,3})",
    intents.FLAGS | re.MULTILINE,
)


def beside(prompt: str) -> tuple[str, str]:
    """A prompt without what it says of `latest` or `stable` beside another tag, and that word.

    Both are empty if it says nothing so.
    """
    for sentence in intents.sentences(prompt):
        match = LATEST_TOO.search(sentence)
        if match and not intents.is_denied(sentence, match.start()):
            # Once is enough: it must not be looked for in what is left.
            return LATEST_TOO.sub(" ", " ".join(prompt.split())), (
                match["too"] or match["moved"] or match["points"]
            ).lower()
    return "", ""


# The tag that was said before.
SAID_BEFORE = re.compile(
    r"\b(?:(?:with|use|under|as) (?:that|this|said) (?:tag|version)|of (?:that|this|said) tag)\b"
    r"(?! file)|\bis (?:that|this) (?:number|value)\b"
    r"|[用以按](?:照)?(?:这|该|那)个?(?:标签|tag|版本号?)",
    intents.FLAGS,
)


# What the sentence before is about.
_IT_IS_TAG = re.compile(
    r"\b(?:use|take|put) (?:it|that|this)(?: \w+)? as (?:the |our |its )?(?:image(?:'s)? )?tag\b"
    r"|\b(?:it|that|this) is (?:also )?(?:the |our )?(?:image )?tag\b"
    r"|(?:用它|以此|用这个|把它)(?:来)?[作当做]?为?(?:镜像)?(?:的)?(?:标签|tag)",
    intents.FLAGS,
)
# A variable of a build may have the name of a part.
_BUILD_ARGUMENT = re.compile(
    r"--build-arg[ =][A-Za-z_]\w*(?:=[^\s,;]+)?"
    r"|(?:\bbuild[- ]?arg(?:ument)?s?|构建参数)"
    r"\s*[`'\"]?[A-Z][A-Z0-9_]*_[A-Z0-9_]+\b"
    r"|\b[A-Z][A-Z0-9_]*_[A-Z0-9_]+\b[`'\"]?\s*(?:build[- ]?arg|构建参数)",
    re.ASCII,
)


# The form of a day that a bracket shows with one: "(written like 2025.11.30)".
_SHOWN_DAY = re.compile(
    r"\((?P<before>[^()]{0,60}\b(?:written|formatted|like|as|form)\b[^()\d]{0,12})"
    r"20\d\d(?P<sign>[-._]?)\d\d(?P=sign)\d\d\)",
    intents.FLAGS,
)
_BRACKETS = re.compile(r"\([^()]{0,200}\)")


# "Two tags:", and in the next line "one is the version, ...".
_BELOW = re.compile(
    r"(?<=:)[ \t]*\n[ \t]*(?=(?:一个|第一个|one|the first)(?![\w-]))", intents.FLAGS
)


def about(prompt: str) -> str:
    """What a prompt says about the tag of its image: its sentences, with ` / ` between them."""
    kept: list[str] = []
    goes_on = False
    text = _THAT_IS.sub("that is", _ABBREVIATION.sub("for example", prompt))
    text = _BELOW.sub(" ", _BUILD_ARGUMENT.sub(" ", text))
    text = _SHOWN_DAY.sub(r"(\g<before>YYYY\g<sign>MM\g<sign>DD)", text)
    # What stands in brackets ends no sentence.
    text = _BRACKETS.sub(lambda it: it[0].replace(";", ",").replace("。", ","), text)
    before = ""
    for sentence in intents.sentences(text):
        if before and not goes_on and _IT_IS_TAG.search(sentence) and KIND.search(before):
            kept.append(_OTHERS.sub(" ", before))
        before = sentence
        goes_on = bool(_TAGGING.search(sentence) or (goes_on and _GOES_ON.search(sentence)))
        if goes_on:
            kept.append(_OTHERS.sub(" ", sentence))
    return " / ".join(kept)


_IMAGE_GOES = re.compile(
    r"\bpush|\bpublish|\bupload|\breleas|\bdeploy(?!ments?\b)|\bimage\b|推|上传|镜像|部署|发布|上线",
    intents.FLAGS,
)
_COMMIT = re.compile("|".join(KINDS[name] for name in ("full commit", "commit")), intents.FLAGS)


# "Under the number that is in the VERSION file."
_AS_IN_FILE = re.compile(
    r"\b(?:under|as|with|using) (?:the )?(?:number|version|content|value)\b[^,;]{0,24}?"
    r"\b(?:VERSION|version\.txt)\b|^VERSION$"
    r"|\b(?:as|using|with|from|by) (?:the )?VERSION\b(?!\s*[=:]| (?:set|as)\b)"
)
_AS_NUMBER = re.compile(
    r"(?<=\w )as [`\"']?v?\d+\.\d[\w.-]*[`\"']?(?=\s*(?:[,.;)]|$|\b(?:and|to|in|then)\b))",
    intents.FLAGS,
)
# What is done whenever it is time for it.
_HABIT = re.compile(r"\b(?:we|they) (?:(?:always|usually|also) )?(?:push|publish)\b", intents.FLAGS)
_AS_LATEST = re.compile(
    r"\bas [`\"']?(?:latest|stable|edge|nightly)[`\"']?(?=\s*(?:[,.;)]|$|\b(?:and|to|in)\b))",
    intents.FLAGS,
)


def pushed_as(prompt: str) -> str:
    """What a prompt without a word for a tag says about it: "push it under the full commit hash".

    A hash that is to be written somewhere is none, and other kinds may stand there for any reason.
    """
    found: list[str] = []
    for sentence in intents.sentences(prompt):
        if _IMAGE_GOES.search(sentence):
            found += [it.text for it in intents.clauses(sentence) if _says_tag(it.text)]
    return " / ".join(found)


def _says_tag(clause: str) -> bool:
    if _HABIT.search(clause):
        return False
    if _AS_LATEST.search(clause) or _AS_IN_FILE.search(clause) or _AS_NUMBER.search(clause):
        return True
    commit = _COMMIT.search(clause) and _IMAGE_GOES.search(clause)
    return bool(commit) and "rest" not in intents.read(clause)


def meant(text: str) -> str:
    """A text without what it says is not meant."""
    return _DENIED.sub(" , ", _INCLUDED.sub(" ", text))


# What is there already is no part of its own.
_INCLUDED = re.compile(
    rf"(?:\bincluding|包括|包含|保留|连同)(?: the| its|前面的|开头的)*"
    rf"\s*[{QUOTES}][\w.-]+[{QUOTES}]",
    intents.FLAGS,
)


def kind(match: re.Match[str]) -> str:
    """The kind that a match of `KIND` is of."""
    return (match.lastgroup or "").replace("_", " ")


def joint(text: str, otherwise: str) -> str:
    """What a text says that stands between two parts."""
    found = (sign for sign, words in JOINTS.items() if re.search(words, text, intents.FLAGS))
    return next(found, otherwise)
