"""A real browser that takes pictures of a page."""

import io
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from devkit.shell import apt_install

# Higher than any page here; what the page leaves empty is cut off.
_HEIGHT = 6000
_MARGIN = 24


def program() -> str:
    """The browser, installed if need be."""
    if found := shutil.which("chromium") or shutil.which("google-chrome"):
        return found
    if platform.freedesktop_os_release()["ID"] == "ubuntu":
        # Its package installs a snap, which needs systemd.
        pytest.skip("Ubuntu has no package of a browser: install google-chrome")
    apt_install("chromium")
    return "chromium"


def picture(page: Path, folder: Path, *, width: int = 1000, dark: bool = False) -> Image.Image:
    """A picture of a whole page, in a reader's light or dark theme.

    Raises:
        subprocess.CalledProcessError: the browser failed.
    """
    target = folder / "screenshot.png"
    # What Debian's and Google's builds take for the reader's theme: 0 is dark, 1 is light.
    theme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    subprocess.run(
        [
            program(),
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
            *("--no-first-run", "--hide-scrollbars", "--force-device-scale-factor=1", theme),
            *(f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{_HEIGHT}"),
            *(f"--screenshot={target}", page.as_uri()),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    whole = Image.open(target).convert("RGB")
    empty = Image.new("RGB", whole.size, whole.getpixel((0, _HEIGHT - 1)))
    box = ImageChops.difference(whole, empty).getbbox()
    return whole.crop((0, 0, width, min(_HEIGHT, (box[3] if box else 0) + _MARGIN)))


def save(image: Image.Image, path: Path) -> None:
    """Keep a picture, small enough for a repository."""
    path.parent.mkdir(exist_ok=True)
    data = io.BytesIO()
    # This way of choosing colours keeps those of which there is little, as of a mark.
    image.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        data, "PNG", optimize=True
    )
    path.write_bytes(data.getvalue())
