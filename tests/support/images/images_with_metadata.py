"""Make images of every served format that contain all metadata that must be removed."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

from PIL import Image, ImageCms, ImageOps, ImageSequence, PngImagePlugin

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
MAKE, ORIENTATION, GPS = 0x010F, 0x0112, 0x8825
SECRET = b"SECRET"
XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="SECRET"/></rdf:RDF></x:xmpmeta>"""
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(mode: str = "RGB", size: tuple[int, int] = (90, 60), grain: int = 60) -> Image.Image:
    return Image.effect_noise(size, grain).convert(mode)


def told_of(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[MAKE] = "SECRET camera"
    exif[ORIENTATION] = orientation
    exif[GPS] = {1: "N", 2: (1.0, 2.0, 3.0), 29: "SECRET place"}
    return exif


def saved(image: Image.Image, format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def pixels(data: bytes) -> list[tuple[str, tuple[int, int], bytes, Any]]:
    """Decode each frame of a file as it is shown: its mode, size, pixels and duration."""
    with Image.open(io.BytesIO(data)) as image:
        shown = [
            (ImageOps.exif_transpose(frame), frame.info.get("duration")) for frame in ImageSequence.Iterator(image)
        ]
        return [(frame.mode, frame.size, frame.tobytes(), duration) for frame, duration in shown]


def png_text() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "SECRET author")
    info.add_text("Comment", "SECRET comment", zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return info


def segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content


def jpeg_of_everything(orientation: int) -> bytes:
    data = saved(noise(), "JPEG", exif=told_of(orientation), comment=SECRET, xmp=XMP, icc_profile=PROFILE)
    further = segment(0xED, b"Photoshop 3.0\0SECRET IPTC") + segment(0xEB, b"SECRET C2PA") + segment(0xE4, SECRET)
    preview = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\2\1SECRET") + segment(0xE0, b"JFXX\0\x13SECRET")
    return data[:2] + preview + further + data[2:-2] + segment(0xFE, SECRET) + data[-2:] + b"SECRET video"


def png_of_everything(orientation: int) -> bytes:
    data = saved(noise("RGBA"), "PNG", exif=told_of(orientation), pnginfo=png_text(), icc_profile=PROFILE)
    chunk = b"tIMESECRET"
    further = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:-12] + further + data[-12:] + b"SECRET"


def gif_of_everything(_: int) -> bytes:
    frames = [noise("P", grain=grain) for grain in (50, 70)]
    data = saved(frames[0], "GIF", comment=SECRET, save_all=True, append_images=frames[1:], duration=[70, 90], loop=3)
    application = b"\x21\xff\x0bXMP DataXMP" + b"\x06SECRET" + b"\0"
    text = b"\x21\xf9\x04\0\0\0\0\0" + b"\x21\x01\x0c" + bytes(12) + b"\x06SECRET\0"
    return data[:-1] + application + text + data[-1:] + b"SECRET"


def webp_of_everything(orientation: int) -> bytes:
    data = saved(noise("RGBA"), "WEBP", exif=told_of(orientation), xmp=XMP, icc_profile=PROFILE)
    data += b"ODD \x07\0\0\0SECRET!\0"
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] + b"SECRET"


def avif_of_everything(orientation: int) -> bytes:
    data = saved(noise(), "AVIF", exif=told_of(orientation), xmp=XMP, icc_profile=PROFILE)
    for kind, content in ((b"free", SECRET), (b"uuid", bytes(16) + SECRET), (b"skip", SECRET)):
        data += struct.pack(">I", len(content) + 8) + kind + content
    return data


EVERYTHING: dict[str, Callable[[int], bytes]] = {
    "JPEG": jpeg_of_everything,
    "PNG": png_of_everything,
    "GIF": gif_of_everything,
    "WEBP": webp_of_everything,
    "AVIF": avif_of_everything,
}
