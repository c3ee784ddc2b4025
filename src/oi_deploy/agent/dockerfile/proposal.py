"""A Dockerfile for a folder that has none, as a shell command that writes it."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from oi_deploy.agent import named
from oi_deploy.agent.dockerfile import kinds, settings
from oi_deploy.agent.dockerfile.context import Context
from oi_deploy.agent.dockerfile.files import Dockerfile, inside, is_dockerfile, is_plain
from oi_deploy.agent.dockerfile.found import is_notes
from oi_deploy.agent.dockerfile.image import lacks
from oi_deploy.agent.dockerfile.kinds import PAGES, Kind
from oi_deploy.agent.dockerfile.reads import is_test
from oi_deploy.agent.dockerfile.stages import Stages
from oi_deploy.agent.dockerfile.starts import Health
from oi_deploy.agent.dockerfile.wishes import Wishes

_APP = "/app"
_WRITES = re.compile(
    r"\.mkdir\(|\bmakedirs\(|\.write_(?:text|bytes)\(|\bopen\([^()\n]*['\"][wax]b?\+?['\"]"
    r"|\b(?:writeFile|appendFile|mkdir|createWriteStream)(?:Sync)?\(|sqlite3\.connect\("
)
# Scripts that an installation runs.
_HOOKS = ("preinstall", "install", "postinstall", "prepare")
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
        ways = [self._around(kind, copies) for copies in self._ways(kind)]
        return next((lines for lines in ways if not self._lacks(lines)), ways[-1])

    def _around(self, kind: Kind, copies: Iterable[str]) -> list[str]:
        """All lines, with some that bring the files."""
        app = self.wanted.workdir or _APP
        base = self._image(kind.base, self.wanted.bases)
        workdir = [] if kind.pages else [f"WORKDIR {app}"]
        below = [f"WORKDIR {app}/{kind.below}"] if kind.below != "." else []
        return [
            *self._first_stage(kind, app),
            f"FROM {base}",
            *workdir,
            *copies,
            *self._placed(kind),
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
        yield f"WORKDIR {_root(wanted, app)}"
        yield "COPY . ."
        if program == "node":
            yield from self._install(program)
        yield f"RUN {wanted.command}"

    def _ways(self, kind: Kind) -> Iterator[list[str]]:
        """Lines that bring the files, the most exact first."""
        stages = self.wanted.stages
        if stages is not None and not stages.proves:
            yield from self._from_two(kind, stages)
            return
        source = f"--from={stages.name} {self.wanted.workdir or _APP}/" if stages else ""
        if kind.start:
            yield from self._some(kind, source)
        yield [*self._every(kind, source), *self._shown(kind), *self._install(kind.base)]

    def _from_two(self, kind: Kind, stages: Stages) -> Iterator[list[str]]:
        """What the first stage makes, and some of the repository."""
        wanted, to = self.wanted, f"{self._pages}/" if kind.pages else "./"
        known = dict.fromkeys(it for it in (*wanted.only, *wanted.listed) if self._has(it))
        own = [path for path in known if path not in stages.taken]
        first = [path for path in kinds.files_of(kind.start) if path in self.names][:1]
        # A folder that is filled may have it, too.
        beside = [path for path in own if path not in first]
        if not first or (not beside and any(path.endswith("/") for path in stages.made)):
            yield [*self._made(kind, stages), *self._each(beside if first else own, to)]
        # Beside the program, a folder keeps its name.
        made = list(self._made(kind, stages, whole=True))
        if kind.start:
            there = {*(path for path, _ in wanted.placed), *stages.taken}
            more = [
                path
                for path in first
                if path not in there and not any(_is_in(path, it) for it in own)
            ]
            yield [*made, *self._each(dict.fromkeys([*own, *more]), to)]
            yield [*made, *self._each(self._all_but(wanted.left_out, "."), to)]

    def _some(self, kind: Kind, source: str) -> Iterator[list[str]]:
        """What the prompt names, if the program that is started is among it."""
        wanted = self.wanted
        placed = [path for path, _ in wanted.placed]
        for names in (dict.fromkeys((*wanted.only, *wanted.listed)), wanted.only):
            paths = [path for path in names if self._has(path)]
            if paths and self._starts_with(kind.start, [*paths, *placed]):
                yield [*self._each(paths, "./", source=source), *self._install(kind.base)]
        if placed and self._starts_with(kind.start, placed):
            yield []

    @property
    def _pages(self) -> str:
        """The folder that the server shows: its own, or the one that its settings name."""
        own = [self.texts.get(path, "") for path, to in self.wanted.placed if "/etc/nginx" in to]
        roots = set(re.findall(r"(?m)^\s*root\s+(/[\w./-]*\w)/?\s*;", "\n".join(own)))
        return next(iter(roots)) if len(roots) == 1 else PAGES

    def _every(self, kind: Kind, source: str) -> Iterator[str]:
        """All that is there, but what is not wanted."""
        to, top = f"{self._pages}/" if kind.pages else "./", kind.pages or "."
        if kind.pages and any(
            place.startswith(self._pages) or path == top for path, place in self.wanted.placed
        ):
            return
        if top == "." and "index.html" in self.wanted.listed and kind.pages:
            yield from self._each([it for it in self.wanted.listed if self._has(it)], to)
            return
        left_out = [path for path in self.wanted.left_out if not _is_in(top, path)]
        prefix = "" if top == "." else f"{top}/"
        # A server shows all that is in its folder: what begins with a dot is not for it.
        if kind.pages != "." and not any(path.startswith(prefix) for path in left_out):
            yield f"COPY {source}{prefix or '.'} {to if prefix else '.'}".replace("/. ", "/ ")
        else:
            yield from self._each(self._all_but(left_out, top), to, prefix, source)

    def _made(self, kind: Kind, stages: Stages, *, whole: bool = False) -> Iterator[str]:
        """What comes from the first stage, unless it has a place of its own.

        Args:
            kind: of the project.
            stages: what they do.
            whole: whether folders come with their names.
        """
        root = _root(stages, self.wanted.workdir or _APP)
        placed = {path for path, _ in self.wanted.placed}
        for path in stages.made:
            if path.rstrip("/") in placed:
                continue
            named_whole = f" {path}" in f" {kind.start}"
            kept = f"./{path}" if whole or named_whole else "./"
            if not path.endswith("/"):
                # It is started where it lies, or beside it.
                alone = not named_whole and f" {PurePosixPath(path).name}" in f" {kind.start}"
                above = "" if alone else path.rpartition("/")[0]
                kept = f"./{above}/".replace("//", "/")
            to = f"{self._pages}/" if kind.pages else kept
            yield f"COPY --from={stages.name} {root}/{path} {to}"
        taken = [path for path in stages.taken if path not in placed and self._has(path)]
        yield from self._each(taken, "./", source=f"--from={stages.name} {root}/")

    def _has(self, path: str) -> bool:
        return path in self.names or bool(self._inner(path))

    def _shown(self, kind: Kind) -> Iterator[str]:
        """Files beside the folder of pages that are to be shown with them."""
        if kind.pages not in ("", "."):
            beside = (it for it in self.wanted.shown if it in self.names and "/" not in it)
            yield from (f"COPY {path} {self._pages}/" for path in beside)

    def _inner(self, folder: str) -> list[str]:
        return [path for path in self.names if path.startswith(f"{folder}/")]

    def _starts_with(self, start: str, only: Collection[str]) -> bool:
        """Whether the file that a command starts, if it is one of ours, is among some."""
        needed = [path for path in kinds.files_of(start) if path in self.names]
        ends = [it for path in kinds.files_of(start) for it in only if it.endswith(f"/{path}")]
        return bool(ends) or all(any(_is_in(path, it) for it in only) for path in needed[:1])

    def _all_but(self, left_out: Collection[str], folder: str) -> Iterator[str]:
        """The fewest files and folders that together have all but those."""
        prefix = "" if folder == "." else f"{folder}/"
        inner = (path.removeprefix(prefix) for path in self.names if path.startswith(prefix))
        for name in dict.fromkeys(path.partition("/")[0] for path in inner):
            path = f"{prefix}{name}"
            if name.startswith(".") or path in left_out:
                continue
            if any(it.startswith(f"{path}/") for it in left_out):
                yield from self._all_but(left_out, path)
            else:
                yield path

    def _each(
        self, paths: Iterable[str], to: str, prefix: str = "", source: str = ""
    ) -> Iterator[str]:
        """A COPY for all files that stay in the same folder, and one for each folder."""
        flag, _, root = source.rpartition(" ")
        flag += " " if flag else ""
        every = list(paths)
        single = [path for path in every if path in self.names]
        for place in dict.fromkeys(path.removeprefix(prefix).rpartition("/")[0] for path in single):
            same = [path for path in single
                    if path.removeprefix(prefix).rpartition("/")[0] == place]  # fmt: skip
            names = " ".join(f"{root}{path}" for path in same)
            yield f"COPY {flag}{names} {f'{to}{place}/' if place else to}"
        for path in every:
            if path not in self.names:
                yield f"COPY {flag}{root}{path}/ {to}{path.removeprefix(prefix)}/"

    def _install(self, base: str) -> Iterator[str]:
        for item in kinds.table()["installs"] if self.wanted.installs else ():
            if (
                item["base"] == base
                and item["file"] in self.names
                and self._has_needs(item["file"])
            ):
                yield f"RUN {item['run']}"

    def _has_needs(self, file: str) -> bool:
        """Whether there is anything to install that the repository does not have already."""
        if file == "requirements.txt" and file in self.texts:
            return re.search(r"(?m)^\s*[^#\s]", self.texts[file]) is not None
        if file != "package.json":
            return True
        if any(path.startswith("node_modules/") for path in self.names):
            return False
        try:
            content, _ = json.JSONDecoder().raw_decode(self.texts.get(file, "").lstrip())
        except (ValueError, RecursionError):
            return True
        if not isinstance(content, dict):
            return True
        scripts = content.get("scripts")
        return any(
            content.get(key) for key in ("dependencies", "optionalDependencies", "workspaces")
        ) or (isinstance(scripts, dict) and any(name in scripts for name in _HOOKS))

    def _placed(self, kind: Kind) -> Iterator[str]:
        stages = self.wanted.stages
        root = f"{_root(stages, self.wanted.workdir or _APP)}/" if stages else ""
        for path, place in self.wanted.placed:
            made = next((it for it in stages.made if it.rstrip("/") == path), "") if stages else ""
            if stages and (made or path in stages.taken):
                yield f"COPY --from={stages.name} {root}{made or path} {place}/"
            elif path not in self.names:
                yield f"COPY {path}/ {self._inside(path, place)}/"
            else:
                yield f"COPY {path} {place if _is_file(place, path) else f'{place}/'}"

    def _inside(self, folder: str, place: str) -> str:
        """Where a folder comes to: a package keeps its name, of another one the content counts."""
        name = folder.rpartition("/")[2]
        package = {f"{folder}/__init__.py", f"{folder}/__main__.py"} & set(self.names)
        return f"{place}/{name}" if package and place.rpartition("/")[2] != name else place

    def _variables(self, kind: Kind, app: str) -> Iterator[str]:
        said = {**dict(kind.variables), **dict(self.wanted.variables)}
        port = next(iter(self.wanted.ports), "") or self.wanted.port
        # A command that names its port or address decides that itself.
        own = settings.needed(self.texts, port, {*said, *self.wanted.given})
        if kind.pages or re.search(r"--(?:port|host|bind|listen)\b", kind.start):
            own = {}
        notes = "\n".join(text for path, text in self.texts.items() if is_notes(path))
        there = {*self.names, *named.folders(self.names)}
        own |= settings.required(self.texts, notes, there, {*said, *self.wanted.given})
        for name, value in {**own, **said}.items():
            yield f"ENV {name}={self._place(value, kind, app)}"

    def _place(self, value: str, kind: Kind, app: str) -> str:
        """A value; for a file of the repository, its path in the image."""
        path = value.removeprefix("file:")
        if path == value:
            return value
        for source, place in self.wanted.placed:
            if path == source:
                own = source in self.names and not _is_file(place, source)
                return f"{place}/{PurePosixPath(path).name}" if own else place
            if path.startswith(f"{source}/"):
                return f"{place}/{path.removeprefix(f'{source}/')}"
        return f"{self._pages if kind.pages else app}/{path}".removesuffix("/.")

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
            yield f"RUN chown -R {user.itself} {self.wanted.workdir or _APP}"
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
        port = next(iter(self.wanted.ports), "") or self.wanted.port
        return settings.options(self.texts.get(program, ""), port, kind.start)

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


def _root(stages: Stages, app: str) -> str:
    """Where the first stage works: what the image takes lies as it does there."""
    return app if stages.taken or stages.proves else "/src"


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/")


def _is_file(place: str, path: str) -> bool:
    """Whether a place is that of a file, and not of the folder that it comes into."""
    return (
        PurePosixPath(place).suffix != ""
        and PurePosixPath(place).suffix == PurePosixPath(path).suffix
    )
