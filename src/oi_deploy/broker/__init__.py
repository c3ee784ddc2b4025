"""The only way out of the sandbox: policy, journal, and the server that runs docker and kubectl."""
