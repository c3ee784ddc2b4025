"""What the commands of RUN, CMD and ENTRYPOINT need and leave, as far as it is certain."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from posixpath import join, normpath

# Words after which a shell's text is more than a list of commands.
_CONTROL = frozenset(
    [
        *("if", "then", "for", "while", "until", "case", "do", "else", "function"),
        *("||", "(", ")", "{", "}", "!", "eval", "exec", "sudo", "trap"),
    ]
)
_ENDS = frozenset({"&&", ";", "|", "&"})
# They make nothing that a later step could start, apart from what they name.
_QUIET = frozenset({*("pip", "pip3", "apt-get", "apt", "apk", "mkdir", "chown", "chmod", "useradd"),
                    *("groupadd", "adduser", "addgroup", "rm", "cat", "test", "ls", "true", "set"),
                    *("export", "echo", "cd", "[", "grep", "id", "rmdir", "sleep")})  # fmt: skip
# Behind them, `pip` takes a file or an address that is not installed itself.
_PIP_PLACES = frozenset({*("-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "-f"),
                         *("--extra-index-url", "--find-links", "-t", "--target", "--prefix"),
                         *("--root", "--cache-dir")})  # fmt: skip
_QUIET_MODULES = frozenset({"unittest", "pytest", "compileall", "py_compile", "doctest"})
_PYTHON = re.compile(r"python[\d.]*")
_PLAIN = re.compile(r"[\w./@+-]+", re.ASCII)
_SERVERS = ("gunicorn", "uvicorn", "hypercorn")


@dataclass(frozen=True)
class Need:
    """Something that has to be there when a command runs.

    Attributes:
        word: as it stands in the command.
        paths: absolute; one of them is enough.
        module: whether the word is the name of a module.
    """

    word: str
    paths: tuple[str, ...]
    module: bool = False


def split(text: str) -> list[list[str]] | None:
    """The commands of a shell's text; None if it is more than a list of them."""
    if "$(" in text or "`" in text or "<<" in text:
        return None
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError:
        return None
    found: list[list[str]] = [[]]
    for word in words:
        if word in _CONTROL:
            return None
        if word in _ENDS:
            found.append([])
        else:
            found[-1].append(word)
    return [command for command in found if command]


def start(entrypoint: str, cmd: str) -> list[list[str]] | None:
    """The command of an image, from what follows ENTRYPOINT and CMD."""
    entry, words = _form(entrypoint), _form(cmd)
    if entry is None or words is None:
        return None
    if entry and not entrypoint.startswith("["):
        words = []
    text = [*entry, *words]
    if text[:2] in (["sh", "-c"], ["/bin/sh", "-c"], ["bash", "-c"]) and len(text) == 3:
        return split(text[2].removeprefix("exec "))
    return [text] if text else None


def _form(rest: str) -> list[str] | None:
    """The words of either form; None if they are more than a command, or no list."""
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except (ValueError, RecursionError):
            return None
        return [str(word) for word in words] if isinstance(words, list) else None
    commands = split(rest.removeprefix("exec "))
    if commands is None or len(commands) > 1:
        return None
    return commands[0] if commands else []


def needs(commands: Iterable[list[str]], folder: str) -> Iterator[Need]:
    """What commands need, where they begin in a folder."""
    for words in commands:
        words = _without_redirection(words)
        while words and re.fullmatch(r"\w+=\S*", words[0]):
            words = words[1:]
        if not words:
            continue
        if words[0] == "cd":
            if len(words) != 2 or not _PLAIN.fullmatch(words[1]):
                return
            folder = normpath(join(folder, words[1]))
            continue
        yield from _of_command(words, folder)


def _of_command(words: list[str], folder: str) -> Iterator[Need]:
    program, rest = words[0], words[1:]
    if _PYTHON.fullmatch(program):
        yield from _of_python(rest, folder)
    elif program in ("sh", "bash", "node", "ruby", "php", "perl"):
        rest = rest[1:] if rest[:1] == ["--test"] else rest
        if rest and not rest[0].startswith("-"):
            yield from _file(rest[0], folder)
    elif program in ("pip", "pip3"):
        for option, word in pairwise(rest):
            if option in ("-r", "--requirement"):
                yield from _file(word, folder)
    elif program == "cat" or (program in ("chmod", "source", ".") and rest):
        for word in rest if program == "cat" else rest[-1:]:
            yield from _file(word, folder)
    elif program == "npm" and rest[:1] in (["ci"], ["start"], ["run"], ["test"]):
        yield Need("npm", (normpath(join(folder, "package.json")),), module=True)
    elif program in _SERVERS:
        for word in rest:
            if re.fullmatch(r"[a-z_][\w.]*:\w+", word):
                module = word.partition(":")[0]
                yield Need(module, _of_module(module, folder)[1:], module=True)
    elif "/" in program:
        yield from _file(program, folder)


