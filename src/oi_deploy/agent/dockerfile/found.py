"""How a repository says itself that its program is started, where no prompt says it.

What stands there is not believed: only a command that starts a file of the repository counts.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename, dirname, relpath

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile import npm
from oi_deploy.agent.dockerfile.files import is_plain

# Plain words, and the one variable that a platform fills in.
_WORDS = re.compile(r"(?:[\w./:@%+=, -]|\$PORT\b)+", re.ASCII)
_PORT = re.compile(r"\$\{PORT(?::?-\d+)?\}")
_PROGRAM = re.compile(
    r"(?:\S*/)?(?P<name>python3?(?:\.\d+)?|node|npm|gunicorn|uvicorn|flask|(?:ba)?sh)(?= )"
)
_SETTING = re.compile(r"([A-Z][A-Z0-9_]*)=([\w./:@%+-]+) ")
_STARTS = re.compile(
    r"\b(?:start|run(?!time)|launch|serv(?:e|es|ing)\b)|启动|运行|起服务", intents.FLAGS
)
_OTHER_USE = re.compile(
    r"\b(?:tests?|checks?|lint|fill|generat|creat|produc(?!tion|ts?\b)|compil|migrat|debug|dev(?:elop\w*)?)\b"
    r"|测试|检查|生成|产生|填充|编译|迁移|调试|开发",
    intents.FLAGS,
)
_FOR_WORK = re.compile(r"--(?:reload|debug|watch|inspect)\b")
_OWN_HOST = re.compile(r"(--(?:host|bind|listen)[= ])(?:127\.0\.0\.1|localhost)(?=[: ]|$)")
_DOCUMENTS = (".md", ".txt", ".rst", ".adoc")
_MAKE = "Makefile"
_NOTES = re.compile(r"(?:readme|install|running|usage)(?:\.\w+)?|makefile", re.IGNORECASE)
# A program that answers requests.
SERVES = re.compile(
    r"serve_forever\(|\bcreateServer\(|\.listen\(|\bstart_server\(|\bmake_server\(|\brun_app\("
)
NO_START = re.compile(r"(?:^|[/ ])(?:tests?|spec|scripts?|tools?|examples?)/|test", re.IGNORECASE)


@dataclass(frozen=True)
class Start:
    """A command that starts a program.

    Attributes:
        command: without the variables before it; its port may be `$PORT`.
        variables: those that it is started with; what is a path in the repository begins with
            `file:`.
    """

    command: str
    variables: tuple[tuple[str, str], ...] = ()


def is_notes(path: str) -> bool:
    """Whether a file is one that says how a project is used."""
    return _NOTES.fullmatch(basename(path)) is not None


def is_unit(path: str) -> bool:
    """Whether a file says how a service is started: one of systemd, or a Procfile."""
    return path.endswith(".service") or basename(path) == "Procfile"


def of_services(texts: Mapping[str, str], names: Collection[str]) -> Start | None:
    """What a Procfile or the only unit of systemd starts.

    Args:
        texts: of files.
        names: of all files.
    """
    lines = texts.get("Procfile", "").splitlines()
    web = [line.partition(":")[2] for line in lines if line.startswith("web:")]
    if web and (found := _start(web[0], names)):
        return found
    units = [text for path, text in texts.items() if path.endswith(".service")]
    starts = [it for it in (_of_unit(text, names) for text in units) if it]
    return starts[0] if len(starts) == 1 else None


def _of_unit(text: str, names: Collection[str]) -> Start | None:
    values = dict(re.findall(r"^(ExecStart|WorkingDirectory)=[-@:+!]*(.+)$", text, re.MULTILINE))
    folder = values.get("WorkingDirectory", "").rstrip("/")
    command = values.get("ExecStart", "").strip()
    # What ends by itself is no service.
    if "Type=oneshot" in text or NO_START.search(command):
        return None
    found = _start(command.replace(f"{folder}/", "") if folder else command, names)
    given = re.findall(r"^Environment=\"?([A-Z][A-Z0-9_]*)=([\w./:@%+-]+)\"?$", text, re.MULTILINE)
    given = [it for it in given if it[1] not in ("127.0.0.1", "localhost")]
    return Start(found.command, (*given, *found.variables)) if found else None


def of_notes(
    texts: Mapping[str, str],
    names: Collection[str],
    *,
    pointed_to: bool = False,
    named: Collection[str] = (),
) -> Start | None:
    """The first command that a README says to start the program with.

    Args:
        texts: of files.
        names: of all files.
        pointed_to: whether the prompt says that a README has it, so that no word for it is needed.
        named: files that the prompt names; of those, a document anywhere is as good as a README.
    """
    documents = [it for it in named if pointed_to and it in texts and it.endswith(_DOCUMENTS)]
    readmes = (it for it in texts if is_notes(it) and "/" not in it)
    for path in (*documents, *sorted(readmes, key=lambda it: (it == _MAKE, len(it)))):
        text = _recipes(texts[path]) if path == _MAKE else texts[path]
        every = list(_in_notes(text, names))
        said = [it for it, sure in every if sure] or [it for it, _ in every if pointed_to]
        # What lies among the tools only prepares something.
        said.sort(key=lambda it: NO_START.search(it.command) is not None)
        if said:
            return said[0]
    return None


def _recipes(text: str) -> str:
    """A Makefile's rules as they are typed: with the variables that it exports for all of them."""
    exported = re.findall(r"^export ([A-Z_]+)\s*:?=\s*([\w./:-]+)\s*$", text, re.MULTILINE)
    before = "".join(f"{name}={value} " for name, value in exported)
    return re.sub(r"^\t[@-]*", lambda it: f"    {before}", text, flags=re.MULTILINE)


