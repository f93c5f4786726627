"""Break the site's own server, from which origin and edges have its pictures. None of this may delay a takedown."""

from concurrent.futures import ThreadPoolExecutor

import requests

from stack.processes.waiting import PATIENCE
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.pictures.site_pictures import url_of


@fault("slow site", loosens=False)
def slow(scene: Scene) -> None:
    """Delay each answer, to the origin that reads and to the edges, so that bans come between verdict and bytes."""
    direction = scene.system.site_proxy.down
    with mended(direction):
        direction.delay = lambda: scene.random.uniform(0, 2)
        scene.empty_caches()
        scene.system.pause(scene.system.bound + 2)


@fault("slow bodies of the site", loosens=False)
def slow_bodies(scene: Scene) -> None:
    """Send headers at once, and bodies for longer than a purge and its rebound take."""
    direction = scene.system.site_proxy.down
    with mended(direction):
        direction.drip = (scene.random.choice([700, 1500]), scene.random.uniform(0.2, 0.6))
        scene.empty_caches()
        scene.system.pause(scene.system.bound + 2)


@fault("site's answers held across bans", loosens=False)
def held(scene: Scene) -> None:
    """Hold the site's answer to a fetch of each picture until bans of some of them are acknowledged."""
    direction = scene.system.site_proxy.down
    urls = [scene.edge.url + url_of(code, "original") for code in scene.moderation.site.gallery.versions]
    for _ in range(2):
        with ThreadPoolExecutor(len(urls)) as clients, mended(direction):
            direction.cut()
            scene.empty_caches()
            for url in urls:
                clients.submit(requests.get, url, timeout=PATIENCE)
            scene.pause(1.5, 3.5)
        scene.system.pause(2.0)


@fault("site answers 500", loosens=False)
def failing(scene: Scene) -> None:
    """Answer every request with an error, with all caches empty."""
    site = scene.system.site
    site.failing = scene.random.choice([500, 502, 503])
    try:
        scene.empty_caches()
        scene.while_broken()
    finally:
        site.failing = 0


@fault("site breaks off", loosens=False)
def truncated(scene: Scene) -> None:
    """End each connection in the middle of the body, with all caches empty."""
    site = scene.system.site
    site.truncating = True
    try:
        scene.empty_caches()
        scene.while_broken()
    finally:
        site.truncating = False


@fault("site dead", loosens=False)
def dead(scene: Scene) -> None:
    """Refuse connections, also in the middle of answers, with all caches full and then empty."""
    with scene.system.site_proxy.turned_to(1):  # nobody listens there
        scene.while_broken()
        scene.empty_caches()
        scene.while_broken()


@fault("site silent about new pictures", loosens=False)
def silent(scene: Scene) -> None:
    """Put new pictures under their URLs without a purge: edges show old and new ones, and both go with a ban."""
    with scene.moderation.site.silent():
        for _ in range(2):
            scene.pause(2, 4)
            scene.edge.ask("BAN", takedown_all="1")  # this edge sees the new ones, and others may keep the old ones
        scene.while_broken()
