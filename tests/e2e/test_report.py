"""What a person sees of a success, a rollback, a refusal and a cancel: log, summary, report.

`PICTURES=1` keeps the pictures in docs/pictures.
"""

import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from devkit.runner import Action, Folders, StepResult, leftovers
from devkit.scripted_replies import Execute, Finish, Reply
from devkit.shell import ROOT
from tests.e2e import browser
from tests.e2e.site import Site, scripted

pytestmark = pytest.mark.docker

# A program that ends at once.
CRASH = (
    "printf 'FROM python:3.11-slim\\nCMD exec python3 -c \"raise SystemExit(3)\"\\n' > Dockerfile\n"
)
ENDINGS = ("success", "rollback", "refusal", "cancel")
# GitHub's summary, as far as its Markdown goes. Its pictures are drawn by GitHub itself: here they
# stay code, as on a server that cannot draw them.
STYLE = """
:root { color-scheme: light dark; --page: #fff; --ink: #1f2328; --line: #d1d9e0; --field: #f6f8fa }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --ink: #f0f6fc; --line: #3d444d; --field: #151b23 } }
body { margin: 0 auto; max-width: 56rem; padding: 1.5rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, "Noto Sans", Arial, "Noto Color Emoji", sans-serif }
h2, h3 { border-bottom: 1px solid var(--line); padding-bottom: .3em; margin: 1.5rem 0 1rem }
h3 { border: 0; padding: 0 }
code, pre { font: 85% ui-monospace, Menlo, "DejaVu Sans Mono", monospace; background: var(--field) }
code { padding: .2em .4em; border-radius: 6px } pre code { padding: 0; font-size: 100% }
pre { padding: 1rem; border-radius: 6px; overflow: auto; white-space: pre-wrap }
table { border-collapse: collapse; margin: 0 0 1rem }
th, td { border: 1px solid var(--line); padding: 6px 13px }
"""


@dataclass(frozen=True)
class Run:
    """A run that has ended in one of the four ways."""

    name: str
    site: Site
    result: StepResult

    def report(self) -> Path:
        return self.site.folders.workspace / self.result.outputs["report-path"]


def reference(site: Site, tag: str) -> str:
    return f"{site.values['REGISTRY']}/library/myapp:{tag}"


def crashing(site: Site) -> str:
    """A script that rolls out an image that crashes."""
    image = reference(site, f"broken-{site.version}")
    return (
        f"{CRASH}docker build -t {image} .\ndocker push {image}\n"
        f"kubectl -n production set image deployment/myapp app={image}\n"
    )


def succeed(site: Site) -> StepResult:
    with scripted([Execute(site.script()), Finish("Built, pushed, rolled out.")]) as model:
        return site.start(site.inputs(model)).wait(300)


def roll_back(site: Site) -> StepResult:
    replies: list[Reply] = [Execute(crashing(site)), Finish("Deployed.")]
    with scripted(replies, repeat_last=True) as model:
        return site.start(site.inputs(model, max_turns="2")).wait(300)


def refuse(site: Site) -> StepResult:
    image = reference(site, "stolen")
    replies: list[Reply] = [
        Execute("kubectl -n production get secrets"),
        Execute("kubectl -n production get secret registry-login -o yaml"),
        Execute(f"kubectl -n production get secrets,pods -o json\ndocker push {image}"),
    ]
    with scripted(replies) as model:
        inputs = site.inputs(model)
        # Somebody has pasted it where it does not belong.
        inputs["prompt"] += f" The registry's password is {site.values['REGISTRY_PASSWORD']}."
        return site.start(inputs).wait(300)


def cancel(site: Site) -> StepResult:
    begun = threading.Event()

    def on_line(line: str) -> None:
        if line == "begun":
            begun.set()

    script = f"{crashing(site)}echo begun; kubectl -n production rollout status deployment/myapp"
    with scripted([Execute(script)]) as model:
        step = site.start(site.inputs(model), on_line=on_line)
        assert begun.wait(120)
        step.cancel()
        return step.wait(60)


HOW: Mapping[str, Callable[[Site], StepResult]] = {
    "success": succeed,
    "rollback": roll_back,
    "refusal": refuse,
    "cancel": cancel,
}
STATUS = {
    "success": "deployed",
    "rollback": "rolled-back",
    "refusal": "refused",
    "cancel": "cancelled",
}
# What a reader sees first.
CAUSE = {
    "success": "",
    "rollback": "CrashLoopBackOff",
    "refusal": "it is not allowed",
    "cancel": "The run was cancelled",
}


