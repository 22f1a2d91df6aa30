"""``python -m service keys``: make, list and revoke the API keys of a database."""

import argparse
import re
import sys
from datetime import UTC, datetime
from typing import Final

from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.security.keyring import Keyring, state
from service.security.keys import USUAL, Scope, prefix_of
from service.settings import Settings

_TENANT: Final = re.compile("|[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="print a new key; it is shown this once")
    create.add_argument(
        "--tenant",
        required=True,
        type=_tenant,
        help="whose analyses the key is for; all keys of a tenant see the same ones, and no others. '' has what "
        "was analysed without a key",
    )
    create.add_argument(
        "--scopes",
        type=_scopes,
        default=USUAL,
        help=f"what it is for, of {','.join(Scope)}; {','.join(sorted(USUAL))} where nothing is said",
    )
    create.add_argument("--expires", type=_time, help="until when, such as 2027-01-31 or 2027-01-31T08:00+01:00")
    actions.add_parser("list", help="list the keys, by their prefixes")
    revoke = actions.add_parser("revoke", help="end a key, at once and for good")
    revoke.add_argument("prefix", type=_prefix, help="of the key, as list shows it")


async def run(options: argparse.Namespace, database: Database, settings: Settings, ambient: Ambient) -> int:
    """Do what ``options`` say. Returns: 0, or 1 where there is no such key."""
    keyring = Keyring(database, ambient, settings)
    match options.action:
        case "create":
            expires = options.expires and round(1000 * options.expires.timestamp())
            print(await keyring.create(options.tenant, options.scopes, expires))
            print("This is the only time that the key is shown.", file=sys.stderr)
        case "list":
            for row in await keyring.all():
                ends = "" if row.expires is None else f"until {_shown(row.expires)}"
                facts = (
                    row.prefix,
                    state(row, ambient.now()).ljust(7),
                    row.tenant or "''",
                    row.scopes.replace(" ", ","),
                )
                print("  ".join(filter(None, (*facts, f"since {_shown(row.created)}", ends))))
        case "revoke":
            if not await keyring.revoke(options.prefix):
                print(f"There is no key {options.prefix} that is not revoked.", file=sys.stderr)
                return 1
    return 0


def _tenant(text: str) -> str:
    if not _TENANT.fullmatch(text):
        raise argparse.ArgumentTypeError("letters, digits, dots, underscores and hyphens; at most 64")
    return text


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return frozenset(map(Scope, text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; the scopes are {', '.join(Scope)}") from None


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _prefix(text: str) -> str:
    """Who has only the key at hand may give that."""
    return prefix_of(text) or text


def _shown(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
