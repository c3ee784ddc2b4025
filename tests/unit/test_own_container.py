"""Which container we are in: mounts as Docker 20.10 and 28 write them."""

from oi_deploy.own_container import container_id

OWN = "3f2a" * 16
BRIDGE = f"""\
612 589 0:64 / / rw,relatime master:185 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
628 612 254:0 /var/lib/docker/containers/{OWN}/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw
629 612 254:0 /var/lib/docker/containers/{OWN}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw
630 612 254:0 /var/lib/docker/containers/{OWN}/hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
"""
HOST = """\
24 1 254:0 / / rw,relatime - ext4 /dev/vda rw
401 24 0:4 net:[4026532217] /run/docker/netns/f1 rw shared:200 - nsfs nsfs rw
"""
# A machine that has the engine's folders mounted, but is itself no container.
ENGINE_HOST = f"""\
500 24 0:50 / /var/lib/docker/containers/{OWN}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k
"""


def test_a_container_finds_itself() -> None:
    assert container_id(BRIDGE) == OWN


def test_a_data_root_elsewhere_makes_no_difference() -> None:
    assert container_id(BRIDGE.replace("/var/lib/docker", "/data")) == OWN


def test_a_host_is_no_container() -> None:
    assert container_id(HOST) == ""
    assert container_id(ENGINE_HOST) == ""
