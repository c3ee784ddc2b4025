"""What a prompt says of the two stages of a Dockerfile that is to be written."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile import found, npm, wished_files
from oi_deploy.agent.dockerfile.reads import folders_made

_FIRST = re.compile(
    r"\b(?:first|1st)(?: one| stage)?\b|\bstage (?:one|1|a)\b"
    r"|\b(?:builder|build|test|tests|compile|generator) stage\b"
    r"|(?:第一|前一?)(?:个)?阶段|阶段(?:一|1)|第一个|(?:构建|编译|测试|生成)阶段",
    intents.FLAGS,
)
_SECOND = re.compile(
    r"\b(?:second|2nd)(?: one| stage| image)?\b|\bstage (?:two|2|b)\b"
    r"|\b(?:final|last) one\b"
    r"|\b(?:final|last|runtime|run|production|serving|resulting) (?:stage|image)\b"
    r"|(?:第二|后一?|最后一?|最终)(?:个)?(?:阶段|镜像)|阶段(?:二|2)|第二个|(?:运行|最终)阶段",
    intents.FLAGS,
)
# One that is called by nothing but what comes first.
_BEGINS = re.compile(r"(?<![要请事])先(?=运行|执行|用|在|跑)")
_FROM_FIRST = re.compile(
    r"\bfrom (?:the )?(?:first|test|build|builder|previous|stage one|stage 1)\b"
    r"|从(?:第一|前一?|上一?|测试|构建)(?:个)?阶段",
    intents.FLAGS,
)
_QUOTED = re.compile(r"`((?:python3?|node|sh|bash|npm|npx|make|go)\b[^`\n]*)`")
_BARE = re.compile(
    r"(?<![\w./-])(?:(?:python3?|node|sh|bash) (?:-m [\w.]*\w|[\w./-]+\.(?:py|[cm]?js|sh)\b)"
    r"|npm (?:run [\w:-]+|test)"
    r"|make(?: [a-z][\w-]*)?(?=[`,.;)]|$| (?:and|which|that|to)\b))",
    re.ASCII,
)
_RUNS = re.compile(
    r"\b(?:runs?|running|execut\w+|calls?|with)\s+`?$|(?:用|运行|执行|跑)\s*`?$", re.I
)
_OPTION = re.compile(
    r"(?:\s(?:-o|--out(?:put)?(?:-dir)?)[ =]|>\s*(?=\S*\.))([\w-][\w./-]*)$", re.ASCII
)
_TESTS = re.compile(r"(?<!la)\btests?\b|doctest|unittest|\blint\b|\bcheck\b")
# What a stage makes, when it is not in the repository: a folder, or a file.
_MADE = re.compile(
    r"(?<![\w./:@-])`?(?P<slash>[a-z][\w-]*(?:/[\w-]+)*)/`?(?![\w./])"
    r"|(?:\b(?:folder|directory)|目录|文件夹)\s*`?(?P<after>(?!(?:that|which|is|with|of|in|and|it|comes?|where|to|into|may|must|should|shall|will|can|needs?|has|have|are|was|goes|ends?|stays?|for|from|on)\b)[A-Za-z][\w-]*(?:\.[\w-]+)*)`?(?![\w/-])"
    r"|(?<![\w./:@-])`?(?P<before>(?!(?:an?|the|its|this|that|one|of|same|work(?:ing)?|own|final|only|with|and|usual|default|standard|normal)\b)[a-z][\w-]*)`?\s*(?:folder|directory|目录|文件夹)"
    r"|\b(?:contents? of|everything in) (?:the )?`?(?P<inside>[a-z][\w-]*)\b(?![\w./])"
    r"|(?<![\w./:@-])`?(?P<usual>(?:dist|output|public|target|_site)(?=`?(?:$|[,.;)]|\s*[的里放拷复]"
    r"| (?:as|in|into|to|from|with|and|is|goes|at|under)\b))|(?:build|out)(?=`?\s*[的里]))"
    r"|(?<![\w./:@-])`?(?P<file>(?!(?:node|next|nuxt|vue|react|express|three|d3)\.js\b)[\w-]+(?:/[\w-]+)*\.(?:json|js|mjs|html|txt|css|csv|db|sqlite|py|pyz|zip|tar|bin))\b",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Stages:
    """Two stages.

    Attributes:
        command: what the first one runs.
        name: of the first one.
        first: the words on the first one, with those on both.
        second: the words on the second one, with those on both.
        made: what the first one makes and the second gets; a folder ends with a slash.
        taken: files and folders of the repository that the second gets from the first.
        proves: whether the first one only has to succeed.
        reads: files and folders of the repository that stand beside the first one's command.
    """

    command: str
    name: str
    first: str
    second: str
    made: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    proves: bool = False
    reads: tuple[str, ...] = ()


def read(
    text: str,
    paths: Collection[str],
    bases: Sequence[str],
    texts: Mapping[str, str] | None = None,
) -> Stages | None:
    """The stages of a prompt that has them, or None if it is not said what they do.

    Args:
        text: the prompt.
        paths: files and folders of the folder that is built.
        bases: the images that it names, in its order.
        texts: of files there: how a script is called, and what it makes.
    """
    first, second, both = _split(text, bases)
    command = _command(first, paths, all_of_it=first != second) or _told_before(both, paths)
    command = command or noted(texts or {})
    if not command:
        return None
    # What only proves something makes nothing; a stage may do both.
    tests = all(_TESTS.search(it) for it in command.split(" && "))
    if option := _OPTION.search(command):
        made = [option[1] if "." in option[1] else f"{option[1].rstrip('/')}/"]
    else:
        # What a program gets besides its own files may be what it makes.
        known = {*paths, *command.split()[:2], *(it.rpartition("/")[2] for it in paths)}
        before = [it for it in _made(first) if it.rstrip("/") not in known]
        made = [it for it in _made(second) if it.rstrip("/") not in known] or before
        # What the second one calls by its name alone lies where the first one puts it.
        made = [next((full for full in before if full.endswith(f"/{it}")), it) for it in made]
        filled = tuple(it for it in made if it.endswith("/"))
        made = [it for it in made if it in filled or not it.startswith(filled)]
        made = made or list(_made_by(command, texts or {})) or list(_given(command, known))
    denied = set(wished_files.left_out(second, paths))
    taken: list[str] = []
    for clause in wished_files.clauses(second, _FROM_FIRST.search):
        if _FROM_FIRST.search(clause):
            taken += [it for it, _ in wished_files.named_in(clause, paths) if it not in denied]
    if not (made or taken or tests):
        return None
    return Stages(
        _as_noted(command, texts or {}),
        "test" if tests else "build",
        f"{both}\n{first}",
        f"{both}\n{second}",
        () if tests else tuple(dict.fromkeys(made)),
        tuple(dict.fromkeys(taken)),
        tests and not taken,
        tuple(
            path
            for sentence in intents.sentences(text)
            for clause in intents.split(sentence)
            if command in clause
            for path, _ in wished_files.named_in(clause, paths)
        ),
    )


_BUILDS = re.compile(
    r"\b(?:writes?|builds?|compil\w+|generat\w+|turns?|mak(?:es?|ing)|produc\w+)\b"
    r"|生成|构建|编译|产生|写出",
    intents.FLAGS,
)


def _told_before(text: str, paths: Collection[str]) -> str:
    """What makes something, as it is said before the stages are."""
    said = (it for it in intents.sentences(text) if _BUILDS.search(it))
    return next(filter(None, (_command(it, paths, all_of_it=False) for it in said)), "")


def noted(texts: Mapping[str, str]) -> str:
    """What makes the pages or programs of a repository that says so: a README, or its script."""
    for path, text in texts.items():
        before = ""
        for line in text.splitlines() if found.is_notes(path) and "/" not in path else ():
            match = re.search(
                r"(?:`|^    )((?:python3?|node|sh|npm run) [\w./:=-]+(?: [\w./=-]+)*)", line
            )
            said = line if "`" in line or " # " in line else f"{before} {line}"
            if match and _BUILDS.search(said) and found.starts_known(match[1], texts):
                return match[1]
            before = line if line.strip() else before
    return "npm run build" if "build" in npm.scripts(texts) else ""


def _as_noted(command: str, texts: Mapping[str, str]) -> str:
    """A script's command with the arguments that a README shows, if it has none."""
    if not re.fullmatch(r"(?:python3?|node|sh|bash) [\w./-]+", command):
        return command
    pattern = rf"(?:`|^ {{4,}}|^(?:\$ )?){re.escape(command)}((?: [\w./=-]+)+)(?=`|\s*$)"
    for path, text in texts.items():
        for match in re.finditer(pattern, text, re.MULTILINE) if found.is_notes(path) else ():
            if not re.search(r" (?:-h|-w|--help|--version|--watch|--serve|--dev)\b", match[1]):
                return command + match[1]
    return command


