"""Run an upload listener beside an origin, and send it uploads as a site's own programs do."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import requests

from stack.ingest import Ingest
from stack.processes.waiting import PATIENCE
from tests.support.ask_again import ask_again
from tests.support.sites.origin_site import OriginSite


class UploadSite:
    """An origin and an upload listener over the same database and store."""

    def __init__(self, directory: Path, store: Mapping[str, str] | None = None, /, **options: str) -> None:
        """Take the variables of another ``store`` than a directory, and further ones of the listener."""
        self._store = store or {}
        self.site = OriginSite(directory, ORIGIN_WORKERS="1", **self._store)
        self._directory = directory
        self._options = options

    def __enter__(self) -> Self:
        self.site.__enter__()
        self.ingest = self.listener("ingest", **self._options)
        self.ingest.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.ingest.stop()
        self.site.__exit__(kind, error, traceback)

    def listener(self, name: str, **options: str) -> Ingest:
        """Make a listener over the same database and store, not yet started."""
        return Ingest(self._directory / name, self.site.database, self.site.origin, options={**self._store, **options})

    @property
    def token(self) -> str:
        return self.ingest.token

    def pid(self) -> int:
        """Return the id of the listener's process."""
        assert self.ingest.process is not None
        return self.ingest.process.pid

    def put(
        self, code: str, content: Any, owner: str | None = "ann", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Upload a picture, and again while the answer is 503: a busy database may take longer than the 2 s it has."""
        return ask_again(lambda: self.put_once(code, content, owner, headers), code)

    def put_once(
        self, code: str, content: Any, owner: str | None = "ann", headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Upload a picture, whatever the answer."""
        sent = {
            "Authorization": f"Bearer {self.token}",
            **({"Takedown-Owner": owner} if owner else {}),
            **(headers or {}),
        }
        return requests.put(f"{self.ingest.url}/images/{code}", data=content, headers=sent, timeout=PATIENCE)

    def ask_verdict(self, digest: str, authorization: str | None) -> requests.Response:
        """Ask for a verdict, and again while the answer is 503, with this field Authorization, or without one."""
        headers = {"Authorization": authorization} if authorization else {}
        url = f"{self.ingest.url}/verdict/{digest}"
        return ask_again(lambda: requests.get(url, headers=headers, timeout=PATIENCE), url)

    def verdict(self, digest: str) -> dict[str, Any]:
        answer = self.ask_verdict(digest, f"Bearer {self.token}")
        assert answer.status_code == 200
        return cast(dict[str, Any], answer.json())

    def ban(self, scope: str, subject: str) -> int:
        """Ban a subject. Returns the ban's id."""
        with self.site.admin.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))
            return int(cursor.lastrowid or 0)

    def count(self, query: str, *parameters: Any) -> int:
        with self.site.admin.cursor() as cursor:
            cursor.execute(query, parameters)
            ((count,),) = cursor.fetchall()
        return int(str(count))

    def outbox(self) -> int:
        return self.count("SELECT COUNT(*) FROM invalidations")

    def files(self) -> list[Path]:
        """Return all files of the store, temporary ones too."""
        return [path for path in self.site.origin.files.rglob("*") if path.is_file()]
