"""Two processes of the API over one database: what ends a session ends it in both, with its open streams."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import orjson
import pytest

from arrivals.embedded.clickhouse.launcher import ClickHouseServer
from arrivals.embedded.kafka.server import KafkaServer
from arrivals.embedded.ports import free_port
from tests.cli_kit import call, run
from tests.desk_kit import fresh_store
from tests.serving_stack import Process, Stack, Stream, running_stack
from tests.test_serving_console import SAME_SITE

UNIT = "411426101"
PASSWORD, OTHER = "correct horse battery", "stapler of the county"


@dataclass
class Pair:
    """A stack and the address of a second process beside its own."""

    stack: Stack
    second: str

    @property
    def addresses(self) -> tuple[str, str]:
        return str(self.stack.client.base_url).rstrip("/"), self.second

    def arrivals(self, *arguments: str) -> bytes:
        done = call(self.stack.settings, "accounts", *arguments)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout


@pytest.fixture(scope="module", params=[pytest.param("sqlite", marks=pytest.mark.torture), "postgresql"])
def pair(
    request: pytest.FixtureRequest,
    kafka_server: KafkaServer,
    clickhouse_server: ClickHouseServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    url = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    if url is not None:
        fresh_store(folder, url).engine.dispose()
    prefix = f"pair-{request.param}."
    with running_stack(kafka_server, clickhouse_server, folder, prefix, ("api",), desk_url=url) as stack:
        settings = stack.settings.model_copy(update={"api_port": free_port()})
        process = Process("api", settings, folder / "second.log")
        try:
            address = f"http://127.0.0.1:{settings.api_port}"
            stack.wait(lambda: ready(address))
            yield Pair(stack, address)
        finally:
            assert process.stop() == 0


def ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def clerk(pair: Pair, login: str) -> str:
    """A new account that has chosen its password; the cookie of its session."""
    made = orjson.loads(pair.arrivals("add", login, "--name", "测试", "--role", "unit", "--scope", UNIT, "--json"))
    first = enter(pair, login, made["one_time_password"])
    form = {"current": made["one_time_password"], "new": PASSWORD, "again": PASSWORD}
    answer = httpx.post(f"{pair.second}/password", data=form, headers={"Cookie": first, **SAME_SITE})
    assert answer.headers["location"] == "/"
    return cookie_of(answer)


def enter(pair: Pair, login: str, password: str) -> str:
    answer = httpx.post(f"{pair.addresses[0]}/login", data={"login": login, "password": password}, headers=SAME_SITE)
    assert answer.status_code == 303, answer.text
    return cookie_of(answer)


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def watching(pair: Pair, cookie: str) -> Iterator[list[Stream]]:
    """Open streams of the session in both processes."""
    with ExitStack() as undo:
        streams = [
            undo.enter_context(Stream(f"{address}/v1/units/{UNIT}/stream", {"Cookie": cookie})) for address in pair.addresses
        ]
        for stream in streams:
            assert stream.response.status_code == 200
            stream.settle()
        yield streams


def ended(pair: Pair, streams: list[Stream], cookie: str) -> None:
    """Every stream says farewell, and no process answers the session any more."""
    began = time.monotonic()
    for stream in streams:
        assert [data["reason"] for name, data in stream.events() if name == "farewell"] == ["revoked"]
    print(f"streams closed after {time.monotonic() - began:.1f} s")
    for address in pair.addresses:
        assert httpx.get(f"{address}/session", headers={"Cookie": cookie}).status_code == 401


@pytest.mark.parametrize(
    "command",
    [
        ("disable",),
        ("set-rights", "--scope", "411426102"),
        pytest.param(("end-sessions",), marks=pytest.mark.torture),
        pytest.param(("set-password", "--generate"), marks=pytest.mark.torture),
        pytest.param(("set-rights", "--role", "county", "--scope", "411426"), marks=pytest.mark.torture),
    ],
    ids=" ".join,
)
def test_what_an_operator_does_ends_sessions_and_streams_everywhere(pair: Pair, command: tuple[str, ...]) -> None:
    login = f"clerk-{abs(hash(command)) % 10**9}"
    cookie = clerk(pair, login)
    assert len(orjson.loads(pair.arrivals("sessions", login, "--json"))) == 1
    with watching(pair, cookie) as streams:
        pair.arrivals(command[0], login, *command[1:])
        ended(pair, streams, cookie)
    assert orjson.loads(pair.arrivals("sessions", login, "--json")) == []


def test_logging_out_in_one_process_ends_the_session_in_the_other(pair: Pair) -> None:
    cookie, stays = clerk(pair, "two-phones"), enter(pair, "two-phones", PASSWORD)
    with watching(pair, cookie) as streams, watching(pair, stays) as others:
        httpx.post(f"{pair.second}/logout", headers={"Cookie": cookie, **SAME_SITE})
        ended(pair, streams, cookie)
        assert not any(stream.response.is_closed for stream in others)
    assert httpx.get(f"{pair.second}/session", headers={"Cookie": stays}).status_code == 204


def test_a_changed_password_ends_the_other_phone_in_both_processes(pair: Pair) -> None:
    mine, lost = clerk(pair, "lost-phone"), enter(pair, "lost-phone", PASSWORD)
    with watching(pair, lost) as streams:
        form = {"current": PASSWORD, "new": OTHER, "again": OTHER}
        answer = httpx.post(f"{pair.addresses[0]}/password", data=form, headers={"Cookie": mine, **SAME_SITE})
        assert answer.status_code == 303
        ended(pair, streams, lost)
    assert httpx.get(f"{pair.second}/session", headers={"Cookie": cookie_of(answer)}).status_code == 204


def test_attempts_are_counted_over_both_processes(pair: Pair) -> None:
    clerk(pair, "guessed-at")
    statuses = []
    for number in range(6):
        form = {"login": "guessed-at", "password": "wrong"}
        answer = httpx.post(f"{pair.addresses[number % 2]}/login", data=form, headers=SAME_SITE)
        statuses.append(answer.status_code)
    assert statuses == [403] * 5 + [429]


def test_acts_stand_in_the_trail_under_the_accounts_name(pair: Pair) -> None:
    clerk(pair, "in-the-trail")
    lines = pair.stack.get("/v1/audit-trail?limit=200", "administrator:*").json()["lines"]
    told = [(line["actor"], line["detail"]["action"]) for line in lines if line["detail"].get("account") == "in-the-trail"]
    assert told == [("account:in-the-trail", "password_changed"), ("operator:arrivals", "added")]
    assert pair.stack.get("/v1/audit-trail/verification", "administrator:*").json()["problem"] == ""


def test_commands_say_what_they_did_and_what_is_wrong(pair: Pair) -> None:
    made = run(
        pair.stack.settings,
        *("accounts", "add", "by.hand", "--name", "值班", "--role", "administrator", "--scope", "*", "--password-stdin"),
        stdin=f"{PASSWORD}\n".encode(),
    )
    assert (made.returncode, made.stdout) == (0, b"")
    assert PASSWORD.encode() not in made.stderr
    assert enter(pair, "by.hand", PASSWORD)
    assert "must change its password" in pair.arrivals("list").decode()
    assert "by.hand" in {account["login"] for account in orjson.loads(pair.arrivals("list", "--json"))}
    for arguments, word in (
        (("disable", "nobody"), "not_found"),
        (("set-password", "by.hand"), "password_missing"),
        (("add", "by.hand", "--name", "x", "--role", "analyst", "--scope", "*"), "account_exists"),
        (("add", "Wang", "--name", "x", "--role", "analyst", "--scope", "*"), "login"),
        (("add", "li.si", "--name", "x", "--role", "county", "--scope", UNIT), "scope"),
        (("set-rights", "by.hand", "--role", "guard"), "role"),
        (("disable", "by.hand", "--author", "x" * 60), "author_long"),
    ):
        done = call(pair.stack.settings, "accounts", *arguments)
        assert (done.returncode, done.stdout) == (1, b"")
        assert word in done.stderr.decode()
