"""Which files of the repository a program needs whenever it starts: what it imports and opens.

It is read and never run. Only what is not guarded counts: no `try`, no `if`, and of functions only
those that the program calls when it starts.
"""

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from posixpath import dirname, join, normpath, splitext

from oi_deploy.agent.dockerfile import own_paths

# A `require` or `import` at the beginning of a line; what is indented may be guarded.
_NODE_IMPORT = re.compile(
    r"^(?:(?:const|let|var)\s+[\w{}, ]{1,80}=\s*require\("
    r"|import\s[^'\"\n;]{0,80}\bfrom\s*|import\s*)\s*"
    r"['\"](?P<path>\.{1,2}/[\w./-]+)['\"]\)?;?\s*$",
    re.MULTILINE | re.ASCII,
)
# A path from the folder of a module.
_NODE_BESIDE = re.compile(
    r"(?:join|resolve)\(\s*(?:__dirname|import\.meta\.dirname)\s*,(?P<words>[^()$`]{1,80})\)"
    r"|\$\{__dirname\}(?P<after>/[\w./-]+)`"
    r"|new URL\(\s*['\"](?P<url>\.{0,2}/?[\w./-]+)['\"],\s*import\.meta\.url",
    re.ASCII,
)
_NODE_FOLDER = re.compile(
    r"^(?:const|let|var)\s+(?P<name>\w+)\s*=\s*(?:__dirname|(?:path\.)?(?:join|resolve)\("
    r"\s*__dirname\s*,\s*(?P<words>['\"][\w./-]+['\"])\s*\))\s*;?\s*$",
    re.MULTILINE | re.ASCII,
)
_NODE_OPENED = re.compile(
    r"\b(?:readFile|readdir|createReadStream)\w*\(\s*['\"](?:\./)?(?P<path>[\w][\w./-]*)['\"]",
    re.ASCII,
)
# A list of packages that goes on in another file.
_INCLUDED = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]\s*([\w./-]+)\s*$", re.MULTILINE)
_NODE_ENDINGS = ("", ".js", ".mjs", ".cjs", ".json", "/index.js", "/index.mjs")
_TEST = re.compile(
    r"(?:^|/)(?:test_\w+|\w+_test)\.py$|(?:[._-]test|(?:^|/)test)\.[cm]?js$"
    r"|(?:^|/)(?:test|tests|__tests__)/[\w.-]+\.(?:py|[cm]?js)$"
)
# It must not come into an image because a program would read it.
_PRIVATE = re.compile(
    r"\.env\b|\.(?:key|pem|p12|pfx|crt)$|secret|credential|passw|token|id_rsa", re.I
)


@dataclass(frozen=True)
class Read:
    """A file that a program reads.

    Attributes:
        name: in the repository.
        beside: whether it is looked for from the program's folder, and not from the working folder.
    """

    name: str
    beside: bool


def reads(
    program: str,
    text: str,
    names: Collection[str],
    *,
    whole: bool = False,
    deep: bool = False,
) -> Iterator[Read]:
    """What a program needs of the repository's files; nothing if it cannot be parsed.

    Args:
        program: its path.
        text: what stands in it.
        names: of all files, like its own.
        whole: whether all that it has is run, as of tests.
        deep: whether its functions are, as far as nothing in them is guarded.
    """
    folder = dirname(program)
    read = {".py": _python, ".txt": _list}.get(splitext(program)[1], _node)
    try:
        found = list(read(text, folder, whole=whole, deep=deep))
    except (RecursionError, MemoryError):  # a tree that is too deep to look at
        return
    for paths, beside in found:
        name = next((it for it in paths if it in names), "")
        if name and not is_private(name):
            yield Read(name, beside)


def names_in(text: str, names: Collection[str]) -> Iterator[str]:
    """Files that hold data and that stand in a program's text as they are called."""
    for found in dict.fromkeys(re.findall(r"['\"`]([\w./-]+/[\w.-]+|[\w-]+\.\w{2,5})['\"`]", text)):
        same = [it for it in names if it.endswith(f"/{found}")] if "/" not in found else []
        name = same[0] if len(same) == 1 and found not in names else normpath(found)
        program = name.endswith((".py", ".js", ".mjs", ".sh"))
        if name in names and not program and not is_private(name):
            yield name


