"""What a good colleague would say about a failed command: the line that puts it right.

A small model ignores advice in prose and uses an exact line. So each rule turns words of the output
into a command or a replacement, with the real names, and stays silent when it does not know them.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import dockerfiles
from oi_deploy.agent.completions import Reply
from oi_deploy.agent.facts import Facts
from oi_deploy.broker.journal import Entry


@dataclass(frozen=True)
class Failure:
    """A script that failed.

    Attributes:
        script: its code.
        output: what it printed.
        facts: as they are now.
    """

    script: str
    output: str
    facts: Facts


@dataclass(frozen=True)
class Rule:
    """One kind of failure.

    Attributes:
        pattern: what the output says; searched line by line.
        line: the hint for a match, or empty.
    """

    pattern: re.Pattern[str]
    line: Callable[[re.Match[str], Failure], str]


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
    return ""


def _not_copied(match: re.Match[str], failure: Failure) -> str:
    """A step of a build misses a file that the repository has: let COPY bring it."""
    name = PurePosixPath(match["path"]).name
    steps = re.findall(r"^Step (\d+)/\d+ :", failure.output, re.MULTILINE)
    if not steps or name not in {PurePosixPath(path).name for path in failure.facts.paths}:
        return ""
    for file in failure.facts.dockerfiles:
        if line := dockerfiles.add_to_copy(file, int(steps[-1]), name):
            return f"The build step needs {name}, which is not copied before it. First run: {line}"
    return ""


def _base_image(match: re.Match[str], failure: Failure) -> str:
    """FROM names an image that cannot be had: the most similar one that is here."""
    wanted = match["image"].removeprefix("docker.io/").removeprefix("library/")
    for file in failure.facts.dockerfiles:
        for part in file.instructions():
            base = part.rest.split()[0] if part.word == "FROM" and part.rest else ""
            if not base or base in failure.facts.images or not _is_same_image(base, wanted):
                continue
            same = [
                it for it in failure.facts.images if it.partition(":")[0] == base.partition(":")[0]
            ]
            close = difflib.get_close_matches(base, same or failure.facts.images, n=1, cutoff=0.6)
            if close:
                line = f"sed -i '{part.line}s#{base}#{close[0]}#' {file.path}"
                return f"The base image {base} cannot be had. First run: {line}"
    return ""


def _is_same_image(base: str, wanted: str) -> bool:
    return base == wanted or base.partition(":")[0] == wanted.partition(":")[0]


def _commands_with(*words: str) -> Callable[[re.Match[str], Failure], str]:
    """The first of the lines that are right here which has one of the words."""

    def hint(match: re.Match[str], failure: Failure) -> str:
        for word in words:
            for line in failure.facts.commands:
                if word in line:
                    return f"Run exactly: {line}"
        return ""

    return hint


def _tag_or_build(match: re.Match[str], failure: Failure) -> str:
    """The image to push has another name here: the name that this script gave it, or a build."""
    wanted = _pushed(failure.script) or match["image"]
    name = wanted.rpartition("/")[2].partition(":")[0]
    built = re.findall(r"docker build\b[^\n]*?(?:-t|--tag)[ =](\S+)", failure.script)
    here = [
        image
        for image in failure.facts.images
        if image.rpartition("/")[2].partition(":")[0] == name
    ]
    for source in (*reversed(built), *(image for image in here if image.count(":") == 1)):
        source = source.strip("\"'")
        if source != wanted and ("/" not in source or source in built):
            return f"Run exactly: docker tag {source} {wanted}"
    return _commands_with(" build ", "docker pull")(match, failure)


def _pushed(script: str) -> str:
    found = re.findall(r"docker push (?:-q |--quiet )?(\S+)", script)
    return found[-1].strip("\"'") if found else ""


def _port(match: re.Match[str], failure: Failure) -> str:
    """Where only a try of the image publishes ports, none is needed."""
    built = re.findall(r"docker build\b[^\n]*?(?:-t|--tag)[ =](\S+)", failure.script)
    if not built:
        return ""
    image = built[-1].strip("\"'")
    return f"The port is taken. No port is needed to try an image: docker run --rm {image}"


def _folder(match: re.Match[str], failure: Failure) -> str:
    """A path that is right from another folder, or misspelt; each script starts in the root."""
    wanted = match["path"].strip("\"'").removeprefix("./")
    files = failure.facts.paths
    if wanted in files or wanted == "Dockerfile":
        return ""
    ends = [path for path in files if path.endswith(f"/{wanted}")]
    close = ends[0] if len(ends) == 1 else dockerfiles.closest(wanted, files)
    if not close:
        return ""
    return (
        f"There is no {wanted}, but {close}. Each script starts in the repository's folder: `cd` "
        "does not last."
    )


def _no_container(match: re.Match[str], failure: Failure) -> str:
    exact = _commands_with("set image")(match, failure)
    if exact:
        return exact
    for sentence in failure.facts.deployments:
        if names := re.findall(r"container (\S+) runs", sentence):
            return f"The containers are called {', '.join(names)}."
    return ""


def _no_variable(match: re.Match[str], failure: Failure) -> str:
    return (
        f"The variable {match['name']} has no value here: each script starts without those of the "
        "last one. Write the value itself."
    )


def _quotes(match: re.Match[str], failure: Failure) -> str:
    """A line of Python that ends within quotes: the same as a call that needs no line end."""
    place = re.search(r'File "<script>", line (\d+)', failure.output)
    lines = failure.script.split("\n")
    line = lines[int(place[1]) - 1].strip() if place and int(place[1]) <= len(lines) else ""
    pattern = r"(?:(?P<file>\w+)\.write|print)\((?P<text>\w*(?P<quote>['\"])[^'\"]*)"
    if place and (found := re.fullmatch(pattern, line)):
        file = f", file={found['file']}" if found["file"] else ""
        return (
            f"Line {place[1]} ends within quotes. Write it so: "
            f"print({found['text']}{found['quote']}{file})"
        )
    return _QUOTES


def _say(text: str) -> Callable[[re.Match[str], Failure], str]:
    return lambda match, failure: text


def _rule(pattern: str, line: Callable[[re.Match[str], Failure], str]) -> Rule:
    return Rule(re.compile(pattern), line)


_QUOTES = (
    "The quotes do not match. Leave quotes out where no space is; write files with: "
    "cat > FILE <<'EOF' and a last line EOF."
)
_LOGIN = (
    "`docker` is logged in to the run's own registry only. Use its name exactly as in the "
    "commands, and no `docker login`."
)
_NETWORK = (
    "Scripts have no network. Only `docker` and `kubectl` reach registry and cluster, with the "
    "names as in the commands."
)
_FORMAT = (
    "The image's program is for another processor, or its script lacks a first line such as "
    "#!/bin/sh. Build for this machine: no --platform."
)
_NO_FILE = r"No such file or directory: |can't open file |cannot open |ENOENT.*?open "
_NO_PLACE = r"cannot (?:access|stat|open)|can't read|cat:|cd:"
RULES: tuple[Rule, ...] = (
    _rule(r"(?:COPY|ADD) failed: .*?(?:stat|source files).*?(?P<path>[^\s:]+):", _not_in_context),
    _rule(r'failed to calculate checksum.*"/?(?P<path>[^"]+)": not found', _not_in_context),
    _rule(
        r"(?:manifest for|pull access denied for|source metadata for) ?(?P<image>[\w./:-]+\w)",
        _base_image,
    ),
    _rule(rf"(?:{_NO_FILE})['\"](?P<path>[^'\"]+)['\"]", _not_copied),
    _rule(r"Cannot find module '(?P<path>[^']+)'", _not_copied),
    _rule(r"An image does not exist locally with the tag: (?P<image>\S+)", _tag_or_build),
    _rule(r"No such image: (?P<image>\S+)", _tag_or_build),
    _rule(r"unable to find container named", _no_container),
    _rule(
        r"deployments\.apps .* not found|the server doesn't have a resource type",
        _commands_with("set image", "rollout", "scale"),
    ),
    _rule(
        r"unable to prepare context|[Dd]ockerfile.*(?:no such file|in the build context)",
        _commands_with("cat > ", " build "),
    ),
    _rule(rf"(?:{_NO_PLACE}) '?(?P<path>[^': ]+)'?: No such file", _folder),
    _rule(r"unauthorized|authentication required|no basic auth|denied: requested", _say(_LOGIN)),
    _rule(
        r"no such host|Could not resolve host|Temporary failure in name|Network is unreachable",
        _say(_NETWORK),
    ),
    _rule(r"exec format error", _say(_FORMAT)),
    _rule(r"port is already allocated|[Aa]ddress already in use", _port),
    _rule(
        r"unexpected EOF while looking for matching|unterminated (?:string|quoted)|"
        r"Invalid or unexpected token",
        _quotes,
    ),
    _rule(r"(?P<name>\w+): unbound variable", _no_variable),
    _rule(
        r"sudo: (?:command )?not found|must be (?:run as )?root|are you root",
        _say("There is no root here and no sudo; nothing can be installed."),
    ),
    _rule(
        r"(?:buildx|docker-compose|helm|podman): (?:command )?not found",
        _commands_with(" build ", "set image"),
    ),
)


def hints(failure: Failure) -> tuple[str, ...]:
    """The lines to say about a failed script, without repetition."""
    found = [
        hint
        for line in failure.output.splitlines()
        for rule in RULES
        if (match := rule.pattern.search(line)) and (hint := rule.line(match, failure))
    ]
    return tuple(dict.fromkeys(found))


def put_right(
    reply: Reply, output: str, refused: Entry | None, commands: Collection[str] = ()
) -> str:
    """A failed script with what was wrong about it put right; empty if that is not certain.

    A small model writes the script that it is shown, and not the line that would put it right.

    Args:
        reply: the script.
        output: what it printed.
        refused: the command that ended it, if it was refused.
        commands: complete lines that are right here.
    """
    if reply.language == "python" and "SyntaxError" in output:
        return _as_shell(reply.text)
    if refused is not None and (text := _trimmed(reply.text, refused.argv)):
        return text
    if refused is None or reply.language != "shell":
        return ""
    right = _instead(refused, commands)
    words = (rf"['\"]?{re.escape(word)}['\"]?" for word in (refused.tool, *refused.argv))
    pattern = r"(?<![\w./-])" + r"[ \t]+".join(words) + r"(?=[ \t]*(?:[;&|\n]|$))"
    text, count = re.subn(pattern, lambda match: right, reply.text)
    return text if right and count else ""


def _instead(refused: Entry, commands: Collection[str]) -> str:
    """The same command with what it lacks, or of the other program; empty if not certain."""
    other = {"docker": "kubectl", "kubectl": "docker"}.get(refused.tool, "")
    if (line := " ".join((other, *refused.argv))) in commands:
        return line
    alternatives = refused.decision.alternatives
    if refused.decision.rule not in _SAME or len(alternatives) != 1:
        return ""
    return alternatives[0] if set(refused.argv) <= set(alternatives[0].split()) else ""


def _trimmed(code: str, argv: Collection[str]) -> str:
    """Code without the spaces at the ends of quoted words; empty if a command has none there."""
    text = code
    for word in argv:
        if word != word.strip():
            for quote in "'\"":
                text = text.replace(f"{quote}{word}{quote}", f"{quote}{word.strip()}{quote}")
    return text if text != code else ""


def _as_shell(code: str) -> str:
    """The commands of shell in what was called Python; empty if there is more to it than those."""
    commands = [line.strip() for line in code.split("\n") if _COMMAND.match(line)]
    others = [line for line in code.split("\n") if not _COMMAND.match(line)]
    used = any("{" in command or "$" in command for command in commands)
    return "\n".join(commands) if all(map(_OF_NO_USE.match, others)) and not used else ""


def shorten(output: str, *, most: int = 2400) -> str:
    """Command output cut to what matters: no layer progress, no blank lines, the end kept."""
    lines = [line for line in output.splitlines() if line.strip() and not _NOISE.search(line)]
    kept: list[str] = []
    size = 0
    for line in _distinct(reversed(lines)):
        size += len(line) + 1
        if size > most:
            kept.append("[earlier lines left out]")
            break
        kept.append(line)
    return "\n".join(reversed(kept))


def _distinct(lines: Iterable[str]) -> Iterable[str]:
    """Lines without those that stand again right after themselves."""
    last = None
    for line in lines:
        if line != last:
            yield line
        last = line


_COMMAND = re.compile(r"\s*(?:docker|kubectl|git|sed|cp|mv|mkdir|echo|cd) ")
# Alone, these lines do nothing.
_OF_NO_USE = re.compile(r"\s*(?:#.*|import .*|from .* import .*|\w+ = [^([{]*(?:\([^()]*\))?)?$")
# Refusals whose alternative is the same command with what it lacks; that of others is advice.
_SAME = ("docker.build.context",)
_NOISE = re.compile(
    r"^(?:[0-9a-f]{12}: (?:Preparing|Waiting|Pushed|Pushing|Layer already exists|Pulling|"
    r"Download|Verifying|Extracting|Pull complete)| ---> |Removing intermediate container|"
    r"Sending build context|DEPRECATED: The legacy builder|\s+BuildKit is|\s+Install the buildx|"
    r"\s+environment-variable|Waiting for deployment )"
)
