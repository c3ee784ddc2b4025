"""What a good colleague would say about a failed command: the line that puts it right.

A small model ignores advice in prose and uses an exact line. So each rule turns words of the output
into a command or a replacement, with the real names, and stays silent when it does not know them.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent.facts import Facts


@dataclass(frozen=True)
class Rule:
    """One kind of failure.

    Attributes:
        pattern: what the output says; searched line by line.
        line: the hint for a match, or empty.
    """

    pattern: re.Pattern[str]
    line: Callable[[re.Match[str], Facts], str]


def _closest_file(match: re.Match[str], facts: Facts) -> str:
    wanted = match.group("path").strip("\"'").lstrip("/")
    names = {PurePosixPath(path).name: path for path in facts.files}
    close = difflib.get_close_matches(PurePosixPath(wanted).name, names, n=1, cutoff=0.5)
    if not close or wanted in facts.files:
        return ""
    return (
        f"The Dockerfile copies {wanted}, which does not exist. "
        f"First run: sed -i 's#{wanted}#{names[close[0]]}#g' Dockerfile"
    )


def _commands_with(word: str) -> Callable[[re.Match[str], Facts], str]:
    def hint(match: re.Match[str], facts: Facts) -> str:
        lines = [line for line in facts.commands if word in line]
        return f"Run exactly: {lines[0]}" if lines else ""

    return hint


RULES: tuple[Rule, ...] = (
    Rule(
        re.compile(r"(?:COPY|ADD) failed: file not found in build context.*?stat (?P<path>\S+?):"),
        _closest_file,
    ),
    Rule(re.compile(r'failed to calculate checksum.*"/(?P<path>[^"]+)": not found'), _closest_file),
    Rule(re.compile(r"An image does not exist locally with the tag"), _commands_with(" build ")),
    Rule(re.compile(r"unable to find container named"), _commands_with("set image")),
    Rule(re.compile(r"deployments\.apps .* not found"), _commands_with("set image")),
    Rule(
        re.compile(r"unable to prepare context|Dockerfile.*no such file"), _commands_with("build")
    ),
)


def hints(output: str, facts: Facts) -> tuple[str, ...]:
    """The lines to say about this output, without repetition."""
    found: list[str] = []
    for line in output.splitlines():
        for rule in RULES:
            match = rule.pattern.search(line)
            hint = rule.line(match, facts) if match else ""
            if hint and hint not in found:
                found.append(hint)
    return tuple(found)


def shorten(output: str, *, most: int = 2400) -> str:
    """Command output cut to what matters: no layer progress, no blank lines, the end kept."""
    lines = [line for line in output.splitlines() if line.strip() and not _NOISE.search(line)]
    kept: list[str] = []
    size = 0
    for line in reversed(lines):
        size += len(line) + 1
        if size > most:
            kept.append("[earlier lines left out]")
            break
        kept.append(line)
    return "\n".join(reversed(kept))


_NOISE = re.compile(
    r"^(?:[0-9a-f]{12}: (?:Preparing|Waiting|Pushed|Pushing|Layer already exists|Pulling|"
    r"Download|Verifying|Extracting|Pull complete)| ---> |Removing intermediate container|"
    r"Sending build context|DEPRECATED: The legacy builder|\s+BuildKit is|\s+Install the buildx|"
    r"\s+environment-variable|Waiting for deployment )"
)


def repeated(scripts: Sequence[str]) -> bool:
    """Whether the last script stands again, word for word, among the earlier ones."""
    return len(scripts) > 1 and scripts[-1].split() in [item.split() for item in scripts[:-1]]
