"""What a prompt says of a Dockerfile that is to be written: its base image, its start, and so on.

What it says without a value, or only denies, is left out: the Dockerfile is written without it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import intents, named
from oi_deploy.agent.dockerfile import wished_files
from oi_deploy.agent.situation import Situation

_ZH = "\u4e00-\u9fff"
_REFERENCE = r"[a-z0-9][a-z0-9.-]*(?::\d+(?=/))?(?:/[a-z0-9._-]+)*:[A-Za-z0-9_][\w.-]*"
_BASE = re.compile(
    rf"(?:\bbase(?: image)?|基础镜像|\bFROM\b|\bbased on|\bon top of|基于)"
    rf"[^,。;\n/]{{0,16}}?[`\s]?(?P<base>{_REFERENCE})",
    re.ASCII,
)
_ARGUMENTS = r"(?: (?:--?[\w-]+(?:[= ](?:\d[\d.:]*|/[\w./-]*\w))?|\d{2,5}(?![\w.])))*"
_BARE = (
    r"python3?(?:\.\d+)?(?: -[uBOI])* (?:-m [\w.]*\w|[\w./-]+\.pyz?)"
    r"|node [\w./-]+\.[cm]?js|npm (?:start|run [\w:-]+)"
)
_COMMAND = re.compile(
    r"`(?:exec )?(?P<quoted>(?:python3?(?:\.\d+)?|node|npm|npx|gunicorn|uvicorn|flask|\./[\w./-]+)"
    rf"(?: [\w./:@%+=, -]+)?)`|(?<![\w./-])(?P<bare>(?:{_BARE}){_ARGUMENTS})(?![\w/-])",
    re.ASCII,
)
_STARTS = re.compile(
    r"\b(?:start|run(?!time)|launch|entry|command|cmd\b|boot|serv(?:e|ing)\b)|启动|运行|入口|命令|执行",
    intents.FLAGS,
)
_OTHER_USE = re.compile(
    r"\b(?:tests?|checks?|lint|fill|generat|creat|produc|compil|migrat)|测试|检查|生成|产生|填充|编译|迁移",
    intents.FLAGS,
)
_ENTRY = re.compile(
    r"\b(?:entry|start|launch|main (?:file|script|program|module))|入口|启动|主程序", intents.FLAGS
)
_NOT_SO = re.compile(
    r"(?:\bnot|n't|\bnever|\binstead of|\brather than|不要?|(?<!分)别|勿|而非)[^,.。]{0,16}$",
    intents.FLAGS,
)
_NAME = r"(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Z0-9]{2,})`?"
_VALUE = r"[`\"'“]?(?P<value>[\w./:@%+~-]*[\w/])"
_PATH_OF = r"(?P<path>(?:the )?(?:full |absolute )?path (?:of|to) (?:the (?:file|folder) )?)?"
_VARIABLES = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        rf"(?<![\w$/.-]){_NAME}={_VALUE}",
        r"\b(?i:set|sets|setting|define|export|point)s?\s+(?:the\s+)?(?:environment\s+)?"
        rf"(?:variable\s+)?`?{_NAME}\s+(?:to|as|at)\s+{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s+(?:must |should |has to |needs to )?(?:be(?: set)?|is(?: set)?|"
        rf"points?|set)\s+(?:to|at)\s+{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s+(?:must|should|has to|needs to) be\s+{_VALUE}",
        rf"\bvariable\s+`?{_NAME}\s+(?:must be|should be|is|with (?:the )?value|=)\s+"
        rf"{_PATH_OF}{_VALUE}",
        rf"(?<![\w$/.-]){_NAME}\s*(?:这个)?(?:环境变量|变量)?(?:的值)?\s*(?:要|应|需要?|必须|应该)?\s*"
        rf"(?:设置?|设定|配置?|指定?|赋值?|定义?|写|=)?(?:成|为|到|向|是)\s*(?:文件|目录)?\s*{_VALUE}"
        r"(?P<zh>`?\s*(?:文件)?的(?:绝对|完整)?路径)?",
    )
)
_NO_VARIABLES = frozenset(
    [
        *("CMD", "ENV", "USER", "EXPOSE", "FROM", "COPY", "RUN", "ENTRYPOINT", "WORKDIR"),
        *("HEAD", "SHA", "README", "VERSION", "LICENSE", "PATH"),
    ]
)
_NO_VALUES = frozenset(
    [
        *("the", "a", "an", "its", "our", "your", "this", "that", "these", "those", "what"),
        *("set", "present", "defined", "there", "available", "given", "unset", "empty", "not"),
        *("in", "from", "passed", "configured", "read", "exported", "changed", "kept", "left"),
        *("whatever", "something", "it", "be", "whichever", "any"),
    ]
)
_ELSEWHERE = re.compile(
    r"\b(?:deployments?|manifests?|configmaps?|pods?|kubectl|workflow)\b|清单", intents.FLAGS
)
_USER = re.compile(
    r"\bUSER\s+`?(\d+(?::\d+)?)"
    r"|(?i:\b(?:uid|user ?id|user)\b)\s*(?:is |of |=|:|为|是)?\s*`?(\d{1,6}(?::\d+)?)\b"
    r"|用户(?:\s*(?i:id))?\s*(?:为|是|用|:)?\s*`?(\d{2,6}(?::\d+)?)|(\d{2,6})\s*号用户",
    re.ASCII,
)
_NO_ROOT = re.compile(
    r"\bnon-?root\b|\b(?:not|n't|never)\b[^,.]{0,20}\bas root\b|非\s*root"
    r"|(?:不|勿|禁止)[^,。]{0,8}\broot\b",
    intents.FLAGS,
)
_PORT = re.compile(
    r"\b(?:expos\w*|listen\w*)(?:\s+(?:on|to|at|the|its|port|tcp))*\s+`?(\d{2,5})\b(?![.\d])"
    r"|(?:暴露|监听|开放|端口)\s*(?:端口)?\s*(?:是|为|用|:)?\s*`?(\d{2,5})(?![.\d])"
    # Not that of something else.
    r"|(?<!on )(?<!from )(?<!-)\bport (?:is )?`?(\d{2,5})\b(?!\s*(?:of|in)\b)"
    r"|\bon port `?(\d{2,5})\b"
    r"|(?<![\d.:])(\d{2,5})\s*端口",
    intents.FLAGS,
)
_WORKDIR = re.compile(
    r"(?:\bWORKDIR|\bworking directory|工作目录)\s*(?:is|of|must be|should be|=|:|为|是|设为|用)?"
    r"\s*`?(/[\w./-]*\w)",
    intents.FLAGS,
)
_SITE = re.compile(
    r"\bnginx\b|\bstatic (?:web ?)?(?:site|pages?|files)\b|静态(?:网站|站点|网页|页面|文件)",
    intents.FLAGS,
)


@dataclass(frozen=True)
class Wishes:
    """What the prompt says; empty where it says nothing.

    Attributes:
        bases: images that may be the base.
        start: the command that starts it.
        program: the file that starts it.
        variables: names and values; a value that is a file of the repository and is wanted as a
            path begins with `file:`.
        placed: files and folders of the repository, each with its place in the image.
        left_out: files and folders that the image must not have.
        only: files and folders, if it must not have anything else.
        user: the number of the user that it runs as.
        ports: those that it says it listens on.
        workdir: the working folder.
        pages: the folder that is a site.
        shown: what a server of pages is to show, too.
        site: whether it speaks of a static site.
        stages: the command of the first stage, and the folder (with a slash) or file that it makes:
            the image gets nothing else.
    """

    bases: tuple[str, ...] = ()
    start: str = ""
    program: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    placed: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    user: str = ""
    ports: tuple[str, ...] = ()
    workdir: str = ""
    pages: str = ""
    shown: tuple[str, ...] = ()
    site: bool = False
    stages: tuple[str, str] | None = None


def read(world: Situation, paths: Collection[str]) -> Wishes:
    """The wishes of a prompt.

    Args:
        world: what is known.
        paths: files and folders that it may name: those of the folder that is to be built.
    """
    text = world.ask.text
    stages = stages_of(world)
    used = {stages[0]} if stages else set()
    start = _start(text, used)
    if not start:
        notes = (body for path, body in world.repository.texts.items() if path in world.mentioned
                 and path.endswith((".md", ".txt", ".rst")))  # fmt: skip
        start = next((it for body in notes if (it := _start_in_notes(body))), "")
    user = _USER.search(text)
    workdir = _WORKDIR.search(text)
    left_out = tuple(wished_files.left_out(text, paths))
    return Wishes(
        bases=tuple(dict.fromkeys(_bases(world))),
        start=start,
        program="" if start else _program(world, used),
        variables=tuple(dict(_variables(text, paths)).items()),
        placed=tuple(wished_files.placed(text, paths, left_out)),
        left_out=left_out,
        only=() if stages else tuple(wished_files.only(text, paths, left_out)),
        user=next(filter(None, user.groups()))
        if user
        else "10001"
        if _NO_ROOT.search(text)
        else "",
        ports=tuple(dict.fromkeys(next(filter(None, it)) for it in _PORT.findall(text))),
        workdir=workdir[1] if workdir else "",
        pages=next((it for it in _folders(text, paths) if f"{it}/index.html" in paths), ""),
        shown=tuple(it for it in wished_files.shown(text, paths) if it not in left_out),
        site=_SITE.search(text) is not None,
        stages=stages,
    )


def stages_of(world: Situation) -> tuple[str, str] | None:
    """The command of a first stage and what it makes, if the prompt has both."""
    if "stages" not in world.intents:
        return None
    prompt = world.ask.text
    commands = re.findall(r"`([^`\n]+)`", prompt)
    commands = [it for it in commands if re.match(r"(?:python3?|node|sh|bash|npm|make)\b", it)]
    known = {*world.repository.files, *named.folders(world.repository.files)}
    commands = commands or [
        match[0] + _arguments(prompt[match.end() :], known)
        for match in re.finditer(
            r"(?:python3?|node|sh|bash) (?:-m )?[\w./-]+|npm run [\w:-]+|make(?: [\w-]+)?",
            prompt,
            re.ASCII,
        )
    ]
    if commands and (file := _OUTPUT.search(commands[0])):
        return commands[0], file[1]
    folder = re.search(
        r"(?:folder|directory|目录|文件夹)\s*`?([\w-]+(?:\.[\w-]+)*)", prompt, re.ASCII
    ) or re.search(
        r"`?\b(dist|build|out|public|target)\b`?(?:/| ?(?:folder|directory|目录|文件夹))",
        prompt,
        re.ASCII,
    )
    return (commands[0], f"{folder[1]}/") if commands and folder else None


_OUTPUT = re.compile(r"(?:\s(?:-o|--out(?:put)?)[ =]|>\s*)([\w-][\w./-]*\.\w+)$", re.ASCII)


def _arguments(text: str, known: Collection[str]) -> str:
    """The beginning of a text that goes on with a command: options, their values, and paths."""
    found, option = "", False
    for match in re.finditer(r" ([\w./:@=+-]+)", text, re.ASCII):
        word = match[1]
        if match.start() != len(found) or not (option or word[0] == "-" or word in known):
            break
        found += match[0]
        option = word[0] == "-" and "=" not in word
    return found


def _bases(world: Situation) -> Iterator[str]:
    """Images that the prompt calls the base, or that the engine has and no registry of ours."""
    yield from (
        match["base"].rstrip(".")
        for match in _BASE.finditer(world.ask.text)
        if not _NOT_SO.search(world.ask.text[: match.start("base")])
    )
    host = world.ask.registry.partition("/")[0]
    for image in world.images:
        there = re.search(
            rf"(?<![\w./:-]){re.escape(image)}(?![\w/-]|\.\w)", world.ask.text, re.ASCII
        )
        denied = there and _NOT_SO.search(world.ask.text[: there.start()])
        if there and not denied and not (host and image.startswith(f"{host}/")):
            yield image


def _folders(text: str, paths: Collection[str]) -> list[str]:
    """The folders that a text names, in its order."""
    found = {
        marked.find(wished_files.MARK): path for path, marked in wished_files.named_in(text, paths)
    }
    return [found[place] for place in sorted(found)]


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands in a text that are not denied, each with the clause that it stands in."""
    for sentence in intents.sentences(text):
        for match in _COMMAND.finditer(sentence):
            command = (match["quoted"] or match["bare"]).strip().rstrip(".,:")
            before, after = sentence[: match.start()], sentence[match.end() :]
            if _NOT_SO.search(before):
                continue
            clause = re.split(r"[,;]|\bthen\b|然后", before)[-1]
            yield command, f"{clause} {re.split(r'[,;]', after)[0]}"


