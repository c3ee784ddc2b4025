"""What puts a failed build right: the line that changes the Dockerfile, with the real names."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath

from oi_deploy.agent.dockerfile import bases
from oi_deploy.agent.dockerfile import files as dockerfiles
from oi_deploy.agent.dockerfile import lint as dockerfile_lint
from oi_deploy.agent.dockerfile import repairs as dockerfile_repairs
from oi_deploy.agent.dockerfile.edits import swap_word
from oi_deploy.agent.dockerfile.files import (
    Dockerfile,
    Instruction,
    base_of,
    is_plain,
    split_lines,
)
from oi_deploy.agent.failure import Failure, rule
from oi_deploy.sandbox import Result

# Of what a failed step printed; the end says why.
_MOST_LINES, _LONGEST_LINE = 20, 200


def _lines(file: Dockerfile) -> tuple[str, ...]:
    return tuple(split_lines(file.text))


def _change(part: Instruction, old: str, new: str, file: Dockerfile) -> str:
    """The line for another word in an instruction; empty if it cannot be written."""
    edit = swap_word(_lines(file), range(part.line, part.last + 1), old, new)
    return edit.command(file.path) if edit else ""


def _step(failure: Failure) -> int:
    """The number of the step that failed; 0 if none did."""
    steps = re.findall(r"^Step (\d+)/\d+ :", failure.output, re.MULTILINE)
    return int(steps[-1]) if steps else 0


def failed_build(result: Result) -> list[str]:
    """What the step printed at which a script's last build ended; nothing if none failed."""
    lines = result.output.splitlines() if result.exit_code != 0 else []
    steps = [at for at, line in enumerate(lines) if re.match(r"Step \d+/\d+ : ", line)]
    if not steps or any(line.startswith("Successfully built ") for line in lines[steps[-1] :]):
        return []
    return [line[:_LONGEST_LINE] for line in lines[steps[-1] + 1 :][-_MOST_LINES:]]


def at_base(output: str) -> bool:
    """Whether the last step that was begun is a FROM."""
    steps = re.findall(r"^Step \d+/\d+ : (\w+)", output, re.MULTILINE)
    return steps[-1:] == ["FROM"]


def _not_in_context(match: re.Match[str], failure: Failure) -> str:
    """COPY of a file that is not there: the most similar one, in the line that names it."""
    wanted = match["path"].strip("\"'").lstrip("/")
    for file in failure.facts.dockerfiles:
        for part in file.instructions():
            named = [source for source in part.sources if source.strip("./") == wanted.strip("./")]
            close = dockerfiles.closest(wanted, failure.facts.paths)
            if named and close and wanted not in failure.facts.paths:
                name = close if file.folder == "." else close.removeprefix(f"{file.folder}/")
                line = f"sed -i '{part.line}s#{named[0]}#{name}#' {file.path}"
                return f"The Dockerfile copies {wanted}, which does not exist. First run: {line}"
            if part.word == "COPY" and (line := _from_workdir(file, part, wanted)):
                return f"The earlier stage has no /{wanted}. First run: {line}"
    return ""


def _from_workdir(file: Dockerfile, part: Instruction, wanted: str) -> str:
    """COPY from a stage of what is not there: the same in the folder that the stage works in."""
    flag = re.search(r"--from=(\S+)", part.rest)
    words = [word for word in part.rest.split()[:-1] if word.strip("/") == wanted.strip("/")]
    if not flag or not words or not words[0].startswith("/"):
        return ""
    workdir, name, number = "", "", -1
    for other in file.instructions():
        if other.line >= part.line:
            break
        if other.word == "FROM":
            number += 1
            stage = re.search(r"(?i)\sAS\s+(\S+)", other.rest)
            name = stage[1] if stage else ""
        elif other.word == "WORKDIR" and flag[1].lower() in (name.lower(), str(number)):
            workdir = other.rest.rstrip("/")
    top, _, rest = words[0].strip("/").partition("/")
    if not re.fullmatch(r"/[\w./-]+", workdir) or not rest or workdir == f"/{top}":
        return ""
    slash = "/" if words[0].endswith("/") else ""
    return _change(part, words[0], f"{workdir}/{rest}{slash}", file)


def _not_copied(match: re.Match[str], failure: Failure) -> str:
    """A step of a build misses a file that the repository has: let COPY bring it."""
    wanted, step = match["path"], _step(failure)
    name = PurePosixPath(wanted).name
    same = [path for path in failure.facts.paths if PurePosixPath(path).name == name]
    if not step or not same:
        return ""
    for file in failure.facts.dockerfiles:
        line = dockerfile_repairs.add_to_copy(file, step, name) if name in same else ""
        if line := line or _copy_before(file, step, wanted, same):
            return f"The build step needs {name}, which is not copied before it. First run: {line}"
    return ""


