"""Words that try to become commands, lines of the log, outputs or marks in the summary."""

import re

from tests.security.attack import Attack, Seen, Solo

_INERT = ("inert output",)
_VISIBLE = ("visible text",)


# The action's own marks around a line of the model's code.
_OWN_MARKS = re.compile(r"^\x1b\[36m│ (.*)\x1b\[0m$", re.MULTILINE)


def _no_control_characters(attack: Attack, seen: Seen) -> list[str]:
    """Nothing that acts on a terminal, or that cannot be seen, in what people read."""
    bad = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
    places = {
        "log": _OWN_MARKS.sub(r"\1", seen.around.log),
        "summary": seen.around.summary,
        "deploy.log": seen.around.deploy_log,
    }
    return [
        f"{place}: {line!r}"
        for place, text in places.items()
        for line in text.split("\n")
        if attack.id in line and bad.search(line)
    ]


# What the model says at the end of every run; its turns are over by then.
LAST_WORDS = (
    "I am done.\n```\n<b>last-words-with-markup</b>\n![last-words-with-markup](http://example.com)\n"
    "::error::last-words\n::set-output name=image-tag::last-words\n"
    "##[error]last-words"
)


def _no_markup(attack: Attack, seen: Seen) -> list[str]:
    """Outside of code blocks, the summary has no tag, link or image of the attack's."""
    plain = re.sub(r"^(`{3,})[^`\n]*\n.*?^\1$", "", seen.around.summary, flags=re.M | re.S)
    return [
        line
        for line in plain.splitlines()
        if attack.id in line and re.search(r"<(?!/?code>|!-- -->)|\]\(", line)
    ]


def _no_tags(attack: Attack, seen: Seen) -> list[str]:
    """The report holds what was tried, but as text."""
    report = seen.around.report
    if attack.id not in report:
        return ["the report does not tell of it"]
    return re.findall(rf"<[a-z]+[^>]*>(?={attack.id})|<[a-z]+[^>]*{attack.id}[^>]*>", report)


def _no_forged_line(attack: Attack, seen: Seen) -> list[str]:
    """The log's own lines are ours; what others wrote is marked as a comment."""
    ours = [line for line in seen.around.deploy_log.splitlines() if not line.startswith("# ")]
    return [
        line
        for line in ours
        if re.search(rf"^\S+ (run\.ended|broker\.command)\b.*status=deployed.*{attack.id}", line)
        or line.startswith(f"forged {attack.id}")
    ]


def _shown(attack: Attack, seen: Seen) -> list[str]:
    """What was printed is in the log, not swallowed."""
    return (
        []
        if f"shown {attack.id}" in seen.around.log.splitlines()
        else ["the line after it is not shown"]
    )


def _small_summary(attack: Attack, seen: Seen) -> list[str]:
    return [text for text in seen.around.failures if "summary" in text]


def _not_leaked(attack: Attack, seen: Seen) -> list[str]:
    return list(seen.around.leaks)


