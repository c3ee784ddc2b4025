"""Open Interpreter, driven: one model answer and its execution at a time."""
