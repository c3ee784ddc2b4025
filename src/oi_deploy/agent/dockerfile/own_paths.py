"""Paths that a Python program makes from the place where it lies itself."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from posixpath import join, normpath

# Of a path and of a file object: they read what is there, or list it.
_READS = frozenset({"read_text", "read_bytes", "open", "iterdir", "glob", "rglob"})
# Before a path from the working folder.
FROM_WORKDIR = "\1"
_DEEPEST = 20
_SAME = frozenset({"resolve", "absolute"})
_SAME_OS = frozenset({"abspath", "realpath", "normpath", "Path", "PurePath", "str", "fspath"})


def evaluate(value: ast.expr, names: Mapping[str, str]) -> str | None:
    """A path relative to the program's folder; None if it is another one, or not certain.

    One from the working folder begins with `FROM_WORKDIR`.

    Args:
        value: an expression, such as `Path(__file__).parent / "a"`.
        names: paths that have a name already.
    """
    if isinstance(value, ast.Name):
        # The program itself lies in its folder; its parent is that.
        return "\0" if value.id == "__file__" else names.get(value.id)
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
        return _below(evaluate(value.left, names), [value.right])
    if isinstance(value, ast.Attribute) and value.attr == "parent":
        return _above(evaluate(value.value, names), 1)
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Attribute):
        at = value.slice.value if isinstance(value.slice, ast.Constant) else None
        if value.value.attr == "parents" and isinstance(at, int) and 0 <= at < _DEEPEST:
            return _above(evaluate(value.value.value, names), at + 1)
    if isinstance(value, ast.Call):
        return _called(value, names)
    return None


def _called(call: ast.Call, names: Mapping[str, str]) -> str | None:
    made_by, given = call.func, call.args
    name = (
        made_by.attr
        if isinstance(made_by, ast.Attribute)
        else made_by.id
        if isinstance(made_by, ast.Name)
        else ""
    )
    if name == "Path" and len(given) == 1 and (text := _text(given[0])):
        return f"{FROM_WORKDIR}{normpath(text)}" if text[0] != "/" else None
    if name in _SAME_OS and len(given) == 1:
        return evaluate(given[0], names)
    if name == "dirname" and len(given) == 1:
        return _above(evaluate(given[0], names), 1)
    if name == "join" and len(given) > 1:
        return _below(evaluate(given[0], names), given[1:])
    if isinstance(made_by, ast.Attribute):
        start = evaluate(made_by.value, names)
        if name in _SAME and not given:
            return start
        if name == "joinpath":
            return _below(start, given)
        if name == "with_name" and len(given) == 1:
            return _below(_above(start, 1), given)
    return None


def _text(value: ast.expr) -> str:
    """A text, or the one that stands for an environment variable that is not set."""
    looks_up = isinstance(value, ast.Call) and ast.unparse(value.func)
    if isinstance(value, ast.Call) and looks_up in ("os.environ.get", "environ.get", "os.getenv"):
        value = value.args[1] if len(value.args) == 2 else value
    known = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return str(value.value) if known and isinstance(value, ast.Constant) else ""


def _above(path: str | None, levels: int) -> str | None:
    if path is None:
        return None
    if path == "\0":
        path, levels = ".", levels - 1
    return normpath(join(path, *[".."] * levels))


def _below(path: str | None, parts: Iterable[ast.expr]) -> str | None:
    texts = [it.value for it in parts if isinstance(it, ast.Constant) and isinstance(it.value, str)]
    if path in (None, "\0") or len(texts) != len(list(parts)) or any(it[:1] == "/" for it in texts):
        return None
    return normpath(join(path or ".", *texts))


def read_by(nodes: Iterable[ast.AST], names: Mapping[str, str]) -> Iterator[str]:
    """Paths from the program's folder that some nodes read or list.

    Args:
        nodes: of a statement.
        names: paths that have a name.
    """
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        path = None
        if isinstance(called, ast.Attribute) and called.attr in _READS:
            path = evaluate(called.value, names)
        elif isinstance(called, ast.Name) and called.id == "open" and node.args:
            path = evaluate(node.args[0], names)
        opens = "open" in (getattr(called, "attr", ""), getattr(called, "id", ""))
        if path not in (None, "\0") and (not opens or _only_reads(node)):
            yield str(path)


def _only_reads(call: ast.Call) -> bool:
    """Whether the mode of an `open` lets it only read."""
    own = isinstance(call.func, ast.Attribute)
    modes = [
        *call.args[0 if own else 1 :][:1],
        *(it.value for it in call.keywords if it.arg == "mode"),
    ]
    return all(
        isinstance(it, ast.Constant)
        and isinstance(it.value, str)
        and not set(it.value) & set("wax+")
        for it in modes
    )


def named(statement: ast.stmt, names: Mapping[str, str]) -> dict[str, str]:
    """The names that a statement gives to paths from the program's folder."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets: list[ast.expr] = [statement.target]
        value = statement.value
    elif isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    else:
        return {}
    path = evaluate(value, names)
    if path is None:
        return {}
    return {it.id: path for it in targets if isinstance(it, ast.Name)}
