"""What a workflow's author gets for right and for wrong inputs."""

import base64
from pathlib import Path

import pytest

from oi_deploy import inputs
from oi_deploy.errors import RunError
from oi_deploy.loaded import load

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://10.0.0.1:6443'}}]
contexts:
- {name: main, context: {cluster: c, user: u, namespace: production}}
- {name: other, context: {cluster: c, user: u}}
current-context: main
users: [{name: u, user: {token: secret-token}}]
"""
GOOD = {
    "INPUT_PROMPT": "build it",
    "INPUT_REGISTRY": "harbor.example.com/library",
    "INPUT_KUBECONFIG": KUBECONFIG,
}


def refusal(env: dict[str, str]) -> list[str]:
    with pytest.raises(RunError) as caught:
        inputs.parse(env)
    return caught.value.why.strip().splitlines()


def test_defaults_hold_for_what_the_workflow_leaves_empty() -> None:
    parsed = inputs.parse(GOOD | {"INPUT_MAX-TURNS": "", "INPUT_TIMEOUT": ""})
    assert (parsed.max_turns, parsed.timeout, parsed.engine_kind) == (12, 1800.0, "sibling")


def test_a_short_run_needs_no_shorter_limit_for_its_scripts() -> None:
    # GitHub passes the defaults of action.yml.
    for given in ({}, {"INPUT_COMMAND-TIMEOUT": "10m"}):
        assert inputs.parse(GOOD | {"INPUT_TIMEOUT": "3m"} | given).timeout == 180


def test_only_a_server_s_stay_may_last_no_time() -> None:
    assert inputs.parse(GOOD).keep_warm == 1800
    assert inputs.parse(GOOD | {"INPUT_KEEP-WARM": "0s"}).keep_warm == 0
    assert len(refusal(GOOD | {"INPUT_KEEP-WARM": "0"})) == 1
    assert len(refusal(GOOD | {"INPUT_ENGINE-TIMEOUT": "0s"})) == 1


def test_an_endpoint_makes_the_engine_external() -> None:
    parsed = inputs.parse(GOOD | {"INPUT_API-BASE": "http://gpu:8000/v1/", "INPUT_API-KEY": "k"})
    assert (parsed.engine_kind, parsed.api_base) == ("external", ("http://gpu:8000/v1",))


def test_endpoints_are_a_list_in_lines_or_with_commas() -> None:
    for text in ("http://a/v1/\nhttps://b:8000\n", "http://a/v1, https://b:8000,http://a/v1"):
        parsed = inputs.parse(GOOD | {"INPUT_API-BASE": text})
        assert parsed.api_base == ("http://a/v1", "https://b:8000")
    (line,) = refusal(GOOD | {"INPUT_API-BASE": "http://a/v1\ngpu-host:8000"})
    assert "`gpu-host:8000` is not an http or https URL" in line


def test_a_password_in_an_endpoint_is_refused_without_showing_it() -> None:
    (line,) = refusal(GOOD | {"INPUT_API-BASE": "http://a/v1 http://me:s3cret@b/v1"})
    assert "`api-key`" in line and "s3cret" not in line


@pytest.mark.parametrize(
    "prompt",
    [
        "构建当前项目的Docker镜像,\n标签为 myapp:$(git rev-parse --short HEAD)\n",
        "  a \"b\" 'c' `d` $(e) \\ %0A ::error::x\n\n",
    ],
)
def test_a_prompt_arrives_unchanged(prompt: str) -> None:
    assert inputs.parse(GOOD | {"INPUT_PROMPT": prompt}).prompt == prompt


def test_all_mistakes_are_reported_at_once_with_the_line_to_write() -> None:
    lines = refusal(
        {
            "INPUT_PROMPT": "x",
            "INPUT_ENGINE": "gpu",
            "INPUT_TIMEOUT": "soon",
            "INPUT_MAX-TURN": "3",
            "INPUT_REGISTRY": "harbor.example.com",
            "INPUT_REGISTRY-USERNAME": "robot",
        }
    )
    names = [line.split("`")[1] for line in lines]
    assert sorted(names) == ["engine", "kubeconfig", "max-turn", "registry-password", "timeout"]
    assert all("`" in line.split("Write: ")[-1] for line in lines)
    assert "did you mean `max-turns: 12`" in next(line for line in lines if "max-turn`" in line)


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({"INPUT_PROMPT": " "}, "prompt", "missing"),
        ({"INPUT_PROMPT-FILE": "p.txt"}, "prompt-file", "beside `prompt`"),
        ({"INPUT_REGISTRY": ""}, "registry", "missing"),
        ({"INPUT_REGISTRY": "https://harbor.example.com"}, "registry", "no scheme"),
        ({"INPUT_KUBECONFIG": ""}, "kubeconfig", "missing"),
        ({"INPUT_KUBECONFIG": "", "INPUT_KUBE-CONTEXT": "x"}, "kube-context", "without"),
        ({"INPUT_ENGINE": "external"}, "api-base", "missing"),
        ({"INPUT_ENGINE": "process", "INPUT_API-BASE": "http://a/v1"}, "engine", "drop one"),
        ({"INPUT_API-KEY": "k"}, "api-key", "without `api-base`"),
        ({"INPUT_REGISTRY-PASSWORD": "p"}, "registry-username", "missing"),
        (
            {"INPUT_TIMEOUT": "5m", "INPUT_COMMAND-TIMEOUT": "6m"},
            "command-timeout",
            "longer than `timeout`",
        ),
        ({"INPUT_TIMEOUT": "0s"}, "timeout", "zero"),
        ({"INPUT_MAX-TURNS": "0"}, "max-turns", "above zero"),
        ({"INPUT_GPUS": "two"}, "gpus", "GPU indexes"),
        ({"INPUT_NAMESPACE": "Prod_1"}, "namespace", "namespace"),
        ({"INPUT_LOG-FILE": "../deploy.log"}, "log-file", "relative"),
        ({"INPUT_LOG-FILE": "/tmp/deploy.log"}, "log-file", "relative"),
        ({"INPUT_ALLOWED-IMAGES": "evil.io/library/myapp"}, "allowed-images", "not on"),
        ({"INPUT_VLLM-ARGS": "--a 'b"}, "vllm-args", "quoting"),
        ({"INPUT_EXPECT": "magic"}, "expect", "'deploy', 'push' or 'none'"),
    ],
)
def test_each_mistake_names_the_input_and_why(
    changes: dict[str, str], name: str, reason: str
) -> None:
    lines = refusal(GOOD | changes)
    matching = [line for line in lines if line.startswith(f"input `{name}` ")]
    assert matching and reason in matching[0]


def test_kubeconfig_as_content_base64_or_path(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    encoded = base64.b64encode(KUBECONFIG.encode()).decode()
    wrapped = "\n".join(encoded[i : i + 60] for i in range(0, len(encoded), 60))
    for value in (KUBECONFIG, encoded, wrapped, str(path)):
        loaded = load(inputs.parse(GOOD | {"INPUT_KUBECONFIG": value}), workspace)
        assert loaded.kubeconfig.strip() == KUBECONFIG.strip()
        assert loaded.namespace == "production"


def test_a_kubeconfig_in_the_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    with pytest.raises(RunError, match="could read it"):
        load(inputs.parse(GOOD | {"INPUT_KUBECONFIG": str(tmp_path / "kubeconfig")}), tmp_path)


def test_an_unknown_context_names_those_that_exist(tmp_path: Path) -> None:
    parsed = inputs.parse(GOOD | {"INPUT_KUBE-CONTEXT": "prod"})
    with pytest.raises(RunError, match="no context `prod`; it has `main`, `other`"):
        load(parsed, tmp_path)


def test_the_default_model_is_pinned_and_others_are_not(tmp_path: Path) -> None:
    pinned = load(inputs.parse(GOOD), tmp_path)
    other = load(inputs.parse(GOOD | {"INPUT_MODEL": "/models/mine"}), tmp_path)
    assert (len(pinned.model_revision), other.model_revision) == (40, "")


def test_a_prompt_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text('部署 "it" `now` $(x)\n', encoding="utf-8")
    env = {**GOOD, "INPUT_PROMPT": "", "INPUT_PROMPT-FILE": "p.txt"}
    assert load(inputs.parse(env), tmp_path).prompt == '部署 "it" `now` $(x)\n'


def test_a_prompt_file_may_not_lead_out_of_the_workspace(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tmp_path / "outside").write_text("x")
    (workspace / "link").symlink_to(tmp_path / "outside")
    for name in ("../outside", "link"):
        env = {**GOOD, "INPUT_PROMPT": "", "INPUT_PROMPT-FILE": name}
        with pytest.raises(RunError, match="leads out of the workspace"):
            load(inputs.parse(env), workspace)


def test_a_ca_is_a_pem_text_or_file(tmp_path: Path) -> None:
    pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"
    (tmp_path / "ca.crt").write_text(pem)
    for value in (pem, "ca.crt"):
        loaded = load(inputs.parse(GOOD | {"INPUT_REGISTRY-CA": value}), tmp_path)
        assert loaded.registry_ca == pem + "\n"
    with pytest.raises(RunError, match="registry-ca"):
        load(inputs.parse(GOOD | {"INPUT_REGISTRY-CA": "missing.crt"}), tmp_path)


def test_a_policy_file_is_read_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text("version: 1\nnetwork: open\n")
    env = {**GOOD, "INPUT_POLICY-FILE": "policy.yml"}
    loaded = load(inputs.parse(env), tmp_path)
    assert loaded.policy.document.network == "open"
    assert load(inputs.parse(GOOD), tmp_path).policy.document.network == "none"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 1\nimages: {pushes: []}\n", "images.pushes"),
        ("version: 1\nnamespaces: {}\n", "allowed-deployments"),
        ("nonsense", "version: 1"),
    ],
)
def test_a_wrong_policy_file_is_an_input_s_mistake(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "policy.yml").write_text(text)
    env = {**GOOD, "INPUT_POLICY-FILE": "policy.yml", "INPUT_ALLOWED-DEPLOYMENTS": "web"}
    with pytest.raises(RunError, match="input `policy-file`") as caught:
        load(inputs.parse(env), tmp_path)
    assert says in caught.value.why


@pytest.mark.parametrize("name", ["ALLOW-UNTRUSTED-TRIGGER", "ALLOW-WEAKER-SANDBOX"])
def test_a_switch_takes_only_true_or_false(name: str) -> None:
    field = name.lower().replace("-", "_")
    assert getattr(inputs.parse({**GOOD, f"INPUT_{name}": "true"}), field) is True
    assert getattr(inputs.parse({**GOOD, f"INPUT_{name}": "false"}), field) is False
    assert getattr(inputs.parse(GOOD), field) is False
    for value in ("yes", "True", "1"):
        with pytest.raises(RunError, match="neither `true` nor `false`"):
            inputs.parse({**GOOD, f"INPUT_{name}": value})


def test_a_doctor_needs_no_prompt_and_no_other_mode_exists() -> None:
    env = {name: value for name, value in GOOD.items() if name != "INPUT_PROMPT"}
    assert inputs.parse(env | {"INPUT_MODE": "doctor"}).mode == "doctor"
    assert inputs.parse(GOOD).mode == "deploy"
    assert any("`mode` must be one of" in line for line in refusal(GOOD | {"INPUT_MODE": "plan"}))
