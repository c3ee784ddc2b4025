"""What GitHub's runner does with a step's output: workflow commands, masks, annotations.

Follows actions/runner v2.336.0: `ActionCommand.cs` (parsing), `ActionCommandManager.cs` (which
commands there are, stop-commands) and `SecretMasker.cs`, as far as an action can notice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

_LEVELS = ("error", "warning", "notice")
# Refused on stdout since 2020 (ACTIONS_ALLOW_UNSECURE_COMMANDS); the step fails.
_INSECURE = ("set-env", "add-path")
_KNOWN = (
    *_LEVELS,
    *_INSECURE,
    "add-mask",
    "add-matcher",
    "debug",
    "echo",
    "endgroup",
    "group",
    "remove-matcher",
    "save-state",
    "set-output",
    "stop-commands",
)
_MASK = "***"


@dataclass(frozen=True)
class Annotation:
    """One error, warning or notice that GitHub shows beside the run."""

    level: str
    message: str
    title: str = ""


@dataclass(frozen=True)
class Command:
    """One parsed workflow command."""

    name: str
    properties: dict[str, str]
    data: str


def parse_command(line: str, known: Iterable[str] = _KNOWN) -> Command | None:
    """Read `::name key=value::data` or the older `##[name key=value]data`, else None.

    The older form counts anywhere in a line, the newer one only at its start.
    """
    names = {name.lower() for name in known}
    text = line.strip()
    if text.startswith("::"):
        info, mark, data = text[2:].partition("::")
        if mark:
            command = _command(info, data, ",", names, _V2_DATA, _V2_PROPERTY)
            if command:
                return command
    _, mark, rest = line.partition("##[")
    info, close, data = rest.partition("]")
    if mark and close:
        return _command(info, data, ";", names, _V1, _V1)
    return None


_V2_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_V2_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_V1 = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))
_Escapes = tuple[tuple[str, str], ...]


def _command(
    info: str, data: str, separator: str, names: set[str], in_data: _Escapes, in_value: _Escapes
) -> Command | None:
    name, _, rest = info.partition(" ")
    if name.lower() not in names:
        return None
    pairs = (part.partition("=") for part in rest.strip().split(separator))
    properties = {key.strip(): _unescape(value, in_value) for key, mark, value in pairs if mark}
    return Command(name, properties, _unescape(data, in_data))


def _unescape(text: str, escapes: _Escapes) -> str:
    for code, character in escapes:
        text = text.replace(code, character)
    return text


@dataclass
class OutputManager:
    """Takes a step's output line by line; keeps the log as GitHub would show it.

    Attributes:
        log: the lines shown, masked.
        annotations: errors, warnings and notices, masked.
        outputs: what the old `::set-output` set.
        failures: commands that GitHub refuses and that fail the step.
    """

    log: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _masks: list[str] = field(default_factory=list)
    _stop_token: str = ""

    def mask(self, value: str) -> None:
        """Hide a value, and each of its lines, in everything that comes from now on."""
        parts = {value, *value.splitlines()}
        self._masks += [part for part in parts if part.strip()]
        self._masks.sort(key=len, reverse=True)

    def feed(self, line: str) -> str | None:
        """Process one line; return what the log shows for it, or None if it shows nothing."""
        shown = self._process(line)
        if shown is None:
            return None
        shown = self.masked(shown)
        self.log.append(shown)
        return shown

    def masked(self, text: str) -> str:
        """The text without any masked value."""
        for value in self._masks:
            text = text.replace(value, _MASK)
        return text

    def _process(self, line: str) -> str | None:
        if self._stop_token:
            if parse_command(line, (self._stop_token,)):
                self._stop_token = ""
            return line
        command = parse_command(line)
        return line if command is None else self._obey(command, line)

    def _obey(self, command: Command, line: str) -> str | None:
        name = command.name.lower()
        if name == "stop-commands":
            if not command.data or command.data.lower() in (*_KNOWN, "pause-logging"):
                self.failures.append(f"invalid stop-commands token {command.data!r}")
            self._stop_token = command.data
            return line
        if name == "add-mask":
            self.mask(command.data)
            return "::add-mask::***"
        if name in _LEVELS:
            title = command.properties.get("title", "")
            annotation = Annotation(name, self.masked(command.data), self.masked(title))
            self.annotations.append(annotation)
            return f"##[{name}]{command.data}"
        if name in _INSECURE:
            self.failures.append(f"`{name}` is disabled; use the file command")
            return line
        if name == "set-output":
            self.outputs[command.properties.get("name", "")] = command.data
            return None
        if name == "group":
            return f"##[group]{command.data}"
        if name == "endgroup":
            return "##[endgroup]"
        return None
