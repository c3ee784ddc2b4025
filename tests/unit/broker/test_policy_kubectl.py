"""kubectl command lines: what passes, what really runs, and what is refused by which rule."""

import json
import shlex
from pathlib import Path

import pytest

from oi_deploy.broker.document import Document, Rule
from oi_deploy.broker.policy import Decision, Known, Policy, Request, decide
from tests.policies import widest

REG = "harbor.example.com/library"
NS = "--namespace=production"
STAGING = Rule(kinds=("deployment", "pod"), names=("web", "web-*"), verbs=("read",))
EVERYTHING = Document(
    version=1,
    namespaces={**(widest("production").namespaces or {}), "staging": (STAGING,)},
)


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    workspace = tmp_path / "ws"
    (workspace / "k8s").mkdir(parents=True)
    (workspace / "deploy.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n"
        f"spec: {{template: {{spec: {{containers: [{{name: app, image: '{REG}/app:1'}}]}}}}}}\n"
    )
    (workspace / "k8s" / "cm.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n"
    )
    (workspace / "patch.json").write_text('{"spec": {"replicas": 2}}')
    (tmp_path / "outside.yaml").write_text("kind: Deployment\n")
    (workspace / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    return Policy.of(workspace, REG, "production", EVERYTHING)


def ask(policy: Policy, line: str, stdin: bytes = b"") -> Decision:
    words = tuple(shlex.split(line))
    return decide(policy, Request("kubectl", words, str(policy.workspace), stdin))


ALLOWED = [
    ("get pods", f"get {NS} pods"),
    ("-n production get pods", f"get {NS} pods"),
    ("get -nproduction pods", f"get {NS} pods"),
    ("get pods -n=production", f"get {NS} pods"),
    ("get pods --namespace production", f"get {NS} pods"),
    ("get deploy/app -o yaml", f"get {NS} --output=yaml deploy/app"),
    ("get deployments.apps app", f"get {NS} deployments.apps app"),
    ("get deployments.v1.apps app", f"get {NS} deployments.v1.apps app"),
    ("get po,svc,rs -owide", f"get {NS} --output=wide po,svc,rs"),
    ("get all --show-labels", f"get {NS} --show-labels all"),
    ("get pods -l app=x -ojsonpath={.items}", f"get {NS} --selector=app=x "
     "--output=jsonpath={.items} pods"),
    ("get ns production", f"get {NS} ns production"),
    ("describe deployment app", f"describe {NS} deployment app"),
    ("logs app-1 app", f"logs {NS} app-1 app"),
    ("logs deploy/app --tail 20 -p", f"logs {NS} --tail=20 --previous deploy/app"),
    ("logs -l app=x", f"logs {NS} --selector=app=x"),
    ("events", f"events {NS}"),
    ("version --client", f"version {NS} --client"),
    ("explain deployment.spec", f"explain {NS} deployment.spec"),
    ("auth can-i patch deployments", f"auth can-i {NS} patch deployments"),
    ("config current-context", f"config current-context {NS}"),
    ("wait --for=condition=available deploy/app --timeout=60s",
     f"wait {NS} --for=condition=available --timeout=60s deploy/app"),
    (f"set image deployment/app app={REG}/app:2",
     f"set image {NS} deployment/app app={REG}/app:2"),
    (f"-n production set image deployment app app={REG}/app:2 side={REG}/side:1",
     f"set image {NS} deployment app app={REG}/app:2 side={REG}/side:1"),
    (f"set -n production image deploy/app *={REG}/app:2 --dry-run=server",
     f"set image {NS} --dry-run=server deploy/app *={REG}/app:2"),
    ("scale deployment app --replicas=3", f"scale {NS} --replicas=3 deployment app"),
    ("scale --replicas 3 deploy/app", f"scale {NS} --replicas=3 deploy/app"),
    ("rollout status deployment/app", f"rollout status {NS} deployment/app --timeout=300s"),
    ("rollout status deploy/app --timeout 30s", f"rollout status {NS} --timeout=30s deploy/app"),
    ("rollout history deploy/app", f"rollout history {NS} deploy/app"),
    ("rollout undo deploy/app --to-revision=2",
     f"rollout undo {NS} --to-revision=2 deploy/app"),
    ("rollout restart deployment app", f"rollout restart {NS} deployment app"),
    ("patch deployment app -p '{\"spec\":{\"replicas\":2}}'",
     f"patch {NS} deployment app '--patch={{\"spec\": {{\"replicas\": 2}}}}'"),
    ("patch deployment app --patch-file patch.json",
     f"patch {NS} deployment app '--patch={{\"spec\": {{\"replicas\": 2}}}}'"),
    ("apply -f deploy.yaml", f"apply {NS} --filename=-"),
    ("apply -f deploy.yaml,k8s/cm.yaml", f"apply {NS} --filename=-"),
    ("apply -f k8s", f"apply {NS} --filename=-"),
    ("create -f k8s/cm.yaml --dry-run=client -o yaml",
     f"create {NS} --dry-run=client --output=yaml --filename=-"),
    ("diff -f deploy.yaml", f"diff {NS} --filename=-"),
    (f"create deployment app --image={REG}/app:1 --replicas 2",
     f"create deployment {NS} --image={REG}/app:1 --replicas=2 app"),
    ("get --help", "get --help"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "runs"), ALLOWED, ids=[line for line, _ in ALLOWED])
def test_allowed(policy: Policy, line: str, runs: str) -> None:
    decision = ask(policy, line)
    assert decision.reason == ""
    assert decision.allowed
    assert decision.argv == tuple(shlex.split(runs))


REFUSED = [
    # secrets, by all their names
    *[
        (f"get {what}", "kubectl.get.kind")
        for what in (
            *("secrets", "secret", "Secret", "SECRETS", "secrets.v1.", "secret/x", "pods,secrets"),
            *("secrets -o yaml", "pod/a secret/x", "secrets x", "serviceaccounts", "nodes"),
            *("foo.example.com", "deployments.evil.io", "roles", "pods,,svc"),
        )
    ],
    ("describe secret x", "kubectl.describe.kind"),
    ("describe secret/x", "kubectl.describe.kind"),
    ("get --raw /api/v1/secrets", "kubectl.get.flag"),
    ("get pods -o jsonpath-file=/etc/shadow", "kubectl.get.output"),
    ("get pods -o go-template-file=/etc/shadow", "kubectl.get.output"),
    ("get pods -ocustom-columns-file=/etc/shadow", "kubectl.get.output"),
    ("get pods -o templatefile=/etc/shadow", "kubectl.get.output"),
    ("get pods --template=/etc/shadow", "kubectl.get.flag"),
    ("get -f /etc/shadow", "kubectl.get.flag"),
    # other namespaces
    ("get pods -n kube-system", "kubectl.get.namespace"),
    ("-n kube-system get pods", "kubectl.get.namespace"),
    ("get -nkube-system pods", "kubectl.get.namespace"),
    ("get pods --namespace=kube-system", "kubectl.get.namespace"),
    ("-n production get pods -n kube-system", "kubectl.get.namespace"),
    ("get pods -n", "kubectl.get.flag"),
    ("get pods -A", "kubectl.get.flag"),
    ("get pods --all-namespaces", "kubectl.get.flag"),
    ("get pods --all-namespaces=true", "kubectl.get.flag"),
    ("events -A", "kubectl.events.flag"),
    ("get ns", "kubectl.get.namespace"),
    ("get namespace kube-system", "kubectl.get.namespace"),
    # flags that redirect, before and after the verb
    *[
        (line, rule)
        for flag in (
            *("--kubeconfig=/x", "--kubeconfig /x", "--server=https://e", "-s https://e"),
            *("-shttps://e", "--token=x", "--as=admin", "--as-group x", "--context=x"),
            *("--cluster x", "--user=x", "--username x", "--password=x", "--cache-dir=/x"),
            *("--insecure-skip-tls-verify", "--certificate-authority=/x", "--client-key x"),
            *("--client-certificate=/x", "--tls-server-name=x", "-v=9", "-v9", "--v 9"),
            *("--profile=cpu", "--kube=x", "--nam=x", "-x"),
        )
        for line, rule in (
            (f"{flag} get pods", "kubectl.flag"),
            (f"get pods {flag}", "kubectl.get.flag"),
        )
    ],
    # images from elsewhere
    ("set image deploy/app app=evil.example.com/app:1", "kubectl.set.image.image"),
    ("set image deploy/app app=app:1", "kubectl.set.image.image"),
    (f"set image deploy/app app={REG}/app:1 b=evil.io/b", "kubectl.set.image.image"),
    ("set image deploy/app app=harbor.example.com.evil.io/library/app", "kubectl.set.image.image"),
    ("set image deploy/app app=harbor.example.com/library-x/app", "kubectl.set.image.image"),
    (f"set image deploy/app app={REG}/app:1=x", "kubectl.set.image.image"),
    (f"set image --all deploy app={REG}/app:1", "kubectl.set.image.flag"),
    (f"set image deploy -l a=b app={REG}/app:1", "kubectl.set.image.flag"),
    (f"set image -f deploy.yaml app={REG}/app:1", "kubectl.set.image.flag"),
    (f"set image deploy app={REG}/app:1", "kubectl.set.image"),
    (f"set image sts/app app={REG}/app:1", "kubectl.set.image.kind"),
    (f"set image deploy/app pod/x app={REG}/app:1", "kubectl.set.image.kind"),
    ("set image deploy/app", "kubectl.set.image"),
    (f"set image deploy/app app={REG}/a:1 -o yaml", "kubectl.set.image.output"),
    (f"set image deploy/app app={REG}/a:1 --dry-run", "kubectl.set.image.flag"),
    ("create deployment app --image=evil.io/app", "kubectl.create.image"),
    (f"create deployment app --image={REG}/a,evil.io/b", "kubectl.create.image"),
    (f"create deployment app --image={REG}/a -- sh -c id", "kubectl.create.argument"),
    # other kinds and verbs
    ("scale deploy/app", "kubectl.scale"),
    ("scale deploy/app --replicas=-1", "kubectl.scale"),
    ("scale sts/app --replicas=2", "kubectl.scale.kind"),
    ("scale --all --replicas=0 deploy", "kubectl.scale.flag"),
    ("rollout undo ds/app", "kubectl.rollout.undo.kind"),
    ("rollout restart deploy", "kubectl.rollout.restart"),
    ("rollout status", "kubectl.rollout.status"),
    ("get pods -w", "kubectl.get.flag"),
    ("get pods --watch", "kubectl.get.flag"),
    ("logs -f app-1", "kubectl.logs.flag"),
    ("logs secret/x", "kubectl.logs.kind"),
    ("logs --insecure-skip-tls-verify-backend app-1", "kubectl.logs.flag"),
    *[
        (line, "kubectl.command")
        for line in (
            *("delete pod x", "delete -f deploy.yaml", "exec app-1 -- id", "exec -it x -- sh"),
            *("cp x:/a b", "run x --image=y", "edit deploy/app", "proxy", "port-forward x 1"),
            *("attach x", "debug x", "config view --raw", "config use-context x", "replace -f x"),
            *("label pod x a=b", "annotate pod x a=b", "taint node x", "drain x", "cordon x"),
            *("set env deploy/app A=b", "set serviceaccount deploy/app x", "set", "rollout"),
            *("certificate approve x", "auth reconcile -f x", "expose deploy x", "autoscale x"),
            *("kustomize .", "plugin list", "top pods", "alpha x", "frob", "create-token"),
        )
    ],
    ("create secret generic x --from-literal=a=b", "kubectl.create.flag"),
    ("create secret generic x", "kubectl.create.kind"),
    ("create token default", "kubectl.create.kind"),
    ("create rolebinding x", "kubectl.create.kind"),
    ("create configmap x", "kubectl.create.kind"),
    ("cluster-info dump", "kubectl.cluster-info"),
    # manifests from outside
    ("apply -f https://example.com/x.yaml", "kubectl.apply.url"),
    ("apply -f /etc/passwd", "kubectl.apply"),
    ("apply -f ../outside.yaml", "kubectl.apply"),
    ("apply -f link.yaml", "kubectl.apply"),
    ("apply -f deploy.yaml,/etc/passwd", "kubectl.apply"),
    ("apply -f missing.yaml", "kubectl.apply"),
    ("apply -k .", "kubectl.apply.flag"),
    ("apply -R -f .", "kubectl.apply.flag"),
    ("apply -f deploy.yaml --prune --all", "kubectl.apply.flag"),
    ("apply -f deploy.yaml --force", "kubectl.apply.flag"),
    ("apply", "kubectl.apply"),
    ("apply view-last-applied deploy/app", "kubectl.apply"),
    ("apply -f Dockerfile-is-missing", "kubectl.apply"),
    ("patch deploy/app --patch-file /etc/passwd", "kubectl.patch"),
    ("patch sts/app -p {}", "kubectl.patch.kind"),
    ("patch deploy/app", "kubectl.patch"),
    ("patch deploy/app -p {} -p {}", "kubectl.patch"),
    ("patch deploy/app -p '{\"spec\":{\"template\":{\"spec\":{\"hostNetwork\":true}}}}'",
     "kubectl.manifest"),
    ("patch deploy/app --subresource=status -p {}", "kubectl.patch.flag"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "rule"), REFUSED, ids=[line for line, _ in REFUSED])
def test_refused(policy: Policy, line: str, rule: str) -> None:
    decision = ask(policy, line)
    assert not decision.allowed
    assert decision.rule == rule
    assert decision.reason
    assert decision.argv == ()


def test_only_the_allowed_deployments_change(policy: Policy) -> None:
    narrow = Policy.of(policy.workspace, REG, "production", allowed_deployments=("web",))
    assert ask(narrow, f"set image deploy/web app={REG}/app:1").allowed
    assert ask(narrow, "get deploy/app").allowed
    for line in (
        f"set image deploy/app app={REG}/app:1",
        f"set image deploy/web deploy/app app={REG}/app:1",
        "scale deploy web app --replicas=0",
        "rollout undo deploy/app",
    ):
        decision = ask(narrow, line)
        assert decision.rule.endswith(".deployment")
        assert decision.alternatives == ("kubectl -n production get deployment web",)
        assert not decision.allowed


def test_without_a_policy_file_only_images_and_scale_change(policy: Policy) -> None:
    least = Policy.of(policy.workspace, REG, "production")
    for line in (
        "patch deploy/app -p {}",
        "apply -f deploy.yaml",
        "apply -f k8s",
        f"create deployment app --image={REG}/app:1",
    ):
        decision = ask(least, line)
        assert decision.rule.endswith(".verb")
        assert "the policy does not allow" in decision.reason
        assert not decision.allowed
    for line in ("scale deploy/app --replicas=2", "rollout restart deploy/app", "get cm"):
        assert ask(least, line).allowed


def test_a_namespace_has_rules_of_its_own(policy: Policy) -> None:
    assert ask(policy, "-n staging get deploy web").argv[1] == "--namespace=staging"
    assert ask(policy, "-n production -n staging get deploy web").argv[1] == "--namespace=staging"
    assert ask(policy, "-n staging logs web-1").allowed
    for line in ("get deploy", "get deploy app", "get pods", "get cm web", "logs app-1", "events",
                 "get all", "rollout status deploy/app"):  # fmt: skip
        assert ask(policy, f"-n staging {line}").rule.endswith(".read")
    assert ask(policy, f"-n staging set image deploy/web app={REG}/app:1").rule.endswith(".verb")
    assert ask(policy, "-n other get pods").rule.endswith(".namespace")


def test_a_manifest_may_keep_the_secrets_that_were_there(policy: Policy) -> None:
    text = (policy.workspace / "deploy.yaml").read_text()
    text = text.replace("containers:", "serviceAccountName: robot, volumes: [{name: s, secret: "
                        "{secretName: tls}}], containers:")  # fmt: skip
    line, words = "apply -f -", ("apply", "-f", "-")
    assert ask(policy, line, text.encode()).rule == "kubectl.manifest.serviceaccount"
    request = Request("kubectl", words, str(policy.workspace), text.encode())
    had = {"app": frozenset({"secret/tls", "serviceaccount/robot"})}
    assert decide(policy, request, Known(mounted=had)).allowed
    only_account = {"app": frozenset({"serviceaccount/robot"})}
    assert decide(policy, request, Known(mounted=only_account)).rule == "kubectl.manifest.secret"
    of_another = {"web": had["app"]}
    assert not decide(policy, request, Known(mounted=of_another)).allowed


def test_a_manifest_is_passed_on_as_what_was_checked(policy: Policy) -> None:
    decision = ask(policy, "apply -f deploy.yaml,k8s/cm.yaml")
    kinds = [one["kind"] for one in json.loads(decision.stdin)["items"]]
    assert kinds == ["Deployment", "ConfigMap"]
    assert decision.mutates
    from_stdin = ask(policy, "apply -f -", (policy.workspace / "deploy.yaml").read_bytes())
    assert json.loads(from_stdin.stdin)["metadata"]["name"] == "app"


def test_advice_is_a_line_with_real_names(policy: Policy) -> None:
    assert ask(policy, "set image deployment/app web=app:7").alternatives == (
        f"kubectl -n production set image deployment/app web={REG}/app:7",
    )
    assert ask(policy, "-n default get pods").alternatives == ("kubectl -n production get pods",)


def test_a_dry_run_changes_nothing(policy: Policy) -> None:
    line = f"set image deploy/app app={REG}/app:1"
    assert ask(policy, line).mutates
    assert ask(policy, f"{line} --dry-run=none").mutates
    assert not ask(policy, f"{line} --dry-run=server").mutates
    assert not ask(policy, "get pods").mutates
    assert ask(policy, f"{line} --dry-run=server --dry-run=none").mutates
