"""Which files a prompt wants in an image, at which place, and which it does not want there."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile.reads import is_private

_ZH = "\u4e00-\u9fff"
IN_IMAGE = re.compile(r"\bimage|dockerfile|\bcontainer|\bstage\b|镜像|容器|阶段", intents.FLAGS)
_THERE = re.compile(r"(?<![\w.:/`-])`?(/[\w-][\w./-]*)", re.ASCII)
_PUT = re.compile(
    r"\b(?:cop(?:y|ies|ied)|put|plac(?:e|ed)|go(?:es)?|belongs?|install(?:ed)?|mov(?:e|ed)|ends? up"
    r"|expect(?:s|ed)?|becomes?|lies?|lives?|sits?|replaces?|has)\b"
    r"|拷|复制|放|装|移|覆盖|替换|作为|当作|用作",
    intents.FLAGS,
)
MARK = "\x00"
# "app.py in /srv"
_RIGHT_THERE = re.compile(
    rf"{MARK}[`/]*(?:\s(?:folder|directory|package))?(?:\s+(?:is|are)(?:\s+\w+){{0,4}})?\s+(?:in|into|at|under|->|=>)\s+`?/",
    re.ASCII,
)
# A clause on what the one before it has named.
_GOES_THERE = re.compile(
    r"\s*(?:and |then |it |they |that |this |both )*"
    r"(?:goes?|belongs?|is copied|are copied|copy it|put it)\b"
    r"|\s*(?:请|要|就|再|都)*(?:放|拷|复制|拿它|用它|把它|装)",
    re.IGNORECASE,
)
# A comma within a list of paths ends no clause.
_NEXT_PATH = (
    r"(?:and |or )?(?:the )?(?:folder |file |directory )?`?(?:[\w-]*[./][\w./-]*|[A-Z]{2,})`?/?"
)
_CLAUSE_END = re.compile(
    rf",(?<![/`],)(?!\s+{_NEXT_PATH}(?:\s*[,、和与及]|\s+(?:and|or)\b))"
    r"|,(?!\s*`?[\w./-]+`?\s*(?:[,、和与及]|and\b|or\b))|;|\bbut\b|\bwhile\b|但|而(?!且)",
    re.ASCII,
)
_SAME_THING = re.compile(
    r",(?=\s*(?:绝对|千万|一律|[都也])*(?:不|(?<!分)别|勿)[^,。]{0,6}(?:进|放|带|打|入|拷|出现)"
    r"|\s*(?:and |so |which |that |they |it |these )*(?:must|should|may) not be\b)",
    re.IGNORECASE,
)
_OUT = tuple(
    re.compile(pattern, intents.FLAGS)
    for pattern in (
        rf"{MARK}.{{0,60}}?(?:\b(?:not|never|cannot)|n't)\b.{{0,30}}?\b(?:in(?:to|side)?|part of"
        r"|ship\w*|includ\w*|cop(?:y|ied)|packag\w*|baked?|contain\w*|belongs?)\b",
        r"(?:\b(?:not|never)|n't)\s+(?:\w+\s+)?(?:cop(?:y|ied)|includ\w+|contain|ship|have|pack\w*|hold|put|add|bake)\b"
        rf".{{0,60}}?{MARK}",
        rf"{MARK}[^,]{{0,30}}?(?:\bnot|n't)(?: be)?[ .`]*$",
        rf"\b(?:without|exclud\w+|omit\w*|leav\w+ out|keep\w* out)\b.{{0,60}}?{MARK}",
        rf"\b(?:not|n't|nobody|no one)\b(?: \w+)? wants?\b"
        rf".{{0,40}}{MARK}.{{0,40}}\b(?:in|ship\w*)\b",
        rf"\b(?:nothing|none of)\b.{{0,60}}{MARK}",
        rf"^\s*(?:and |but )?neither (?:must|should|may|can|do|does)\b.{{0,30}}?{MARK}",
        rf"^\s*(?:not|nor|never)\s+(?:the\s+)?(?:folder\s+|directory\s+|file\s+)?{MARK}",
        rf"\bno\s+(?:\S+(?:\s*,\s*|\s+(?:or|and|nor)\s+)){{0,4}}{MARK}",
        rf"\b(?:leav|keep)\w*\b.{{0,40}}?{MARK}.{{0,40}}?\bout\b",
        rf"{MARK}.{{0,40}}?\b(?:stays?|kept|left|remains?)\s+(?:out\b|outside\b)",
        rf"{MARK}.{{0,24}}?(?:不|(?<!分)别|勿|禁止|严禁|无需|排除).{{0,8}}?(?:进|入|在|放|拷|复制|打|包含|出现|带|要)",
        rf"(?:不(?:要|能|得|应|该|准|许|可以?)?|(?<!分)别|勿|禁止|排除|剔除)(?:把|将|再)?(?:包含|包括|带|放|拷|复制|打包|含|有|出现)?"
        rf"(?:了|上|入|进)?(?:[^{_ZH}]|[和与及或]){{0,40}}{MARK}",
    )
)
_UNWANTED = re.compile(r"^\s*\S+\s?(?:目录|文件夹)?不要$")
_SETS = re.compile(r"`?[A-Z][A-Z0-9_]+`?\s*(?:=|to |at |设成|设为|指向)\s*`?[\w./-]+`?", re.ASCII)
# What a sentence speaks of that says what is not to be in the image.
_TAKES = re.compile(IN_IMAGE.pattern + r"|\bship|打包|打进", intents.FLAGS)
_SHOWN = re.compile(
    r"\bserv(?:e|ed|es|ing)\b|\bavailable\b|\breach|\bfetch|访问|提供|下载", intents.FLAGS
)
_LISTS = re.compile(
    r"^(?:文件|内容|[Ff]iles?|[Cc]ontents?)\s*[:是为]|内容[是为]|需要|用到|依赖"
    r"|\b(?:needs?|cop(?:y|ies|ied)|includ\w+|goes? in|put|add|hold(?:s|ing)?|take[ns]?"
    r"|consists?)\b"
    r"|\bimage\b.{0,20}\bcontain|\bcontains? (?:just|only)\b|^[-*\s]*contains?\b"
    r"|放|拷|复制|包含|装|带上|打包",
    intents.FLAGS,
)
_COPIES = re.compile(r"\b(?:cop(?:y|ies)|includes?|contain|holds?)\b|拷|复制|包含", intents.FLAGS)
_ONLY = re.compile(
    r"\b(?:only|just|nothing but|no more than)\b|只(?:要|需|放|包含|含|有|能|拷|复制|装|带)|仅",
    intents.FLAGS,
)


# What makes a bare word a folder's name: what stands before or after it.
_FOLDER_AFTER = re.compile(
    r"`?\s*(?:[两三几]个)?(?:folder|director(?:y|ies)|package|dir\b|目录|文件夹|包(?![含括])"
    r"|的(?:全部)?(?:内容|文件)|里(?=[的是有面]))"
    r"|\s*[都也]?(?:不|(?<!分)别|勿)[^,。]{0,4}[进放带打入拷]"
    r"|\s+(?:must|should|shall|may|can|will|do|does|is|are)(?:\s+not|n't)\b|\s+stays? out\b",
    re.IGNORECASE,
)
_FOLDER_BEFORE = re.compile(
    r"(?:\b(?:folder|directory|package|contents? of|(?:everything|files) (?:in|from|under)"
    r"|contains?|holds?|cop(?:y|ies)|includes?)(?: (?:the|just|only))*|\b(?:just|only)|目录|文件夹"
    r"|放入?|拷入?|复制|拷贝|[只仅][有放含要拷])\s*`?$",
    re.IGNORECASE,
)
# Between two members of a list.
_LISTED = re.compile(
    r"[`/\s]*(?:\s(?:folder|directory|package)\b|目录|文件夹|包)?[`\s]*"
    r"(?:,|、|/|\+|&|和|与|及|以及|\band\b|\bor\b|\bplus\b)+\s*(?:and |or |the |its )?[`\s]*",
    re.IGNORECASE,
)


def named_in(text: str, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each file or folder that a text names, with the text in which it is marked; in its order."""
    found: dict[int, tuple[int, str, bool]] = {}
    taken: list[range] = []
    for path in sorted((it for it in paths if it in text), key=len, reverse=True):
        pattern = rf"(?<![\w./-])(?:\./)?{re.escape(path)}(?:/(?![\w.])|(?![\w/-]|\.\w))"
        for match in re.finditer(pattern, text, re.ASCII):
            if any(match.start() in it for it in taken):
                continue
            taken.append(range(*match.span()))
            quoted = text[max(0, match.start() - 1) : match.start()] == "`"
            # A bare word is a folder's name with a slash, in quotes, or where it is called one.
            sure = "/" in match[0] or "." in match[0] or path.isupper() or quoted
            sure = sure or bool(_FOLDER_AFTER.match(text, match.end()))
            sure = sure or bool(_FOLDER_BEFORE.search(text[: match.start()]))
            found[match.start()] = (match.end(), path, sure)
    # A member of a list is what its neighbours are.
    places = sorted(found)
    forth = list(pairwise(places))
    for order in (forth, [(other, one) for one, other in reversed(forth)]):
        for one, other in order:
            first, second = sorted((one, other))
            if found[one][2] and _LISTED.fullmatch(text[found[first][0] : second]):
                found[other] = (*found[other][:2], True)
    for start in places:
        end, path, sure = found[start]
        if sure:
            yield path, text[:start] + MARK + text[end:]


