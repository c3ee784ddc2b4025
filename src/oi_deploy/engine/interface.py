"""What every engine is given and what it owes."""

from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class EngineSettings:
    """Where the model comes from and how it is served.

    Attributes:
        kind: which engine.
        model: a hub name or an absolute path; for `external`, the wanted name.
        model_revision: the hub revision, or empty.
        api_base: the endpoint of `external`, usually ending in `/v1`.
        api_key: its key, or empty.
        vllm_image: the image that `sibling` starts.
        vllm_args: the user's arguments for the server; they win over ours.
        gpus: `all`, `none`, or indexes such as `0,1`.
        max_model_len: context length in tokens.
        timeout_s: how long to wait until the model is ready, in seconds.
        run_id: names and labels what is started.
    """

    kind: Literal["sibling", "process", "external"]
    model: str
    model_revision: str
    api_base: str
    api_key: str
    vllm_image: str
    vllm_args: tuple[str, ...]
    gpus: str
    max_model_len: int
    timeout_s: float
    run_id: str

    @property
    def served_model_name(self) -> str:
        """The name under which our own servers serve the model."""
        return self.model.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Endpoint:
    """A model that answers.

    Attributes:
        base_url: ends in `/v1`.
        model: the name that it is served under.
        api_key: empty if none is needed.
        max_model_len: context length in tokens, as the server says; 0 if it does not.
    """

    base_url: str
    model: str
    api_key: str
    max_model_len: int


class Engine(Protocol):
    """One way to get an endpoint."""

    def start(self) -> Endpoint:
        """Block until the model answers.

        Raises:
            RunError: it never will, the time is up, or the run is cancelled.
        """

    def diagnose(self) -> str | None:
        """Why it died, with the last lines of its log; None while it lives."""

    def stop(self) -> None:
        """End what `start` began, within 5 seconds; safe to call twice; never raises."""
