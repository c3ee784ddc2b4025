"""What the engine brings, measured on the real vLLM: `make bench-engine`."""
