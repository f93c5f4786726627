"""Sign in to the console: passwords, users, sessions, tries, and the header of a proxy."""

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from purger.console.users import users
from purger.console.users.access import Access, SignInError
from purger.console.users.sessions import LASTS, Session, Sessions
from purger.console.users.settings import ConsoleSettings, UnusableConsoleError
from purger.console.users.throttle import Throttle
from purger.console.users.users import (
    Role,
    UnusableUsersError,
    User,
    Users,
    hash_password,
    is_hash,
    matches,
    parse_users,
)
from takedown_base.listen_address import Address

PASSWORD = "correct horse battery"
FORM = f"$argon2id$v=19$m=%d,t=1,p=1${'A' * 22}${'A' * 43}"
# As cheap as the console accepts it: a busy machine takes seconds for the usual one.
HASHED, OTHER = (hash_password(each, memory=1024, passes=1) for each in (PASSWORD, "another one"))
ANNA = User("anna", Role.MODERATE, HASHED)
LOOPBACK = Address("127.0.0.1", 6190)
TOKEN = "a-token-of-a-proxy-in-front"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_NOBODY", FORM % 1024)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users"
    path.write_text(f"# those who may\n\nanna:moderate:{HASHED}\nwall:look:{HASHED}\nproxied:look:-\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def access(file: Path) -> Access:
    return Access(ConsoleSettings(listen=LOOPBACK, users=file), clock=lambda: 1000.0)


@pytest.fixture
def behind_proxy(file: Path, tmp_path: Path) -> Access:
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    return Access(ConsoleSettings(listen=LOOPBACK, users=file, proxy_header="X-Remote-User", proxy_token=token))


def test_a_password_matches_its_hash_alone() -> None:
    assert is_hash(HASHED)
    assert matches(PASSWORD, HASHED)
    assert not matches(PASSWORD + " ", HASHED)
    assert hash_password(PASSWORD) != HASHED, "each has a salt of its own"


@pytest.mark.parametrize("text", ["", "-", "argon2id", PASSWORD, FORM % 999_999, (FORM % 1024)[:-1]])
def test_a_text_that_is_no_hash_matches_no_password(text: str) -> None:
    assert not is_hash(text)
    assert not matches(text, text)
    assert not matches("", text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("anna:moderate", "no hash"),
        ("anna:moderate:correct horse", "no hash"),
        ("anna:admin:-", "role of anna"),
        ("an na:look:-", "name"),
        (":look:-", "name"),
        ("anna:look:-\nanna:look:-", "line 2"),
    ],
)
def test_a_malformed_line_lets_nobody_in(line: str, said: str) -> None:
    with pytest.raises(UnusableUsersError, match=said) as raised:
        parse_users(line)
    assert "horse" not in str(raised.value)


def test_users_are_read_again_when_their_file_changes(file: Path) -> None:
    users = Users(file)
    assert users.find("anna") == ANNA
    assert users.find("nobody") is None
    file.write_text("anna:look:-\n")
    assert users.find("anna") == User("anna", Role.LOOK, "-")
    file.write_text("anna\n")
    assert users.find("anna") is None
    file.unlink()
    assert not users.check()


def test_a_session_belongs_to_its_cookie_and_ends() -> None:
    sessions = Sessions()
    cookie, session = sessions.begin(ANNA, now=0.0)
    assert sessions.find(cookie, now=LASTS - 1) is session
    assert sessions.find(cookie + "x", now=0.0) is None
    assert sessions.find(cookie, now=LASTS) is None
    cookie, _ = sessions.begin(ANNA, now=0.0)
    sessions.end(cookie)
    assert sessions.find(cookie, now=0.0) is None


def test_the_oldest_session_makes_room() -> None:
    sessions = Sessions()
    first, _ = sessions.begin(ANNA, now=0.0)
    for _ in range(1000):
        last, _ = sessions.begin(ANNA, now=0.0)
    assert sessions.find(first, now=0.0) is None
    assert sessions.find(last, now=0.0) is not None


def test_a_session_accepts_its_own_token_alone() -> None:
    session, other = Session(ANNA, ends=1.0), Session(ANNA, ends=1.0)
    assert session.accepts(session.token)
    assert not session.accepts(other.token)
    assert not session.accepts("")
    assert not session.accepts("é")


def test_tries_come_back_with_time() -> None:
    throttle, anna, wall = Throttle(), {"anna": (2, 10.0)}, {"wall": (2, 10.0)}
    assert [throttle.take(anna, 0.0) for _ in range(3)] == [0, 0, 10.0]
    assert throttle.take(wall, 0.0) == 0
    assert throttle.take(anna, 9.0) == pytest.approx(1.0)
    assert throttle.take(anna, 10.1) == 0
    assert throttle.take(anna, 10.2) > 9