def module_of(program: str, text: str, names: Collection[str], *, root: str = "") -> str:
    """The name with which Python starts a file that imports its own package by name.

    Empty if it does not: then it is started as a file.

    Args:
        program: its path.
        text: what stands in it.
        names: of all files.
        root: the folder that packages lie in, if PYTHONPATH names one.
    """
    prefix = f"{root}/" if root else ""
    if root and not program.startswith(prefix):
        return ""
    program = program.removeprefix(prefix)
    names = {it.removeprefix(prefix) for it in names if it.startswith(prefix)}
    top = program.partition("/")[0]
    if top == program or not program.endswith(".py"):
        return ""
    for match in re.finditer(
        rf"^(?:from|import) ({re.escape(top)}(?:\.\w+)*)\b", text, re.MULTILINE
    ):
        path = match[1].replace(".", "/")
        # Beside the program, there may be one of that name.
        beside = f"{dirname(program)}/{path}"
        if any(it.startswith((f"{beside}/", f"{beside}.")) for it in names):
            return ""
        if any(it.startswith((f"{path}/", f"{path}.py")) for it in names):
            return _dotted(program)
    # Or by a dot, which only a module of a package can.
    inside = re.search(r"^from \.+\w* import ", text, re.MULTILINE)
    return _dotted(program) if inside and f"{top}/__init__.py" in names else ""


def _dotted(program: str) -> str:
    return program.removesuffix(".py").removesuffix("/__main__").replace("/", ".")


def folders_made(text: str) -> Iterator[str]:
    """The folders that a program makes below the one that it starts in."""
    for match in _MAKES.finditer(text):
        if not match[1].startswith("/") and match[1].strip("./"):
            yield match[1].strip("./")
    for match in _JOINED.finditer(text):
        yield "/".join(re.findall(r"[\w.-]+", match[1]))


_MAKES = re.compile(
    r"(?:mkdir(?:Sync)?|makedirs|rmSync|rmtree"
    r"|(?:OUT\w*|\bout\w*|target)\s*=\s*(?:pathlib\.)?(?:Path\()?)\(?\s*['\"]([\w./-]+)['\"]"
)
_JOINED = re.compile(
    r"(?:target|out\w*|dest\w*|OUT\w*|DIST|dist)\s*=\s*(?:path\.)?join\(\s*"
    r"(?:__dirname|root|ROOT|process\.cwd\(\))\s*,\s*((?:['\"][\w.-]+['\"](?:\s*,\s*)?)+)\)"
)


def is_test(name: str) -> bool:
    """Whether a file is a program of tests, as those that run tests find it."""
    return _TEST.search(name) is not None


def is_private(name: str) -> bool:
    """Whether a file's name says that it has a secret."""
    return _PRIVATE.search(name) is not None


def _python(text: str, folder: str, *, whole: bool, deep: bool) -> Iterator[tuple[list[str], bool]]:
    """The places where each file may be, and whether it is looked for from the program's folder."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    here: dict[str, str] = {}
    for statement in _every(tree) if whole else _at_start(tree, deep=deep):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield _modules(folder, alias.name.replace(".", "/"), whole=whole), True
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            name = (statement.module or "").replace(".", "/")
            yield _modules(folder, name, whole=whole), True
            for alias in statement.names:
                yield _modules(folder, join(name, alias.name), whole=whole), True
        elif isinstance(statement, ast.ImportFrom):
            place = normpath(join(folder, *[".."] * (statement.level - 1)))
            place = join(place, (statement.module or "").replace(".", "/"))
            if statement.module:
                yield _module(place), True
            for alias in statement.names:
                yield _module(join(place, alias.name)), True
        elif isinstance(statement, _DOES):
            inner = list(_walk(statement))
            if not _is_guarded(inner):
                yield from (([normpath(path)], False) for path in _opened(inner))
                for path in own_paths.read_by(inner, here):
                    beside = not path.startswith(own_paths.FROM_WORKDIR)
                    yield [normpath(join(folder, path) if beside else path[1:])], beside
            here |= own_paths.named(statement, here)


# Statements that read what they name.
_DOES = (ast.Assign, ast.AnnAssign, ast.Expr, ast.With, ast.For, ast.Return)
_MOST_CALLS = 3


def _walk(statement: ast.stmt) -> Iterator[ast.AST]:
    """What a statement does itself, without what stands in its block."""
    if isinstance(statement, ast.With):
        for item in statement.items:
            yield from ast.walk(item.context_expr)
        for inner in statement.body:
            yield from _walk(inner)
    elif isinstance(statement, ast.For):
        yield from ast.walk(statement.iter)
    elif isinstance(statement, _DOES):
        yield from ast.walk(statement)


def _every(tree: ast.Module) -> Iterator[ast.stmt]:
    """Every statement: of tests, all are run."""
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.stmt))


def _at_start(tree: ast.Module, *, deep: bool) -> Iterator[ast.stmt]:
    """The statements that run whenever the program starts, those of functions it calls too.

    Args:
        tree: of the program.
        deep: whether others call all of its functions.
    """
    functions = {it.name: it.body for it in tree.body if isinstance(it, ast.FunctionDef)}
    left = [(it, 0) for it in reversed(tree.body)]
    seen: set[str] = set()
    if deep:
        seen.update(functions)
        left = [(it, 1) for body in functions.values() for it in reversed(_always(body))] + left
    while left:
        statement, depth = left.pop()
        if isinstance(statement, ast.If) and depth == 0 and "__main__" in ast.dump(statement.test):
            left += [(it, 1) for it in reversed(statement.body)]
            continue
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) or depth > _MOST_CALLS:
            continue
        inner = list(_walk(statement))
        for node in () if _is_guarded(inner) else inner:
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in functions and called.id not in seen:
                seen.add(called.id)
                left += [(it, depth + 1) for it in reversed(_always(functions[called.id]))]


def _always(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements of a function before one after which it may have ended."""
    ends = (ast.Return, ast.Raise, ast.Continue)
    found: list[ast.stmt] = []
    for statement in body:
        found.append(statement)
        blocks = (ast.If, ast.Try, ast.With, ast.For, ast.While)
        if isinstance(statement, blocks) and any(
            isinstance(it, ends) for it in ast.walk(statement)
        ):
            break
    return found


