"""A pod's status, from the states of its containers. Pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from devkit.cluster import clock

Object = dict[str, Any]


@dataclass
class ContainerState:
    """What the kubelet knows of one container of a pod."""

    spec: Object
    id: str = ""
    previous_id: str = ""
    image_id: str = ""
    ready: bool = False
    started: bool = False
    restarts: int = 0
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last_state: Object = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The container's name."""
        return str(self.spec["name"])

    def waiting(self, reason: str, message: str = "") -> None:
        """Note that the container does not run, and why."""
        self.ready = self.started = False
        detail = {"reason": reason, "message": message}
        self.state = {"waiting": {key: value for key, value in detail.items() if value}}

    def status(self) -> Object:
        """Return the containerStatuses entry."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": self.image_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
            **({"containerID": f"docker://{self.id}"} if self.id else {}),
        }


def phase(containers: list[ContainerState], initialized: bool, restart_policy: str) -> str:
    """Return the phase (getPhase in pkg/kubelet/kubelet_pods.go)."""
    if not initialized:
        return "Pending"
    ended = [item.state["terminated"] for item in containers if "terminated" in item.state]
    never_ran = [
        item
        for item in containers
        if "waiting" in item.state and "terminated" not in item.last_state
    ]
    if never_ran:
        return "Pending"
    if len(ended) == len(containers) and restart_policy != "Always":
        failed = any(state["exitCode"] for state in ended)
        if not failed:
            return "Succeeded"
        if restart_policy == "Never":
            return "Failed"
    return "Running"


def compute(
    pod: Object,
    containers: list[ContainerState],
    init: list[ContainerState],
    pod_ip: str,
    host_ip: str,
    now: datetime.datetime,
) -> Object:
    """Return the whole status; transition times of unchanged conditions are kept."""
    before = pod.get("status") or {}
    initialized = all(item.ready for item in init)
    current = phase(containers, initialized, pod["spec"]["restartPolicy"])
    unready = [item.name for item in containers if not item.ready]
    why = {}
    if current == "Succeeded":
        why = {"reason": "PodCompleted"}
    elif unready:
        text = f"containers with unready status: [{' '.join(unready)}]"
        why = {"reason": "ContainersNotReady", "message": text}
    uninitialized = [item.name for item in init if not item.ready]
    init_text = f"containers with incomplete status: [{' '.join(uninitialized)}]"
    init_why = {"reason": "ContainersNotInitialized", "message": init_text}
    conditions = [
        ("PodReadyToStartContainers", bool(pod_ip), {}),
        ("Initialized", initialized, {} if initialized else init_why),
        ("Ready", not unready, why),
        ("ContainersReady", not unready, why),
        ("PodScheduled", True, {}),
    ]
    status: Object = {
        "phase": current,
        "qosClass": "BestEffort",
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime") or clock.timestamp(now),
        "conditions": [_condition(before, *condition, now) for condition in conditions],
        "containerStatuses": [item.status() for item in containers],
    }
    if init:
        status["initContainerStatuses"] = [item.status() for item in init]
    if pod_ip:
        status["podIP"] = pod_ip
        status["podIPs"] = [{"ip": pod_ip}]
    return status


def _condition(
    before: Object, kind: str, value: bool, why: Object, now: datetime.datetime
) -> Object:
    old = next((item for item in before.get("conditions") or [] if item["type"] == kind), None)
    text = "True" if value else "False"
    since = clock.timestamp(now)
    if old is not None and old["status"] == text:
        since = old["lastTransitionTime"]
    return {
        "type": kind,
        "status": text,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        **why,
    }
