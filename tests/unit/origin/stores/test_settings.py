"""Read settings of an object store, and say what is wrong with them without repeating a secret."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from origin.stores.backends import UnusableStoreError, open_backend, require_usable
from origin.stores.location import parse_location
from origin.stores.object_store import explain
from origin.stores.store_settings import read_settings
from stack.processes.commands import command

BUCKET = parse_location("s3://bucket/prefix")


def written(path: Path, text: str) -> Path:
    file = path / "settings"
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_lines_are_names_and_values_and_comments_do_not_count(tmp_path: Path) -> None:
    file = written(tmp_path, "# a store\n\nREGION = eu-central-1\nsecret_access_key=a=b#c\n")
    assert read_settings(file) == {"region": "eu-central-1", "secret_access_key": "a=b#c"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("region=x\nverysecret", "line 2: not name=value"),
        ("secret access key=verysecret", "line 1: not name=value"),
        ("timeout=10min", "line 1: timeout cannot be set"),
        ("read_timeout=10min", "line 1: read_timeout cannot be set"),
        ("region=x\nbucket=another", "line 2: bucket cannot be set, since the URL"),
        ("aws_bucket_name=another", "line 1: aws_bucket_name cannot be set"),
        ("endpoint=https://me:verysecret@s3.example", "line 1: endpoint has to be"),
        ("aws_endpoint_url=::verysecret", "line 1: aws_endpoint_url has to be"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        read_settings(written(tmp_path, text))
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize("address", ["https://s3.example", "http://[::1]:8333", "http://10.0.0.1:9/path"])
def test_an_address_is_taken(tmp_path: Path, address: str) -> None:
    assert read_settings(written(tmp_path, f"endpoint={address}")) == {"endpoint": address}


@pytest.mark.parametrize("address", ["http://me:verysecret@127.0.0.1:9", "::verysecret", "127.0.0.1:9"])
def test_an_address_of_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(UnusableStoreError, match=r"s3://bucket/prefix: AWS_ENDPOINT_URL has to be") as refused:
        open_backend(BUCKET)
    assert "verysecret" not in str(refused.value)


@pytest.mark.parametrize("text", ["no_such_setting=verysecret", "allow_http=verysecret"])
def test_a_setting_that_the_library_does_not_know_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnusableStoreError, match=r"s3://bucket/prefix: .+"):
        open_backend(replace(BUCKET, settings=written(tmp_path, text)))


def test_settings_that_cannot_be_read_are_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UnusableStoreError, match=r"missing cannot be read"):
        require_usable(replace(BUCKET, settings=tmp_path / "missing"), None)
    require_usable(BUCKET, None)


def test_without_the_library_the_command_says_what_to_install(tmp_path: Path) -> None:
    script = f"""import sys; sys.modules['obstore'] = None; import origin.cli.main; origin.cli.main.main(
        ['serve', '--database-url', 'mysql://x@127.0.0.1:1/x', '--store', 's3://bucket/x',
         '--listen', '127.0.0.1:0', '--special-image', {str(tmp_path / "none.svg")!r}][:-2])"""
    result = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert "./dev install" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_store_that_cannot_be_used_ends_the_server_with_the_reason(workers: str) -> None:
    result = subprocess.run(
        [command("origin"), "serve", "--store", "s3://bucket/x", "--listen", "127.0.0.1:0", "--workers", workers],
        env={"ORIGIN_DATABASE_URL": "mysql://x@127.0.0.1:1/x", "AWS_ENDPOINT": "http://me:verysecret@127.0.0.1:9"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "s3://bucket/x: AWS_ENDPOINT has to be http(s)://HOST" in result.stderr
    assert "Traceback" not in result.stderr
    assert "verysecret" not in result.stderr


def test_a_directory_needs_no_library_for_object_stores(tmp_path: Path) -> None:
    script = f"""import sys; sys.modules['obstore'] = None
from origin.stores.store import open_store
from origin.stores.location import parse_location
assert not open_store(parse_location({str(tmp_path)!r})).has('0' * 64, 1)"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_an_error_is_one_line_and_names_no_key() -> None:
    text = (
        "Error performing GET http://h/b/k - Server returned non-2xx status code: 403 Forbidden: "
        "<?xml version='1.0'?><Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId>"
        "</Error>\n\nDebug source:\nx\x1b[31m"
    )
    shown = explain(OSError(text))
    assert shown == (
        "Error performing GET http://h/b/k - Server returned non-2xx status code: 403 Forbidden (SignatureDoesNotMatch)"
    )
