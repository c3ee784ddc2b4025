"""The step's inputs: from `INPUT_*` variables to one checked value, or every mistake at once."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from oi_deploy import input_values
from oi_deploy.errors import RunError
from oi_deploy.input_values import Count, Duration, DurationOrZero, Switch


def _input(default: str | None, meaning: str, example: str) -> Any:
    """Declare one input: its default as text, what it means, and a line to write."""
    return Field(
        default=default,
        description=meaning,
        json_schema_extra={"example": example},
        validate_default=True,
    )


class Inputs(BaseModel):
    """One step's inputs, checked. Field names are the inputs' names with `_` for `-`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    prompt: str = _input("", "what to do, in any language", "prompt: build, push and roll out")
    prompt_file: str = _input(
        "", "a file in the workspace that holds the prompt", "prompt-file: .github/deploy.txt"
    )
    mode: Literal["deploy", "doctor"] = _input(
        "deploy",
        "`deploy`: do what the prompt asks; `doctor`: only look whether everything is there for it",
        "mode: doctor",
    )
    expect: Literal["deploy", "push", "none"] = _input(
        "deploy",
        "what verification must find: a Deployment that runs the image, a pushed image, or nothing",
        "expect: deploy",
    )
    engine: Literal["sibling", "process", "external"] = _input(
        "sibling",
        "where the model runs: a vLLM container beside the action, a vLLM process inside it, "
        "or an endpoint that is there already",
        "engine: sibling",
    )
    api_base: Annotated[tuple[str, ...], BeforeValidator(input_values.api_base)] = _input(
        "",
        "an OpenAI-compatible endpoint, or several of which the next is asked when one is gone; "
        "sets `engine: external`",
        "api-base: http://gpu-host:8000/v1",
    )
    api_key: str = _input("", "the key of the endpoint", "api-key: ${{ secrets.VLLM_API_KEY }}")
    model: str = _input(
        "Qwen/Qwen3-4B-Instruct-2507",
        "a hub name, or the absolute path of a model folder",
        "model: Qwen/Qwen3-4B-Instruct-2507",
    )
    model_revision: str = _input(
        "",
        "the hub revision; the default model is pinned to "
        "`cdbee75f17c01a7cc42f958dc650907174af0554`",
        "model-revision: cdbee75f17c01a7cc42f958dc650907174af0554",
    )
    vllm_image: str = _input(
        "vllm/vllm-openai:v0.32.0",
        "the image that `engine: sibling` starts",
        "vllm-image: harbor.example.com/mirror/vllm-openai:v0.32.0",
    )
    vllm_args: Annotated[tuple[str, ...], BeforeValidator(input_values.arguments)] = _input(
        "",
        "more arguments for the vLLM server; they win over ours",
        "vllm-args: --gpu-memory-utilization 0.8",
    )
    gpus: Annotated[str, AfterValidator(input_values.gpus)] = _input(
        "all", "`all`, `none` (vLLM on the CPU), or GPU indexes such as `0,1`", "gpus: none"
    )
    max_model_len: Count = _input(
        "16384", "the model's context length in tokens", "max-model-len: 16384"
    )
    engine_timeout: Duration = _input(
        "15m", "how long to wait until the model is ready", "engine-timeout: 15m"
    )
    keep_warm: DurationOrZero = _input(
        "30m",
        "how long the server of `engine: sibling` stays for the next job after its last one; `0s` "
        "ends it with the job",
        "keep-warm: 30m",
    )
    registry: Annotated[str, AfterValidator(input_values.registry)] = _input(
        "",
        "the private registry, with an optional path that images must lie under",
        "registry: harbor.example.com/library",
    )
    registry_username: str = _input(
        "", "who pushes", "registry-username: ${{ secrets.REGISTRY_USERNAME }}"
    )
    registry_password: str = _input(
        "", "the password or token", "registry-password: ${{ secrets.REGISTRY_PASSWORD }}"
    )
    registry_ca: str = _input(
        "",
        "the registry's CA certificate: PEM text, or the path of a PEM file",
        "registry-ca: ${{ vars.REGISTRY_CA }}",
    )
    kubeconfig: str = _input(
        "",
        "the kubeconfig: its content, its content in base64, or a path outside the workspace",
        "kubeconfig: ${{ secrets.KUBECONFIG }}",
    )
    kube_context: str = _input(
        "", "the context to use; the kubeconfig's current one if empty", "kube-context: production"
    )
    namespace: Annotated[str, AfterValidator(input_values.namespace)] = _input(
        "", "the namespace; the context's, else `default`, if empty", "namespace: production"
    )
    allowed_images: Annotated[tuple[str, ...], BeforeValidator(input_values.image_names)] = _input(
        "",
        "the repositories that may be built, pushed and deployed; everything under `registry` "
        "if empty",
        "allowed-images: harbor.example.com/library/myapp",
    )
    allowed_deployments: Annotated[tuple[str, ...], BeforeValidator(input_values.names)] = _input(
        "",
        "the Deployments that may be changed; everything in `namespace` if empty",
        "allowed-deployments: myapp",
    )
    policy_file: str = _input(
        "",
        "a YAML file in the workspace that says in full what the model's code may do",
        "policy-file: .github/oi-deploy-policy.yml",
    )
    allowed_actors: Annotated[tuple[str, ...], BeforeValidator(input_values.lines)] = _input(
        "", "the GitHub users who may start a run; everybody if empty", "allowed-actors: octocat"
    )
    allow_untrusted_trigger: Switch = _input(
        "false",
        "run also for events that strangers can cause, as a comment or a fork's pull request",
        "allow-untrusted-trigger: true",
    )
    allow_weaker_sandbox: Switch = _input(
        "false",
        "run also where the kernel or the Docker engine cannot take the network from the model's "
        "code",
        "allow-weaker-sandbox: true",
    )
    rollout_timeout: Duration = _input("5m", "how long a rollout may take", "rollout-timeout: 5m")
    rollback: Switch = _input(
        "true",
        "put changed Deployments back when the run does not end well: true or false",
        "rollback: false",
    )
    max_turns: Count = _input("12", "how many answers the model may give", "max-turns: 12")
    timeout: Duration = _input("30m", "how long the whole run may take", "timeout: 30m")
    command_timeout: Duration = _input(
        "10m", "how long one script or brokered command may take", "command-timeout: 10m"
    )
    stall_timeout: Duration = _input(
        "5m",
        "how long a script, the model or a rollout may give no sign of life",
        "stall-timeout: 5m",
    )
    working_directory: str = _input(
        ".", "where the model's code starts, relative to the workspace", "working-directory: app"
    )
    log_file: Annotated[str, AfterValidator(input_values.log_file)] = _input(
        "deploy.log", "where the log goes, relative to the workspace", "log-file: deploy.log"
    )

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        problems = list(self._problems())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _problems(self) -> list[str]:
        """Every combination that makes no sense, one line each, the input's name first."""
        found = []
        if self.mode != "doctor" and not self.prompt.strip() and not self.prompt_file:
            found.append("prompt|is missing, and so is `prompt-file`")
        if self.prompt.strip() and self.prompt_file:
            found.append("prompt-file|is given beside `prompt`; one of them must go")
        if self.engine == "external" and not self.api_base:
            found.append("api-base|is missing, and `engine: external` needs it")
        if self.api_base and self.engine == "process":
            found.append("engine|is `process`, but `api-base` names an endpoint; drop one of them")
        if self.api_key and not self.api_base:
            found.append("api-key|is given without `api-base`; our own servers make their own key")
        if self.expect != "none" and not self.registry:
            found.append(f"registry|is missing, and `expect: {self.expect}` needs it")
        if self.expect == "deploy" and not self.kubeconfig.strip():
            found.append("kubeconfig|is missing, and `expect: deploy` needs it")
        if self.kube_context and not self.kubeconfig.strip():
            found.append("kube-context|is given without `kubeconfig`")
        if bool(self.registry_username) != bool(self.registry_password):
            lacking = "registry-password" if self.registry_username else "registry-username"
            found.append(f"{lacking}|is missing, and its partner is there")
        if self.registry_password and not self.registry:
            found.append("registry|is missing, but there is a password for it")
        # The default ends with the run, as every script does.
        usual = TypeAdapter(Duration).validate_python(default("command-timeout"))
        if self.command_timeout > self.timeout and self.command_timeout != usual:
            found.append("command-timeout|is longer than `timeout`, the limit of the whole run")
        host = self.registry.partition("/")[0]
        for image in self.allowed_images:
            if self.registry and image.partition("/")[0] != host:
                found.append(f"allowed-images|names `{image}`, which is not on `{host}`")
        return found

    @property
    def engine_kind(self) -> Literal["sibling", "process", "external"]:
        """The engine to use: an endpoint wins over the default."""
        return "external" if self.api_base else self.engine


