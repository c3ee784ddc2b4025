"""`python -m devkit.cluster`: run the cluster in the foreground until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import ssl
import sys
from pathlib import Path

from aiohttp import web

from devkit.cluster import authz, openapi_v2
from devkit.cluster.api import Api
from devkit.cluster.controllers import Controllers, ensure_namespace
from devkit.cluster.engine import Engine
from devkit.cluster.kubelet import Kubelet, NodeConfig
from devkit.cluster.store import Store

READY_FILE = "server.json"
"""Written into the state directory when the cluster answers: {"url": ..., "pid": ...}."""


def main(argv: list[str] | None = None) -> int:
    """Run the program."""
    options = _parse(argv)
    logging.basicConfig(
        stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(name)s %(message)s"
    )
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    asyncio.run(_serve(options))
    return 0


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devkit.cluster", description=__doc__)
    parser.add_argument("--listen", required=True, help="IP:PORT; port 0 takes a free one")
    parser.add_argument("--state", required=True, type=Path, help="directory for server.json")
    parser.add_argument("--tls-cert", required=True, type=Path)
    parser.add_argument("--tls-key", required=True, type=Path)
    parser.add_argument("--tokens", required=True, type=Path, help="see devkit/cluster/authz.py")
    parser.add_argument("--docker-config", type=Path, help="the node's registry credentials")
    parser.add_argument("--label", default="pod", help="value of the label oi-deploy.devkit")
    parser.add_argument(
        "--max-grace", type=int, default=5, help="most seconds that a container gets to end"
    )
    return parser.parse_args(argv)


async def _serve(options: argparse.Namespace) -> None:
    host, _, port = options.listen.rpartition(":")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(options.tls_cert, options.tls_key)
    users = authz.load(options.tokens)
    docker_config = (
        json.loads(options.docker_config.read_text("utf-8")) if options.docker_config else {}
    )
    options.state.mkdir(parents=True, exist_ok=True)
    ready = options.state / READY_FILE
    ready.unlink(missing_ok=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    store = Store()
    for name in ("default", "kube-system"):
        ensure_namespace(store, name)
    config = NodeConfig(
        label=options.label,
        owner=str(options.state.resolve()),
        max_grace=options.max_grace,
        docker_config=docker_config,
    )
    async with Engine() as engine:
        kubelet = Kubelet(store, engine, config)
        api = Api(store, kubelet, users, options.listen)
        # Watches of clients that went away must end at once.
        runner = web.AppRunner(api.app(), handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, host, int(port), ssl_context=tls)
        await site.start()
        url = f"https://{host}:{_port(runner)}"
        loops = [
            asyncio.create_task(kubelet.run(), name="kubelet"),
            asyncio.create_task(Controllers(store).run(), name="controllers"),
        ]
        stopping = asyncio.create_task(stop.wait())
        # Made now, because it takes a second during which nothing else is answered.
        openapi_v2.document()
        ready.write_text(json.dumps({"url": url}), "utf-8")
        logging.info("serving %s", url)
        try:
            done, _ = await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            logging.info("stopping")
            ready.unlink(missing_ok=True)
            await runner.cleanup()
            for loop in loops:
                loop.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await loop
            await kubelet.close()


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


if __name__ == "__main__":
    sys.exit(main())