def _in_notes(text: str, names: Collection[str]) -> Iterator[tuple[Start, bool]]:
    """Commands in their lines, or in quotes; and whether a word for a start is beside or before."""
    before = ""
    for line in text.splitlines():
        words = re.sub(r"\s#\s.*", "", line).strip().removeprefix("$ ")
        quoted = re.findall(r"`([^`]+)`", words)
        found = [(it, said) for it in quoted or [words] if (said := _start(it, names))]
        if not found:
            before = words if words.strip("`- ") else before
            continue
        written, start = found[0]
        about = f"{'' if quoted else before} {words.replace(written, '')}"
        if not _OTHER_USE.search(f"{about} {start.command}") and not _FOR_WORK.search(written):
            yield start, bool(_STARTS.search(about))


def of_package(texts: Mapping[str, str], names: Collection[str]) -> Start | None:
    """What starts a package of npm: its script for it, or its main file."""
    content = npm.package(texts)
    if content is None or "start" in npm.scripts(texts) or "server.js" in names:
        return None
    main = str(content.get("main") or "index.js").removeprefix("./")
    return Start(f"node {main}") if main in names and _WORDS.fullmatch(main) else None


def only_server(
    texts: Mapping[str, str],
    names: Sequence[str],
    with_: Mapping[str, str],
    called: Collection[str] = (),
) -> Start | None:
    """The only program in a folder that answers requests, where no other one does.

    Args:
        texts: of files.
        names: of all files.
        with_: what starts a file, by its ending.
        called: names of folders; of several programs, it is that in one of these.
    """
    found = [
        path for path in names if SERVES.search(texts.get(path, "")) and not NO_START.search(path)
    ]
    if len(found) > 1:
        found = [path for path in found if set(path.split("/")[:-1]) & {*called}]
    if len(found) != 1 or not _WORDS.fullmatch(found[0]):
        return None
    path = found[0]
    program = with_.get(path[path.rfind(".") :], "")
    package = dirname(path)
    if program != "python3" or f"{package}/__init__.py" not in names:
        return Start(f"{program} {path}") if program else None
    if "__main__" not in basename(path) + texts[path]:
        return None
    # A module of a package is found by its name alone.
    above = dirname(package)
    while f"{above}/__init__.py" in names:
        above = dirname(above)
    module = relpath(path, above or ".").removesuffix(".py").removesuffix("/__main__")
    variables = (("PYTHONPATH", f"file:{above}"),) if above else ()
    return Start(f"python3 -m {module.replace('/', '.')}", variables)