def clauses(text: str, also: Callable[[str], object]) -> Iterator[str]:
    """The clauses of those sentences for which something holds."""
    for sentence in intents.sentences(text):
        if also(sentence):
            # "In drafts/ are next year's plans, they must not be in the image."
            yield from _CLAUSE_END.split(_SAME_THING.sub(" ", sentence))


def left_out(text: str, paths: Collection[str]) -> Iterator[str]:
    """What must not be in the image; each path once."""
    seen: set[str] = set()
    yield from _out_after(text, paths, seen)
    for clause in clauses(
        text, lambda it: _TAKES.search(it) or _LISTS.search(it) or _UNWANTED.search(it)
    ):
        if re.search(
            r"\b(?:forg[eo]t|miss|touch|chang|edit|modif|delet|remov|renam)|忘|漏|改|删", clause
        ):
            continue
        for path, marked in named_in(clause, paths):
            if path not in seen and any(pattern.search(marked) for pattern in _OUT):
                seen.add(path)
                yield path


_GOES_OUT = re.compile(
    r"^\s*(?:它们?|这个?|这些|该|其|绝对|千万|一定|一律|请|也|都|当然|所以)*(?:不(?:要|能|得|应|该|准|许|可以?)?|(?<!分)别|勿|禁止)[^,]{0,6}(?:进|放|带|打|入|拷|出现)"
    r"[^,]{0,6}(?:镜像|image)"
    r"|^\s*(?:so |and |it |they |that |this |which )*"
    r"(?:must|should|may|can|do|does)(?: not|n't|not) (?:be|go|get|end up|come|land|belong)"
    r" (?:in|into|inside|part of)\b[^,]{0,8}\bimage\b",
    intents.FLAGS,
)


