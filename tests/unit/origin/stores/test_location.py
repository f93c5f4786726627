"""Read the place of a store as people type it."""

from pathlib import Path

import pytest

from origin.stores.location import parse_location


@pytest.mark.parametrize("text", ["/var/lib/images", "file:/var/lib/images", "file:///var/lib/images"])
def test_a_directory_is_read_in_each_form(text: str) -> None:
    assert parse_location(text).directory == Path("/var/lib/images")


def test_a_directory_may_be_relative() -> None:
    assert parse_location("images").directory == parse_location("file:images").directory == Path("images")
    assert parse_location("./a:b").directory == Path("a:b")


@pytest.mark.parametrize("text", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b/"])
def test_a_bucket_has_no_directory_and_one_spelling(text: str) -> None:
    place = parse_location(text)
    assert place.directory is None
    assert str(place) == text.rstrip("/")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a directory is"),
        ("file:", "a directory is"),
        ("file://host/x", "a directory is"),
        ("a\0b", "a directory is"),
        ("ftp://x/y", "a store is file:DIR, or a bucket"),
        ("s3://", "no name of a bucket"),
        ("s3://b", "no name of a bucket"),
        ("s3:///x", "no name of a bucket"),
        ("s3://bucket:80/x", "no name of a bucket"),
        ("s3://bucket/a/../b", "the prefix"),
        ("s3://bucket/a b", "the prefix"),
        ("s3://bucket/x?region=y", "settings and credentials come from"),
        ("s3://[bucket/x", "cannot be read"),
    ],
)
def test_what_is_no_place_is_told(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_location(text)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="credentials come from") as refused:
        parse_location("s3://AKIAEXAMPLE:verysecret@bucket/x")
    assert "verysecret" not in str(refused.value)
    assert "AKIAEXAMPLE" not in str(refused.value)
