"""What a prompt says of a Dockerfile that is to be written: its base image, its start, and so on.

What it says without a value, or only denies, is left out: the Dockerfile is written without it.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from oi_deploy.agent import intents
from oi_deploy.agent.dockerfile import environment, settings, spoken, starts, users, wished_files
from oi_deploy.agent.dockerfile import stages as two_stages
from oi_deploy.agent.dockerfile.found import is_notes
from oi_deploy.agent.dockerfile.stages import Stages
from oi_deploy.agent.dockerfile.starts import Health
from oi_deploy.agent.dockerfile.users import User
from oi_deploy.agent.situation import Situation

_ZH = "\u4e00-\u9fff"
_REFERENCE = r"[a-z0-9][a-z0-9.-]*(?::\d+(?=/))?(?:/[a-z0-9._-]+)*:[A-Za-z0-9_][\w.-]*"
_BASE = re.compile(
    rf"(?:\bbase(?: image)?|基础镜像|\bFROM\b|\bbased on|\bon top of|基于)"
    rf"[^,。;\n/]{{0,16}}?[`\s]?(?P<base>{_REFERENCE})",
    re.ASCII,
)
_OFFICIAL = "python|node|nginx|busybox|golang|alpine|debian|ubuntu|httpd|caddy|ruby|php|rust"
_STARTS = re.compile(
    r"\b(?:start|run(?!time)|launch|entry|command|cmd\b|boot|serv(?:e|ing)\b)|启动|运行|入口|命令|执行",
    intents.FLAGS,
)
_ENTRY = re.compile(
    r"\b(?:entry|start|launch|main (?:file|script|program|module))|入口|启动|主程序", intents.FLAGS
)
_PORT = re.compile(
    r"\b(?:expos\w*|listen\w*)(?:\s+(?:on|to|at|the|its|port|tcp))*\s+`?(\d{2,5})\b(?!\.?\d)"
    r"|(?:暴露|监听|开放|端口)\s*(?:端口)?\s*(?:是|为|用|:)?\s*`?(\d{2,5})(?!\.?\d)"
    # Not that of something else.
    r"|(?<!on )(?<!from )(?<!-)\bport (?:is )?`?(\d{2,5})\b(?!\s*(?:of|in)\b)"
    r"|\bon port `?(\d{2,5})\b"
    r"|(?<![\d.:])(\d{2,5})\s*(?:[两三]个)?端口"
    r"|(?:^|[,;]\s*)(8\d{3}|[35]000)(?=\s*[.,;]|$)",
    intents.FLAGS,
)
_EXPOSES = re.compile(r"\bexpos|暴露|开放", intents.FLAGS)
_WORKDIR = re.compile(
    r"(?:\bWORKDIR|\bwork(?:ing)? ?(?:dir(?:ectory)?|folder)|工作目录)\s*"
    r"(?:is|of|at|to|in|must be|should be|=|:|为|是|设为|设成|设置为|用|放在|在)?\s*`?(/[\w./-]*\w)"
    r"|(/[\w./-]*\w)`?(?:,? which is (?:also )?| (?:is|as) |[,(]? ?(?:也)?(?:就)?(?:是|作为|为))"
    r"(?:the |its |our )?(?:work(?:ing)? ?(?:dir|folder)|工作目录)",
    intents.FLAGS,
)
_NOTES = re.compile(
    r"\b(?:see|per|follow\w*|according|look|read|in|as)\b[^.;]{0,24}"
    r"(?:\breadme|\bmakefile|[\w-]+\.(?:md|rst|adoc)\b)"
    r"|\breadme(?:\.md)? (?:says?|explains?|tells?|has|describes?|shows?)"
    r"|(?:参考|参?照|按照?|见|看|根据|依据?)[^,。;]{0,8}(?:readme|makefile|文档|说明)",
    intents.FLAGS,
)
_SITE = re.compile(
    r"\bnginx\b|\bstatic (?:web ?)?(?:site|pages?|files)\b|静态(?:网站|站点|网页|页面|文件)",
    intents.FLAGS,
)


@dataclass(frozen=True)
class Wishes:
    """What the prompt says; empty where it says nothing.

    Attributes:
        bases: images that may be the base.
        first_bases: those that may be the first stage's.
        start: the command that starts it.
        program: the file that starts it.
        variables: names and values; a value that is a file of the repository and is wanted as a
            path begins with `file:`.
        placed: files and folders of the repository, each with its place in the image.
        left_out: files and folders that the image must not have.
        only: files and folders, if it must not have anything else.
        listed: files and folders that it is to have, where it is not said that there is no more.
        user: the user that it runs as.
        ports: those that it says it listens on.
        workdir: the working folder.
        pages: the folder that is a site.
        shown: what a server of pages is to show, too.
        site: whether it speaks of a static site.
        notes: whether it points to what a README says.
        named: the files and folders that it names.
        health: how it is seen whether it is well.
        labels: names and values.
        entry: the words of ENTRYPOINT, if it is to have one.
        defaults: what ENTRYPOINT gets where nothing else is said.
        port: the one that the Deployment's container is reached at; empty if that is not known.
        given: the names of the variables that the Deployment sets.
        installs: whether packages may be installed.
        stages: what two stages do.
        makes: what the only stage runs while it is built.
        no_npm: whether a program is to be started without it.
        called: names of the Deployment, of its image and containers, that it speaks of.
    """

    bases: tuple[str, ...] = ()
    first_bases: tuple[str, ...] = ()
    start: str = ""
    program: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    placed: tuple[tuple[str, str], ...] = ()
    left_out: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    user: User | None = None
    ports: tuple[str, ...] = ()
    workdir: str = ""
    pages: str = ""
    shown: tuple[str, ...] = ()
    site: bool = False
    notes: bool = False
    named: tuple[str, ...] = ()
    stages: Stages | None = None
    health: Health | None = None
    labels: tuple[tuple[str, str], ...] = ()
    entry: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    port: str = ""
    given: tuple[str, ...] = ()
    installs: bool = True
    makes: str = ""
    no_npm: bool = False
    called: tuple[str, ...] = ()


def read(world: Situation, paths: Collection[str], texts: Mapping[str, str]) -> Wishes:
    """The wishes of a prompt.

    Args:
        world: what is known.
        paths: files and folders that it may name: those of the folder that is to be built.
        texts: of files there.
    """
    stages = stages_of(world, paths, texts)
    # What the final image is.
    text = stages.second if stages else world.ask.text
    used = {stages.command} if stages else set()
    start = _start(text, used) or _start_with(text, stages)
    entry, defaults = starts.entry(text, paths)
    start = " ".join((*entry, *defaults)) if entry else start
    program = "" if start else _program(world, text, used)
    left_out = tuple(wished_files.left_out(text, paths))
    made = (it.rstrip("/") for it in stages.made) if stages else ()
    placed = tuple(wished_files.placed(text, {*paths, *made}, left_out))
    only = tuple(wished_files.only(text, paths, left_out, of_image=stages is not None))
    if not only:
        others = {*left_out, *dict(placed)}
        placed = (*placed, *wished_files.read_at(text, paths, texts, others))
    own = any(place.startswith("/etc/nginx") for _, place in placed)
    if _SITE.search(text) and not own:
        others = {*left_out, *dict(placed)}
        placed = (*placed, *wished_files.site_settings(text, paths, texts, others))
    workdir = _WORKDIR.search(text)
    variables = environment.read(text, paths)
    module = re.search(r"-m (\w+)", start)
    files = re.findall(r"[\w./-]+\.\w+", start)
    begin = program or (module[1] if module else next(iter(files), ""))
    beside = next((place for path, place in placed if path == begin and "." not in place[-4:]), "")
    port, given = settings.reached_at(world)
    return Wishes(
        port=port,
        given=given,
        installs=_NO_PACKAGES.search(text) is None or "npm ci" in text,
        bases=tuple(dict.fromkeys(_bases(world, text))),
        first_bases=tuple(dict.fromkeys(_bases(world, stages.first if stages else ""))),
        start=start,
        entry=entry,
        defaults=defaults,
        program=program,
        variables=tuple(variables.items()),
        placed=placed,
        left_out=left_out,
        only=only,
        listed=tuple(it for it in wished_files.listed(text, paths, left_out) if not is_notes(it)),
        user=users.read(text),
        ports=_ports(text, start, variables),
        workdir=(workdir[1] or workdir[2]) if workdir else beside,
        pages=next((it for it in _folders(text, paths) if f"{it}/index.html" in paths), ""),
        shown=tuple(it for it in wished_files.shown(text, paths) if it not in left_out),
        site=_SITE.search(text) is not None,
        notes=_NOTES.search(text) is not None,
        named=tuple(path for path, _ in wished_files.named_in(text, paths)),
        stages=stages,
        no_npm=_NO_NPM.search(text) is not None,
        called=tuple(_called(world)),
        makes="" if stages else spoken.makes(text, start, paths, texts),
        health=starts.health(text),
        labels=tuple(starts.labels(text)),
    )


_NO_NPM = re.compile(
    r"\b(?:way|like|as|what) `?npm start`? (?:does|would|runs?)\b"
    r"|(?<!not )(?<!n't )\bnode directly\b|\bdirectly (?:with|by) node\b"
    r"|直接(?:用|调用|以|运行)?\s*node"
    r"|(?:\b(?:not|without|instead of|no) (?:\w+ )?|n't (?:\w+ )?"
    r"|(?:不要?|别|没有)(?:用|走|通过|经过)?\s*)"
    r"npm\b(?! (?:install|ci|i)\b)",
    intents.FLAGS,
)
_NO_PACKAGES = re.compile(
    # What is only for development is another matter.
    r"\b(?:no|without(?: any)?)\s+(?:(?:third.party|external|other|npm|pip|python|node)\s+)*"
    r"(?:dependencies|packages)\b(?!/|\s+(?:other than|besides|beyond|except|but))"
    r"|\bnothing (?:can|has to|needs to|must|is to|should)\b[^.,;]{0,12}\binstall"
    r"|\bno network for (?:npm|pip)\b|\bno (?:npm|pip) install\b"
    r"|\b(?:not|n't|never|cannot) (?:run |use |do )?(?:any )?(?:npm|pip)\b"
    r"(?!(?: install)?\s+(?:as root|globally|twice|again))"
    r"|(?:没有?|无)(?:任何)?(?:第三方|外部)?(?:的)?依赖(?!文件|目录)"
    r"|(?:无需?|不(?:需要?|用|要|能|必))(?:再|去|跑|执行|运行)*\s*(?:npm|pip|安装(?:任何|第三方)*(?:依赖|包)|装包)",
    intents.FLAGS,
)


def _called(world: Situation) -> Iterator[str]:
    chosen = world.meant.chosen
    yield from (it.name for it in chosen)
    yield from (it.repository.rpartition("/")[2] for it in world.named)
    yield from (c.name for it in chosen for c in it.containers if c.name in world.ask.text)


def files_of(world: Situation, paths: Collection[str]) -> set[str]:
    """The files and folders that the image is to have by name."""
    text = world.ask.text
    placed = {path for path, _ in wished_files.placed(text, paths, ())}
    out = wished_files.left_out(text, paths)
    return {*placed, *wished_files.listed(text, paths, ()), *wished_files.only(text, paths, ())} - {
        *out
    }


def _ports(text: str, start: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The ports that are said, or that the command has as an option, or a variable."""
    said = [next(filter(None, it)) for it in _PORT.findall(text)]
    option = re.search(r"(?:--port[= ]|\bhttp\.server |-p )(\d{2,5})\b", start)
    other = [it for name, it in variables.items() if re.search(r"(?:^|_)PORT$", name)]
    other = [it for it in other if it.isdigit() and _EXPOSES.search(text)]
    return tuple(dict.fromkeys(said or ([option[1]] if option else []) or other))