def _made_by(command: str, texts: Mapping[str, str]) -> Iterator[str]:
    """The only folder that a command's program makes, with a slash."""
    name = re.sub(r"^npm (?:run )?", "", command)
    command = npm.scripts(texts).get(name, command)
    programs = [it for it in command.split() if it.removeprefix("./") in texts]
    folders = {
        path.partition("/")[0]
        for it in programs
        for path in folders_made(texts[it.removeprefix("./")])
    }
    if len(folders) == 1:
        yield f"{folders.pop()}/"


def _given(command: str, known: Collection[str]) -> Iterator[str]:
    """What a program gets last and is not there: what it makes, a folder with a slash."""
    words = command.split()
    place = words[-1].rstrip("/")
    if len(words) > 2 and "&&" not in words and place not in known and not place.startswith("-"):
        before = words[-2].startswith("-")
        if re.fullmatch(r"[a-z][\w-]*(?:/[\w-]+)*", place) and not before:
            yield f"{place}/"
        elif re.fullmatch(r"[\w-]+(?:/[\w-]+)*\.\w+", place) and not before:
            yield place


def _split(text: str, bases: Sequence[str]) -> tuple[str, str, str]:
    """The words on the first stage, on the second one, on both; all, where that is not clear."""
    if parts := _called(text, _FIRST):
        return parts
    # Each begins where its image is named.
    one, other = [*(text.find(base) for base in bases), -1, -1][:2]
    if 0 <= one < other:
        at = max(text.rfind(sign, 0, other) for sign in ",;.。\n")
        return text[:at], text[at:], ""
    return _called(text, _BEGINS) or (text, text, "")


