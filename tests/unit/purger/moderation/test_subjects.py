"""Read subjects of bans: codes, owners' keys and digests."""

import pytest

from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject, split_line
from takedown_base.scope import Scope

DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize("text", ["/images/abc-1", "abc-1.jpg", "a b", "", " abc-1", "abc-1\n", "x" * 65, "ü"])
def test_what_is_no_code_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(MalformedSubjectError, match="is not a code, which is 1 to 64 of A-Z a-z 0-9 _ -"):
        parse_subject(Scope.IMAGE, text)


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


def test_a_code_that_was_computed_from_a_name_is_shown_with_it() -> None:
    subject = Subject(Scope.IMAGE, "MTIvMzQvQWJjLmpwZw")
    assert str(subject) == "image MTIvMzQvQWJjLmpwZw ('12/34/Abc.jpg')"
    assert subject.no_image == "no image has the code MTIvMzQvQWJjLmpwZw ('12/34/Abc.jpg')"
    assert str(Subject(Scope.OWNER, "MTIvMzQvQWJjLmpwZw")) == "owner MTIvMzQvQWJjLmpwZw"


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
        ("owner:anna", Subject(Scope.OWNER, "anna")),
        ("owner: anna", Subject(Scope.OWNER, "anna")),
        (f"digest:{DIGEST.upper()}", Subject(Scope.DIGEST, DIGEST)),
        (DIGEST, Subject(Scope.IMAGE, DIGEST)),  # which can be a code
        ("owner", Subject(Scope.IMAGE, "owner")),
    ],
)
def test_a_line_says_its_scope(line: str, subject: Subject) -> None:
    assert parse_subject(*split_line(line)) == subject


@pytest.mark.parametrize("line", ["owner:", "owner:a b", "digest:abc", "Owner:anna", "edge:paris", "a,b", "abc # spam"])
def test_a_malformed_line_is_refused(line: str) -> None:
    with pytest.raises(MalformedSubjectError):
        parse_subject(*split_line(line))
