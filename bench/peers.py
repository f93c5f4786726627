"""What the origin is compared with, on the same server: Bottle's hello, WhiteNoise, and the old way of serving."""

import io
import sys
import threading
from pathlib import Path
from typing import Any

import bottle
from cheroot.wsgi import Server
from PIL import Image
from whitenoise import WhiteNoise

from takedown_db.connect import connect


def hello(_files: Path, _database: str) -> Any:
    """A Bottle application that says hello and does nothing else."""
    application = bottle.Bottle()
    application.get("/", callback=lambda: "hello")
    return application


def whitenoise(files: Path, _database: str) -> Any:
    """The images of a directory as static files, known from the start, with no lookup."""
    return WhiteNoise(bottle.Bottle(), root=files)


def old(files: Path, database: str) -> Any:
    """One query, the whole file read, its type found by an image library: what the origin replaces."""
    application = bottle.Bottle()
    of_thread = threading.local()

    def image(code: str) -> bytes:
        if not hasattr(of_thread, "connection"):
            of_thread.connection = connect(database, timeout=2)
        with of_thread.connection.cursor() as cursor:
            cursor.execute("SELECT code FROM images WHERE code = %s", (code,))
            ((name,),) = cursor.fetchall()
        body = (files / f"{name}.png").read_bytes()
        with Image.open(io.BytesIO(body)) as opened:
            bottle.response.content_type = Image.MIME[str(opened.format)]
        return body

    application.get("/images/<code>", callback=image)
    return application


if __name__ == "__main__":
    name, port, files, database = sys.argv[1:]
    application = {"hello": hello, "whitenoise": whitenoise, "old": old}[name](Path(files), database)
    Server(("127.0.0.1", int(port)), application, numthreads=8).start()
