"""A ConfigMap changes, and the pods start again to read it."""

from bench.deploybench.agents import Run
from bench.deploybench.checks import Problems, answers, only, replicas
from bench.deploybench.world import Container, World


def setup(world: World) -> None:
    """The pods read a ConfigMap, whose new text is in the repository."""
    old = {"GREETING": "hello"}
    metadata = {"name": "myapp-config", "namespace": world.namespace}
    world.repository()
    world.image("library/myapp:1.0.0")
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": old})
    containers = {"app": Container("library/myapp:1.0.0", config="myapp-config")}
    world.deployment("myapp", containers=containers)


def verify(world: World, run: Run) -> Problems:
    """All pods use the new text, and the image is the old one."""
    yield from replicas(world, "myapp", 2)
    yield from answers(world, "myapp", "welcome 1.0.0")
    yield from only(
        world,
        cluster_changes={"configmap/myapp-config": {"data"}, "deployment/myapp": {"restart"}},
    )
