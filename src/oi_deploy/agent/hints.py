"""What a good colleague would say about a failed command: the line that puts it right.

A small model ignores advice in prose and uses an exact line. So each rule turns words of the output
into a command or a replacement, with the real names, and stays silent when it does not know them.
"""

import re
from collections.abc import Callable, Collection, Iterable

from oi_deploy.agent import build_hints
from oi_deploy.agent.completions import Reply
from oi_deploy.agent.dockerfile import files as dockerfiles
from oi_deploy.agent.failure import Failure as Failure
from oi_deploy.agent.failure import Rule, rule
from oi_deploy.broker.journal import Entry


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


def _network(match: re.Match[str], failure: Failure) -> str:
    """Not where the engine wanted to pull a base image."""
    return "" if build_hints.at_base(failure.output) else _NETWORK


def _say(text: str) -> Callable[[re.Match[str], Failure], str]:
    return lambda match, failure: text


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
_NO_PLACE = r"cannot (?:access|stat|open)|can't read|cat:|cd:"
RULES: tuple[Rule, ...] = (
    *build_hints.RULES,
    rule(r"An image does not exist locally with the tag: (?P<image>\S+)", _tag_or_build),
    rule(r"No such image: (?P<image>\S+)", _tag_or_build),
    rule(r"unable to find container named", _no_container),
    rule(
        r"deployments\.apps .* not found|the server doesn't have a resource type",
        _commands_with("set image", "rollout", "scale"),
    ),
    rule(
        r"unable to prepare context|[Dd]ockerfile.*(?:no such file|in the build context)",
        _commands_with("cat > ", " build "),
    ),
    rule(rf"(?:{_NO_PLACE}) '?(?P<path>[^': ]+)'?: No such file", _folder),
    rule(r"unauthorized|authentication required|no basic auth|denied: requested", _say(_LOGIN)),
    rule(
        r"no such host|Could not resolve host|Temporary failure in name|Network is unreachable",
        _network,
    ),
    rule(r"exec format error", _say(_FORMAT)),
    rule(r"port is already allocated|[Aa]ddress already in use", _port),
    rule(
        r"unexpected EOF while looking for matching|unterminated (?:string|quoted)|"
        r"Invalid or unexpected token",
        _quotes,
    ),
    rule(r"(?P<name>\w+): unbound variable", _no_variable),
    rule(
        r"sudo: (?:command )?not found|must be (?:run as )?root|are you root",
        _say("There is no root here and no sudo; nothing can be installed."),
    ),
    rule(
        r"(?:buildx|docker-compose|helm|podman): (?:command )?not found",
        _commands_with(" build ", "set image"),
    ),
)


def hints(failure: Failure) -> tuple[str, ...]:
    """The lines to say about a failed script, without repetition."""
    found = [
        hint
        for line in failure.output.splitlines()
        for item in RULES
        if (match := item.pattern.search(line)) and (hint := item.line(match, failure))
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
    return _from(right, _with_own_programs(text, commands)) if right and count else ""


def _from(line: str, code: str) -> str:
    """A list of commands from one on: those before it have run, and lead to the same slip again."""
    before, found, _ = code.partition(line)
    plain = all(_COMMAND.match(it) for it in before.splitlines() if it.strip())
    return code.removeprefix(before) if found and plain else code


def _with_own_programs(code: str, commands: Collection[str]) -> str:
    """Code in which known lines with the other program's name have their own."""
    for line in commands:
        for own, other in (("kubectl ", "docker "), ("docker ", "kubectl ")):
            if line.startswith(own):
                wrong = re.escape(other + line.removeprefix(own))
                code = re.sub(rf"(?m)^{wrong}$", lambda match: line, code)  # noqa: B023
    return code


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