@pytest.fixture(scope="module", params=ENDINGS)
def run(
    request: pytest.FixtureRequest,
    values: Mapping[str, str],
    image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    name = str(request.param)
    folders = Folders(tmp_path_factory.mktemp(name) / "runner")
    site = Site(values, Action.load(ROOT), image, folders, leftovers(folders))
    site.checkout()
    revision = revision_of(site)
    result = HOW[name](site)
    assert result.outputs["status"] == STATUS[name], result.log
    yield Run(name, site, result)
    if name == "success":
        site.undo(revision)


def revision_of(site: Site) -> str:
    metadata = site.kubectl("get", "deployment", "myapp")["metadata"]
    return str(metadata["annotations"]["deployment.kubernetes.io/revision"])


def test_the_log_has_a_fold_for_each_phase_and_turn_with_its_seconds(run: Run) -> None:
    lines = run.result.log.splitlines()
    titles = [line.removeprefix("##[group]") for line in lines if line.startswith("##[group]")]
    assert titles[:3] == ["Checks", "Engine", "Turn 1 of 12".replace("12", limit(run))]
    assert ("Rollback" in titles) == (run.name in ("rollback", "cancel"))
    assert lines.count("##[endgroup]") == len(titles)
    for title in titles:
        assert [line for line in lines if re.fullmatch(rf"{title}: (.*, )?\d+\.\d s", line)]


def limit(run: Run) -> str:
    return "2" if run.name == "rollback" else "12"


def test_the_log_shows_code_as_code_and_each_command_with_its_decision(run: Run) -> None:
    lines = run.result.log.splitlines()
    code = [line for line in lines if line.startswith("\x1b[36m│ ")]
    assert any("kubectl -n production" in line for line in code)
    commands = [line for line in lines if line.startswith("broker: ")]
    assert commands
    for line in commands:
        assert re.match(
            r"broker: (refused \([a-z.-]+\)|allowed, (exit code \d+|killed), .* s): ", line
        )


def test_one_annotation_has_cause_and_remedy(run: Run) -> None:
    errors = [item for item in run.result.annotations if item.level == "error"]
    assert len(errors) == (run.name != "success")
    assert all(CAUSE[run.name] in item.message for item in errors)


def test_the_summary_begins_with_what_matters_most(run: Run) -> None:
    heading, *rest = run.result.summary.splitlines()
    assert heading.endswith(f"oi-deploy: {STATUS[run.name]}")
    first = "\n".join(rest).split("\n### ")[0]
    if run.name == "success":
        assert run.result.outputs["image-digest"] in first
        assert run.result.outputs["image-tag"] in first
    else:
        assert first.index(CAUSE[run.name]) < first.index("**What to do**")
    assert ("### Refused commands" in run.result.summary) == (run.name == "refusal")
    assert ("### Rollback" in run.result.summary) == (run.name in ("rollback", "cancel"))
    assert "```mermaid\ngantt\n" in run.result.summary
    assert "| phase | began after | took |" in run.result.summary


def test_it_says_which_image_and_revision_ran_before_and_runs_now(run: Run) -> None:
    if run.name == "refusal":
        assert "No Deployment was changed." in run.result.summary
        return
    (now,) = run.site.kubectl("get", "deployment", "myapp")["spec"]["template"]["spec"][
        "containers"
    ]
    for text in (run.result.summary, run.report().read_text(encoding="utf-8")):
        assert now["image"] in text
    row = next(line for line in run.result.summary.splitlines() if line.startswith("| revision |"))
    before, *after = re.findall(r"<code>(\d+)</code>", row)
    # On a cancel nobody waits for the controller's number, and none is made up.
    assert after == ([] if run.name == "cancel" else [revision_of(run.site)])
    assert int(before) < int(revision_of(run.site))


class Page(HTMLParser):
    """What is in a page: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_report_is_one_file_with_the_same_content_that_loads_nothing(run: Run) -> None:
    path = run.report()
    assert path.name == "deploy.report.html"
    assert path.stat().st_uid == run.site.folders.uid
    page = Page(path.read_text(encoding="utf-8"))
    text = "".join(page.text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base"}
    assert not [a for _, given in page.tags for a in given if a == "src" or a.startswith("on")]
    for words in (
        STATUS[run.name],
        CAUSE[run.name],
        "Build this, push it and roll it out",
        "agent",
    ):
        assert words in text
    commands = [line for line in run.result.log.splitlines() if line.startswith("broker: ")]
    pushed = [line.split(": ", 2)[2] for line in commands if ": docker push " in line]
    assert all(command in text for command in pushed)
    if run.name == "success":
        assert run.result.outputs["image-digest"] in text


def test_no_secret_is_in_the_report(run: Run) -> None:
    text = run.report().read_text(encoding="utf-8")
    assert not [what for what, secret in run.site.secrets.items() if secret in text]
    assert ("password is ***." in text) == (run.name == "refusal")


def test_nothing_is_left_behind(run: Run) -> None:
    assert not run.site.leftovers()


def brightness(image: Image.Image) -> int:
    """Of the page's corner, where nothing stands."""
    pixel = image.convert("L").getpixel((1, 1))
    assert isinstance(pixel, int)
    return pixel


def test_a_browser_shows_both_in_light_and_dark_and_on_a_phone(run: Run, tmp_path: Path) -> None:
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(run.result.summary)
    summary = tmp_path / "summary.html"
    summary.write_text(f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}", "utf-8")
    pictures = {
        "report": browser.picture(run.report(), tmp_path),
        "report-dark": browser.picture(run.report(), tmp_path, dark=True),
        "report-phone": browser.picture(run.report(), tmp_path, width=390),
        "summary": browser.picture(summary, tmp_path),
    }
    # The policy in the page lets its own style through: without it, both would be white.
    assert brightness(pictures["report"]) > 240
    assert brightness(pictures["report-dark"]) < 40
    # On a phone it is long, not wide: nothing reaches the right edge.
    phone = pictures["report-phone"]
    edge = phone.crop((phone.width - 8, 0, phone.width, phone.height))
    assert len(edge.getcolors() or ()) == 1
    if os.environ.get("PICTURES"):
        for kind, image in pictures.items():
            if kind != "report-phone" or run.name == "success":
                browser.save(image, ROOT / "docs/pictures" / f"{run.name}-{kind}.png")