def test_a_refused_try_takes_nothing_from_the_limits_of_others() -> None:
    throttle, shared = Throttle(), {"all": (3, 10.0)}
    assert [throttle.take({"anna": (1, 10.0)} | shared, 0.0) for _ in range(9)] == [0, *[10.0] * 8]
    assert [throttle.take({name: (1, 10.0)} | shared, 0.0) for name in "abc"] == [0, 0, 10.0]


def test_a_right_password_costs_no_try() -> None:
    throttle, anna = Throttle(), {"anna": (2, 10.0)}
    for _ in range(20):
        assert throttle.take(anna, 0.0) == 0
        throttle.give_back(anna)


def test_signing_in_gives_a_session_with_the_role_of_the_file(access: Access, file: Path) -> None:
    visitor = access.sign_in("anna", PASSWORD, "::1")
    assert visitor.moderates
    again = access.visitor({}, visitor.cookie)
    assert again is not None
    assert (again.user, again.session) == (ANNA, visitor.session)
    file.write_text(f"anna:look:{HASHED}\n")
    changed = access.visitor({}, visitor.cookie)
    assert changed is not None
    assert not changed.moderates


@pytest.mark.parametrize("text", ["", f"anna:moderate:{OTHER}\n", "broken"], ids=["gone", "another password", "broken"])
def test_a_session_ends_with_its_user_or_password(access: Access, file: Path, text: str) -> None:
    cookie = access.sign_in("anna", PASSWORD, "::1").cookie
    assert access.visitor({}, cookie) is not None
    file.write_text(text)
    assert access.visitor({}, cookie) is None


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("proxied", "-"), ("", "")])
def test_a_wrong_name_or_password_is_refused_in_the_same_words(access: Access, name: str, password: str) -> None:
    with pytest.raises(SignInError, match=r"^Name or password is wrong\.$") as raised:
        access.sign_in(name, password, "::1")
    assert raised.value.status == HTTPStatus.FORBIDDEN


def use_up(access: Access, name: str = "anna", address: str = "::1") -> None:
    for _ in range(10):
        with pytest.raises(SignInError, match="wrong"):
            access.sign_in(name, "wrong", address)


def test_too_many_tries_as_a_user_are_refused_from_one_address(access: Access) -> None:
    use_up(access)
    with pytest.raises(SignInError, match="Too many tries") as raised:
        access.sign_in("anna", PASSWORD, "::1")
    assert raised.value.status == HTTPStatus.TOO_MANY_REQUESTS
    assert raised.value.wait == 1
    assert access.sign_in("anna", PASSWORD, "127.0.0.1").user.name == "anna"
    assert access.sign_in("wall", PASSWORD, "::1").user.name == "wall"


def test_made_up_names_share_the_tries_of_their_address_and_of_all(access: Access) -> None:
    for address, tries in (("::1", 20), ("::2", 20)):
        for number in range(tries):
            with pytest.raises(SignInError, match="wrong"):
                access.sign_in(f"name{number}", "wrong", address)
        with pytest.raises(SignInError, match="Too many tries"):
            access.sign_in("another", "wrong", address)
    with pytest.raises(SignInError, match="Too many tries"):
        access.sign_in("anna", PASSWORD, "::3")


def test_a_browser_that_has_signed_in_has_tries_of_its_own(access: Access, file: Path) -> None:
    device = access.set_device(ANNA).partition("=")[2].partition(";")[0]
    use_up(access)
    for address in ("::1", "::2"):
        assert access.sign_in("anna", PASSWORD, address, device).user.name == "anna"
    for other in (device + "0", device[1:], "x", "."):
        with pytest.raises(SignInError, match="Too many tries"):
            access.sign_in("anna", PASSWORD, "::1", other)
    file.write_text(f"anna:moderate:{hash_password(PASSWORD, memory=1024, passes=1)}\n")
    with pytest.raises(SignInError, match="Too many tries"):
        access.sign_in("anna", PASSWORD, "::1", device)


def test_a_browser_is_known_for_the_user_whom_it_has_signed_in(access: Access) -> None:
    device = access.set_device(ANNA).partition("=")[2].partition(";")[0]
    use_up(access, "wall")
    with pytest.raises(SignInError, match="Too many tries"):
        access.sign_in("wall", PASSWORD, "::1", device)


