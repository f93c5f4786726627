"""Upload and import pictures that would take much time or memory: each is refused, and others go on beside it."""

import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import psutil
import pytest
import requests
from PIL import Image

from stack.ingest import Ingest
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.ask_again import ask_again
from tests.support.images.hostile_images import of_many_scans, of_tiny_pieces, tall_png
from tests.support.sites.upload_site import UploadSite

#: Bytes of memory that docs/guide/importing.md promises, for a process that decodes with the default limits.
PROMISED = 700_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UploadSite]:
    with UploadSite(tmp_path_factory.mktemp("hostile"), ORIGIN_INGEST_DECODERS="2") as running:
        yield running


@pytest.fixture(scope="module")
def hasty(site: UploadSite) -> Iterator[Ingest]:
    """Run a listener that looks into no picture before it is decoded, and gives it two seconds."""
    options = {"METADATA": "keep", "DECODE_TIME": "2", "DECODERS": "2"}
    with site.listener("hasty", **{f"ORIGIN_INGEST_{name}": value for name, value in options.items()}) as running:
        yield running


def put(ingest: Ingest, code: str, content: bytes) -> requests.Response:
    """Upload a picture, and again while the database is too slow."""
    headers = {"Authorization": f"Bearer {ingest.token}", "Takedown-Owner": "ann"}
    url = f"{ingest.url}/images/{code}"
    return ask_again(lambda: requests.put(url, data=content, headers=headers, timeout=PATIENCE), code)


def healthy(number: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((400, 300), number).save(file, "PNG")
    return file.getvalue()


def processes(ingest: Ingest) -> list[psutil.Process]:
    """Return the listener's process, and those of its decoders."""
    assert ingest.process is not None
    listener = psutil.Process(ingest.process.pid)
    return [listener, *listener.children()]


def peak(process: psutil.Process) -> int:
    """Return the most bytes of memory that a process has had (proc_pid_status(5))."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+)", status)
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("scans", "more than 100 scans"),
        ("JPEG", "more pieces than any program writes"),
        ("PNG", "more pieces than any program writes"),
        ("GIF", "more pieces than any program writes"),
        ("WEBP", "more pieces than any program writes"),
        ("AVIF", "more pieces than any program writes"),
        ("tall", "a side of more than 65535 pixels"),
    ],
)
def test_a_hostile_picture_is_refused_and_takes_no_more_memory_than_promised(
    site: UploadSite, name: str, reason: str
) -> None:
    content = {"scans": lambda: of_many_scans(300), "tall": lambda: tall_png(89_000_000)}.get(
        name, lambda: of_tiny_pieces(name)
    )()
    answer = put(site.ingest, f"hostile-{name}", content)
    assert answer.status_code == 422
    assert reason in answer.json()["error"]
    listener, *decoders = processes(site.ingest)
    assert 1 <= len(decoders) <= 2
    assert peak(listener) < 150_000_000
    assert max(map(peak, decoders)) < PROMISED


def test_pictures_that_take_too_long_are_refused_while_others_are_taken(hasty: Ingest) -> None:
    slow = of_many_scans(600)
    with ThreadPoolExecutor(4) as pool:
        refused = [pool.submit(put, hasty, f"slow-{number}", slow) for number in range(2)]
        began = time.monotonic()
        assert put(hasty, "beside-1", healthy(50)).status_code == 201
        waited = time.monotonic() - began
        answers = [each.result() for each in refused]
    for answer in answers:
        assert answer.status_code == 422
        assert "more than 2 s of processor time: a larger --decode-time would take it" in answer.json()["error"]
    assert waited < PATIENCE
    assert put(hasty, "beside-2", healthy(51)).status_code == 201
    assert len(processes(hasty)) <= 3, "decoders were replaced, and not added"


def test_a_picture_that_ends_its_decoder_is_refused_and_the_next_one_is_taken(hasty: Ingest) -> None:
    put(hasty, "before-1", healthy(52))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(put, hasty, "ending-1", of_many_scans(600))

        def busy() -> psutil.Process | None:
            return next((each for each in processes(hasty)[1:] if each.status() == psutil.STATUS_RUNNING), None)

        os.kill(wait_until(busy, "a decoder that decodes").pid, signal.SIGSEGV)
        assert answer.result().status_code == 422
        assert "ends the process that decodes it, with exit code -11" in answer.result().json()["error"]
    assert "a picture ended the process that decoded it" in hasty.log_text()
    assert put(hasty, "after-1", healthy(53)).status_code == 201


def test_an_import_refuses_them_and_takes_the_others(site: UploadSite, tmp_path: Path) -> None:
    (tmp_path / "scans-2.jpg").write_bytes(of_many_scans(300))
    (tmp_path / "slow-9.jpg").write_bytes(of_many_scans(600))
    (tmp_path / "good-9.png").write_bytes(healthy(54))
    options = {"metadata": "keep", "decode_time": "1"}
    imported = site.site.run_import(tmp_path, "ann", "--jobs", "2", **options)
    assert imported.returncode == 3
    assert "slow-9.jpg: decoding takes more than 1 s of processor time" in imported.stderr
    assert "1 new, 0 changed, 0 unchanged, 2 refused" in imported.stdout


def test_no_decoder_outlives_its_listener(site: UploadSite) -> None:
    with site.listener("killed") as ingest:
        put(ingest, "last-9", healthy(55))
        _, *decoders = processes(ingest)
        assert decoders
        ingest.kill()
        wait_until(lambda: not any(each.is_running() for each in decoders), "the decoders have ended")
