"""Whether a prompt asks for more than the lines do, so that the model is asked once more.

Most of the words for it ("write", "report", 生成) also tell what a program or a build does. A turn
for nothing costs time, and a small model that is asked what is left finds something.
"""

import re
from collections.abc import Collection, Sequence

from oi_deploy.agent import intents, words
from oi_deploy.agent.dockerfile import told
from oi_deploy.agent.situation import WITHOUT_IMAGE, Situation

# To write one, or "one" where there is none.
_DOCKERFILE = (
    r"(?i:\b(?:write|create|add|generate)\b(?:[^,]{0,20}dockerfile| (?:one|it)\b)"
    r"|(?:写|生成|创建|补)[^,]{0,8}dockerfile|(?:写|生成|创建|补)一[个份]$)"
)
# What tells how something is, what a program does, or what a tag is made of.
_NO_ORDER = re.compile(
    r"`[^`]*`|\brollout status\b|\bgit (?:rev-parse|rev-list|describe|log)\b[^,;]*"
    r"|的结果$|(?:保持|维持)现状|^\W*现状\W*$|(?:升级|发布|变更|上线|维护|更新)(?:通知|公告|说明)"
    r"|我们?(?:会|来|再|去|自己)*(?:通知|告诉|记录)|写(?:得|这么|那么)|只写(?![入进到])"
    r"|\breporter\b|\b(?:report|record)\b(?= [A-Za-z-]*\d)|\bstate is\b"
    r"|\bsend (?:it|this|them) (?:in|to|into) (?:the |our )?registry"
    r"|\b(?:both|they|we|users|pods|versions) (?:print|write|send|save|report|record)\b"
    r"|[\w.-]*/[\w./-]*"
    r"|\b(?:end|target|final|desired) state\b|的说明$|说明(?:见|在|如下|文档)"
    r"|\bstate of\b|\bnote (?:that|it|the|this)\b"
    r"|\breport(?:s|ed|ing)? (?:success|done|it as|something)"
    r"|\b(?:it|which|that|they|its|their) (?:\w+ )?(?:must|needs? to|has to|have to|can|may|will)?"
    r"\s?(?:write|print|send|create|save|record|report)\b"
    r"|(?:会|里|中|已经?)(?:有?写|生成|输出|保存|记录)(?!到)|写(?:好|完)后?"
    r"|构建(?:镜像|阶段)?(?:的?时候?|期间|过程中)?[^,]{0,6}(?:生成|输出)"
    r"|(?:说明|结果|状态)(?:书|页|图|查询|展示|服务|看板)",
    intents.FLAGS,
)
# Of a Dockerfile or its stages, not of something beside them.
_OF_BUILD = re.compile(r"dockerfile|\bstages?\b|阶段", intents.FLAGS)
_BY_BUILD = re.compile(
    r"写(?=一|$|个|成)|生成|输出到|\bwrite\b(?=.{0,24}\bstages?\b)", intents.FLAGS
)


def is_left(world: Situation, commands: Sequence[str]) -> bool:
    """Whether the prompt may ask for what no line does.

    Our log is written whoever asks for it, and without a Dockerfile there was no build. What is to
    be written may stand in a clause before the one that names the file.

    Args:
        world: what is known.
        commands: the lines that are known to belong to the task.
    """
    # A change of what is there, for which no line is certain.
    if not commands and (WITHOUT_IMAGE | {"apply"}) & world.intents.wanted:
        return True
    written = {file for line in commands if (file := written_file(line))}
    done = re.compile("|".join(map(re.escape, (world.ask.log, *written))), re.IGNORECASE)
    dockerfile = re.compile(_DOCKERFILE if "dockerfile" in world.ask.text.lower() else r"(?!)")
    names = "|".join(sorted(map(re.escape, _names(world)), key=len, reverse=True))
    # Not every word is what it looks like.
    names_there = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])" if names else r"(?!)", re.ASCII)
    for sentence in intents.sentences(world.ask.text):
        open_wish = False
        of_build = world.builds and _OF_BUILD.search(sentence)
        for clause in intents.clauses(sentence):
            if done.search(clause.text):
                open_wish = False
                continue
            text = names_there.sub(" ", words.plain(clause.text, world.ask.registry))
            text = _NO_ORDER.sub(" ", dockerfile.sub(" ", text))
            text = _BY_BUILD.sub(" ", text) if of_build else text
            if not clause.supposed and {"rest", "report"} & intents.read(text).wanted:
                if open_wish:
                    return True
                open_wish = True
        if open_wish:
            return True
    lines = "\n".join(commands)
    there = {path.rpartition("/")[2] for path in world.repository.files}
    return any(
        file not in written and not (world.builds and (file in lines or file in there))
        for file in to_write(world)[:1]
    )


def _names(world: Situation) -> Collection[str]:
    """What Deployments, their containers and images are called."""
    containers = {c.name for item in world.deployments for c in item.containers}
    images = {item.repository.rpartition("/")[2] for item in world.named}
    return {item.name for item in world.deployments} | containers | images


def to_write(world: Situation) -> tuple[str, ...]:
    """The files that the prompt wants to have written: one that a message misses is none."""
    missed = {path.rpartition("/")[2] for path in told.read(world.ask.text, ()).lost}
    return tuple(file for file in world.new_files if file.rpartition("/")[2] not in missed)


def written_file(line: str) -> str:
    """The file that a line writes its output to; empty if it writes none."""
    match = re.search(r" > ?(\S+)$", line)
    return match[1] if match else ""