def names() -> tuple[str, ...]:
    """The inputs' names as a workflow writes them."""
    return tuple(name.replace("_", "-") for name in Inputs.model_fields)


def example(name: str) -> str:
    """The line to write into the workflow for one input."""
    extra = Inputs.model_fields[name.replace("-", "_")].json_schema_extra
    return str(extra["example"]) if isinstance(extra, dict) else ""


def default(name: str) -> str:
    """One input's default, as action.yml writes it."""
    return str(Inputs.model_fields[name.replace("-", "_")].default or "")


def parse(env: Mapping[str, str]) -> Inputs:
    """Read `INPUT_*` variables; an empty value means the default, as GitHub passes it.

    Raises:
        RunError: with one line for each wrong, missing or unknown input.
    """
    given: dict[str, str] = {}
    problems: list[str] = []
    for variable, value in env.items():
        if not variable.startswith("INPUT_"):
            continue
        name = variable.removeprefix("INPUT_").lower()
        if name not in names():
            close = difflib.get_close_matches(name, names(), n=1)
            hint = f"did you mean `{example(close[0])}`?" if close else "remove it"
            problems.append(f"input `{name}` is unknown; {hint}")
        elif value.strip():
            keep = name in ("prompt", "kubeconfig", "registry-ca", "registry-password", "api-key")
            given[name.replace("-", "_")] = value if keep else value.strip()
    inputs, mistakes = _validate(given)
    if problems or mistakes or inputs is None:
        raise refusal(problems + mistakes)
    return inputs


