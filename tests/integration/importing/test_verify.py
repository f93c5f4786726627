"""Read renditions back with ``origin verify``: each damage is found and named, and nothing else."""

import hashlib
import json
import os
from collections.abc import Iterator

import pytest

from origin.stores.store import key_of
from tests.support.images.images_with_metadata import noise, saved, told_of
from tests.support.images.stored_files import StoredSite, stored_site


@pytest.fixture(scope="module", params=["directory", "s3"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoredSite]:
    with stored_site(tmp_path_factory.mktemp("verify"), request.param) as running:
        yield running


@pytest.fixture
def verified(stored: StoredSite) -> Iterator[StoredSite]:
    """Assert that nothing is damaged before and after the test."""
    assert stored.site.run_origin("origin", "verify").returncode == 0
    yield stored
    result = stored.site.run_origin("origin", "verify")
    assert result.returncode == 0, result.stdout + result.stderr


def digest_of(stored: StoredSite, code: str) -> str:
    return stored.site.request(code).headers["ETag"].strip('"')


def test_each_damage_is_found_in_both_stores_and_named(verified: StoredSite) -> None:
    site = verified.site
    content = os.urandom(3000)
    codes = {}
    for problem in ("missing", "size", "changed", "fine"):
        codes[problem] = site.new_image(dated=False)
        codes[f"{problem} in place"] = verified.add(("original", content, f"{problem}/ü.png"))
    changed = content[:-1] + bytes([content[-1] ^ 1])
    for problem, damage in (("missing", None), ("size", content[:-1]), ("changed", changed)):
        own = key_of(digest_of(verified, codes[problem]))
        before = verified.own.read()[own]
        if damage is None:
            verified.own.remove(own)
            verified.tree.remove("missing/ü.png")
        else:
            verified.own.write(own, before[:-1] + (b"" if problem == "size" else bytes([before[-1] ^ 1])))
            verified.tree.write(f"{problem}/ü.png", damage)
        result = site.run_origin("origin", "verify")
        assert result.returncode == 3
        lines = [line.partition(":")[0] for line in result.stdout.splitlines()[:-1]]
        assert sorted(lines) == sorted(f"{problem} {codes[name]}/original" for name in (problem, f"{problem} in place"))
        assert f"2 {problem}" in result.stdout.splitlines()[-1]
        verified.own.write(own, before)
        verified.tree.write(f"{problem}/ü.png", content)


def test_the_report_of_json_has_counts_and_the_list(verified: StoredSite) -> None:
    content = os.urandom(1 << 20)
    code = verified.add(("original", content, "json.png"))
    verified.add(("original", b"fine", "fine.png"))
    verified.tree.write("json.png", os.urandom(1 << 20))
    result = verified.site.run_origin("origin", "verify", "--json")
    assert result.returncode == 3
    report = json.loads(result.stdout)
    assert report["damaged"] == {"changed": 1}
    (damage,) = report["list"]
    assert (damage["code"], damage["rendition"], damage["problem"]) == (code, "original", "changed")
    assert report["verified"] > 0
    assert report["bytes"] > 0
    verified.tree.write("json.png", content)


def test_a_sample_reads_as_many_as_it_says_by_chance(verified: StoredSite) -> None:
    for number in range(12):
        verified.add(("original", os.urandom(100), f"sample/{number}"))
    reports = [json.loads(verified.site.run_origin("origin", "verify", "--json", "--sample", "5").stdout) for _ in "ab"]
    assert [report["verified"] for report in reports] == [5, 5]
    whole = json.loads(verified.site.run_origin("origin", "verify", "--json", "--sample", "100000").stdout)
    assert whole["verified"] == json.loads(verified.site.run_origin("origin", "verify", "--json").stdout)["verified"]


def test_more_renditions_than_a_page_are_each_read_once(verified: StoredSite) -> None:
    if verified.site.origin.envvars["ORIGIN_STORE"].startswith("s3:"):
        pytest.skip("pages do not depend on the kind of store")
    content = b"x" * 10
    first = verified.add(("original", content, "many"))
    before = json.loads(verified.site.run_origin("origin", "verify", "--json").stdout)["verified"]
    digest = digest_of(verified, first)
    for letter in "abc":
        rows = ", ".join(
            f"('page-{letter}', '{letter}{number}', 'image/png', 10, 1, 1, '{digest}', 'many')" for number in range(700)
        )
        verified.site.execute(
            "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path) VALUES " + rows
        )
    report = json.loads(verified.site.run_origin("origin", "verify", "--json").stdout)
    assert report["verified"] == before + 2100


def test_a_store_that_is_away_ends_it_with_a_reason(verified: StoredSite) -> None:
    result = verified.site.run_origin("origin", "verify", "--store", "/nowhere")
    assert result.returncode == 1
    assert "/nowhere is not a directory" in result.stderr


def test_what_lacks_names_is_read_and_named_and_a_ban_by_any_name_takes_it(verified: StoredSite) -> None:
    site = verified.site
    assert site.run_origin("origin", "verify", "--names").returncode == 0  # those of other tests
    picture = noise(size=(64, 64), grain=90)
    photo, variant = (saved(picture, "JPEG", comment=text, exif=told_of()) for text in (b"a", b"b"))
    own = verified.add(("original", photo, None), ("thumb", photo[:-2], None))
    in_place = verified.add(("original", variant, "names/photo.jpg"))
    other = verified.add(("original", b"no picture", "names/other"))
    damaged = verified.add(("original", b"as recorded", "names/damaged"))
    verified.tree.write("names/damaged", b"as wished..")
    md5 = hashlib.md5(photo, usedforsecurity=False).hexdigest()
    site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", md5)
    assert {site.request(code).status_code for code in (own, in_place)} == {200}
    result = site.run_origin("origin", "verify", "--names")
    assert result.returncode == 3
    assert result.stdout.splitlines()[0].startswith(f"changed {damaged}/original: its SHA-256 is")
    size = len(photo) + len(variant) + len(b"no picture")
    assert result.stdout.splitlines()[1:] == [f"3 named ({size} bytes), 1 changed"]
    assert {site.request(code).status_code for code in (own, in_place)} == {410}
    assert site.request(other).status_code == 200
    verified.tree.write("names/damaged", b"as recorded")
    assert json.loads(site.run_origin("origin", "verify", "--names", "--json").stdout)["verified"] == 1
    assert site.run_origin("origin", "verify", "--names").stdout == "0 named (0 bytes)\n"
    sha1 = hashlib.sha1(b"no picture", usedforsecurity=False).hexdigest()
    site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", sha1)
    assert site.request(other).status_code == 410
