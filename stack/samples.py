"""Draw sample images when a stack starts: the repository holds no binaries."""

import colorsys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_SUFFIXES = (".jpg", ".png", ".webp", ".gif", ".avif")


def draw(path: Path, text: str, hue: float, size: tuple[int, int] = (640, 480)) -> None:
    """Draw one image with a text in it, in the format of the file's suffix. ``hue`` goes from 0 to 1."""
    light, dark = (
        tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, s, v)) for s, v in ((0.3, 1), (0.8, 0.5))
    )
    image = Image.new("RGB", size, light)
    pen = ImageDraw.Draw(image)
    width, height = size
    pen.polygon([(0, height), (width * 0.4, height * 0.35), (width * 0.8, height)], fill=dark)
    pen.ellipse([width * 0.7, height * 0.1, width * 0.85, height * 0.3], fill=(255, 250, 220))
    pen.text((width / 2, height * 0.85), text, fill=(255, 255, 255), font=ImageFont.load_default(48), anchor="mm")
    image.save(path)


def draw_samples(directory: Path, owners: int = 2, images: int = 6) -> dict[str, list[str]]:
    """Draw images for each owner into a directory named after the owner. Returns the codes of each owner."""
    codes: dict[str, list[str]] = {}
    for owner in range(1, owners + 1):
        name = f"owner{owner}"
        (directory / name).mkdir(parents=True)
        codes[name] = []
        for number in range(1, images + 1):
            code = f"sample-{owner}-{number}"
            hue = ((owner - 1) * images + number) / (owners * images)
            draw(directory / name / (code + _SUFFIXES[number % len(_SUFFIXES)]), code, hue)
            codes[name].append(code)
    return codes
