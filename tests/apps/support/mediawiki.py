"""Install Debian's MediaWiki in a directory of the test, and use it as its editors do: by its API and its pages."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from stack.processes.waiting import PATIENCE
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.page_files import files_of
from tests.apps.support.php_server import PhpServer

#: Where Debian's package has the application.
INSTALLED = Path("/usr/share/mediawiki")

_PASSWORD = "a-password-of-an-editor"

_SERVER = """
root {installed};
location /images/ { alias {images}/; add_header X-Content-Type-Options nosniff; }
location ~ ^/(?:index|api|load|thumb|rest)\\.php {
    include /etc/nginx/fastcgi.conf;
    fastcgi_param MW_CONFIG_FILE {settings};
    fastcgi_pass {php};
}
location ~ ^/(?:resources|skins|extensions)/ { }
location = / { rewrite ^ /index.php last; }
location /wiki/ { rewrite ^/wiki/(?<page>.*)$ /index.php last; }
"""

_SETTINGS = """
$wgServer = "{public}"; $wgScriptPath = ""; $wgResourceBasePath = ""; $wgArticlePath = "/wiki/$1";
$wgEnableUploads = true; $wgUploadDirectory = "{images}"; $wgUploadPath = "/images";
$wgFileExtensions = [ "png", "jpg", "svg", "pdf" ]; $wgUseImageMagick = false;
$wgSVGNativeRendering = false; $wgSVGConverter = "rsvg";
$wgGroupPermissions["sysop"]["deleterevision"] = true; $wgGroupPermissions["sysop"]["deletedhistory"] = true;
$wgMainCacheType = CACHE_NONE; $wgMessageCacheType = CACHE_DB; $wgParserCacheType = CACHE_NONE;
$wgRateLimits = []; $wgJobRunRate = 0; $wgShowExceptionDetails = true; $wgLocalisationCacheConf["store"] = "array";
$wgCacheDirectory = "{cache}"; $wgMaxShellMemory = 0;
"""


class MediaWiki:
    """A wiki behind nginx and php-fpm, whose pages link to files at ``public``."""

    def __init__(self, site: AdoptedSite, directory: Path, public: str) -> None:
        """Install it into the site's database; visitors see it at ``public``, its editors work at its own server."""
        self.public = public
        self.images = directory / "images"
        for each in (self.images, directory / "cache"):
            each.mkdir(parents=True)
        self._settings = settings = directory / "LocalSettings.php"
        site.execute(
            "CREATE DATABASE wiki",
            "CREATE USER wiki@localhost IDENTIFIED BY 'secret'",
            "GRANT ALL ON wiki.* TO wiki@localhost",
        )
        _php("install", "--dbserver", f"localhost:{site.database.socket}", "--dbname", "wiki", "--dbuser", "wiki",
             "--dbpass", "secret", "--confpath", str(directory), "--scriptpath", "", "--server", public,
             "--pass", _PASSWORD, "Wiki", "Editor")  # fmt: skip
        words = {"public": public, "images": str(self.images), "cache": str(directory / "cache")}
        with settings.open("a") as file:
            file.write(_filled(_SETTINGS, words))
        words = {"installed": str(INSTALLED), "images": str(self.images), "settings": str(settings)}
        self.server = PhpServer(directory / "server", _filled(_SERVER, words))
        self._session = requests.Session()
        self._token = ""

    def log_in(self) -> None:
        token = self._ask(action="query", meta="tokens", type="login")["query"]["tokens"]["logintoken"]
        self._ask(action="login", lgname="Editor", lgpassword=_PASSWORD, lgtoken=token)
        self._token = self._ask(action="query", meta="tokens")["query"]["tokens"]["csrftoken"]

    def upload(self, name: str, content: bytes) -> None:
        """Upload a file, or another version of it."""
        self._edit("upload", files={"file": (name, content)}, filename=name, ignorewarnings="1", comment="a test")

    def delete(self, name: str) -> None:
        self._edit("delete", title=f"File:{name}")

    def undelete(self, name: str) -> None:
        self._edit("undelete", title=f"File:{name}")

    def rename(self, old: str, new: str) -> None:
        self._edit("move", **{"from": f"File:{old}", "to": f"File:{new}"})

    def write(self, title: str, text: str) -> None:
        """Write a page."""
        self._edit("edit", title=title, text=text)

    def purge(self, url: str, cache: str) -> None:
        """Purge a URL at a cache (HOST:PORT) by its own ``purgeList``, as it purges by itself with these settings."""
        settings = self._settings.with_name("CdnSettings.php")
        settings.write_text(f'<?php require "{self._settings}"; $wgUseCdn = true; $wgCdnServers = [ "{cache}" ];')
        _php("purgeList", "--conf", str(settings), sent=f"{url}\n")

    def older_versions(self, name: str) -> list[str]:
        """Return the names under which the older versions of a file are kept."""
        found = self._ask(
            action="query", titles=f"File:{name}", prop="imageinfo", iiprop="archivename|timestamp", iilimit="9"
        )
        (page,) = found["query"]["pages"].values()
        return [each["archivename"] for each in page["imageinfo"] if "archivename" in each]

    def hide_version(self, name: str, archived: str) -> None:
        """Hide an older version, as by the button "change visibility of selected revisions"."""
        self._edit("revisiondelete", type="oldimage", target=f"File:{name}", ids=archived.split("!")[0], hide="content")

    def delete_version(self, name: str, archived: str) -> None:
        self._edit("delete", title=f"File:{name}", oldimage=archived)

    def files(self, *titles: str) -> set[str]:
        """Return the path of each file of the wiki that these pages link to."""
        return set(self._files(titles))

    def _files(self, titles: tuple[str, ...]) -> Iterator[str]:
        for title in titles:
            page = self._session.get(f"{self.server.url}/index.php", params={"title": title}, timeout=PATIENCE)
            page.raise_for_status()
            yield from files_of(f"{self.public}/wiki/{title}", page.text, "/images/")

    def _edit(self, action: str, files: Any = None, **values: str) -> None:
        self._ask(action=action, token=self._token, files=files, **values)

    def _ask(self, files: Any = None, **values: str) -> dict[str, Any]:
        answer = self._session.post(
            f"{self.server.url}/api.php", data={"format": "json", **values}, files=files, timeout=PATIENCE
        )
        assert answer.headers["Content-Type"].startswith("application/json"), answer.text
        assert answer.ok, answer.text
        said: dict[str, Any] = answer.json()
        assert "error" not in said, said
        return said


def path_of(name: str) -> str:
    """Return the path of a file, below two directories by its MD5."""
    digest = hashlib.md5(name.encode()).hexdigest()
    return f"/images/{digest[0]}/{digest[:2]}/{quote(name)}"


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def _php(script: str, *arguments: str, sent: str = "") -> None:
    command: list[str | Path] = ["php", INSTALLED / "maintenance/run.php", script, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, input=sent)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def is_installed() -> str | None:
    """Return the reason why the application cannot run here, None if it can."""
    return None if (INSTALLED / "api.php").exists() else "no MediaWiki: apt-get install mediawiki"
