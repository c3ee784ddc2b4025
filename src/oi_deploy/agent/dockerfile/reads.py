"""Which files of the repository a program needs whenever it starts: what it imports and opens.

It is read and never run. Only what is not guarded counts: no `try`, no `if`, nothing within a
function.
"""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from posixpath import dirname, join, normpath, splitext

# A `require` or `import` at the beginning of a line; what is indented may be guarded.
_NODE_IMPORT = re.compile(
    r"^(?:(?:const|let|var)\s+[\w{}, ]{1,80}=\s*require\("
    r"|import\s[^'\"\n;]{0,80}\bfrom\s*|import\s*)\s*"
    r"['\"](?P<path>\.{1,2}/[\w./-]+)['\"]\)?;?\s*$",
    re.MULTILINE | re.ASCII,
)
# A list of packages that goes on in another file.
_INCLUDED = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]\s*([\w./-]+)\s*$", re.MULTILINE)
_NODE_ENDINGS = ("", ".js", ".mjs", ".cjs", ".json", "/index.js", "/index.mjs")
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


def reads(program: str, text: str, names: Collection[str]) -> Iterator[Read]:
    """What a program needs of the repository's files; nothing if it cannot be parsed.

    Args:
        program: its path.
        text: what stands in it.
        names: of all files, like its own.
    """
    folder = dirname(program)
    read = {".py": _python, ".txt": _list}.get(splitext(program)[1], _node)
    for paths, beside in read(text, folder):
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


def is_private(name: str) -> bool:
    """Whether a file's name says that it has a secret."""
    return _PRIVATE.search(name) is not None


def _python(text: str, folder: str) -> Iterator[tuple[list[str], bool]]:
    """The places where each file may be, and whether it is looked for from the program's folder."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    here: set[str] = set()
    for statement in body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                yield _module(join(folder, alias.name.replace(".", "/"))), True
        elif isinstance(statement, ast.ImportFrom):
            place = normpath(join(folder, *[".."] * (statement.level - 1)))
            place = join(place, (statement.module or "").replace(".", "/"))
            if statement.module:
                yield _module(place), True
            for alias in statement.names:
                yield _module(join(place, alias.name)), True
        elif isinstance(statement, (ast.Assign, ast.AnnAssign, ast.Expr, ast.With)):
            yield from (([normpath(path)], False) for path in _opened(statement))
            for path in _beside(statement, here):
                yield [normpath(join(folder, path))], True
            here |= _names_of_own_folder(statement)


def _module(path: str) -> list[str]:
    name = normpath(path)
    return [f"{name}.py", f"{name}/__init__.py"]


def _opened(statement: ast.stmt) -> Iterator[str]:
    """Texts that a statement opens for reading."""
    inner = list(ast.walk(statement))
    if any(isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.Try)) for node in inner):
        return
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


def _names_of_own_folder(statement: ast.stmt) -> set[str]:
    """Names that a statement gives to the folder that the program lies in."""
    if not isinstance(statement, ast.Assign) or not _is_own_folder(statement.value):
        return set()
    return {it.id for it in statement.targets if isinstance(it, ast.Name)}


def _is_own_folder(value: ast.expr) -> bool:
    """Whether it is `Path(__file__).parent`, with or without `resolve`."""
    text = ast.unparse(value)
    return (
        re.fullmatch(r"(?:pathlib\.)?Path\(__file__\)(?:\.resolve\(\))?\.parent", text) is not None
    )


def _beside(statement: ast.stmt, here: Collection[str]) -> Iterator[str]:
    """Files that a statement reads from the program's own folder: `HERE / "a" / "b"`."""
    inner = list(ast.walk(statement))
    if any(isinstance(node, (ast.IfExp, ast.BoolOp, ast.Lambda, ast.Try)) for node in inner):
        return
    for node in inner:
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in ("read_text", "read_bytes"):
            continue
        parts: list[str] = []
        value = node.func.value
        while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
            if not (isinstance(value.right, ast.Constant) and isinstance(value.right.value, str)):
                break
            parts.insert(0, value.right.value)
            value = value.left
        own = isinstance(value, ast.Name) and value.id in here
        if parts and (own or _is_own_folder(value)):
            yield join(*parts)


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


def _list(text: str, folder: str) -> Iterator[tuple[list[str], bool]]:
    for name in _INCLUDED.findall(text):
        yield [normpath(join(folder, name))], True


def _node(text: str, folder: str) -> Iterator[tuple[list[str], bool]]:
    for match in _NODE_IMPORT.finditer(re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)):
        name = normpath(join(folder, match["path"]))
        yield [name + ending for ending in _NODE_ENDINGS], True
