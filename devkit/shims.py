"""The programs `docker` and `kubectl` of the sandbox, where the action's image is not."""

from pathlib import Path

from oi_deploy.broker import shim


def install(directory: Path, python: str = "/usr/bin/python3") -> None:
    """Write them into a directory, as the image has them; they start with this interpreter."""
    text = Path(shim.__file__).read_text().split("\n", 1)[1]
    directory.mkdir(parents=True, exist_ok=True)
    for path in (directory, *directory.iterdir()):
        path.chmod(0o755)
    for tool in ("docker", "kubectl"):
        program = directory / tool
        program.write_text(f"#!{python} -IS\n{text}")
        program.chmod(0o755)