def stages_of(world: Situation, paths: Collection[str], texts: Mapping[str, str]) -> Stages | None:
    """The stages that the prompt wants, if it says what they do; as for `read`."""
    bases = sorted(set(_bases(world, world.ask.text)), key=world.ask.text.find)
    several = "stages" in world.intents or len({it.partition(":")[0] for it in bases}) > 1
    return two_stages.read(world.ask.text, paths, bases, texts) if several else None


def _bases(world: Situation, text: str) -> Iterator[str]:
    """Images that a text calls the base, or that the engine has and no registry of ours."""
    yield from (
        match["base"].rstrip(".")
        for match in _BASE.finditer(text)
        if not spoken.NOT_SO.search(text[: match.start("base")])
    )
    host = world.ask.registry.partition("/")[0]
    official = re.findall(rf"(?<![\w./-])(?:{_OFFICIAL}):[\w.-]*\w", text, re.ASCII)
    for image in dict.fromkeys((*official, *world.images)):
        there = re.search(rf"(?<![\w./-]){re.escape(image)}(?![\w/-]|\.\w)", text, re.ASCII)
        denied = there and spoken.NOT_SO.search(text[: there.start()])
        if there and not denied and not (host and image.startswith(f"{host}/")):
            yield image


def _folders(text: str, paths: Collection[str]) -> list[str]:
    """The folders that a text names, in its order."""
    found = {
        marked.find(wished_files.MARK): path for path, marked in wished_files.named_in(text, paths)
    }
    return [found[place] for place in sorted(found)]


