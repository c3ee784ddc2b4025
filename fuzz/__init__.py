"""Fuzzing of what reads bytes of the model's code: `make fuzz`, or one harness alone.

A harness takes libFuzzer's options, such as `-max_total_time=60` and `-timeout=10`; what it finds
is kept in `.devkit/fuzz/`. A crash is any exception that the code does not declare, or an answer
that is not sane; a hang is an input that takes longer than the timeout.
"""
