"""What a prompt wants built or applied, and the repository does not have."""

import re

from oi_deploy.agent import versions
from oi_deploy.agent.dockerfile import told
from oi_deploy.agent.dockerfile.files import is_dockerfile
from oi_deploy.agent.dockerfile.lint import MOST_BYTES
from oi_deploy.agent.intents import FLAGS, clauses, is_denied, read, sentences
from oi_deploy.agent.named import folders
from oi_deploy.agent.obstacle import Obstacle
from oi_deploy.agent.situation import Situation
from oi_deploy.agent.words import is_named


def obstacles(world: Situation) -> tuple[Obstacle, ...]:
    """All that is known."""
    return (*_folders(world), *_manifests(world), *_dockerfiles(world), *_stages(world),
            *_versions(world), *_git_tag(world), *_entries(world))  # fmt: skip


_PLACE = re.compile(
    r"(?:\b(?:in|under|inside|folder|directory)\s+"
    # A branch is none.
    r"|\bfrom\s+(?!(?:release|feature|feat|hotfix|bugfix|fix|chore|origin|refs)/)"
    # Below a folder that services have; else it may be the name of an image.
    r"|\b(?:[Bb]uild|[Pp]ackage|[Rr]elease|[Ss]hip)\s+(?:the\s+)?"
    r"(?=(?:services|apps?|packages|modules|components|cmd|src|projects)/)"
    r"|目录\s*|文件夹\s*|从\s*|用\s*(?=\S+\s*目录)|(?:构建|部署|发布|打包)\s*)"
    r"`?(?P<en>[a-z0-9][a-z0-9._-]*(?:/[a-z0-9._-]+)+)/?`?(?=\s*(?:[,.;,。;、)]|$|and\b|as\b|of\b|with\b|里|中|下|目录))",
    re.ASCII,
)


# Where what is built is said to be.
_LIVES = re.compile(
    r"\b(?:it|which|code|source|service|dockerfile)s?\s+(?:lives?|sits|is|are)\s+(?:in|under|inside|at)\b"
    r"|\blives\s+(?:in|under|inside|at)\b|(?:代码|源码|服务|dockerfile)[^,。;]{0,6}在",
    FLAGS,
)


def _folders(world: Situation) -> list[Obstacle]:
    """What is to be built, deployed or applied is not in the repository."""
    known = folders(world.repository.files)
    found: list[str] = []
    before = ""
    for clause in clauses(world.ask.text):
        earlier, before = before, f"{before} {clause.text}"
        lives = world.builds and _LIVES.search(clause.text)
        ordered = {"build", "apply"} & read(clause.text).wanted or lives
        if not ordered or clause.supposed:
            continue
        places = [match["en"].rstrip(".") for match in _PLACE.finditer(clause.text)]
        found += [
            path
            for path in places
            if path in world.mentioned
            and path not in known
            and path not in world.repository.files
            and not world.exists(path)
            # It may be made first.
            and path not in earlier
            and path not in (world.repository.branch, *world.repository.tags)
        ]
    return [Obstacle(f"The repository has no {path}.", True) for path in dict.fromkeys(found)]


_NEW = re.compile(
    r"\b(?:(?:write|create|add|generate|make|need|miss|lack|renam|remov|delet|render|template|save"
    r"|output|produc)\w*|new(?! (?:image|version|build|release)\b)|not?|cannot|gone|cop(?:y|ies)"
    r"|cp)\b"
    r"|写|新建|创建|生成(?!镜像)|补|没有|缺|改名|删|渲染|保存|输出|复制",
    FLAGS,
)


_NOT_THIS = re.compile(r"\b(?:instead of|rather than)\s+(?:the\s+)?[`'\"]?$", FLAGS)


def _is_made(path: str, clause: str) -> bool:
    """Whether a clause says that a file is to be made, or is not there; its name says nothing."""
    return path in clause and _NEW.search(clause.replace(path, " ")) is not None


