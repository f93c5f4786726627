"""Check, after all cases, that a stack still serves, purges and refuses as before."""

import hashlib

import requests

from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack
from tests.support.ask_again import ask_again


def final_checks(stack: Stack) -> list[str]:
    """Return a sentence for each check that failed."""
    code = next(iter(stack.codes.values()))[0]
    wrong = [
        *(
            _image(url, f"{code}{rendition}")
            for url in (stack.origin.url, stack.edge.url)
            for rendition in ("", "/thumb")
        ),
        _hit(stack, code),
        _refused(stack),
        _obeyed(stack, code),
    ]
    return [text for text in wrong if text]


def _image(url: str, path: str) -> str | None:
    url = f"{url}/images/{path}"
    try:
        answer = ask_again(lambda: requests.get(url, timeout=PATIENCE), url)
    except TimeoutError as error:
        return str(error)
    digest = hashlib.sha256(answer.content).hexdigest()
    if answer.status_code != 200 or answer.headers.get("ETag") != f'"{digest}"':
        return f"GET {url} is {answer.status_code} with ETag {answer.headers.get('ETag')}, bytes {digest}"
    return None


def _hit(stack: Stack, code: str) -> str | None:
    """Check that the edge answers from its cache, once its lease holds."""
    try:
        stack.edge.wait_trusted()
        wait_until(
            lambda: (
                "; hit" in requests.get(f"{stack.edge.url}/images/{code}", timeout=PATIENCE).headers["Cache-Status"]
            ),
            f"{code} from the cache",
        )
    except TimeoutError as error:
        return str(error)
    return None


def _refused(stack: Stack) -> str | None:
    statuses = {
        method: requests.request(
            method, stack.edge.purge_url + "/", headers={"Takedown-All": "1"}, timeout=PATIENCE
        ).status_code
        for method in ("PURGE", "BAN", "HEARTBEAT", "GET")
    }
    return None if set(statuses.values()) == {403} else f"without the token the purge listener answers {statuses}"


def _obeyed(stack: Stack, code: str) -> str | None:
    answer = stack.edge.ask("PURGE", f"/images/{code}")
    if answer.status_code != 200 or answer.headers.get("Takedown-Removed") == "0":
        return f"a purge of {code} is {answer.status_code}, removed {answer.headers.get('Takedown-Removed')}"
    return _image(stack.edge.url, code)
