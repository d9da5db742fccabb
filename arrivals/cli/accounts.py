"""`arrivals accounts …`: who may log in to the console by name and password."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from pydantic import ValidationError

from arrivals.cli.helping import OPERATE, examples
from arrivals.cli.output import JsonOption, console, notes, print_json, print_rows
from arrivals.runtime.settings import load_settings
from schemas.base import LOCAL
from schemas.errors import Misconfigured, Refused, Rejected

if TYPE_CHECKING:
    from serving.access import Principal
    from serving.accounts.account import Account
    from serving.accounts.administration import Administration
    from serving.accounts.session_store import SessionStore
    from serving.accounts.store import AccountStore

accounts = typer.Typer(
    help="Accounts with passwords for the console; every change is a line of the audit trail.", no_args_is_help=True
)
LoginArgument = Annotated[str, typer.Argument(help="Login name: 3 to 40 of a-z, 0-9, '.', '_' and '-'.")]
AuthorOption = Annotated[str, typer.Option(help="Who did it; the audit trail says operator:AUTHOR.")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")]
_LONGEST_ACTOR = 64
_PAGE = 1_000


class _Tools(NamedTuple):
    store: AccountStore
    sessions: SessionStore
    administration: Administration


@contextmanager
def _tools() -> Iterator[_Tools]:
    from arrivals.cli.reference import current_snapshot
    from arrivals.runtime.desk_engine import make_engine
    from serving.accounts.administration import Administration
    from serving.accounts.passwords import Passwords
    from serving.accounts.session_store import SessionStore
    from serving.accounts.store import AccountStore
    from serving.desk.schema import check_desk

    engine = make_engine(load_settings())
    try:
        check_desk(engine)
        store = AccountStore(engine)
        yield _Tools(store, SessionStore(engine), Administration(store, Passwords(), current_snapshot, _now))
    finally:
        engine.dispose()


def _now() -> datetime:
    return datetime.now(LOCAL)


@accounts.command(
    epilog=examples(
        "accounts add admin --name 值班管理员 --role administrator --scope '*'",
        "accounts add wang.fang --name 王芳 --role unit --scope 411426101 --password-stdin < file",
    )
)
def add(
    login: LoginArgument,
    *,
    name: Annotated[str, typer.Option(help="Name shown on the page.")],
    role: Annotated[str, typer.Option(help="unit, county, health_desk, analyst or administrator.")],
    scope: Annotated[str, typer.Option(help="Unit of a unit, county of a county, * for the whole city.")],
    password_stdin: StdinOption = False,
    author: AuthorOption = "arrivals",
    json: JsonOption = False,
) -> None:
    """Make an account and print its one-time password once.

    It has to be changed at the first log-in. Only its hash is kept. Login names are never given anew.
    """
    from serving.accounts.account import NewAccount

    try:
        new = NewAccount.model_validate({"login": login, "display_name": name, "role": role, "scope": scope})
    except ValidationError as error:
        raise _rejection(error) from None
    chosen = _typed() if password_stdin else None
    with _tools() as tools:
        account, made = tools.administration.add(new, _by(author), chosen)
    _tell(account, made, f"{login} is made.", json)


@accounts.command("list", epilog=examples("accounts list --json"))
def list_all(*, json: JsonOption = False) -> None:
    """List the accounts: what each may do and where, whether it is active, who changed it last."""
    from serving.accounts.administration import told_account

    with _tools() as tools:
        found = list(_all(tools.store))
    if json:
        print_json([told_account(account) for account in found])
        return
    columns = ("login", "name", "role", "scope", "state", "changed at", "by")
    print_rows("Accounts", columns, [_row(account) for account in found])


@accounts.command(epilog=examples("accounts disable wang.fang --author 夏邑县值班室"))
def disable(login: LoginArgument, *, author: AuthorOption = "arrivals", json: JsonOption = False) -> None:
    """Disable an account; its sessions and open streams end within five seconds."""
    with _tools() as tools:
        account = tools.store.set_active(login, False, _by(author), _now())
    _tell(account, None, f"{login} is disabled.", json)


@accounts.command(epilog=examples("accounts enable wang.fang"))
def enable(login: LoginArgument, *, author: AuthorOption = "arrivals", json: JsonOption = False) -> None:
    """Enable an account again, with the password it had."""
    with _tools() as tools:
        account = tools.store.set_active(login, True, _by(author), _now())
    _tell(account, None, f"{login} is enabled.", json)


@accounts.command(
    "set-rights", epilog=examples("accounts set-rights wang.fang --name 王芳 --role county --scope 411426 --author 市指挥部")
)
def set_rights(
    login: LoginArgument,
    *,
    name: Annotated[str | None, typer.Option(help="Name shown on the page; as before when left out.")] = None,
    role: Annotated[str | None, typer.Option(help="As of `add`; as before when left out.")] = None,
    scope: Annotated[str | None, typer.Option(help="As of `add`; as before when left out.")] = None,
    author: AuthorOption = "arrivals",
    json: JsonOption = False,
) -> None:
    """Give an account another role, scope or name; its sessions end."""
    from serving.accounts.administration import SetRights

    with _tools() as tools:
        known = _existing(tools.store, login)
        values = {"display_name": name or known.display_name, "role": role or known.role, "scope": scope or known.scope}
        try:
            command = SetRights.model_validate({"action": "set_rights", **values})
        except ValidationError as error:
            raise _rejection(error) from None
        account, _ = tools.administration.act(login, command, _by(author))
    _tell(account, None, f"{login} is {account.role} for {account.scope} now.", json)


@accounts.command(
    "set-password", epilog=examples("accounts set-password wang.fang", "accounts set-password wang.fang --generate")
)
def set_password(
    login: LoginArgument,
    *,
    password_stdin: StdinOption = False,
    generate: Annotated[bool, typer.Option("--generate", help="Make a one-time password and print it once.")] = False,
    author: AuthorOption = "arrivals",
    json: JsonOption = False,
) -> None:
    """Give an account a new password, asked for twice; it has to be changed at the first log-in, and sessions end."""
    with _tools() as tools:
        _existing(tools.store, login)
        chosen = None if generate else _typed() if password_stdin else _asked()
        account, made = tools.administration.set_password(login, _by(author), chosen)
    _tell(account, made, f"{login} has a new password.", json)


@accounts.command(epilog=examples("accounts sessions wang.fang"))
def sessions(login: LoginArgument, *, json: JsonOption = False) -> None:
    """List the open sessions of an account."""
    from serving.accounts.administration import told_session

    with _tools() as tools:
        _existing(tools.store, login)
        found = [told_session(*session) for session in tools.sessions.of_account(login, _now())]
    if json:
        print_json(found)
    else:
        print_rows(f"Sessions of {login}", ("began at", "expires at", "way"), [tuple(session.values()) for session in found])


@accounts.command("end-sessions", epilog=examples("accounts end-sessions wang.fang"))
def end_sessions(login: LoginArgument, *, author: AuthorOption = "arrivals", json: JsonOption = False) -> None:
    """End every session of an account; it may log in again."""
    with _tools() as tools:
        account = tools.store.end_sessions(login, _by(author), _now())
    _tell(account, None, f"The sessions of {login} have ended.", json)


def _all(store: AccountStore) -> Iterator[Account]:
    after = ""
    while page := store.listed(_PAGE, after):
        yield from page
        after = page[-1].login


def _existing(store: AccountStore, login: str) -> Account:
    account = store.find(login)
    if account is None:
        raise Refused("not_found", "There is no such account.", 404, "See: arrivals accounts list")
    return account


def _by(author: str) -> Principal:
    from serving.access import Principal

    actor = f"operator:{author}"
    if len(actor) > _LONGEST_ACTOR:
        raise Misconfigured("author_long", "The name of the author is too long.", f"Use {_LONGEST_ACTOR - 9} characters at most.")
    return Principal("administrator", actor, "*", "")


def _typed() -> str:
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise Misconfigured("password_missing", "There is no password on standard input.", "Write it there as one line.")
    return line


def _asked() -> str:
    if not sys.stdin.isatty():
        raise Misconfigured("password_missing", "There is no terminal to ask for a password.", "Use --password-stdin.")
    answer: str = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _rejection(error: ValidationError) -> Rejected:
    from serving.duties.commands import rejection

    return rejection(error)


def _row(account: Account) -> tuple[Any, ...]:
    state = "disabled" if not account.active else "must change its password" if account.must_change else "active"
    about = (account.login, account.display_name, account.role, account.scope, state)
    return (*about, account.changed_at, account.changed_by)


def _tell(account: Account, made: str | None, text: str, json: bool) -> None:
    from serving.accounts.administration import told_account

    if json:
        print_json(told_account(account) | ({"one_time_password": made} if made else {}))
        return
    notes().print(text)
    if made:
        console().print(made)


def register(app: typer.Typer) -> None:
    """Adds the group of this file."""
    app.add_typer(accounts, name="accounts", rich_help_panel=OPERATE)