def _out_after(text: str, paths: Collection[str], seen: set[str]) -> Iterator[str]:
    """A path of which a later clause of its sentence says that it must not be in the image."""
    for sentence in intents.sentences(text):
        before: list[str] = []
        for clause in re.split(r"[,;]", sentence):
            found = [path for path, _ in named_in(clause, paths)]
            if not found and len(before) == 1 and _GOES_OUT.search(clause):
                seen.update(before)
                yield before[0]
            before = found or before


def placed(text: str, paths: Collection[str], others: Collection[str]) -> Iterator[tuple[str, str]]:
    """Files and folders that a clause puts at an absolute path of the image."""
    before: list[str] = []
    for clause in clauses(text, lambda sentence: True):
        places = _THERE.findall(_SETS.sub("", clause))
        found = list(named_in(clause, paths))
        one, before = before, [path for path, _ in found]
        # What a server is asked for is no place.
        if not places or _SHOWN.search(clause):
            continue
        if len(set(places)) > 1:
            yield from ((it, to) for it, to in _each_there(clause, found) if it not in others)
            continue
        if not found and len(one) == 1 and _GOES_THERE.match(clause) and one[0] not in others:
            yield one[0], places[0].rstrip("/.")
        put = _PUT.search(clause) or any(_RIGHT_THERE.search(marked) for _, marked in found)
        for path, marked in found:
            before_place = marked.find(MARK) < marked.rfind(places[0])
            if path not in others and before_place and put:
                yield path, places[0].rstrip("/.")


