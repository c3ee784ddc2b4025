"""The lines that apply manifests of the repository."""

import re
from collections.abc import Collection, Iterable

from oi_deploy.agent import intents, spared, words
from oi_deploy.agent.situation import Situation


def apply(world: Situation) -> Iterable[str]:
    """Manifests that the prompt names, or all of the only folder that has any."""
    if "apply" not in world.intents or not any(
        world.permits(kind, "", "apply") for kind in ("deployment", "configmap", "service")
    ):
        return
    known = world.repository.manifests
    text = world.ask.text
    left_out = {
        path
        for path in known
        if spared.is_left_out(path, text, known)
        or spared.is_left_out(path.rpartition("/")[2], text)
    }
    places = [path for path in world.mentioned if path in known and path not in left_out]
    places = places or [
        path
        for path in known
        if path.rpartition("/")[2] in world.mentioned and path not in left_out
    ]
    if places and (folder := _all_of_a_folder(world, left_out)):
        places = [folder]
    if not places:
        folders = [
            path for path in world.mentioned if any(file.startswith(f"{path}/") for file in known)
        ]
        inside = {path.rpartition("/")[0] for path in known} - {""}
        spared_folders = {path for path in (*folders, *inside) if spared.is_left_out(path, text)}
        folders = [path for path in folders if path not in spared_folders]
        inside -= spared_folders
        # Whoever names a file does not mean the others, even where it is not there; one that is no
        # manifest, as the policy, is named for something else.
        said = {path for path in world.mentioned if path.endswith((".yml", ".yaml"))}
        if said - (set(world.repository.files) - set(known)) and not left_out:
            return
        if not folders and len(inside) == 1 and not set(world.mentioned) & set(known) - left_out:
            folders = list(inside)
        for folder in folders:
            files = [file for file in known if file.startswith(f"{folder}/")]
            without = left_out.intersection(files)
            places += [file for file in files if file not in without] if without else [folder]
    for path in places:
        yield from _filled(world, path)
        yield from _with_image(world, path)
        yield f"{world.kubectl} apply -f {path}"


# What stands for a tag in a manifest.
_PLACEHOLDER = re.compile(
    r"^\s*(?:- )?image:\s*[\"']?[\w./:-]+:(__[A-Z_]+__|\$\{?[A-Z_]+\}?|<[A-Z_]+>|[A-Z_]{3,})",
    re.MULTILINE,
)
_STANDS_FOR = re.compile(
    r"\b(?:placeholder|stands? for|replac|substitut|fill)|占位|替换|换成|改成|填", intents.FLAGS
)


def _filled(world: Situation, place: str) -> Iterable[str]:
    """The tag of this run, in the place of what the prompt names as standing for it."""
    for path, text in world.repository.texts.items():
        if path not in world.repository.manifests or not f"{path}/".startswith(f"{place}/"):
            continue
        for word in dict.fromkeys(_PLACEHOLDER.findall(text)):
            # A plain word may be the tag itself, and a part of others.
            plain = ":" if word.isalpha() else ""
            if plain and not _STANDS_FOR.search(world.ask.text):
                continue
            if word in world.ask.text and world.tag:
                yield f"sed -i 's#{plain}{word}#{plain}{world.tag}#' {path}"


_WRITES_IMAGE = re.compile(
    r"\b(?:write|put|set|replace|update|change|edit)\b.*\b(?:image|tag|reference)\b"
    r"|\b(?:image|tag)\b.*\b(?:is|be) (?:written|replaced|put|changed)\b"
    r"|(?:镜像|标签)[^,。;]*(?:写|换|改|替换|更新)[进到成为]|(?:写|换|改|替换|更新)[^,。;]*(?:镜像|标签)",
    intents.FLAGS,
)


def _with_image(world: Situation, path: str) -> Iterable[str]:
    """The new image in the manifest that is to have it, in the place of another tag of it."""
    text = world.repository.texts.get(path, "")
    wanted = any(
        words.is_named(path, it) and _WRITES_IMAGE.search(it.replace(path, " "))
        # What is said of the Deployment that it makes stands in another clause.
        for sentence in intents.sentences(world.ask.text)
        for it in intents.split(sentence)
    )
    for image in world.named if wanted else ():
        tag = image.tag or world.tag
        old = set(re.findall(rf"image:\s*[\"']?({re.escape(image.repository)}:[\w.-]+)", text))
        if tag and len(old) == 1 and f"{image.repository}:{tag}" not in old:
            yield f"sed -i 's#{old.pop()}#{image.repository}:{tag}#' {path}"


_ALL = re.compile(r"\ball\b|\beverything\b|\b(?:manifests|files)\b|全部|所有|清单", intents.FLAGS)


def _all_of_a_folder(world: Situation, left_out: Collection[str]) -> str:
    """The folder whose manifests are all to be applied, where files of it are named, too."""
    known = world.repository.manifests
    for clause in intents.clauses(world.ask.text):
        if not (_ALL.search(clause.text) and "apply" in intents.read(clause.text)):
            continue
        for path in world.mentioned:
            inside = [file for file in known if file.startswith(f"{path}/")]
            own = any(words.is_named(file.removeprefix(f"{path}/"), clause.text) for file in inside)
            if inside and words.is_named(path, clause.text) and not (left_out or own):
                return path
    return ""
