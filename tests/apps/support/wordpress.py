"""Install Debian's WordPress in a directory of the test, and use it as its editors do: by its API and its pages."""

import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import requests

from stack.processes.waiting import PATIENCE
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.page_files import as_sent, files_of
from tests.apps.support.php_server import PhpServer

#: Where Debian's package has the application.
INSTALLED = Path("/usr/share/wordpress")

_PASSWORD = "a-password-of-an-editor"

_SERVER = """
root {root};
index index.php;
location / { try_files $uri $uri/ /index.php?$args; }
location ~ \\.php$ { include /etc/nginx/fastcgi.conf; fastcgi_pass {php}; }
"""

_CONFIGURATION = """<?php
define("DB_NAME", "blog"); define("DB_USER", "blog"); define("DB_PASSWORD", "secret");
define("DB_HOST", "localhost:{socket}"); define("DB_CHARSET", "utf8mb4");
define("WP_HOME", "{public}"); define("WP_SITEURL", "{public}"); define("WP_CONTENT_DIR", "{root}/wp-content");
define("WP_ENVIRONMENT_TYPE", "local"); define("MEDIA_TRASH", true); define("DISABLE_WP_CRON", true);
define("WP_HTTP_BLOCK_EXTERNAL", true); define("WP_AUTO_UPDATE_CORE", false); define("WP_DEFAULT_THEME", "plain");
$table_prefix = "wp_";
require_once ABSPATH . "wp-settings.php";
"""

#: Debian's package has its themes apart. This one shows a post, as WordPress renders it.
_THEME = "<?php wp_head(); while (have_posts()) { the_post(); the_title(); the_content(); } wp_footer();"

_INSTALL = """<?php
define("WP_INSTALLING", true);
$_SERVER["HTTP_HOST"] = "{host}";
require ABSPATH . "wp-load.php";
require ABSPATH . "wp-admin/includes/upgrade.php";
function wp_new_blog_notification($title, $url, $user, $password) {}
wp_install("Blog", "editor", "editor@example.org", true, "", "{password}");
switch_theme("plain");
[$password] = WP_Application_Passwords::create_new_application_password(1, ["name" => "test"]);
echo "password=$password";
"""


