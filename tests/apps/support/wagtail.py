"""Make a site with Wagtail, from PyPI, in a directory of the test, and use it as its editors do: by its admin pages."""

import re
import subprocess
from pathlib import Path
from typing import Any

import requests

from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.processes.waiting import PATIENCE
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.page_files import files_of
from tests.support.pages.markdown_pages import ROOT

#: The Python in which `./dev apps` installs it.
PYTHON = ROOT / ".venv-apps/bin/python"

_PASSWORD = "a-password-of-an-editor"

_SETTINGS = """
import pymysql
pymysql.version_info = (2, 2, 8, "final", 0)
pymysql.install_as_MySQLdb()
SECRET_KEY = "secret"; DEBUG = True; ALLOWED_HOSTS = ["*"]; ROOT_URLCONF = "urls"; USE_TZ = True
MEDIA_URL = "/media/"; MEDIA_ROOT = "{media}"; STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "Gallery"; WAGTAILADMIN_BASE_URL = "{public}"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.embeds", "wagtail.sites", "wagtail.users",
    "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search", "wagtail.admin", "wagtail",
    "django_filters", "modelcluster", "taggit", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                           "django.contrib.messages.context_processors.messages"]}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "wagtail", "USER": "gallery",
                         "PASSWORD": "secret", "OPTIONS": {"unix_socket": "{socket}", "charset": "utf8mb4"}}}
# The tables are those of the models: two hundred migrations take half a minute.
MIGRATION_MODULES = {each.rpartition(".")[2]: None for each in INSTALLED_APPS}
MIGRATION_MODULES |= {"wagtail%s" % each: None for each in (
    "forms", "redirects", "embeds", "sites", "users", "snippets", "docs", "images", "search", "admin", "core")}
"""

_URLS = """
from django.conf import settings
from django.conf.urls.static import static
from django.http import HttpResponse
from django.template import engines
from django.urls import include, path
from wagtail.admin import urls as admin
from wagtail.images.models import Image

PAGE = '''{% load wagtailimages_tags %}{% for each in images %}
{% image each width-400 %}{% image each fill-100x100 format-webp %}{% srcset_image each width-{200,300} sizes="1px" %}
<a href="{{ each.file.url }}">{{ each.title }}</a>{% endfor %}'''

def gallery(request):
    images = Image.objects.filter(title__startswith=request.GET["title"])
    return HttpResponse(engines["django"].from_string(PAGE).render({"images": images}, request))

urlpatterns = [path("gallery/", gallery), path("admin/", include(admin))]
urlpatterns += static("/media/", document_root=settings.MEDIA_ROOT)
"""

_FIRST_ROWS = """
import django
django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from wagtail.models import Collection, Locale
call_command("migrate", run_syncdb=True, verbosity=0)
Collection.add_root(name="Root")
Locale.objects.create(language_code="en")
get_user_model().objects.create_superuser("editor", "editor@example.org", "{password}")
"""

_PURGE = """
import sys
import django
django.setup()
from wagtail.contrib.frontend_cache.utils import purge_urls_from_cache
backend = {"BACKEND": "wagtail.contrib.frontend_cache.backends.HTTPBackend", "LOCATION": sys.argv[2]}
purge_urls_from_cache([sys.argv[1]], backend_settings={"door": backend})
"""


class Wagtail:
    """A site whose pages link to renditions of images at ``public``."""

    def __init__(self, site: AdoptedSite, directory: Path, public: str) -> None:
        """Install it into the site's database; visitors see it at ``public``, its editors work at its own server."""
        self.public = public
        self.media = directory / "media"
        directory.mkdir()
        site.execute(
            "CREATE DATABASE wagtail CHARACTER SET utf8mb4",
            "CREATE USER gallery@localhost IDENTIFIED BY 'secret'",
            "GRANT ALL ON wagtail.* TO gallery@localhost",
        )
        words = {"media": str(directory / "media"), "public": public, "socket": str(site.database.socket)}
        words |= {"password": _PASSWORD}
        for name, text in (("settings", _SETTINGS), ("urls", _URLS), ("first_rows", _FIRST_ROWS)):
            for word, value in words.items():
                text = text.replace(f"{{{word}}}", value)
            (directory / f"{name}.py").write_text(text)
        self._environment = environment = {
            "DJANGO_SETTINGS_MODULE": "settings",
            "PYTHONPATH": str(directory),
            "PATH": "/usr/bin:/bin",
        }
        made = subprocess.run(
            [PYTHON, directory / "first_rows.py"], env=environment, capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        serve: list[str | Path] = [PYTHON, "-m", "django", "runserver", "--noreload", self.address]
        self.server = Server("wagtail", directory, serve, ports=[self.port], environment=environment)
        self._session = requests.Session()

    def log_in(self) -> None:
        self._post("login/", username="editor", password=_PASSWORD)

    def upload(self, title: str, name: str, content: bytes) -> None:
        """Upload an image."""
        self._post("images/add/", files={"file": (name, content)}, title=title)

    def replace(self, number: int, title: str, name: str, content: bytes) -> None:
        """Replace the file of an image."""
        self._post(f"images/{number}/", files={"file": (name, content)}, title=title)

    def delete(self, number: int) -> None:
        self._post(f"images/{number}/delete/")

    def purge(self, url: str, cache: str) -> None:
        """Purge a URL at a cache by ``wagtail.contrib.frontend_cache``, which logs what the cache refuses."""
        ran = subprocess.run(
            [PYTHON, "-c", _PURGE, url, cache], env=self._environment, capture_output=True, text=True, check=False
        )
        assert (ran.returncode, ran.stderr) == (0, "")

    def files(self, title: str) -> set[str]:
        """Return the path of each file that a page of the images with such a title links to."""
        url = f"/gallery/?title={title}"
        page = self._session.get(f"http://{self.address}{url}", timeout=PATIENCE)
        page.raise_for_status()
        return set(files_of(self.public + url, page.text, "/media/"))

    def _post(self, page: str, files: Any = None, **form: str) -> None:
        """Send the form of a page of the admin, as it asks for it."""
        url = f"http://{self.address}/admin/{page}"
        asked = self._session.get(url, timeout=PATIENCE)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', asked.text)
        assert token is not None, asked.text
        form |= {"csrfmiddlewaretoken": token[1]}
        for name, value in re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', asked.text):
            form.setdefault(name, value)
        answer = self._session.post(url, form, files=files, timeout=PATIENCE, allow_redirects=False)
        assert answer.status_code == 302, answer.text
