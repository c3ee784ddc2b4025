"""The whole world on one machine: registry, cluster, model and runner, for demo and tests."""
