"""Write the page of a proof: all that it proves, all that it does not, and nothing that a name could smuggle in."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from takedown_log.check import check
from takedown_log.page import write_page
from tests.support.log.logged_takedown import Takedown

NOW = datetime(2026, 11, 26, 13, 0, tzinfo=UTC)

#: Texts that would be markup, commands of a terminal, or another direction of writing.
HOSTILE = "</table><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\"'\x1b[31m\u202e$title ${main}"


class Outline(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += f"{data} "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page_of(takedown: Takedown, name: str = "kX3_vQ.proof") -> str:
    content, key = takedown.file().encode(), takedown.log.signer.verifier()
    return write_page(check(content.decode(), key), key=str(key), name=name, content=content, at=NOW)


@pytest.fixture
def takedown() -> Takedown:
    takedown = Takedown()
    takedown.ban(takedown.edges("edge1", "edge2"))
    takedown.acknowledged("edge1")
    takedown.seen("edge1", "yes")
    return takedown


@pytest.fixture
def complete(takedown: Takedown) -> Takedown:
    takedown.acknowledged("edge2")
    takedown.seen("edge2", "yes")
    return takedown


def test_a_page_tells_the_order_and_what_each_server_did(complete: Takedown) -> None:
    text = Outline(page_of(complete)).text
    assert "nothing is missing" in text
    for words in (
        *("the image with the code kX3_vQ", "26 November 2026, 12:00:01.000 UTC", "Ann", "desk@site", "court order 7"),
        *("26 November 2026, 12:00:02.000 UTC", "1.000 seconds after the order", "removed all that the order names"),
        *("26 November 2026, 12:00:03.000 UTC", "A notice in its place (status 410): the image is gone."),
        "2 of 2 servers confirmed it, the last 1.000 seconds after the order; at 2 of 2 a test request",
    ):
        assert words in text
    assert "Not proven" not in text


def test_a_page_says_as_plainly_what_is_not_proven(takedown: Takedown) -> None:
    text = Outline(page_of(takedown)).text
    assert "Not everything is proven: 2 points are missing." in text
    for words in (
        "edge2 has not acknowledged it.",
        "Nobody saw it gone at edge2.",
        "not confirmed",
        "nobody has looked",
    ):
        assert words in text
    for words in ("Copies that browsers", "at other moments is not proven", "no others is not proven", "clock"):
        assert words in text
    takedown.seen("edge1", "no")
    assert "The image was still shown." in Outline(page_of(takedown)).text


def test_a_page_says_which_orders_are_in_force(complete: Takedown) -> None:
    assert "In force at the end of the log: order 1." in Outline(page_of(complete)).text
    complete.ban(complete.edges("edge1", "edge2"), action="lift", batch=8, event=2)
    text = Outline(page_of(complete)).text
    assert "2. End of the order" in text
    assert "None of these orders is in force at the end of the log: the images may be shown again." in text


def test_the_page_of_a_single_ban_says_that_others_are_left_out(complete: Takedown) -> None:
    assert "other orders about the same images" not in Outline(page_of(complete)).text
    complete.log.about = "ban 1"
    assert "Later events are not in it, nor are other orders about the same images." in Outline(page_of(complete)).text


def test_a_page_names_the_log_the_file_and_the_commands_that_check_it(complete: Takedown) -> None:
    page = page_of(complete, "a b.proof")
    text, key = Outline(page).text, str(complete.log.signer.verifier())
    assert sha256(complete.file().encode()).hexdigest() in text
    assert check(complete.file(), complete.log.signer.verifier()).state.root.hex() in text
    assert f"purger verify 'a b.proof' --key {key}" in text
    assert f"python -m takedown_log 'a b.proof' --key {key}" in text
    assert "Nobody but the operator vouches for this state here." in text


def test_a_sample_of_an_owners_images_is_called_a_sample() -> None:
    owner = Takedown()
    owner.ban(owner.edges("edge1"), scope="owner", values={"subject": "alice"})
    owner.acknowledged("edge1")
    owner.seen("edge1", "yes", looked=3, images=100)
    text = Outline(page_of(owner)).text
    assert "all images of the owner alice" in text
    assert "At edge1 3 of 100 images were seen gone, and the others not." in text
    assert "3 of 100 images were requested; each was gone (status 410)." in text


def test_values_that_were_erased_are_called_so() -> None:
    erased = Takedown()
    erased.ban(erased.edges("edge1"))
    erased.log.openings[erased.places[-1]] = {}
    assert Outline(page_of(erased)).text.count("(erased)") >= 3


def test_nothing_from_outside_becomes_markup() -> None:
    hostile = Takedown()
    values = dict.fromkeys(("subject", "account", "banned_by", "reason"), HOSTILE)
    hostile.ban(hostile.edges(HOSTILE), values=values)
    hostile.acknowledged(HOSTILE)
    hostile.seen(HOSTILE, "", note=HOSTILE)
    page = page_of(hostile, HOSTILE)
    outline = Outline(page)
    assert not outline.open
    assert not any(outline.all(tag) for tag in ("script", "img", "a", "link", "iframe"))
    assert not any(name.startswith("on") or name in ("src", "href") for _, each in outline.elements for name in each)
    assert outline.text.count("</table><script>alert(1)</script>") >= 6
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "${main}" in page


def test_a_page_is_one_file_that_a_screen_reader_understands(complete: Takedown) -> None:
    page = page_of(complete)
    outline = Outline(page)
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("title")) == 1
    assert len(outline.all("caption")) == len(outline.all("table")) > 2
    assert all(each.get("scope") in ("row", "col") for each in outline.all("th"))
    assert not re.search(r"url\(|@import|https?://", page)


def test_a_proof_of_nothing_but_a_state_has_no_page(complete: Takedown) -> None:
    key = complete.log.signer.verifier()
    checked = check(complete.log.checkpoint(), key)
    with pytest.raises(ValueError, match="only the file of a proof has a page"):
        write_page(checked, key=str(key), name="x", content=b"", at=NOW)