def _copy_before(file: Dockerfile, step: int, wanted: str, same: Sequence[str]) -> str:
    """The line that copies the file which a step misses, right before the step."""
    prefix = "" if file.folder == "." else f"{file.folder}/"
    names = [path.removeprefix(prefix) for path in same if path.startswith(prefix)]
    fitting = [name for name in names if f"/{wanted}".endswith(f"/{name}")]
    part = file.instructions()[step - 1 : step]
    if len(fitting) != 1 or not part or part[0].word != "RUN" or not is_plain(wanted):
        return ""
    folder = wanted.removesuffix(PurePosixPath(wanted).name) or "./"
    text = f"COPY {fitting[0]} {folder}"
    return "" if text in file.text else f"sed -i '{part[0].line}i {text}' {file.path}"


def _no_module(match: re.Match[str], failure: Failure) -> str:
    """Python misses a module that the repository has as a file, or as a folder."""
    step, module = _step(failure), match["module"].partition(".")[0]
    for file in failure.facts.dockerfiles if step else ():
        prefix = "" if file.folder == "." else f"{file.folder}/"
        name = f"{module}.py"
        if f"{prefix}{name}" in failure.facts.paths:
            line = dockerfile_repairs.add_to_copy(file, step, name)
        elif any(path.startswith(f"{prefix}{module}/") for path in failure.facts.paths):
            place = file.instructions()[step - 1 : step]
            name = f"{module}/"
            text = f"COPY {name} ./{name}"
            line = f"sed -i '{place[0].line}i {text}' {file.path}" if place else ""
            line = "" if text in file.text else line
        else:
            continue
        if line:
            return f"The build step needs {name}, which is not copied before it. First run: {line}"
    return ""


def _base_image(match: re.Match[str], failure: Failure) -> str:
    """FROM names an image that cannot be had: the same without its registry, or the likest here."""
    wanted = match["image"].removeprefix("docker.io/").removeprefix("library/")
    return _other_base(failure, lambda base: _is_same_image(base, wanted))


def _base_of_step(match: re.Match[str], failure: Failure) -> str:
    """The image of the FROM that was the last step."""
    step = re.findall(r"^Step \d+/\d+ : (.*)", failure.output, re.MULTILINE)
    if not at_base(failure.output):
        return ""
    base = base_of(Instruction(0, 0, "FROM", step[-1].partition(" ")[2]))
    return _other_base(failure, lambda other: other == base)


def _refused_base(match: re.Match[str], failure: Failure) -> str:
    """An image of a registry that is not allowed, and that is here under its plain name."""
    return _other_base(failure, lambda base: base == match["image"], cutoff=1.0)


def _other_base(failure: Failure, is_meant: Callable[[str], bool], *, cutoff: float = 0.6) -> str:
    for file in failure.facts.dockerfiles:
        parts = [part for part in file.instructions() if is_meant(base_of(part) or " ")]
        for part in parts:
            base = base_of(part)
            if base in failure.facts.images:
                continue
            better = bases.likest(base, failure.facts.images, cutoff)
            if better and (line := _change(part, base, better, file)):
                return f"The base image {base} cannot be had. First run: {line}"
    return ""


def _is_same_image(base: str, wanted: str) -> bool:
    return base == wanted or base.partition(":")[0] == wanted.partition(":")[0]


def _is_at(line: int, part: Instruction) -> bool:
    return part.line == line


def _not_permitted(match: re.Match[str], failure: Failure) -> str:
    """A step that may not do its work as the user of an earlier USER: that comes after it."""
    step = _step(failure)
    for file in failure.facts.dockerfiles if step else ():
        every = file.instructions()
        if len(every) < step or every[step - 1].word != "RUN":
            continue
        failed = every[step - 1].line
        edit = dockerfile_lint.user_before(_lines(file), partial(_is_at, failed))
        if edit is not None:
            return (
                "The build step must run as root, before the Dockerfile's USER. First run: "
                f"{edit.command(file.path)}"
            )
    return ""


_NO_FILE = r"No such file or directory: |can't open file |cannot open |ENOENT.*?open "
RULES = (
    rule(r"(?:COPY|ADD) failed: .*?(?:stat|source files).*?(?P<path>[^\s:]+):", _not_in_context),
    rule(r'failed to calculate checksum.*"/?(?P<path>[^"]+)": not found', _not_in_context),
    rule(
        r"(?:manifest for|pull access denied for|source metadata for) ?(?P<image>[\w./:-]+\w)",
        _base_image,
    ),
    rule(r"the base image (?P<image>\S+) is not allowed", _refused_base),
    rule(
        r"no such host|connection refused|manifest unknown|pull access denied|i/o timeout"
        r"|network is unreachable|x509|server gave HTTP|not found",
        _base_of_step,
    ),
    rule(rf"(?:{_NO_FILE})['\"](?P<path>[^'\"]+)['\"]", _not_copied),
    rule(r"Cannot find module '(?P<path>[^']+)'", _not_copied),
    rule(r"No module named '(?P<module>[\w.]+)'", _no_module),
    rule(r"Permission denied|Operation not permitted|\bEACCES\b|are you root", _not_permitted),
)
