"""Commands that a prompt says, and what of them is to run while an image is built."""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile import stages as two_stages

# Values that are no words of the sentence.
_DATA = r"(?:json|jsonl|ya?ml|toml|ini|conf|cfg|csv|tsv|txt|db|sqlite3?|properties)\b"
_VALUE = rf"(?:\d[\d.:]*|[\w.-]*/[\w./-]*\w|[\w-]+\.{_DATA})"
_ARGUMENTS = (
    rf"(?: (?:--?[\w-]+(?:=[\w./:@-]*\w|[= ]{_VALUE})?|\d{{2,5}}(?![\w.])"
    rf"|[\w-]+/[\w./-]*\.{_DATA}))*"
)
_BARE = (
    r"python3?(?:\.\d+)?(?: -[uBOI])* (?:-m [\w.]*\w|[\w./-]+\.pyz?)"
    r"|node [\w./-]+\.[cm]?js|npm (?:start|run [\w:-]+)|(?:ba)?sh [\w./-]+\.sh|httpd(?= -)"
)
_COMMAND = re.compile(
    r"`(?:exec )?(?P<quoted>(?:(?:python3?(?:\.\d+)?|node|npm|npx|gunicorn|uvicorn|flask|(?:ba)?sh)"
    r"(?= )|httpd|\./[\w./-]+)"
    rf"(?: [\w./:@%+=, -]+)?)`|(?<![\w./-])(?P<bare>(?:{_BARE}){_ARGUMENTS})(?![\w/-])",
    re.ASCII,
)
OTHER_USE = re.compile(
    r"\b(?:tests?|checks?|lint|fill|generat|creat|produc(?!tion|ts?\b)|compil|migrat|makes\b)|测试|检查|生成|产生|填充|编译|迁移",
    intents.FLAGS,
)
NOT_SO = re.compile(
    r"(?:\bnot|n't|\bnever|\binstead of|\brather than|不要?|(?<!分)别|勿|而非)[^,.。]{0,16}$",
    intents.FLAGS,
)
ENDINGS = {".py": "python3", ".js": "node", ".mjs": "node", ".cjs": "node"}


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands in a text that are not denied, each with the clause that it stands in."""
    for sentence in intents.sentences(text):
        for match in _COMMAND.finditer(sentence):
            command = (match["quoted"] or match["bare"]).strip().rstrip(".,:")
            before, after = sentence[: match.start()], sentence[match.end() :]
            if NOT_SO.search(before):
                continue
            clause = re.split(r"[,;]|\bthen\b|然后", before)[-1]
            yield command, f"{clause} {re.split(r'[,;]', after)[0]}"


def start_of(program: str, endings: Mapping[str, str]) -> str:
    """The command that starts a file, by its ending."""
    with_ = endings.get(PurePosixPath(program).suffix, "")
    return f"{with_} {program}" if with_ else ""


_AT_BUILD = re.compile(
    r"构建(?:镜像|阶段|期间)?的?(?:时候?|过程中|阶段|期间)?[^,。;]{0,12}(?:生成|编译|产生|做好|执行|运行)"
    r"|(?:生成|编译)[^,。;]{0,12}构建(?:镜像)?(?:时|阶段|期间)"
    r"|\b(?:generat|creat|compil|produc|fill|ma[dk]e|built|run)\w*\b[^.;]{0,40}\b(?:during|at|while)"
    r" (?:building )?(?:the )?(?:image )?(?:build\b|image\b)",
    intents.FLAGS,
)


def makes(text: str, start: str, paths: Collection[str], texts: Mapping[str, str]) -> str:
    """What is to be run while the image is built, as the prompt or a README says it."""
    every = intents.sentences(text)
    said = [it for it in every if _AT_BUILD.search(it)]
    own = [it for sentence in said for it, _ in commands(sentence) if it != start]
    if not own:
        # "tools/index.py makes the index; run it while the image is built".
        near = (f"{before}; {it}" for before, it in pairwise(("", *every)) if it in said)
        own = [it for both in near for it in _programs(both, paths)][:1]
    found = own or ([two_stages.noted(texts)] if said else [])
    known = ("", start, "npm run build")
    return next((it for it in found if it not in known and not _TESTS.search(it)), "")


def _programs(text: str, paths: Collection[str]) -> Iterator[str]:
    """Commands that run the files which a text names for what they make."""
    for clause in re.split(r"[,;]", text):
        named_there = [it for it in paths if it.endswith((*ENDINGS,)) and it in clause]
        if len(named_there) == 1 and (OTHER_USE.search(clause) or _AT_BUILD.search(clause)):
            yield start_of(named_there[0], ENDINGS)


_TESTS = re.compile(r"(?<!la)test|\bcheck\b|\blint\b")