def program(texts: Mapping[str, str], names: Sequence[str]) -> str:
    """The file that the repository says to be its program; empty if it says none.

    Args:
        texts: of files.
        names: of all files.
    """
    said = of_services(texts, names) or of_npm(texts, names) or of_notes(texts, names)
    said = said or only_server(texts, names, {".py": "python3", ".js": "node", ".mjs": "node"})
    words = said.command.split() if said else []
    return next((it for it in _files(words) if it in names), "")


def starts_known(command: str, names: Collection[str]) -> bool:
    """Whether a command runs a file, or the script of a package, that the repository has."""
    words = command.split()
    return bool({*_files(words[1:])} & {*names}) or (words[0] == "npm" and "package.json" in names)


_BUILD = re.compile(r"\bdocker (?:buildx )?build\b(?P<words>(?: [\w./:=<>{}$-]+)+)")
_OPTION = re.compile(r" (-[a-z]|--[a-z-]+)[ =]([^- ]\S*)")
# It stands for one of several names.
_ANY = re.compile(r"\b(?:X|NAME|SERVICE)\b|<\w+>|\$\{?\w+\}?")


def context_of(path: str, texts: Mapping[str, str], names: Collection[str]) -> str:
    """The folder that a README builds a Dockerfile in; empty if none says that.

    `docker build -f docker/X/Dockerfile web/X` holds for each name in the place of the X.

    Args:
        path: of the Dockerfile.
        texts: of files.
        names: of all files.
    """
    notes = "\n".join(text for name, text in texts.items() if is_notes(name))
    for match in _BUILD.finditer(notes):
        options: dict[str, str] = dict(_OPTION.findall(match["words"]))
        words = _OPTION.sub("", match["words"]).split()
        parts = _ANY.split(options.get("-f", options.get("--file", "")))
        there = re.fullmatch(r"([\w-]+)".join(map(re.escape, parts)), path)
        if len(words) != 1 or there is None or there.re.groups > 1:
            continue
        folder = words[0].removeprefix("./").rstrip("/") or "."
        folder = _ANY.sub(there[1], folder) if there.re.groups else folder
        known = folder == "." or any(it.startswith(f"{folder}/") for it in names)
        if known and is_plain(folder):
            return folder
    return ""


def of_npm(texts: Mapping[str, str], names: Collection[str]) -> Start | None:
    """The command that `npm start` stands for, or what starts the main file."""
    start = npm.scripts(texts).get("start")
    # It runs another one first.
    if "prestart" in npm.scripts(texts):
        return None
    return of_package(texts, names) if start is None else _start(start, names)


def _start(text: str, names: Collection[str]) -> Start | None:
    """A command with the variables before it, if it starts something of the repository."""
    text = _PORT.sub("$PORT", " ".join(text.split()).removeprefix("exec "))
    variables: list[tuple[str, str]] = []
    while match := _SETTING.match(text):
        known = match[2].strip("/") in names or any(
            it.startswith(f"{match[2].strip('/')}/") for it in names
        )
        value = f"file:{match[2].strip('/')}" if known else match[2]
        variables.append((match[1], value))
        text = text[match.end() :]
    program = _PROGRAM.match(text)
    if program is None or not _WORDS.fullmatch(text):
        return None
    name = re.sub(r"^python(?=$)", "python3", program["name"])
    words = text[program.end() :].split()
    # In a container, that is reached by nobody else.
    command = _OWN_HOST.sub(r"\g<1>0.0.0.0", " ".join([name, *words]))
    folders = [value.removeprefix("file:") for key, value in variables if key == "PYTHONPATH"]
    wanted = set(_files(words))
    wanted |= {f"{folder}/{it}" for folder in folders for it in wanted}
    if wanted & set(names) or (name == "npm" and words == ["start"] and "package.json" in names):
        return Start(command, tuple(variables))
    return None


def _files(words: Sequence[str]) -> Iterator[str]:
    for before, word in zip(["", *words], words, strict=False):
        if before == "-m":
            module = word.replace(".", "/")
            yield from (f"{module}/__main__.py", f"{module}.py")
        elif ":" in word:
            yield f"{word.partition(':')[0].replace('.', '/')}.py"
        else:
            yield word.removeprefix("./")
