"""Build the images of the compose file, run its services, and take an image down. Only where somebody asks for it."""

import os
import subprocess
import sys

import pytest

from tests.support.pages.markdown_pages import ROOT

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("TEST_CONTAINERS") != "1",
        reason="NOT CHECKED: TEST_CONTAINERS=1 builds container images, as root, for minutes",
    ),
    pytest.mark.timeout(3600),
]


def test_the_stack_of_the_compose_file_takes_an_image_down() -> None:
    checked = subprocess.run([sys.executable, "-m", "deploy.container.check"], check=False, cwd=ROOT)
    assert checked.returncode == 0