def _dockerfiles(world: Situation) -> list[Obstacle]:
    """A Dockerfile that the prompt wants used, and that is not there."""
    if not world.builds:
        return []
    known = [file.lower() for file in world.repository.files]
    return [
        Obstacle(f"The repository has no {path}.", True)
        for path in world.mentioned
        if is_dockerfile(path)
        # In the root, or in a folder that is there, it may be written.
        and (path.rpartition("/")[2].lower() != "dockerfile" or not _has_folder(world, path))
        and not any(file == path.lower() or file.endswith(f"/{path.lower()}") for file in known)
        and not any(_is_made(path, it.text) for it in clauses(world.ask.text))
        and not _NOT_THIS.search(world.ask.text.partition(path)[0])
        and not world.exists(path)
    ]


_APPLY = re.compile(
    r"\bapply\s+(?:-f\s+)?(?:the\s+)?(?:manifests?\s+|file\s+)?[`'\"“]?(?P<en>[\w.-]+(?:/[\w.-]+)*\.ya?ml)"
    r"|应用\s*[`'\"“]?(?P<zh>[\w.-]+(?:/[\w.-]+)*\.ya?ml)",
    FLAGS,
)


def _manifests(world: Situation) -> list[Obstacle]:
    """A manifest that is to be applied as it is, and that is not there."""
    text = world.ask.text
    found = [
        path
        for clause in clauses(text)
        if "apply" in read(clause.text).wanted and not clause.supposed
        for match in _APPLY.finditer(clause.text)
        if not world.exists(path := match["en"] or match["zh"])
        and not any(file.endswith(f"/{path}") for file in world.repository.files)
        and not any(_is_made(path, it.text) for it in clauses(text))
    ]
    # What writes it may stand anywhere.
    certain = not any(_NEW.search(text.replace(path, " ")) for path in found)
    return [Obstacle(f"The repository has no {path}.", certain) for path in dict.fromkeys(found)]


def _has_folder(world: Situation, path: str) -> bool:
    folder = path.rpartition("/")[0]
    return not folder or folder in folders(world.repository.files) or world.exists(folder)


_DATA = (".yaml", ".yml", ".json", ".csv", ".tsv", ".toml", ".ini", ".txt", ".log")
_STAGE = re.compile(
    r"--target[= ](?P<flag>[\w-]+)|\b(?:stage|target)\s+[`'\"](?P<after>[\w-]+)[`'\"]"
    r"|[`'\"](?P<before>[\w-]+)[`'\"]\s*(?:stage\b|target\b|阶段)",
    FLAGS,
)


def _stages(world: Situation) -> list[Obstacle]:
    """A stage that is to be built, and that no Dockerfile has."""
    text, files = world.ask.text, world.repository.dockerfiles
    there = {name.lower() for file in files for name in file.stages()}
    # A name that is said to be wrong is put right.
    if not (world.builds and files):
        return []
    amiss = told.read(text, ()).amiss
    names = (
        match[match.lastgroup or 0]
        for clause in clauses(text)
        for match in _STAGE.finditer(clause.text)
        if match["flag"] or not (amiss or _NEW.search(clause.text))
    )
    every = ", ".join(sorted(there)) or "none"
    return [
        Obstacle(f"No Dockerfile has a stage {name} (there are: {every}).", True)
        for name in dict.fromkeys(names)
        if name.lower() not in there
    ]


_ABOUT_TAG = re.compile(r"\btag(?:ged|s)?\b|标签|\bversion|版本", FLAGS)


def _untagged(world: Situation) -> bool:
    """Whether something is to be built, and nothing here says its tag."""
    return world.builds and not world.tag and not any(image.tag for image in world.named)


