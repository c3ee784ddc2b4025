"""Take out of the image's virtual environment what no import of ours reaches.

Open Interpreter's dependencies serve many uses; this image needs one of them. The list below is
the only place that says what goes and why. The Dockerfile imports everything that a run imports
afterwards, so a wrong line here fails the build.
"""

import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

DISTRIBUTIONS = {
    "pip": "nothing is installed at run time",
    # What Open Interpreter is imported without (src/oi_deploy/agent/interpreter_import.py), and
    # what only that needs.
    "litellm": "Open Interpreter's completions",
    "tokenizers": "of litellm",
    "huggingface-hub": "of litellm: downloads, which only the model server makes",
    "hf-xet": "of huggingface-hub",
    "aiohttp": "of litellm",
    "tiktoken": "Open Interpreter's counting of tokens",
    "regex": "of tiktoken",
    "ipykernel": "Open Interpreter's Python",
    "ipython": "of ipykernel",
    "jedi": "of ipython: for completing code in an editor",
    "prompt-toolkit": "of ipython",
    "debugpy": "of ipykernel: a debugger for notebooks",
    "pyzmq": "of ipykernel",
    "tornado": "of ipykernel",
    "matplotlib": "Open Interpreter's pictures",
    "numpy": "of matplotlib",
    "pillow": "of matplotlib",
    "fonttools": "of matplotlib",
    "contourpy": "of matplotlib",
    "kiwisolver": "of matplotlib",
    "selenium": "Open Interpreter's browser",
    "trio": "of selenium",
    "rich": "Open Interpreter's terminal; a start of httpx imports it too, if it is there",
    "pygments": "of rich",
    "markdown-it-py": "of rich",
    "click": "httpx's command line",
    "google-auth": "logins to Google's clusters by a plugin, which we refuse",
    # What it imports nowhere, or in uses of its own only.
    "google-generativeai": "Open Interpreter's voice profiles for Gemini",
    "google-ai-generativelanguage": "of google-generativeai",
    "google-api-python-client": "of google-generativeai: descriptions of every Google API",
    "grpcio": "of google-generativeai",
    "grpcio-status": "of google-generativeai",
    "anthropic": "Open Interpreter's --os mode",
    "nltk": "Open Interpreter's search for text on a screen",
    "joblib": "of nltk",
}

PATHS = {
    "kubernetes/aio": "the asyncio client; the blocking one is used",
    "kubernetes/client/models/[a-z]*": "a type for every object; answers are read as they come",
    "kubernetes/client/api/[a-z]*": "a method for every path; paths are used",
}


def installed(name: str) -> Iterator[Path]:
    """The files of a distribution.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    distribution = metadata.distribution(name)
    for file in distribution.files or []:
        yield Path(str(distribution.locate_file(file)))


def matching(packages: Path, pattern: str) -> list[Path]:
    """The paths that a pattern of `PATHS` names.

    Raises:
        FileNotFoundError: there is none, so the line is out of date.
    """
    found = sorted(packages.glob(pattern))
    if not found:
        raise FileNotFoundError(f"image/prune.py: nothing matches {pattern}")
    return found


def size(path: Path) -> int:
    """Bytes in a file or below a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())


def main() -> None:
    """Remove everything listed, and say how much that was."""
    packages = Path(str(metadata.distribution("open-interpreter").locate_file("")))
    report = {}
    for name in DISTRIBUTIONS:
        files = [file for file in installed(name) if file.exists()]
        report[name] = sum(size(file) for file in files)
        for file in files:
            file.unlink()
        for folder in sorted({file.parent for file in files}, reverse=True):
            while folder != packages and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent
    for pattern in PATHS:
        found = matching(packages, pattern)
        report[pattern] = sum(size(path) for path in found)
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, amount in sorted(report.items(), key=lambda item: -item[1]):
        print(f"{amount / 1e6:7.1f} MB  {name}")
    print(f"{sum(report.values()) / 1e6:7.1f} MB  removed in all")


if __name__ == "__main__":
    main()
