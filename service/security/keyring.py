"""The API keys that there are, and who may go without one."""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from sqlalchemy import CursorResult, select, update

from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.analyses.rows import ApiKey
from service.problems import Unauthorized
from service.security.keys import ANYONE, Caller, Scope, hashed, matches, new_key, prefix_of
from service.settings import Settings, SettingsError

_HOW: Final = "send Authorization: Bearer v2v_…, or X-API-Key: v2v_…"
_NOBODY: Final = hashed("")


class Keyring:
    """The keys in the database. Nothing of them is remembered here: what is revoked is so at once, in every process.

    A key is needed where there is one, live or not, and wherever the service listens on more than this machine.
    ``V2V_ALLOW_ANONYMOUS`` lifts both.
    """

    def __init__(self, database: Database, ambient: Ambient, settings: Settings) -> None:
        self._database = database
        self._ambient = ambient
        self._settings = settings

    async def create(self, tenant: str, scopes: Iterable[Scope], expires: int | None) -> str:
        """A new key; it cannot be had again. ``expires`` is in milliseconds since 1970."""
        key, prefix = new_key(self._ambient.entropy)
        row = ApiKey(
            prefix=prefix,
            tenant=tenant,
            scopes=" ".join(sorted(scopes)),
            sha256=hashed(key),
            created=self._ambient.now(),
            expires=expires,
        )
        async with self._database.writing() as session:
            session.add(row)
        return key

    async def all(self) -> Sequence[ApiKey]:
        """Every key that there ever was, the oldest first."""
        async with self._database.reading() as session:
            return (await session.execute(select(ApiKey).order_by(ApiKey.created, ApiKey.prefix))).scalars().all()

    async def revoke(self, prefix: str) -> bool:
        """End the key. Returns: whether there was one to end."""
        live = (ApiKey.prefix == prefix, ApiKey.revoked.is_(None))
        async with self._database.writing() as session:
            done = await session.execute(update(ApiKey).where(*live).values(revoked=self._ambient.now()))
        return cast(CursorResult[object], done).rowcount == 1

    async def caller(self, key: str | None) -> Caller:
        """Who asks with ``key``; None is without one.

        Raises:
            Unauthorized: a key is needed, or this one does not count.
        """
        if key is None:
            if await self._open():
                return ANYONE
            raise Unauthorized(f"This service asks for an API key; {_HOW}.")
        prefix = prefix_of(key)
        row = None
        if prefix is not None:
            async with self._database.reading() as session:
                row = await session.get(ApiKey, prefix)
        # Compared in any case, so that the time tells nobody which prefixes there are.
        right = matches(key, _NOBODY if row is None else row.sha256)
        if row is None or not right or row.revoked is not None or _over(row, self._ambient.now()):
            raise Unauthorized(f"This API key is unknown, revoked or expired; {_HOW}.", error="invalid_token")
        return Caller(row.tenant, row.prefix, frozenset(map(Scope, row.scopes.split())))

    async def counts(self, caller: Caller) -> bool:
        """Whether the key that ``caller`` was found by is still good, or still none is needed."""
        if not caller.key_prefix:
            return await self._open()
        async with self._database.reading() as session:
            row = await session.get(ApiKey, caller.key_prefix)
        return row is not None and state(row, self._ambient.now()) == "live"

    async def check_address(self) -> None:
        """Raises: SettingsError: the service would listen on more than this machine, and has no key to ask for."""
        if not (self._settings.on_loopback or self._settings.allow_anonymous or await self._any()):
            raise SettingsError(
                f"V2V_HOST={self._settings.host}: others could reach the service, and there is no API key yet. "
                "Make one with python -m service keys create --tenant NAME, "
                "or let everybody in with V2V_ALLOW_ANONYMOUS=true"
            )

    async def _open(self) -> bool:
        """Whether nobody needs a key."""
        return self._settings.allow_anonymous or (self._settings.on_loopback and not await self._any())

    async def _any(self) -> bool:
        async with self._database.reading() as session:
            return (await session.execute(select(ApiKey.prefix).limit(1))).first() is not None


def state(row: ApiKey, now: int) -> str:
    """``live``, ``expired`` or ``revoked``."""
    if row.revoked is not None:
        return "revoked"
    return "expired" if _over(row, now) else "live"


def _over(row: ApiKey, now: int) -> bool:
    return row.expires is not None and row.expires <= now
