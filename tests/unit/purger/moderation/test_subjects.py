"""Read subjects of bans: codes, URLs, owners' keys and digests."""

import pytest

from purger.moderation.subjects import MalformedSubjectError, Subject, parse_line, parse_subject
from takedown_base.scope import Scope
from takedown_base.subject_keys import code_of_url

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://img.example.org/images/abc-1", "abc-1"),
        ("https://img.example.org:8443/images/abc-1/thumb?size=2#top", "abc-1"),
        ("//img.example.org/images/abc-1/", "abc-1"),
        ("/images/abc-1/thumb", "abc-1"),
        ("images/abc-1", "abc-1"),
        ("/images/images/thumb", "images"),
        ("/images/abc-1.jpg", "abc-1"),
        ("https://example.org/media/12/34/Abc.jpg?w=200", "Abc"),
        ("uploads/2026/abc-1.WEBP", "abc-1"),
        ("abc-1.JPEG", "abc-1"),
    ],
)
def test_the_url_of_an_image_is_taken_for_its_code(url: str, code: str) -> None:
    assert code_of_url(url) == code
    assert parse_subject(Scope.IMAGE, url) == Subject(Scope.IMAGE, code)


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.org/gallery/12", "https://example.org/12", "http://example.org", "//example.org", "/", ""),
        *("/images/", "/images/a b", "/images/abc-1/thumb/large", "/static/images/abc-1", "img.example.org/images/a"),
        *("a.b.jpg", ".jpg", "ä.jpg", "dot.dot", f"/images/{'x' * 65}", "/images/abc-1\n", " abc-1.jpg"),
    ],
)
def test_a_url_that_leaves_the_code_in_doubt_is_refused(url: str) -> None:
    assert code_of_url(url) is None
    with pytest.raises(MalformedSubjectError, match="1 to 64 of A-Z a-z 0-9 _ -"):
        parse_subject(Scope.IMAGE, url)


def test_a_code_that_a_url_may_mean_is_suggested() -> None:
    with pytest.raises(MalformedSubjectError, match=r"is not a code, .* \(did you mean '12'\?\)"):
        parse_subject(Scope.IMAGE, "https://example.org/gallery/12")


def test_an_owners_key_is_never_taken_out_of_a_url() -> None:
    assert parse_subject(Scope.OWNER, "anna") == Subject(Scope.OWNER, "anna")
    with pytest.raises(MalformedSubjectError, match="is not an owner's key"):
        parse_subject(Scope.OWNER, "/images/anna")


@pytest.mark.parametrize("text", [DIGEST, DIGEST.upper(), f" {DIGEST}\n"])
def test_capitals_and_spaces_around_a_digest_do_not_matter(text: str) -> None:
    assert parse_subject(Scope.DIGEST, text) == Subject(Scope.DIGEST, DIGEST)


@pytest.mark.parametrize("text", ["", DIGEST[1:], f"{DIGEST}0", f"{DIGEST[1:]}g", f"{DIGEST[:32]} {DIGEST[32:]}"])
def test_a_malformed_digest_is_named_with_the_rule(text: str) -> None:
    with pytest.raises(MalformedSubjectError, match="is not a digest, which is a SHA-256 as 64 hex digits 0-9 a-f"):
        parse_subject(Scope.DIGEST, text)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (Subject(Scope.IMAGE, "abc"), "no image has the code abc"),
        (Subject(Scope.OWNER, "anna"), "no image has the owner anna"),
        (Subject(Scope.DIGEST, DIGEST), f"no image has an original with the digest {DIGEST}"),
    ],
)
def test_a_subject_without_an_image_is_named_by_its_kind(subject: Subject, said: str) -> None:
    assert subject.no_image == said


def test_a_digest_that_was_taken_for_a_code_says_how_to_write_it() -> None:
    assert f"--digest, or digest:{DIGEST} in a list" in Subject(Scope.IMAGE, DIGEST).no_image


def test_a_message_shows_a_part_of_a_long_text_and_no_command_for_a_terminal() -> None:
    with pytest.raises(MalformedSubjectError) as caught:
        parse_subject(Scope.IMAGE, "\x1b[2J" + "x" * 4000)
    assert "\\x1b[2Jxxx" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        ("abc-1", Subject(Scope.IMAGE, "abc-1")),
        ("  abc-1\t", Subject(Scope.IMAGE, "abc-1")),
        ("image:abc-1", Subject(Scope.IMAGE, "abc-1")),
        ("https://example.org/images/abc-1/thumb", Subject(Scope.IMAGE, "abc-1")),
        ("owner:anna", Subject(Scope.OWNER, "anna")),
        ("owner: anna", Subject(Scope.OWNER, "anna")),
        (f"digest:{DIGEST.upper()}", Subject(Scope.DIGEST, DIGEST)),
        (DIGEST, Subject(Scope.IMAGE, DIGEST)),  # which can be a code
        ("owner", Subject(Scope.IMAGE, "owner")),
    ],
)
def test_a_line_says_its_scope(line: str, subject: Subject) -> None:
    assert parse_line(line) == subject


@pytest.mark.parametrize("line", ["owner:", "owner:a b", "digest:abc", "Owner:anna", "edge:paris", "a,b", "abc # spam"])
def test_a_malformed_line_is_refused(line: str) -> None:
    with pytest.raises(MalformedSubjectError):
        parse_line(line)
