# vllm-router, from PyPI: vLLM's own router, in Rust.
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
RUN pip install --no-cache-dir vllm-router==0.1.17
USER 65534
ENTRYPOINT ["vllm-router"]