def _start(text: str, used: Collection[str]) -> str:
    """The command that starts the program: what is said to start it, or the only one."""
    found = [
        (command, clause)
        for command, clause in spoken.commands(text)
        if not any(it.startswith(command) for it in used) and not spoken.OTHER_USE.search(clause)
    ]
    said = [command for command, clause in found if _STARTS.search(clause)]
    return next(iter((*said, *(command for command, _ in found))), "")


_STARTED = re.compile(
    r"(?:\b(?:starts?|runs?|launch(?:es)?|entry(?: point)?)(?: is| with)?|启动|运行|入口[是为]?)\s*"
    r"`?([\w-]+/[\w./-]+\.(?:py|[cm]?js))",
    re.ASCII | re.IGNORECASE,
)
_WITH = re.compile(
    r"\b(?:start|run|launch)\w* (?:it|that|the (?:file|archive|bundle|result)) with"
    r" `?(?P<en>python3?|node|sh)\b"
    r"|用\s*`?(?P<zh>python3?|node|sh)`?\s*(?:来|去)?(?:启动|运行|跑)",
    re.ASCII | re.IGNORECASE,
)


def _start_with(text: str, stages: Stages | None) -> str:
    """What starts the only file that the first stage makes, where only its program is named."""
    if stages is None:
        return ""
    filled = tuple(it for it in stages.made if it.endswith("/"))
    for path in _STARTED.findall(text):
        if filled and path.startswith(filled):
            return spoken.start_of(path, spoken.ENDINGS)
    made = [it for it in stages.made if not it.endswith("/")]
    match = _WITH.search(text)
    if match is None or len(made) != 1:
        return ""
    program = re.sub(r"^python$", "python3", match["en"] or match["zh"])
    return f"{program} {PurePosixPath(made[0]).name}"


def _program(world: Situation, text: str, used: Collection[str]) -> str:
    """The file that the prompt calls the entry, or the only program that it names."""
    busy = " ".join(used)
    files = [
        path
        for path in world.mentioned
        if path in world.repository.files
        and PurePosixPath(path).suffix in (".py", ".js", ".mjs", ".cjs", ".sh")
        and path in text
        and path not in busy
        and not spoken.NOT_SO.search(text.partition(path)[0])
    ]
    for sentence in intents.sentences(text):
        for clause in re.split(r"[,;]", sentence):
            for path in files:
                if path in clause and _ENTRY.search(clause) and not spoken.OTHER_USE.search(clause):
                    return path
    others = [it for it in intents.split(text) if files and files[0] in it]
    only = len(files) == 1 and not any(map(spoken.OTHER_USE.search, others))
    return files[0] if only else ""