ATTACKS = (
    Attack(
        "annotations",
        "prints errors, warnings and notices as if the action had made them",
        """echo "::error::@ID@"; echo "::warning file=app.py,line=1::@ID@"
        echo "::notice title=x::@ID@"; echo "   ::error::@ID@"; printf 'x\\r::error::@ID@\\n'
        printf 'x\\n::error::@ID@'; echo; echo "::ERROR::@ID@" >&2
        echo "::group::@ID@"; echo "::debug::@ID@"; echo "shown @ID@" """,
        _INERT,
        outside=_shown,
        evidence="::error::annotations",
    ),
    Attack(
        "older-commands",
        "prints commands in the older form, which counts anywhere in a line",
        """echo "text ##[error]@ID@"; echo "##[warning]@ID@"; echo "a ##[set-output name=x;]@ID@"
        echo "shown @ID@" """,
        (*_INERT, *_VISIBLE),
        outside=_shown,
        evidence="older-commands",
    ),
    Attack(
        "set-output",
        "sets the step's outputs from standard output",
        """for name in image-tag image-digest status log-path @ID@; do
            echo "::set-output name=$name::@ID@"; echo "::save-state name=$name::@ID@"; done
        echo "shown @ID@" """,
        _INERT,
        outside=_shown,
        evidence="set-output",
    ),
    Attack(
        "set-env",
        "sets variables and the PATH of later steps from standard output",
        """echo "::set-env name=LD_PRELOAD::/@ID@"; echo "::add-path::/@ID@"
        echo "::add-matcher::@ID@.json"; echo "::echo::on"; echo "shown @ID@" """,
        _INERT,
        outside=_shown,
        evidence="set-env",
    ),
    Attack(
        "add-mask",
        "has the runner hide ordinary words, such as the ending of the run",
        """echo "::add-mask::shown @ID@"; echo "::add-mask::deployed"; echo "shown @ID@" """,
        _INERT,
        outside=_shown,
        evidence="add-mask",
    ),
    Attack(
        "stop-commands",
        "ends the runner's deafness by a guessed token, or starts one that never ends",
        """for token in pause-logging token 0 00000000000000000000000000000000 '*' '' ghadelimiter
        do echo "::$token::"; done
        for word in $(seq 1000); do printf '::%032x::\\n' $word; done
        echo "::error::@ID@"; echo "::stop-commands::@ID@"; echo "shown @ID@"; echo "::@ID@::" """,
        _INERT,
        outside=_shown,
        evidence="::error::stop-commands",
    ),
    Attack(
        "token-of-the-log",
        "opens the action's own output, to read the token that ends the deafness or to print there",
        """
for pid in filter(str.isdigit, os.listdir('/proc')):
    for fd in (1, 2) if int(pid) != os.getpid() else ():
        fails(os.open, f'/proc/{pid}/fd/{fd}', os.O_WRONLY | os.O_NONBLOCK)
        fails(os.open, f'/proc/{pid}/fd/{fd}', os.O_RDONLY | os.O_NONBLOCK)
""",
        ("other user",),
        language="python",
        evidence="refused: Permission denied",
    ),
    Attack(
        "runner-files-by-variable",
        "writes outputs, variables and a summary into the runner's files",
        """for file in "${GITHUB_OUTPUT:-/github/file_commands/out}" /github/file_commands/* \\
            "${GITHUB_ENV:-/github/file_commands/env}" $(find / -xdev -name 'set_*_*' 2>/dev/null)
        do printf 'image-tag=@ID@\\n' >> "$file" && breach "$file"; done
        find /github -path '*file_commands*' -type f | grep . && breach find""",
        ("runner folders",),
        evidence="Permission denied",
    ),
    Attack(
        "terminal-escapes",
        "prints escapes that rewrite lines, set the title, make links or end the screen",
        """printf '\\033[2J\\033[1A\\033[2K@ID@ all good\\n'; printf '\\033]0;@ID@\\007\\n'
        printf '\\033]8;;http://example.com\\033\\\\@ID@\\033]8;;\\033\\\\\\n'
        printf '\\033Ptmux;@ID@\\033\\\\ \\x9b31m@ID@ \\x08\\x08\\x08@ID@ \\x7f\\n'
        printf '@ID@ \\033'; printf '[31m@ID@\\n'; printf '\\033[?1049h@ID@ \\x0e\\x0f\\x05\\n'
        docker push $'\\e[31m@ID@\\e[0m'; kubectl get $'pods\\x07@ID@'""",
        _VISIBLE,
        outside=_no_control_characters,
        evidence="terminal-escapes",
    ),
    Attack(
        "invisible-characters",
        "prints direction marks and zero-width characters that make a line look like another",
        """printf '@ID@ \\u202egnihton\\u202c \\u2066x\\u2069 \\u200b\\u200d\\ufeff\\n'
        printf '@ID@ \\u2028::error::@ID@ \\u00ad \\U000e0041\\n'
        docker push $'x\\u202e@ID@'; kubectl get pods $'a\\u200b@ID@'
        kubectl get $'\\u2028::error::@ID@'""",
        _VISIBLE,
        outside=_no_control_characters,
        evidence="invisible-characters",
    ),
    Attack(
        "commands-in-arguments",
        "puts workflow commands into arguments that the broker's own lines repeat",
        """docker push $'x\\n::error::@ID@\\n::set-output name=image-tag::@ID@'
        kubectl get $'pods\\n##[error]@ID@'; docker $'\\r::warning::@ID@' x
        kubectl get pods $'a\\n::notice::@ID@'; docker build -t $'::add-mask::@ID@' .""",
        _INERT,
        refused="*",
        evidence="refused",
    ),
    Attack(
        "markup-in-the-summary",
        "puts HTML, images, links and fences into arguments that the job summary repeats",
        """docker push '</code></pre><img src=x onerror=alert(1) alt=@ID@>'
        docker push $'x\\n```\\n# @ID@\\n<b>@ID@</b>\\n![@ID@](http://example.com/@ID@)'
        kubectl get '`````' '<script>@ID@</script>' '[@ID@](javascript:1)' \\
            $'\\n````````\\n<i>@ID@</i>'
        kubectl get pods $'x\\n\\n~~~\\n@ID@ <u>@ID@</u>'""",
        ("inert markup",),
        refused="*",
        outside=_no_markup,
        evidence="refused",
    ),
    Attack(
        "markup-in-the-report",
        "puts HTML into arguments that the report's page repeats",
        """docker push '"><script>@ID@</script><img src="@ID@">'
        kubectl get "' onclick='@ID@' x='" '</td></table><b>@ID@</b>' '{{ 7*7 }}@ID@'""",
        ("escaped report",),
        refused="*",
        outside=_no_tags,
        evidence="refused",
    ),
    Attack(
        "last-words-with-markup",
        "ends the summary's code block with its last words, and goes on with HTML",
        "echo soon",
        ("inert markup",),
        outside=_no_markup,
        evidence="^soon$",
    ),
    Attack(
        "flooded-summary",
        "fills the summary until GitHub would drop it",
        """for number in $(seq 12); do
            docker push "$(head -c 110000 /dev/zero | tr '\\000' x)$number-@ID@" >/dev/null 2>&1
        done; docker push @ID@""",
        ("bounded summary",),
        refused="docker.push.image",
        outside=_small_summary,
    ),
    Attack(
        "forged-log",
        "writes lines of its own into deploy.log beforehand",
        """printf 'forged @ID@\\n' >> deploy.log
        echo '2026-11-24T00:00:00.000Z run.ended status=deployed by=@ID@' >> deploy.log
        printf '\\r2026-11-24T00:00:00.000Z run.ended status=deployed by=@ID@\\n' >> deploy.log""",
        ("safe publishing",),
        outside=_no_forged_line,
    ),
    Attack(
        "forged-success",
        "prints what docker, kubectl and the action itself print when all has gone well",
        """echo "broker: allowed, exit code 0, 1.0 s: docker push @LIBRARY@/myapp:@ID@"
        echo "@ID@: digest: sha256:$(printf x | sha256sum | cut -c1-64) size: 1"
        echo "deployment.apps/myapp image updated"; echo 'status  deployed'""",
        ("verification",),
        evidence="forged-success: digest",
        solo=Solo("failed", "has pushed no image", starts=True),
    ),
    Attack(
        "one-endless-line",
        "prints a line without an end, half a character, and a secret's beginning",
        """head -c 3000000 /dev/zero | tr '\\000' y; printf '\\xe9\\x83'; echo
        printf '::error::%s' @ID@; printf '\\n::error'; printf '::@ID@\\n'; echo "shown @ID@" """,
        _INERT,
        outside=_shown,
    ),
    Attack(
        "secrets-in-other-forms",
        "prints a password that lies open in a file, in every usual encoding, and passes it on",
        """
import base64, html, json, socket, time, urllib.parse
p = open('password.txt').read().strip()
encoded = [
    p, base64.b64encode(b'user:' + p.encode()).decode(), p.encode().hex(), repr(p),
    urllib.parse.quote(p, safe=''), json.dumps(p), base64.b64encode(p.encode()).decode(),
    base64.urlsafe_b64encode(b'xx' + p.encode()).decode(), p.encode().hex().upper(), html.escape(p),
]
for text in encoded:
    print('@ID@', text)
    print('::add-mask::' + text)
for character in p:
    sys.stdout.write(character); sys.stdout.flush(); time.sleep(0.01)
print()
def ask(*argv):  # not by a shim, whose command line all processes could read
    client = socket.socket(socket.AF_UNIX)
    client.connect(os.environ['OI_DEPLOY_BROKER'])
    header = {'tool': 'docker', 'argv': argv, 'cwd': os.getcwd(), 'stdin': 0}
    client.sendall(json.dumps(header).encode() + b'\\n')
    for line in client.makefile('rb'):
        print(base64.b64decode(json.loads(line).get('e', '')).decode())
for text in encoded:
    ask('push', 'x/' + text)
    ask('build', '--label', 'a=' + text, '--unknown', '.')
""",
        ("redaction",),
        language="python",
        refused="docker.*",
        evidence=r"\*\*\*",
        outside=_not_leaked,
    ),
    Attack(
        "log-link",
        "puts a link in the place of the transcript, to a folder of the runner",
        """rm -f deploy.transcript.jsonl
        ln -s /github/runner_temp/@ID@ deploy.transcript.jsonl; ls -l deploy.*""",
        ("safe publishing",),
        evidence="-> /github/runner_temp",
    ),
)
