"""What every engine owes: one endpoint with a model behind it, and a bounded end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["sibling", "process", "external"]
Say = Callable[[str], None]
"""Prints one line of progress for people."""


@dataclass(frozen=True)
class EngineSettings:
    """What the inputs say about the engine.

    Attributes:
        kind: where the model runs.
        model: a hub name, or the absolute path of a model folder.
        model_revision: the hub revision; empty for a path.
        api_base: the endpoints of `external`, each with or without its final `/v1`; those after
            the first are for when it is gone.
        api_key: the key of all of them; our own servers make their own.
        vllm_image: the image that `sibling` starts.
        vllm_args: more arguments for the vLLM server; they win over ours.
        gpus: `all`, `none`, or GPU indexes such as `0,1`.
        max_model_len: context length in tokens.
        timeout_s: how long to wait until the model is ready, in seconds.
        keep_warm_s: how long `sibling`'s server stays for the next run, in seconds.
        owner: whose runs may share a server.
        user: who this run is, as others read it that wait for the server.
        served_model_name: the name that requests use; the model's last path part if empty.
        stays: whether it will never let go of the server, as `oi-deploy serve`; who wants another
            server on the same GPUs then need not wait.
    """

    kind: Kind
    model: str
    model_revision: str
    api_base: tuple[str, ...]
    api_key: str
    vllm_image: str
    vllm_args: tuple[str, ...]
    gpus: str
    max_model_len: int
    timeout_s: float
    keep_warm_s: float
    owner: str
    user: str
    served_model_name: str = ""
    stays: bool = False

    @property
    def model_is_path(self) -> bool:
        """Whether the model is a folder; a hub name never starts with a slash."""
        return self.model.startswith("/")

    @property
    def gpu_ids(self) -> tuple[str, ...]:
        """The GPU indexes that were listed; empty for `all` and `none`."""
        return () if self.gpus in ("all", "none") else tuple(self.gpus.split(","))


@dataclass(frozen=True)
class Endpoint:
    """A model that answers.

    Attributes:
        base_url: an OpenAI-compatible API; ends in `/v1`.
        model: the name that requests use.
        api_key: empty when the endpoint wants none.
        max_model_len: context length in tokens, as the server reports it.
        warm: whether it was up before this run.
        others: more such APIs with the same model and key, in the order in which they are asked
            when `base_url` is gone.
    """

    base_url: str
    model: str
    api_key: str
    max_model_len: int
    warm: bool = False
    others: tuple[str, ...] = ()


class Engine(Protocol):
    """One way to get an endpoint."""

    def start(self) -> Endpoint:
        """Block until the model has answered.

        Raises:
            RunError: it cannot answer, took too long, or the run was cancelled. Nothing that
                this run has started is left running then.
        """

    def diagnose(self) -> str | None:
        """Say why the engine is dead: the likely cause and its last lines. None while it lives."""

    def stop(self) -> None:
        """Use it no more, within 5 seconds; a server that is not to be kept ends.

        May be called more than once, and never raises.
        """
