"""Whether the claims of a run are true, read back from the registry and the cluster."""
