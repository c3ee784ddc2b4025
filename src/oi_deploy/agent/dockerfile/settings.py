"""Environment variables of a program whose defaults do not fit a container."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from posixpath import basename

from oi_deploy.agent.dockerfile.found import NO_START, SERVES
from oi_deploy.agent.dockerfile.reads import is_test
from oi_deploy.agent.situation import Situation

_LOOKS_UP = re.compile(
    r"(?:environ\.get|getenv|environ\.setdefault)\(\s*['\"](?P<name>[A-Z][A-Z0-9_]*)['\"]\s*,"
    r"\s*['\"]?(?P<value>[\w.:-]*)"
    r"|process\.env(?:\.|\[['\"])(?P<js>[A-Z][A-Z0-9_]*)(?:['\"]\])?\s*(?:\|\||\?\?)"
    r"\s*['\"`]?(?P<or>[\w.:-]+)",
    re.ASCII,
)
_TAKES_APART = re.compile(r"\{([^{}]*)\}\s*=\s*process\.env\b")
_WITH_DEFAULT = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*['\"`]?(?P<value>[\w.:-]+)", re.ASCII)
# What a program speaks to, or opens for others than its users.
_OTHERS = re.compile(
    r"(?:^|_)(?:DB|DATABASE|PG|POSTGRES\w*|MYSQL|MARIADB|MONGO\w*|REDIS|CACHE|MEMCACHED|SMTP|MAIL\w*"
    r"|LDAP|KAFKA|BROKER|QUEUE|RABBIT\w*|AMQP|MQTT|NATS|STATSD|SYSLOG|GRAPHITE|INFLUX\w*|ELASTIC\w*"
    r"|UPSTREAM|BACKEND|PEER|REMOTE|TARGET|PROXY|METRICS?|ADMIN|DEBUG\w*|HEALTH\w*|MGMT|MANAGEMENT"
    r"|PROMETHEUS|GRPC|INTERNAL|CLIENT|CONSUL|VAULT|S3|MINIO|FTP|SSH|DNS)_"
)
_HOST = re.compile(r"(?:^|_)(?:HOST(?:NAME)?|BIND|ADDR(?:ESS)?|LISTEN|INTERFACE)$")
_PORT = re.compile(r"(?:^|_)PORT$")
_LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost)(?::(?P<port>\d{2,5}))?")


def needed(texts: Mapping[str, str], port: str, given: Collection[str]) -> dict[str, str]:
    """Variables that let a program be reached from outside of its container, with their values.

    Args:
        texts: of the project's files.
        port: the one that it is to be reached at; empty if that is not known.
        given: the names that are set already.
    """
    found: dict[str, set[str]] = {}
    for path, text in texts.items():
        program = path.endswith((".py", ".js", ".mjs", ".cjs", ".ts")) or "." not in basename(path)
        if not program or is_test(path) or NO_START.search(path):
            continue
        known = tuple(_defaults(text))
        for name, value in known:
            others = name in given or _OTHERS.search(name)
            if not others and _is_its_own(name, dict(known), text):
                found.setdefault(name, set()).add(value)
    ports = {name for name in found if _PORT.search(name)}
    # Of several, the plain name is the one for its users.
    own = ports if len(ports) == 1 else ports & {"PORT"}
    result = {}
    for name, values in found.items():
        value = next(iter(values))
        local = _LOOPBACK.fullmatch(value)
        if len(values) > 1:
            continue
        if local and (_HOST.search(name) or local["port"]):
            there = f":{port or local['port']}" if local["port"] else ""
            result[name] = f"0.0.0.0{there}"  # noqa: S104 - in its container
        elif name in own and port and value.isdigit() and value != port:
            result[name] = port
    return result


_REQUIRED = re.compile(
    r"\benviron\[\s*['\"](?P<py>[A-Z][A-Z0-9_]*)['\"]|process\.env\.(?P<js>[A-Z][A-Z0-9_]*)(?!\w|\s*(?:\|\||\?|[!=]=))"
)
# Secrets, what may have one, and what is the machine's.
_NOT_OURS = re.compile(
    r"PASS|PWD|TOKEN|SECRET|KEY|CREDENTIAL|PRIVATE|AUTH|DSN|URL|URI"
    r"|^(?:PATH|HOME|USER|SHELL|LANG|TMPDIR|NODE_ENV|PYTHONPATH|CI)$"
)
_FOR_WORK = re.compile(
    r"\b(?:tests?|pytest|dev(?:elop\w*)?|debug|laptop|local(?:ly)?)\b|测试|开发|调试|本地",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"/(?:home|Users|root|tmp)\b")


def required(
    texts: Mapping[str, str], notes: str, names: Collection[str], given: Collection[str]
) -> dict[str, str]:
    """Variables without a default that programs look up, with the values that a README shows.

    Args:
        texts: of the project's files.
        notes: what its README says.
        names: of its files and folders; a value that is one of them begins with `file:`.
        given: the names of variables that are set already.
    """
    result = {}
    programs = (
        text for path, text in texts.items() if path.endswith((".py", ".js", ".mjs", ".cjs"))
    )
    for match in (match for text in programs for match in _REQUIRED.finditer(text)):
        name = match["py"] or match["js"]
        if name in given or _NOT_OURS.search(name) or _OTHERS.search(name):
            continue
        value = next(filter(None, (_shown(name, line) for line in notes.splitlines())), "")
        if not value:
            continue
        if value.startswith("$") or value in (".", "./"):
            result[name] = "file:."
        else:
            path = value.removeprefix("./").rstrip("/")
            result[name] = f"file:{path}" if path in names else value
    return result


# What a table says of a variable besides its value.
_NO_VALUES = frozenset(
    [
        *("required", "optional", "yes", "no", "string", "int", "integer", "number", "bool"),
        *("boolean", "path", "url", "none", "default", "true", "false", "y", "n"),
    ]
)


def _shown(name: str, line: str) -> str:
    """The value of a variable that a line of a README shows; empty if it is for no image."""
    match = re.search(
        rf"(?<![\w$]){name}(?:=|`?\s*\|\s*`?)['\"]?(\$\(?PWD\)?(?![/\w])|[\w./:@%+-]+)(?!\$)",
        line,
        re.ASCII,
    )
    if match is None or _FOR_WORK.search(line) or _ELSEWHERE.match(match[1]):
        return ""
    value = match[1] if match[1] in (".", "./") else match[1].rstrip(".")
    if "|" in line and value.lower() in _NO_VALUES:
        return ""
    return "" if re.search(r"@|://|^file:|:$|\.\./", value) else value


_OPTION = re.compile(
    r"add_argument\(\s*(?:['\"]-\w['\"],\s*)?['\"](?P<name>--[a-z]+)['\"][^()]*?"
    r"\bdefault=['\"]?(?P<value>[\w.:-]+)"
)


def options(text: str, port: str, command: str) -> str:
    """A command with the options that let its program be reached from outside of its container.

    Args:
        text: of the program, which says its options and their defaults as argparse has them.
        port: the one that it is to be reached at; empty if that is not known.
        command: what starts it.
    """
    # Of several parsers, the first one is not sure to be the program's.
    several = text.count("ArgumentParser(") != 1 or "add_parser(" in text
    for match in () if several else _OPTION.finditer(text):
        name, value = match["name"], match["value"]
        if re.search(rf"(?<![\w-]){name}(?![\w-])", command):
            continue
        if name in ("--host", "--bind", "--listen") and _LOOPBACK.fullmatch(value):
            command += f" {name} 0.0.0.0"
        elif name == "--port" and port and value.isdigit() and value != port:
            command += f" {name} {port}"
    return command


_ITS_OWN = re.compile(
    r"(?:(?:APP|SERVER|HTTP|WEB|LISTEN|BIND|SERVICE|FLASK|FLASK_RUN|UVICORN|GUNICORN)_)?"
    r"(?:HOST(?:NAME)?|BIND|ADDR(?:ESS)?|LISTEN|INTERFACE|PORT|BIND_ADDR(?:ESS)?|LISTEN_ADDR(?:ESS)?)"
)


def _is_its_own(name: str, known: Mapping[str, str], text: str) -> bool:
    """Whether a variable is where the program itself listens, and not what it speaks to.

    A name of the project's own counts where a program that listens has both its host and its port.
    """
    if _ITS_OWN.fullmatch(name):
        return True
    prefix = name.rpartition("_")[0]
    pair = {it for it in known if it.rpartition("_")[0] == prefix}
    both = any(map(_HOST.search, pair)) and any(map(_PORT.search, pair))
    return both and SERVES.search(text) is not None


def _defaults(text: str) -> Iterator[tuple[str, str]]:
    for match in _LOOKS_UP.finditer(text):
        yield match["name"] or match["js"], match["value"] or match["or"] or ""
    for inner in _TAKES_APART.findall(text):
        for match in _WITH_DEFAULT.finditer(inner):
            yield match["name"], match["value"]


def reached_at(world: Situation) -> tuple[str, tuple[str, ...]]:
    """The port of the only container of the meant Deployments, and the variables that it gets."""
    found: list[tuple[set[str], tuple[str, ...]]] = []
    for deployment in world.meant.chosen:
        pod = json.loads(deployment.template or "{}").get("spec") or {}
        for container in pod.get("containers") or ():
            ports = {str(it.get("containerPort", "")) for it in container.get("ports") or ()}
            names = tuple(str(it.get("name", "")) for it in container.get("env") or ())
            found.append((ports - {""}, names))
    if len(found) != 1:
        return "", ()
    ports, names = found[0]
    return (next(iter(ports)) if len(ports) == 1 else ""), names
