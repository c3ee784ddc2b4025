# The action's image: Open Interpreter, our code, docker, kubectl and what the model's code needs.
# No model and no vLLM. It must build with the classic builder too, which act uses: so no
# `RUN --mount`, no heredocs, no `COPY --link` or `--chmod`.

# A site can name its own mirrors: docker build --build-arg BASE_IMAGE=...
ARG BASE_IMAGE=debian:bookworm-20260824-slim
ARG DOCKER_CLI_IMAGE=docker:28.5.2-cli
ARG KUBECTL_IMAGE=registry.k8s.io/kubectl:v1.34.1

FROM ${DOCKER_CLI_IMAGE} AS docker-cli

FROM ${KUBECTL_IMAGE} AS kubectl

FROM ${BASE_IMAGE} AS tools
COPY --from=docker-cli /usr/local/bin/docker /tools/usr/local/libexec/oi-deploy/docker
COPY --from=kubectl /bin/kubectl /tools/usr/local/libexec/oi-deploy/kubectl
# Only root, so that the model's code reaches the two through the broker or not at all. Here, since
# changing a mode in the last stage would store both files twice.
RUN chmod -R 0700 /tools/usr/local/libexec/oi-deploy

FROM ${BASE_IMAGE} AS all-packages
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY requirements-build.txt requirements.txt /build/
# Two of Open Interpreter's dependencies exist as source only. They are built with the pinned
# setuptools: pip's isolated builds would fetch one without a hash.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes --no-deps \
        --requirement /build/requirements-build.txt \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --require-hashes --no-deps \
        --no-build-isolation --use-pep517 --requirement /build/requirements.txt

FROM all-packages AS python-packages
COPY image/prune.py image/check_imports.py src/oi_deploy/agent/interpreter_import.py /build/
RUN find /opt/venv -name __pycache__ -prune -exec rm -rf '{}' + \
    && /opt/venv/bin/python -IB /build/prune.py \
    && HOME=/tmp/home /opt/venv/bin/python -I /build/check_imports.py

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="oi-deploy-action" \
      org.opencontainers.image.description="One sentence in a workflow becomes a verified deployment" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates curl git jq libseccomp2 nodejs procps python3 tini util-linux \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* \
    # The workspace belongs to the runner's user, and checkout marks it as safe in another HOME.
    && git config --system --add safe.directory '*'
COPY --from=tools /tools/ /
COPY --from=python-packages /opt/venv /opt/venv
# Nothing may call out on its own.
ENV DISABLE_TELEMETRY=true
# What the image conveys is AGPL-3.0; its whole source is here too.
COPY LICENSE entrypoint.py /action/
COPY src/ /action/src/
RUN echo /action/src > /opt/venv/lib/python3.11/site-packages/oi-deploy.pth \
    && install -D --mode 0755 /action/src/oi_deploy/broker/shim.py /opt/oi-deploy/bin/docker \
    && install -D --mode 0755 /action/src/oi_deploy/broker/shim.py /opt/oi-deploy/bin/kubectl \
    && HOME=/tmp/home /opt/venv/bin/python -I -c "import oi_deploy.run, oi_deploy.talk" \
    && rm -rf /tmp/home

# No USER and no WORKDIR: GitHub runs a container action as root in the mounted workspace. No shell
# in between: dash drops variables with a hyphen, as INPUT_MAX-TURNS. Isolated (-I), so that a
# PYTHONPATH of the job cannot put the repository's modules into this process.
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/venv/bin/python", "-IBu", "/action/entrypoint.py"]