def _versions(world: Situation) -> list[Obstacle]:
    """The file that the image's tag is to come from."""
    if not _untagged(world):
        return []
    files = {path.rpartition("/")[2] for path in world.repository.files}
    text = " ".join(world.ask.text.split())
    named_there = [
        path
        for path in world.mentioned
        if (name := path.rpartition("/")[2]) not in files
        and (name in versions.NAMES or name.endswith(versions.KEYED))
        and not world.exists(path)
        and not any(_is_made(path, clause.text) for clause in clauses(text))
        and any(_ABOUT_TAG.search(it.replace(path, " ")) for it in sentences(text) if path in it)
    ]
    return [
        Obstacle(f"The repository has no {path}, which the image's tag is to come from.", True)
        for path in named_there[:1]
    ]


_OF_HEAD = re.compile(
    r"\bgit tag\b[^.;]{0,40}\b(?:head|this commit|current commit|the commit)\b"
    r"|\b(?:head|commit)(?:'s)?\b[^.;]{0,24}\bgit tag\b"
    r"|(?:head|提交)[^。;]{0,12}git\s*(?:标签|tag)|当前\s*git\s*(?:标签|tag)",
    FLAGS,
)


def _git_tag(world: Situation) -> list[Obstacle]:
    """The git tag of HEAD that the image's tag is to be."""
    if not _untagged(world) or world.repository.tags_here:
        return []
    if not _OF_HEAD.search(" ".join(world.ask.text.split())):
        return []
    there = ", ".join(world.repository.tags[-8:]) or "none"
    return [Obstacle(f"HEAD has no git tag (the repository has: {there}).", True)]


# A part of a file, by its name: what looks like a word of the language is none.
_PART_NAME = r"(?P<{0}>[`'\"“「][\w./-]+[`'\"”」]|[\w.]*[a-zA-Z0-9][-_.][\w.-]*\w)"
_PARTS = r"(?:section|stanza|block|entry|row|heading|key|field)"
_ENTRY = re.compile(
    rf"\b(?:the )?{_PARTS}\s+(?:called |named |for |of )?{_PART_NAME.format('after')}"
    rf"|{_PART_NAME.format('before')}\s+{_PARTS}\b"
    rf"|(?:小节|章节|段落|条目|字段|键)\s*{_PART_NAME.format('zh')}"
    rf"|{_PART_NAME.format('zh_before')}\s*(?:这|那)?(?:一|个)?(?:小节|章节|段落?|条目|字段|键|一?行)",
    FLAGS,
)
# A result that a line of a list is to have.
_RESULT = re.compile(
    r"\b(?:result|status|state|verdict|marked|flagged)\s+(?:is |as |of |= ?)?[`'\"]?"
    r"(?P<en>[A-Z]{4,})\b"
    r"|(?i:结果|状态|标记)(?:为|是|成)?\s*[`'\"“]?(?P<zh>[A-Z]{4,})(?![A-Za-z])",
    re.ASCII,
)


def _entries(world: Situation) -> list[Obstacle]:
    """A part of a file that a value is to be taken from, in no file that the prompt names."""
    texts = {
        path: text
        for path, text in world.repository.texts.items()
        if path in world.mentioned and path.endswith(_DATA) and len(text.encode()) < MOST_BYTES - 1
    }
    if world.ask.expect == "none" or len(texts) != 1:
        return []
    ((path, text),) = texts.items()
    of = [it.name for it in world.meant.chosen if is_named(it.name, text)]
    missing: dict[str, None] = {}
    for clause in clauses(world.ask.text):
        if _NEW.search(clause.text) or clause.supposed or clause.told:
            continue
        for match in (*_ENTRY.finditer(clause.text), *_RESULT.finditer(clause.text)):
            name = match[match.lastgroup or 0].strip("`'\"“”「」")
            # A line's result is that of what the line names.
            own = [it for it in of if match.re is _RESULT and is_named(it, clause.text)]
            there = any(
                all(is_named(it, line) for it in (name, *own)) for line in text.splitlines()
            )
            if not (there or is_denied(clause.text, match.start())):
                missing[f"{name} for {own[0]}" if own else name] = None
    return [
        Obstacle(f"{path} has no {name}.", True)
        for name in missing
        if name not in world.repository.files
    ]