def _start(text: str, used: Collection[str]) -> str:
    """The command that starts the program: what is said to start it, or the only one."""
    found = [
        (command, clause)
        for command, clause in _commands(text)
        if not any(it.startswith(command) for it in used) and not _OTHER_USE.search(clause)
    ]
    said = [command for command, clause in found if _STARTS.search(clause)]
    return next(iter((*said, *(command for command, _ in found))), "")


def _start_in_notes(text: str) -> str:
    """The first command that a README says to start the program with, in its line or the last."""
    before = ""
    for line in text.splitlines():
        words = line.strip().removeprefix("$ ")
        match = _COMMAND.search(words)
        if match is None:
            before = words if words.strip("`- ") else before
        elif _STARTS.search(before + line.replace(match[0], "")) and not _OTHER_USE.search(
            before + line
        ):
            return (match["quoted"] or match["bare"]).rstrip(".,:")
    return ""


def _program(world: Situation, used: Collection[str]) -> str:
    """The file that the prompt calls the entry, or the only program that it names."""
    busy = " ".join(used)
    files = [
        path
        for path in world.mentioned
        if path in world.repository.files
        and PurePosixPath(path).suffix in (".py", ".js", ".mjs", ".cjs")
        and path not in busy
        and not _NOT_SO.search(world.ask.text.partition(path)[0])
    ]
    for sentence in intents.sentences(world.ask.text):
        for clause in re.split(r"[,;]", sentence):
            for path in files:
                if path in clause and _ENTRY.search(clause) and not _OTHER_USE.search(clause):
                    return path
    return files[0] if len(files) == 1 else ""


def _variables(text: str, paths: Collection[str]) -> Iterator[tuple[str, str]]:
    """Environment variables with a value that can stand in a Dockerfile."""
    for sentence in intents.sentences(text):
        for pattern in _VARIABLES:
            for match in pattern.finditer(sentence):
                name, value, groups = match["name"], match["value"], match.groupdict()
                before = re.split(r"[,;(]", sentence[: match.start()])[-1]
                around = before + re.split(r"[,;)]", sentence[match.start() :])[0]
                elsewhere = _ELSEWHERE.search(around) and not wished_files.IN_IMAGE.search(around)
                denied = intents.word("denies").search(before)
                if name in _NO_VARIABLES or value.lower() in _NO_VALUES or elsewhere or denied:
                    continue
                wanted = groups.get("path") or groups.get("zh")
                known = value.strip("/") in paths and not value.startswith("/")
                if wanted and not known and not value.startswith("/"):
                    continue
                yield name, f"file:{value.strip('/')}" if wanted and known else value


def start_of(program: str, endings: Mapping[str, str]) -> str:
    """The command that starts a file, by its ending."""
    with_ = endings.get(PurePosixPath(program).suffix, "")
    return f"{with_} {program}" if with_ else ""
