"""Writes the files that are shipped into the folder dist."""

from pathlib import Path

HERE = Path(__file__).parent
DIST = HERE / "dist"
DIST.mkdir(exist_ok=True)
(DIST / "app.py").write_text((HERE / "app.py").read_text(encoding="utf-8"), encoding="utf-8")
version = (HERE / "VERSION").read_text(encoding="utf-8").strip()
(DIST / "VERSION").write_text(f"{version}+dist\n", encoding="utf-8")