def _of_python(rest: list[str], folder: str) -> Iterator[Need]:
    while rest and re.fullmatch(r"-[uBIOsEq]+", rest[0]):
        rest = rest[1:]
    if not rest or (rest[0].startswith("-") and rest[0] != "-m"):
        return
    if rest[0] != "-m":
        yield from _file(rest[0], folder)
        return
    module, after = rest[1:2], rest[2:]
    if module in (["unittest"], ["pytest"]):
        yield from _of_tests(module[0], after, folder)
    elif module == ["pip"]:
        yield from _of_command(["pip", *after], folder)
    elif module in (["py_compile"], ["compileall"]):
        for word in after:
            yield from _file(word, folder)
    elif module and re.fullmatch(r"[a-zA-Z_][\w.]*", module[0]):
        yield Need(module[0], _of_module(module[0], folder), module=True)


def _of_tests(runner: str, words: list[str], folder: str) -> Iterator[Need]:
    for place, word in enumerate(words):
        if word.startswith("-") or word == "discover":
            continue
        option = words[place - 1] if place else ""
        if option in ("-p", "-k", "-m", "-t", "--pattern", "-c", "-n", "-W"):
            continue
        if runner == "pytest" or "/" in word or option in ("-s", "--start-directory"):
            yield from _file(word.partition("::")[0], folder)
        elif re.fullmatch(r"[a-z_][\w.]*", word):
            module = re.sub(r"\.[A-Z]\w*(?:\.\w+)?$", "", word)
            name = normpath(join(folder, module.replace(".", "/")))
            yield Need(module, (f"{name}.py", f"{name}/__init__.py", name), module=True)


def _of_module(module: str, folder: str) -> tuple[str, ...]:
    name = normpath(join(folder, module.replace(".", "/")))
    return (f"{name}/__main__.py", f"{name}.py", f"{name}/__init__.py")


def _file(word: str, folder: str) -> Iterator[Need]:
    if _PLAIN.fullmatch(word) and not word.startswith("-"):
        yield Need(word, (normpath(join(folder, word)),))


def _without_redirection(words: list[str]) -> list[str]:
    places = [place for place, word in enumerate(words) if re.search(r"[<>]", word)]
    return words[: places[0]] if places else words


def is_install(words: list[str]) -> bool:
    """Whether a command only brings packages, users and folders."""
    program, rest = words[0], words[1:]
    if program in ("npm", "yarn"):
        return rest[:1] in (["ci"], ["install"], ["i"], ["cache"])
    if _PYTHON.fullmatch(program):
        return rest[:2] == ["-m", "pip"]
    return program in _QUIET


def is_quiet(commands: Iterable[list[str]]) -> bool:
    """Whether commands leave no file behind that they do not name."""
    return all(_is_quiet(words) for words in commands)


def _is_quiet(words: list[str]) -> bool:
    program, rest = words[0], words[1:]
    if program in ("pip", "pip3"):
        # What is installed from a folder can be a module of the project.
        return not any(
            re.match(r"[./]|-e\b|--editable", word) or word.endswith((".whl", "/"))
            for before, word in zip(["", *rest], rest, strict=False)
            if before not in _PIP_PLACES
        )
    if program in ("npm", "yarn"):
        return rest[:1] in (["ci"], ["install"], ["i"], ["cache"])
    if _PYTHON.fullmatch(program) and rest[:2] == ["-m", "pip"]:
        return _is_quiet(["pip", *rest[2:]])
    if _PYTHON.fullmatch(program) and rest[:1] == ["-m"]:
        return rest[1:2] != [] and rest[1] in _QUIET_MODULES and "." not in rest
    if _PYTHON.fullmatch(program) or program == "node":
        return any(re.search(r"(?<!la)test|check|lint|verif", word) for word in rest)
    return program in _QUIET
