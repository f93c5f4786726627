"""Serve the peers of the origin on cheroot: a hello-world and a plain application of Bottle, and WhiteNoise."""

import io
import sys
import threading
from pathlib import Path
from typing import Any

import bottle
from cheroot.wsgi import Server
from PIL import Image
from whitenoise import WhiteNoise

from takedown_db.connection.connect import connect


def hello(_files: Path, _database: str) -> Any:
    """Make a Bottle application that says hello and does nothing else."""
    application = bottle.Bottle()
    application.get("/", callback=lambda: "hello")
    return application


def whitenoise(files: Path, _database: str) -> Any:
    """Make an application that serves a directory's images as static files, found once at the start."""
    return WhiteNoise(bottle.Bottle(), root=files)


def plain(files: Path, database: str) -> Any:
    """Make the application that the origin replaces: a query, the whole file in memory, its type from Pillow."""
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
    application = {"hello": hello, "whitenoise": whitenoise, "plain": plain}[name](Path(files), database)
    Server(("127.0.0.1", int(port)), application, numthreads=8).start()
