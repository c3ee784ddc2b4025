"""What a prompt says of a build: values of build arguments, and the stage that is wanted."""

import re

from oi_deploy.agent import intents, named, words
from oi_deploy.agent.dockerfile.files import Dockerfile
from oi_deploy.agent.situation import Situation


def arguments(world: Situation, file: Dockerfile) -> dict[str, str]:
    """Values that the prompt gives to build arguments of a Dockerfile."""
    found = {}
    for part in file.instructions():
        name = part.rest.partition("=")[0].strip() if part.word == "ARG" else ""
        flag = re.search(
            rf"--build-arg[ =]{re.escape(name)}="
            r"(?:(\$\([^()'\"\\\n]+\))|([\w./:@%+-]*\w)|(<[\w ]*version>))",
            world.ask.text,
            re.ASCII,
        )
        if name and flag and flag[3]:
            found[name] = _version(world)
            continue
        if name and flag:
            found[name] = _substituted(world, flag[1]) if flag[1] else flag[2]
            continue
        value = re.search(
            rf"(?<![\w$]){re.escape(name)}[`'\"]?"
            r"(?:\s*(?:=|:|(?:is|to|be|as|set|of|the|must|should)\b|设为|设成|设置为|为|是|用|传))++\s*"
            # A word that the sentence goes on from may be any.
            r"(?P<value>(?:(?<==)|(?<=[`'\"])|[`'\"]|(?=[\w.:/-]*[\d_/-])"
            r"|(?=\w+\s*(?:$|[^\s\w]|and\b|并|然后|再)))"
            r"[A-Za-z0-9][\w.:/-]*)",
            world.ask.text,
            re.ASCII,
        )
        given = value["value"].strip("`'\"").rstrip(".:") if value else ""
        # "APP_VERSION of build.env": where it stands, and not what it is.
        if name and given and given not in world.repository.files:
            found[name] = given
        elif name and (described := _described(world, name)):
            found[name] = described
        elif name and (folder := _folder(world, file, name)):
            found[name] = folder
        elif name and "=" not in part.rest and (value_there := _in_a_file(world, name)):
            found[name] = value_there
    return found


def _in_a_file(world: Situation, name: str) -> str:
    """The value that a file shows for a build argument, if the prompt says to look there for it."""
    said = [it for it in intents.sentences(world.ask.text) if _PASSED.search(it)]
    found = {
        value
        for path in world.mentioned
        if any(words.is_named(path, it) for it in said)
        for value in re.findall(
            rf"--build-arg[ =]{re.escape(name)}=([\w./:@%+-]*\w)",
            world.repository.texts.get(path, ""),
            re.ASCII,
        )
    }
    return found.pop() if len(found) == 1 else ""


def _folder(world: Situation, file: Dockerfile, name: str) -> str:
    """The folder that a build argument is to choose: the only one that is called like the image."""
    above = re.search(rf"(?<![\w/-])([\w./-]+)/\$\{{?{re.escape(name)}\b", file.text, re.ASCII)
    if above is None or not words.is_named(name, world.ask.text):
        return ""
    prefix = above[1].removeprefix("./") + "/"
    files = (
        path.removeprefix(prefix) for path in world.repository.files if path.startswith(prefix)
    )
    folders = {path.partition("/")[0] for path in files if "/" in path}
    images = {image.repository.rpartition("/")[2] for image in world.named}
    meant = {item.name for item in world.meant.chosen}
    called = folders & images or folders & meant
    return called.pop() if len(called) == 1 else ""


def _substituted(world: Situation, text: str) -> str:
    """What a shell puts in for a command, where that is known; else the shell does it."""
    git = world.repository
    known = {"git rev-parse --short HEAD": git.commit, "git rev-parse HEAD": git.full_commit}
    return known.get(" ".join(text[2:-1].split())) or text


_PASSED = re.compile(r"\bbuild[- ]?arg|\bpass(?:ed|es|ing)?\b|构建参数|传", intents.FLAGS)


def _described(world: Situation, name: str) -> str:
    """The value of a build argument that is only described: the commit, the tag."""
    git = world.repository
    for sentence in intents.sentences(world.ask.text):
        if not words.is_named(name, sentence) or not _PASSED.search(sentence):
            continue
        if intents.is_denied(sentence, sentence.find(name)):
            continue
        said = next((it for it in intents.split(sentence) if words.is_named(name, it)), sentence)
        for clause in (said, sentence):
            clause = clause.replace(name, " ")
            if re.search(r"\b(?:sha|commit|hash)\b|提交|哈希", clause, intents.FLAGS):
                full = re.search(r"\b(?:full|whole|long)\b|完整", clause, intents.FLAGS)
                return git.full_commit if full else git.commit
            if re.search(r"\btag\b|标签", clause, intents.FLAGS):
                return world.tag
            if re.search(r"\bversion\b|版本", clause, intents.FLAGS):
                return _version(world)
    return ""


def _version(world: Situation) -> str:
    """The version that the tag is made of; else the tag."""
    known = world.repository.versions.values()
    return next((it for it in known if it in world.tag), world.tag)


_TARGET = re.compile(
    r"--target[ =]`?(?P<flag>[\w.-]*\w)"
    r"|\btarget(?: stage)? (?:is |called |named )?`(?P<quoted>[\w.-]+)`"
    r"|`(?P<before>[\w.-]+)` (?:target|stage)\b",
    re.ASCII,
)


def target(world: Situation, file: Dockerfile, reference: str) -> str:
    """The stage that the prompt wants to have built for an image."""
    named_there = (
        match[match.lastgroup or 0]
        for sentence in intents.sentences(world.ask.text)
        for match in _TARGET.finditer(sentence)
        if match.lastgroup != "before" or not _is_about(match, sentence)
    )
    found = [name for name in named_there if name in file.stages()]
    # Of several images, each has its own.
    several = len(world.named) > 1
    return _called(world, file, reference) or ("" if several else next(iter(found), ""))


def _called(world: Situation, file: Dockerfile, reference: str) -> str:
    """Of stages that the prompt calls targets, the only one that the image's name ends with."""
    if not re.search(r"\btargets?\b", world.ask.text, intents.FLAGS):
        return ""
    last = [part.rest for part in file.instructions() if part.word == "FROM"][-1:]
    stages = [it for it in file.stages() if words.is_named(it, world.ask.text)]
    image = named.repository_of(reference).rpartition("/")[2]
    same = {it for it in stages if image == it or image.endswith(f"-{it}")}
    ends = any(it.endswith(tuple(f" {name}" for name in same)) for it in last)
    return same.pop() if len(stages) > 1 and len(same) == 1 and not ends else ""


# A stage that is named because of what happens in it.
_FAILS = re.compile(
    r"\b(?:stop|fail|break|broke|crash|error|red\b|hang|die|fix|repair)|失败|报错|挂|卡|红|修",
    intents.FLAGS,
)
_STAYS = re.compile(
    r"\s*(?:must|has to|should) (?:stay|remain|be kept|keep)|.{0,6}保留", intents.FLAGS
)


def _is_about(match: re.Match[str], sentence: str) -> bool:
    """Whether something is told of a stage, and it is not what is to be built."""
    before, after = sentence[: match.start()][-40:], sentence[match.end() :]
    return bool(_FAILS.search(before) or _STAYS.match(after) or _FAILS.search(after[:16]))
