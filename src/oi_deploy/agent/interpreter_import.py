"""Open Interpreter, imported without the packages that only its other uses need.

It imports litellm, Jupyter, matplotlib, Selenium and more when it is imported itself, which takes
seconds of processor time at every run (`python -X importtime -c "import interpreter"`). Here the
completions and the languages are ours, and nothing is displayed, so none of them is ever called.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Top-level packages, and what Open Interpreter has them for.
UNUSED = {
    "litellm": "its own completions",
    "tokentrim": "cutting long conversations; each turn is one message here",
    "tiktoken": "counting tokens by OpenAI's vocabularies, which it would download",
    "jupyter_client": "its own Python",
    "IPython": "showing pictures in a notebook",
    "matplotlib": "showing pictures in a notebook",
    "PIL": "pictures for models that see",
    "selenium": "a browser",
    "webdriver_manager": "a browser",
    "html2text": "a browser",
    "html2image": "a browser",
    "fastapi": "its server",
    "starlette": "its server",
    "uvicorn": "its server",
    "janus": "its server",
    "shortuuid": "its server",
    "inquirer": "its set-up in a terminal",
    "psutil": "its set-up in a terminal",
    "rich": "its terminal",
    "pkg_resources": "its telemetry and its check for updates",
}


class _Unused(type):
    """The class of everything in those packages; each is an exception, so that it can be caught."""

    def __getattr__(cls, name: str) -> "_Unused":
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unused(f"{cls.__name__}.{name}", (Exception,), {})

    def __call__(cls, *arguments: object, **options: object) -> object:
        raise ImportError(f"{cls.__name__} is not part of this action")


class _Module(ModuleType):
    def __getattr__(self, name: str) -> _Unused:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Unused(f"{self.__name__}.{name}", (Exception,), {})


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in UNUSED:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _import() -> tuple[Any, Any]:
    finder, before = _Finder(), set(sys.modules)
    sys.meta_path.insert(0, finder)
    try:
        interpreter = import_module("interpreter")
        partial_json = import_module("interpreter.core.llm.utils.parse_partial_json")
    finally:
        sys.meta_path.remove(finder)
        # Whoever needs one of them gets the real one.
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in UNUSED:
                del sys.modules[name]
    return interpreter.OpenInterpreter, partial_json.parse_partial_json


OpenInterpreter, parse_partial_json = _import()
