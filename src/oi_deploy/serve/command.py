"""`oi-deploy serve`, top to bottom: inputs, key, port, and the server behind it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from oi_deploy import surroundings
from oi_deploy.engine import Endpoint, EngineSettings, open_engine
from oi_deploy.errors import RunError
from oi_deploy.inputs import parse
from oi_deploy.limits import Stop
from oi_deploy.loaded import load
from oi_deploy.redact import Redactor
from oi_deploy.serve.front import Front
from oi_deploy.serve.keeper import keep
from oi_deploy.serve.key import VARIABLE, client_key
from oi_deploy.serve.notify import notify
from oi_deploy.text import visible

# What `parse` wants of a run is not wanted here; and the server ends with us, unless jobs on this
# machine have other wishes.
_DEFAULTS = {"INPUT_KEEP-WARM": "0s"}
_FIXED = {"INPUT_MODE": "doctor", "INPUT_EXPECT": "none"}


def serve(
    env: Mapping[str, str], out: TextIO, *, host: str, port: int, owner: str, key_file: Path
) -> int:
    """Keep a model server up, and pass requests on to it, until a signal comes.

    Args:
        env: the inputs as `INPUT_*` variables, and perhaps the clients' key.
        out: where lines of progress go.
        host: the address to listen on.
        port: the port to listen on.
        owner: whose jobs on this machine may use the server; nobody's if empty.
        key_file: where the clients' key is, or will be.

    Returns:
        The exit code: 0 after a signal, 1 if the server could not be started, 2 if what was given
        cannot be used.
    """
    redactor = Redactor([*surroundings.secrets(env), env.get(VARIABLE, "")])

    def say(text: str) -> None:
        text = redactor.text(visible(text))
        out.write(text + "\n")
        out.flush()
        notify(env, STATUS=text)

    try:
        settings = replace(_settings(env), owner=owner, stays=True)
        key, made = client_key(env, key_file)
        redactor.learn(key)
        front = Front(host, port, key)
        settings = replace(settings, user=f"`oi-deploy serve` at {front.url}")
    except RunError as error:
        say(str(error))
        return 2
    say(f"serve: listening at {front.url}; clients get 503 until the model answers")
    if made:
        say(f"serve: a new key for clients is in {key_file}")

    def ready(endpoint: Endpoint) -> None:
        redactor.learn(endpoint.api_key)
        front.endpoint = endpoint
        say(f"serve: ready, with `{endpoint.model}` at {front.url}")
        notify(env, READY="1")

    def ended(why: str) -> None:
        front.endpoint = None
        say(f"serve: {why}")

    stop = Stop()
    with stop.watching():
        try:
            keep(
                lambda: open_engine(settings, say=say, cancelled=stop.event),
                ready=ready,
                ended=ended,
                stop=stop.event,
            )
        except RunError as error:
            say(str(error))
            return 1
        finally:
            notify(env, STOPPING="1")
            front.close()
    say("serve: ended")
    return 0


def _settings(env: Mapping[str, str]) -> EngineSettings:
    inputs = parse({**_DEFAULTS, **env, **_FIXED})
    if inputs.engine_kind != "sibling":
        raise RunError(
            "`oi-deploy serve` starts a server of its own",
            why=f"the inputs ask for `engine: {inputs.engine_kind}`",
            remedy="Remove `api-base` and `engine`.",
        )
    return surroundings.engine_settings(load(inputs, Path.cwd()), env)