def _called(text: str, first: re.Pattern[str]) -> tuple[str, str, str] | None:
    """The same, where words call the first stage and after it the second."""
    start = first.search(text)
    then = _SECOND.search(text, start.end()) if start else None
    if start is None or then is None:
        return None
    return text[start.start() : then.start()], text[then.start() :], text[: start.start()]


def _command(text: str, paths: Collection[str], *, all_of_it: bool) -> str:
    """What a stage runs: in quotes, as words, or a program of the repository.

    Args:
        text: the words on it.
        paths: files and folders that they may name.
        all_of_it: whether they are on nothing else, so that all commands are its own.
    """
    if found := [it.strip() for it in _QUOTED.findall(text)]:
        return " && ".join(dict.fromkeys(found)) if all_of_it else found[0]
    if match := _BARE.search(text):
        return match[0] + _arguments(text[match.end() :], paths)
    for path, marked in wished_files.named_in(text, paths):
        with_ = {".py": "python3", ".js": "node", ".mjs": "node", ".sh": "sh"}
        before = marked.partition(wished_files.MARK)[0]
        if (program := with_.get(PurePosixPath(path).suffix)) and _RUNS.search(before):
            return f"{program} {path}"
    return ""


def _arguments(text: str, known: Collection[str]) -> str:
    """The beginning of a text that goes on with a command: options, their values, and paths."""
    found, option = "", False
    for match in re.finditer(r" ([\w./:@=+-]*[\w/])", text, re.ASCII):
        word = match[1]
        there = word in known or word.rstrip("/") in known or (word == "discover")
        if match.start() != len(found) or not (option or word[0] == "-" or there):
            break
        found += match[0]
        option = word[0] == "-" and "=" not in word
    return found


def _made(text: str) -> Iterator[str]:
    """Folders, with a slash, and files that a text names."""
    for match in _MADE.finditer(text):
        kind = match.lastgroup or ""
        name = match[kind]
        yield name if kind == "file" or (kind == "after" and "." in name) else f"{name}/"