def _validate(given: dict[str, str]) -> tuple[Inputs | None, list[str]]:
    """Check values, then combinations, so that one run shows the mistakes of both kinds.

    pydantic looks at combinations only when every value is right; so the wrong ones are left
    out for a second look, which reports only what does not follow from their absence.
    """
    try:
        return Inputs.model_validate(given), []
    except ValidationError as error:
        problems: list[str] = []
        wrong: set[str] = set()
        for item in error.errors():
            message = str(item["msg"]).removeprefix("Value error, ")
            if item["type"] == "literal_error":
                message = f"must be one of {item['ctx']['expected']}"
            if item["loc"]:
                wrong.add(str(item["loc"][0]))
                problems.append(problem(str(item["loc"][0]).replace("_", "-"), message))
            else:
                problems += [problem(*line.split("|", 1)) for line in message.splitlines()]
    if wrong:
        _, more = _validate({name: value for name, value in given.items() if name not in wrong})
        named = tuple(f"input `{name.replace('_', '-')}` " for name in wrong)
        problems += [line for line in more if not line.startswith(named)]
    return None, problems


def problem(name: str, why: str) -> str:
    """One mistake in one line, with the line to write."""
    return f"input `{name}` {why}. Write: `{example(name)}`"


def refusal(problems: list[str]) -> RunError:
    """The error that says every mistake at once."""
    return RunError("The step's inputs cannot be used", why="\n" + "\n".join(problems))
