"""A Dockerfile for a folder that has none, as a shell command that writes it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import kinds, settings
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.copies import APP, Copies, works_in
from oi_deploy.agent.dockerfile.files import Dockerfile, inside, is_dockerfile, is_plain
from oi_deploy.agent.dockerfile.found import is_notes
from oi_deploy.agent.dockerfile.image import lacks
from oi_deploy.agent.dockerfile.kinds import Kind
from oi_deploy.agent.dockerfile.reads import is_test
from oi_deploy.agent.dockerfile.starts import Health
from oi_deploy.agent.dockerfile.wishes import Wishes

_WRITES = re.compile(
    r"\.mkdir\(|\bmakedirs\(|\.write_(?:text|bytes)\(|\bopen\([^()\n]*['\"][wax]b?\+?['\"]"
    r"|\b(?:writeFile|appendFile|mkdir|createWriteStream)(?:Sync)?\(|sqlite3\.connect\("
)
# It stands for a double quote, which no line has, until the file is written.
_QUOTE = "~"
_QUOTES = (
    "python3 -c 'import pathlib, sys; file = pathlib.Path(sys.argv[1]); "
    "file.write_text(file.read_text().replace(chr(126), chr(34)))'"
)


def command(
    paths: Sequence[str],
    images: Sequence[str],
    *,
    folder: str = ".",
    wanted: Wishes = Wishes(),  # noqa: B008 - it is frozen
    texts: Mapping[str, str] | None = None,
) -> str:
    """A shell command that writes a fitting Dockerfile, or empty if none of ours fits.

    Args:
        paths: of the folder's files.
        images: references that the engine has.
        folder: where the Dockerfile is to be.
        wanted: what the prompt says of it.
        texts: what is known of the content of files.
    """
    names = tuple(path for path in paths if is_plain(path) and not is_dockerfile(path))
    found = _Folder(names, images, wanted, texts or {})
    lines = found.lines()
    body = "\n".join(lines)
    path = inside(folder, "Dockerfile")
    quotes = f"\n{_QUOTES} {path}" if _QUOTE in body else ""
    return f"cat > {path} <<'EOF'\n{body}\nEOF{quotes}" if lines else ""


@dataclass(frozen=True)
class _Folder:
    """What a Dockerfile is written for.

    Attributes:
        names: of its files.
        images: references that the engine has.
        wanted: what the prompt says.
        texts: the content of some files.
    """

    names: tuple[str, ...]
    images: Sequence[str]
    wanted: Wishes
    texts: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The lines of its Dockerfile; none if it is not known how it starts."""
        kind = kinds.kind(self.names, self.wanted, self.texts)
        if kind is None:
            return []
        ways = [self._around(kind, copies) for copies in self._copies.ways(kind)]
        return next((lines for lines in ways if not self._lacks(lines)), ways[-1])

    @property
    def _copies(self) -> Copies:
        return Copies(self.names, self.wanted, self.texts)

    def _around(self, kind: Kind, copies: Iterable[str]) -> list[str]:
        """All lines, with some that bring the files."""
        app = self.wanted.workdir or APP
        base = self._image(kind.base, self.wanted.bases)
        workdir = [] if kind.pages else [f"WORKDIR {app}"]
        below = [f"WORKDIR {app}/{kind.below}"] if kind.below != "." else []
        return [
            *self._first_stage(kind, app),
            f"FROM {base}",
            *workdir,
            *copies,
            *self._copies.placed(),
            *([f"RUN {self.wanted.makes}"] if self.wanted.makes else []),
            *below,
            *self._variables(kind, app),
            *self._end(kind),
        ]

    def _lacks(self, lines: Iterable[str]) -> bool:
        """Whether something surely is not there that is needed."""
        there = {*self.names, *named.folders(self.names)}
        context = Context(self.names, lambda path: path in there or path == ".", self.texts)
        return bool(lacks(Dockerfile("Dockerfile", "\n".join(lines) + "\n"), context))

    def _image(self, repository: str, bases: Sequence[str]) -> str:
        """The one that the prompt names, the usual one, or one that the engine already has."""
        tags = kinds.table()["tags"]
        same = [base for base in bases if kinds.repository_of(base) == repository]
        strange = [base for base in bases if kinds.repository_of(base) not in tags]
        if same or strange:
            return (same or strange)[0]
        usual = f"{repository}:{tags[repository]}"
        here = sorted(image for image in self.images if image.startswith(f"{repository}:"))
        return usual if usual in here or not here else here[-1]

    def _first_stage(self, kind: Kind, app: str) -> Iterator[str]:
        """The stage that makes or proves something, in the image of its program."""
        wanted = self.wanted.stages
        if wanted is None:
            return
        bases = self.wanted.first_bases
        known = kinds.repository_of(bases[0]) if bases else kind.base
        program = kinds.table()["programs"].get(wanted.command.split()[0], known)
        yield f"FROM {self._image(program, bases)} AS {wanted.name}"
        yield f"WORKDIR {works_in(wanted, app)}"
        yield "COPY . ."
        if program == "node":
            yield from self._copies.installs(program)
        yield f"RUN {wanted.command}"

    def _variables(self, kind: Kind, app: str) -> Iterator[str]:
        said = {**dict(kind.variables), **dict(self.wanted.variables)}
        # A command that names its port or address decides that itself.
        own = settings.needed(self.texts, self._port, {*said, *self.wanted.given})
        if kind.pages or re.search(r"--(?:port|host|bind|listen)\b", kind.start):
            own = {}
        notes = "\n".join(text for path, text in self.texts.items() if is_notes(path))
        there = {*self.names, *named.folders(self.names)}
        own |= settings.required(self.texts, notes, there, {*said, *self.wanted.given})
        for name, value in {**own, **said}.items():
            yield f"ENV {name}={self._copies.place(value, kind, app)}"

    def _end(self, kind: Kind) -> Iterator[str]:
        """Ports, the user and the command; a server of pages has its own."""
        yield from (f"LABEL {name}={_QUOTE}{it}{_QUOTE}" for name, it in self.wanted.labels)
        yield from (f"EXPOSE {port}" for port in self.wanted.ports)
        user = self.wanted.user
        if user:
            yield from user.lines(kind.base)
        if user and kind.pages:
            # What it writes to belongs to root.
            places = "/var/cache/nginx /var/lib/nginx /var/log/nginx"
            yield f"RUN mkdir -p {places} && chown -R {user.itself} {places} /run"
        places = " ".join(user.owns) if user else ""
        if user and kind.start and not places and self._writes():
            yield f"RUN chown -R {user.itself} {self.wanted.workdir or APP}"
        if user:
            yield f"USER {user.itself}"
        if (health := self.wanted.health) and (asks := self._asks(health, kind.base)):
            yield f"HEALTHCHECK {health.options}CMD {asks}"
        if self.wanted.entry:
            yield f"ENTRYPOINT {_list(self.wanted.entry)}"
            if self.wanted.defaults:
                yield f"CMD {_list(self.wanted.defaults)}"
        elif kind.start:
            yield f"CMD exec {self._start(kind)}"

    def _start(self, kind: Kind) -> str:
        """What starts it, with the options that let it be reached."""
        program = next((it for it in kinds.files_of(kind.start) if it in self.names), "")
        known = self._port and "PORT" not in self.wanted.given
        start = kind.start.replace("$PORT", self._port if known else "${PORT:-8080}")
        return settings.options(self.texts.get(program, ""), self._port, start)

    @property
    def _port(self) -> str:
        """Where it is to be reached: what the prompt says comes first."""
        return next(iter(self.wanted.ports), "") or self.wanted.port

    def _writes(self) -> bool:
        """Whether a program keeps something beside itself, or where it is started."""
        return any(
            path.endswith((".py", ".js", ".mjs", ".cjs")) and _WRITES.search(text)
            for path, text in self.texts.items()
            if not is_test(path)
        )

    def _asks(self, health: Health, base: str) -> str:
        """The command of a health check; empty if it is not known how to ask."""
        form: str = kinds.table()["health"].get(base, "")
        port = next(iter(self.wanted.ports), "80" if base == "nginx" else "")
        return health.command or (form.format(port=port, path=health.place) if port else "")


def _list(words: Iterable[str]) -> str:
    """A list as ENTRYPOINT has it."""
    return f"[{', '.join(f'{_QUOTE}{word}{_QUOTE}' for word in words)}]"
