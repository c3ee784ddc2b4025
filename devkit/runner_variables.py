"""The variables that GitHub gives to every step, with canaries for values that must not leak."""

from collections.abc import Mapping
from pathlib import Path

from devkit.runner_files import Folders

CANARIES: Mapping[str, str] = {
    "ACTIONS_RUNTIME_TOKEN": "canary-actions-runtime-token-6f1d",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-id-token-request-token-a90c",
}
"""Secrets of the runner itself, by variable. They must appear nowhere."""


def variables(folders: Folders, *, event: Path, sha: str) -> dict[str, str]:
    """The step's variables with host paths; the runner translates them for a container."""
    owner = folders.repository.partition("/")[0]
    server = "https://github.example.com"
    return {
        "ACTIONS_CACHE_URL": f"{server}/cache/",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{server}/id-token",
        "ACTIONS_RESULTS_URL": f"{server}/results/",
        "ACTIONS_RUNTIME_URL": f"{server}/runtime/",
        "GITHUB_ACTION": "__self",
        "GITHUB_ACTION_REF": "",
        "GITHUB_ACTION_REPOSITORY": "",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_ACTOR_ID": "583231",
        "GITHUB_API_URL": f"{server}/api/v3",
        "GITHUB_BASE_REF": "",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_GRAPHQL_URL": f"{server}/api/graphql",
        "GITHUB_HEAD_REF": "",
        "GITHUB_JOB": "deploy",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_PROTECTED": "false",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REPOSITORY": folders.repository,
        "GITHUB_REPOSITORY_ID": "1296269",
        "GITHUB_REPOSITORY_OWNER": owner,
        "GITHUB_REPOSITORY_OWNER_ID": "9919",
        "GITHUB_RETENTION_DAYS": "90",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1658821493",
        "GITHUB_RUN_NUMBER": "3",
        "GITHUB_SERVER_URL": server,
        "GITHUB_SHA": sha,
        "GITHUB_TRIGGERING_ACTOR": "octocat",
        "GITHUB_WORKFLOW": "deploy",
        "GITHUB_WORKFLOW_REF": f"{folders.repository}/.github/workflows/deploy.yml@refs/heads/main",
        "GITHUB_WORKFLOW_SHA": sha,
        "GITHUB_WORKSPACE": str(folders.workspace),
        "HOME": str(folders.home),
        "RUNNER_ARCH": "X64",
        "RUNNER_ENVIRONMENT": "self-hosted",
        "RUNNER_NAME": "devkit",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": str(folders.temp),
        "RUNNER_TOOL_CACHE": str(folders.root / "_work/_tool"),
        "RUNNER_WORKSPACE": str(folders.runner_workspace),
        **CANARIES,
    }