def _each_there(clause: str, found: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Files and folders with the places of a clause that has several: each its own."""
    text = _SETS.sub(lambda it: " " * len(it[0]), clause)
    spots = [(it.start(1), it[1].rstrip("/.")) for it in _THERE.finditer(text)]
    spots = [it for it in spots if it[1] != "/tmp"]  # noqa: S108 - it is a word of a prompt
    named = sorted((marked.find(MARK), path) for path, marked in found)
    if not spots or not named or not (_PUT.search(clause) or " as /" in clause):
        return
    if len(spots) == len(named) and named[-1][0] < spots[0][0]:
        # "zh and en go to /a and /b"
        yield from ((path, to) for (_, path), (_, to) in zip(named, spots, strict=True))
        return
    ends = [at for at, _ in named[1:]] + [len(text)]
    for (at, path), end in zip(named, ends, strict=True):
        if to := next((it for place, it in spots if at < place < end), ""):
            yield path, to


def listed(text: str, paths: Collection[str], others: Collection[str]) -> list[str]:
    """What the image is to have by name, without a place of its own."""
    found: list[str] = []
    for clause in clauses(text, lambda sentence: True):
        if not _LISTS.search(clause) or _THERE.search(_SETS.sub("", clause)):
            continue
        # "Add a Dockerfile in api/" says where it goes.
        if re.search(r"dockerfile", clause, re.IGNORECASE) and not _COPIES.search(clause):
            continue
        for path, marked in named_in(clause, paths):
            if path not in others and not intents.is_denied(marked, marked.find(MARK)):
                found.append(path)
    return list(dict.fromkeys(found))


def only(
    text: str, paths: Collection[str], others: Collection[str], *, of_image: bool = False
) -> list[str]:
    """What alone the image is to have; nothing if a clause that says so names no path.

    Args:
        text: the words.
        paths: files and folders that they may name.
        others: those that the image must not have.
        of_image: whether the words are on nothing else.
    """
    for clause in clauses(text, lambda sentence: of_image or IN_IMAGE.search(sentence)):
        if _ONLY.search(clause) and (of_image or IN_IMAGE.search(clause)):
            found = [path for path, _ in named_in(clause, paths) if path not in others]
            if found:
                return list(dict.fromkeys(found))
    return []


def shown(text: str, paths: Collection[str]) -> list[str]:
    """What a clause says is to be had from a server of pages."""
    found = (clause for clause in clauses(text, _SHOWN.search) if _SHOWN.search(clause))
    return list(dict.fromkeys(path for clause in found for path, _ in named_in(clause, paths)))


_NGINX = re.compile(
    r"(?:^|[./_-])nginx[\w.-]*\.conf$|(?:^|/)default\.conf$|(?:^|/)nginx/[\w-]+\.conf$"
)


def site_settings(
    text: str, paths: Collection[str], texts: Mapping[str, str], others: Collection[str]
) -> Iterator[tuple[str, str]]:
    """The only file for nginx that a text names, at the place where nginx looks for it.

    Args:
        text: the words.
        paths: files and folders that they may name.
        texts: of files.
        others: those that the image must not have, or has elsewhere.
    """
    found = dict.fromkeys(
        it
        for it, _ in named_in(text, paths)
        if it not in others
        and (_NGINX.search(it) or (it.endswith(".conf") and "listen " in texts.get(it, "")))
    )
    if len(found) == 1:
        path = next(iter(found))
        whole = re.search(r"^\s*(?:http|events)\s*\{", texts.get(path, ""), re.MULTILINE)
        yield path, "/etc/nginx/nginx.conf" if whole else "/etc/nginx/conf.d/default.conf"


_ABSOLUTE = re.compile(r"['\"](/(?:etc|opt|srv)/(?!nginx|ssl|pki)[\w./-]*\w\.\w+)['\"]")
# Somebody else puts it there; or it is no file of the program's.
_MOUNTED = re.compile(
    r"\bmount|\bvolumes?\b|configmap|\bsecrets?\b|挂载|配置字典|数据卷", intents.FLAGS
)
_NO_PART = re.compile(r"(?:^|/)(?:tests?|spec|scripts?|tools?|examples?|fixtures?|samples?|dev)/")


def read_at(
    text: str, paths: Collection[str], texts: Mapping[str, str], others: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Files that a program reads at an absolute place: of that name, or the only one named.

    Args:
        text: the words.
        paths: files and folders that they may name.
        texts: of files.
        others: those that the image must not have, or has elsewhere.
    """
    if _MOUNTED.search(text):
        return
    ours = [it for it in paths if not (_NO_PART.search(it) or is_private(it))]
    ours = [it for it in ours if not any(it == out or it.startswith(f"{out}/") for out in others)]
    programs = {
        path: it
        for path, it in texts.items()
        if path.endswith((".py", ".js", ".mjs")) and not _NO_PART.search(path)
    }
    said = [path for path, _ in named_in(text, paths)]
    places = {it for one in programs.values() for it in _ABSOLUTE.findall(one)}
    for place in sorted(places):
        name, ending = PurePosixPath(place).name, PurePosixPath(place).suffix
        same = [it for it in ours if PurePosixPath(it).name == name]
        like = [it for it in said if PurePosixPath(it).suffix == ending and place in text]
        for found in (same, [it for it in like if it in ours]):
            if len(found) == 1:
                yield found[0], place
                break
