"""Runs to report, an honest one and hostile ones."""

from oi_deploy.errors import Status
from oi_deploy.result import CheckLine, CommandLine, DeploymentLine, Phase, RunResult

RESULT = RunResult(
    status=Status.DEPLOYED,
    prompt="部署 it",
    image_tag="r.example.com/a:1",
    image_digest="sha256:abc",
    deployment="web",
    namespace="production",
    revision="7",
    previous_image="r.example.com/a:0",
    changed=True,
    log_path="deploy.log",
    turns=2,
    model="m",
    phases=(Phase("engine", 61.5), Phase("agent", 3.0, 61.5)),
    checks=(CheckLine(True, "The registry has <b>it</b>."),),
    commands=(CommandLine("docker push a", True, 0, 1.0, True),),
)

# What could break out of the text that it stands in.
ATTACKS = [
    "```\n# owned",
    "````text\n~~~\n```\n# owned\n````",
    "`" * 40 + "\n# owned",
    "\r```\r# owned\r",
    "x\u2028```\u2028# owned",
    "\n\n# owned\n\n> [!CAUTION]\n> owned\n\nowned\n===\n\n- owned\n\n1. owned\n",
    "```mermaid\ngraph TD; a-->b; click a href 'https://e.example'\n```",
    '<script>alert(1)</script><img src="https://e.example/x.png"><a href="https://e.example">x</a>',
    "<details><summary>all is well</summary>\n\n</code></td></table><!-- ",
    "--> ]]> <![CDATA[ <?php &lt;b&gt; &#60;b&#62;",
    "| a | b |\n|---|---|\n| c \\| d | \\",
    "[a](https://e.example) ![i](https://e.example/i.png) [x][y] [^1]\n\n[y]: https://e.example",
    "https://e.example/a http://e.example ftp://e.example www.e.example WWW.e.example <https://e.e>",
    "a@e.example mailto:a@e.example @octocat @acme/team #1 acme/shop#2 GH-3",
    "$\\color{green}{verified}$ $$x$$ $`x`$",
    "**b** __b__ *i* _i_ ~~s~~ `c` \\* \\` x^2^ ==m== :tada:",
]


def told(text: str, status: Status) -> RunResult:
    """A run in which everything that others can write is this text."""
    return RunResult(
        status=status,
        prompt=text,
        image_tag=text,
        image_digest=text,
        deployment=text,
        namespace=text,
        revision=text,
        previous_image=text,
        model=text,
        log_path=text,
        transcript_path=text,
        report_path=text,
        repository=text,
        commit=text,
        run_url=text,
        began=text,
        expect=text,
        error=text,
        remedy=text,
        last_words=text,
        deployments=(DeploymentLine(*[text] * 6),),
        rollback=(CheckLine(False, text),),
        checks=(CheckLine(False, text), CheckLine(True, text)),
        commands=(
            CommandLine(text, True, 0, 1.0, True),
            CommandLine(text, True, None, 1.0, True),
            CommandLine(text, False, 1, 0, True, rule=text, reason=text),
        ),
        phases=(Phase(text, 1.0),),
    )