class WordPress:
    """A blog behind nginx and php-fpm, whose pages link to files at ``public``."""

    def __init__(self, site: AdoptedSite, directory: Path, public: str) -> None:
        """Install it into the site's database; visitors see it at ``public``, its editors work at its own server."""
        self.public = public
        root = directory / "root"
        for each in ("themes/plain", "uploads", "plugins"):
            (root / "wp-content" / each).mkdir(parents=True)
        for file in INSTALLED.iterdir():
            if file.name not in ("wp-content", "wp-config.php"):
                (root / file.name).symlink_to(file)
        words = {"public": public, "root": str(root), "socket": str(site.database.socket), "password": _PASSWORD}
        words |= {"host": public.removeprefix("http://")}
        (root / "wp-config.php").write_text(_filled(_CONFIGURATION, words))
        (root / "wp-content/themes/plain/style.css").write_text("/* Theme Name: plain */")
        (root / "wp-content/themes/plain/index.php").write_text(_THEME)
        # Its files find each other beside the targets of the links, and its settings by this.
        (directory / "first.php").write_text(f'<?php define("ABSPATH", "{root}/");')
        (directory / "install.php").write_text(_filled(_INSTALL, words))
        site.execute(
            "CREATE DATABASE blog CHARACTER SET utf8mb4",
            "CREATE USER blog@localhost IDENTIFIED BY 'secret'",
            "GRANT ALL ON blog.* TO blog@localhost",
        )
        self._key = _php(directory / "first.php", directory / "install.php").rpartition("password=")[2]
        first = {"auto_prepend_file": str(directory / "first.php")}
        self.server = PhpServer(directory / "server", _filled(_SERVER, words), first)
        self._session = requests.Session()

    def upload(self, name: str, content: bytes, kind: str) -> int:
        """Upload a file. Returns its number."""
        return int(self._ask("POST", "media", files={"file": (name, content, kind)})["id"])

    def path(self, number: int) -> str:
        """Return the path of a file."""
        found: str = self._ask("GET", f"media/{number}")["source_url"]
        return as_sent(found.removeprefix(self.public))

    def paths(self, number: int) -> set[str]:
        """Return the paths of a file in all its sizes, and of the file as it was uploaded."""
        media = self._ask("GET", f"media/{number}", params={"context": "edit"})
        sizes = media["media_details"].get("sizes", {})
        urls = {each["source_url"] for each in sizes.values()} | {media["source_url"], media["guid"]["raw"]}
        return {as_sent(str(each).removeprefix(self.public)) for each in urls}

    def delete(self, number: int) -> None:
        """Delete a file for ever."""
        self._ask("DELETE", f"media/{number}", params={"force": "true"})

    def trash(self, number: int) -> None:
        self._ask("DELETE", f"media/{number}")

    def restore(self, number: int) -> None:
        """Restore a file from the trash, by the link on the page of the trash."""
        self._log_in()
        page = self._admin("upload.php?mode=list&attachment-filter=trash")
        (link,) = set(re.findall(rf'"[^"]*?(post\.php\?action=untrash&post={number}&[^"]*)"', unescape(page)))
        self._admin(link)

    def crop(self, number: int) -> None:
        """Crop a file in the editor of the media library, which replaces it by another one."""
        self._log_in()
        page = self._admin(f"post.php?post={number}&action=edit")
        (nonce,) = set(re.findall(rf'imageEdit\.open\( {number}, "(\w+)" \)', page))
        history = '[{"c":{"x":0,"y":0,"w":500,"h":400}}]'
        self._admin("admin-ajax.php", action="image-editor", _ajax_nonce=nonce, postid=str(number), do="save",
                    history=history, target="all", context="edit-attachment")  # fmt: skip

    def write(self, text: str) -> str:
        """Write a post. Returns its path."""
        return str(self._ask("POST", "posts", json={"title": "A post", "content": text, "status": "publish"})["link"])

    def files(self, url: str) -> set[str]:
        """Return the path of each file that a page links to."""
        page = self._session.get(
            self.server.url + url.removeprefix(self.public), headers=self._host(), timeout=PATIENCE
        )
        page.raise_for_status()
        return set(files_of(url, page.text, "/wp-content/uploads/"))

    def _ask(self, method: str, route: str, params: dict[str, str] | None = None, **request: Any) -> dict[str, Any]:
        answer = requests.request(
            method,
            f"{self.server.url}/index.php",
            params={"rest_route": f"/wp/v2/{route}", **(params or {})},
            auth=("editor", self._key),
            headers=self._host(),
            timeout=PATIENCE,
            **request,
        )
        assert answer.ok, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def _host(self) -> dict[str, str]:
        return {"Host": self.public.removeprefix("http://")}

    def _log_in(self) -> None:
        if not self._session.cookies:
            self._session.cookies.set("wordpress_test_cookie", "1")
            form = {"log": "editor", "pwd": _PASSWORD, "testcookie": "1"}
            url = f"{self.server.url}/wp-login.php"
            self._session.post(url, form, headers=self._host(), timeout=PATIENCE, allow_redirects=False)

    def _admin(self, page: str, **form: str) -> str:
        url = f"{self.server.url}/wp-admin/{page}"
        ask = {"headers": self._host(), "timeout": PATIENCE, "allow_redirects": False}
        answer = self._session.post(url, form, **ask) if form else self._session.get(url, **ask)  # type: ignore[arg-type]
        assert answer.status_code < 400, answer.text
        return answer.text


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def _php(first: Path, script: Path) -> str:
    ran = subprocess.run(
        ["php", "-d", f"auto_prepend_file={first}", script], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
