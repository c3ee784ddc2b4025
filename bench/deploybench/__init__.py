"""Deployment tasks with verifiers in code, and the program that runs an agent on them.

A task is a folder: `task.yaml` says what is asked and how it should end, `task.py` has
`setup(world)` and `verify(world, run)`, `repository/` holds files for the workspace,
`solution.sh` is what a perfect agent runs, `wrong.sh` what an agent must not do. See
docs/benchmark.md.
"""