def test_somebody_who_tries_passwords_without_end_keeps_nobody_out(file: Path) -> None:
    now = 0.0
    access = Access(ConsoleSettings(listen=LOOPBACK, users=file), clock=lambda: now)
    for _ in range(200):
        now += 1.5
        with pytest.raises(SignInError):
            access.sign_in("anna", "wrong", "127.0.0.1")
        assert access.sign_in("anna", PASSWORD, "127.0.0.1").user.name == "anna"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(access: Access, file: Path) -> None:
    assert access.set_cookie("x").startswith("takedown_console_6190=x; Path=/; HttpOnly; SameSite=Strict; Max-Age=")
    secure = Access(ConsoleSettings(listen=LOOPBACK, users=file, url="https://console.example"))
    assert secure.set_cookie("x").startswith(
        "__Host-takedown_console_6190=x; Path=/; HttpOnly; SameSite=Strict; Secure;"
    )


def named(name: str, token: str = TOKEN) -> dict[str, str]:
    return {"x-remote-user": name, "takedown-proxy-token": token}


def test_a_proxy_with_its_token_names_the_user(behind_proxy: Access) -> None:
    visitor = behind_proxy.visitor(named("proxied"), None)
    assert visitor is not None
    assert (visitor.user.name, visitor.moderates) == ("proxied", False)
    again = behind_proxy.visitor(named("proxied"), visitor.cookie)
    assert again is not None
    assert again.session is visitor.session


@pytest.mark.parametrize(
    "headers", [{}, {"x-remote-user": "anna"}, named("anna", ""), named("anna", "other"), named("x")]
)
def test_nobody_else_names_a_user(behind_proxy: Access, headers: dict[str, str]) -> None:
    assert behind_proxy.visitor(headers, None) is None


def test_behind_a_proxy_a_session_serves_its_own_user_alone(behind_proxy: Access) -> None:
    visitor = behind_proxy.visitor(named("anna"), None)
    assert visitor is not None
    other = behind_proxy.visitor(named("wall"), visitor.cookie)
    assert other is not None
    assert (other.user.name, other.session is visitor.session) == ("wall", False)
    assert behind_proxy.visitor({}, visitor.cookie) is None
    with pytest.raises(SignInError, match="proxy"):
        behind_proxy.sign_in("anna", PASSWORD, "::1")


def test_without_a_proxy_its_header_means_nothing(access: Access) -> None:
    assert access.visitor(named("anna"), None) is None


USABLE = ConsoleSettings(listen=LOOPBACK, users=Path("users"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (replace(USABLE, listen=Address("0.0.0.0", 6190)), "in the clear"),
        (replace(USABLE, listen=Address("10.0.0.1", 6190), url="http://console.example"), "not https"),
        (replace(USABLE, url="http://console.example"), "not https"),
        (replace(USABLE, url="https://console.example/path"), "nothing else"),
        (replace(USABLE, url="ftp://console.example"), "nothing else"),
        (replace(USABLE, url="https://anna@console.example"), "nothing else"),
        (replace(USABLE, proxy_header="X-Remote-User"), "need each other"),
        (replace(USABLE, proxy_token=Path("token")), "need each other"),
        (replace(USABLE, users=ANNA, proxy_header="X-User", proxy_token=Path("token")), "needs --console-users"),
        (replace(USABLE, proxy_header="X User", proxy_token=Path("token")), "name of a header"),
    ],
)
def test_settings_that_would_expose_the_console_are_refused(settings: ConsoleSettings, said: str) -> None:
    with pytest.raises(UnusableConsoleError, match=said):
        settings.check()


@pytest.mark.parametrize(
    "settings",
    [
        USABLE,
        replace(USABLE, listen=Address("::1", 0)),
        replace(USABLE, listen=Address("0.0.0.0", 6190), url="https://console.example"),
        replace(USABLE, url="http://localhost:8080"),
    ],
)
def test_other_settings_are_taken(settings: ConsoleSettings) -> None:
    settings.check()


def test_the_command_makes_a_line_of_the_file() -> None:
    result = CliRunner().invoke(cli, ["console-password", "anna", "--role", "moderate"], input=f"{PASSWORD}\n")
    assert result.exit_code == 0
    (user,) = parse_users(result.stdout).values()
    assert (user.name, user.role, matches(PASSWORD, user.hashed)) == ("anna", Role.MODERATE, True)
    result = CliRunner().invoke(cli, ["console-password", "anna", "--no-password"])
    assert result.stdout == "anna:look:-\n"
    assert CliRunner().invoke(cli, ["console-password", "anna"], input="short\n").exit_code == 2
    assert CliRunner().invoke(cli, ["console-password", "an:na", "--no-password"]).exit_code == 2