def _is_guarded(inner: Iterable[ast.AST]) -> bool:
    return any(isinstance(it, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.Try)) for it in inner)


def _modules(folder: str, name: str, *, whole: bool) -> list[str]:
    """A module beside a program, or in a folder above, which it may be started from.

    Of programs that are no tests, only their own package counts: another one may be a library.
    """
    parts = folder.split("/") if folder else []
    if not whole and name.partition("/")[0] not in parts:
        return _module(join(folder, name))
    above = ["/".join(parts[:end]) for end in range(len(parts), -1, -1)]
    return [path for place in above for path in _module(join(place, name))]


def _module(path: str) -> list[str]:
    name = normpath(path)
    return [f"{name}.py", f"{name}/__init__.py"]


def _opened(inner: Iterable[ast.AST]) -> Iterator[str]:
    """Texts that are opened for reading."""
    for node in inner:
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open" and len(node.args) == 1:
            if not any(word.arg == "mode" for word in node.keywords):
                yield from _texts(node.args)
        elif isinstance(called, ast.Attribute) and called.attr in ("read_text", "read_bytes"):
            maker = called.value
            if isinstance(maker, ast.Call) and _is_path(maker.func):
                yield from _texts(maker.args)


def _is_path(made_by: ast.expr) -> bool:
    """Whether something is called `Path` or `pathlib.Path`."""
    if isinstance(made_by, ast.Attribute):
        of = made_by.value
        return made_by.attr == "Path" and isinstance(of, ast.Name) and of.id == "pathlib"
    return isinstance(made_by, ast.Name) and made_by.id == "Path"


def _texts(values: list[ast.expr]) -> Iterator[str]:
    texts = [
        it.value for it in values if isinstance(it, ast.Constant) and isinstance(it.value, str)
    ]
    if texts and len(texts) == len(values):
        yield join(*texts)


def _list(text: str, folder: str, *, whole: bool, deep: bool) -> Iterator[tuple[list[str], bool]]:
    for name in _INCLUDED.findall(text):
        yield [normpath(join(folder, name))], True


def _node(text: str, folder: str, *, whole: bool, deep: bool) -> Iterator[tuple[list[str], bool]]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    # What goes on with a dot belongs to the line before.
    text = re.sub(r"\n[ \t]+(?=\.\w)", "", text)
    # A folder with a name of its own: what is joined to that is joined to the module's.
    for match in _NODE_FOLDER.finditer(text):
        here = f"join(__dirname, {match['words'] or chr(39) * 2}, "
        text = re.sub(rf"\b(?:join|resolve)\(\s*{match['name']}\s*,\s*", here, text)
    for match in _NODE_IMPORT.finditer(text):
        name = normpath(join(folder, match["path"]))
        yield [name + ending for ending in _NODE_ENDINGS], True
    for line in text.splitlines():
        if (line[:1].isspace() and not whole) or line.lstrip().startswith("//"):
            continue
        # It may be there or not, or something else.
        if re.search(r"\|\||\?\?|\?.*:|existsSync|\bwrite|\bif\b", line):
            continue
        if not re.search(r"\bread\w*\(|createReadStream\(", line):
            continue
        for match in _NODE_BESIDE.finditer(line):
            words = re.findall(r"['\"]([^'\"]+)['\"]", match["words"] or "")
            parts = [match["after"] or match["url"] or "", *words]
            path = join(folder, *(it.strip("/") for it in parts))
            yield [normpath(path)], True
        for match in _NODE_OPENED.finditer(line):
            yield [normpath(match["path"])], False
