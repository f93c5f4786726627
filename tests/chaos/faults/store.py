"""Cut the origin off from its object store. No purge needs the store: nothing of this may delay a takedown."""

import requests

from origin.stores.object_store import PAUSE
from stack.processes.waiting import PATIENCE, wait_until
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.history import clock


@fault("store away", loosens=False, needs_store=True)
def away(scene: Scene) -> None:
    """Empty all caches while the store is silent or refuses connections, so that each image is fetched anew."""
    proxy = scene.system.store_proxy
    assert proxy is not None, "--store s3 gives the system an object store"
    for _ in range(2):
        if scene.random.random() < 0.5:
            with mended(proxy.up, proxy.down):
                direction = scene.random.choice([proxy.up, proxy.down])
                direction.cut()
                scene.empty_caches()
                _await_refusal(scene)
                scene.while_broken()
        else:
            with proxy.turned_to(1):  # nobody listens there
                scene.empty_caches()
                _await_refusal(scene)
                scene.while_broken()
        _await_answers(scene)


@fault("slow store", loosens=False, needs_store=True)
def slow(scene: Scene) -> None:
    """Empty all caches, and let each answer of the store take up to the time that a request may take."""
    proxy = scene.system.store_proxy
    assert proxy is not None, "--store s3 gives the system an object store"
    with mended(proxy.down):
        proxy.down.delay = lambda: scene.random.uniform(0, 2.5)
        scene.empty_caches()
        scene.system.pause(scene.system.bound + 2)
    _await_answers(scene)


def _await_refusal(scene: Scene) -> None:
    """Wait until an image is refused, since only the store has its bytes."""

    def refused() -> bool:
        urls = [f"{scene.edge.url}/images/{code}" for code in scene.codes]
        return any(requests.get(url, timeout=PATIENCE).status_code == 503 for url in urls)

    wait_until(refused, "an image that is refused while its store is away")


def _await_answers(scene: Scene) -> None:
    """Wait until the origin has refused no image for longer than it avoids a store that was late.

    Each of its processes does that for itself, so one answer is not enough.
    """
    refused_at = clock()

    def answers() -> bool:
        nonlocal refused_at
        url = f"{scene.system.origin.url}/images/{scene.random.choice(scene.codes)}"
        if requests.get(url, timeout=PATIENCE).status_code == 503:
            refused_at = clock()
        return clock() - refused_at > 1.5 * PAUSE

    wait_until(answers, "images from the store that is back")
