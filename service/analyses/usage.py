"""What was used with each API key, counted in the database: the one thing that all processes share in every deployment.

Time is cut into windows that begin at whole minutes and hours (UTC).
"""

from typing import Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from service.analyses.rows import Usage
from service.analyses.states import Resource

WINDOW_MS: Final = {Resource.requests: 60_000, Resource.audio: 3_600_000}


def begins(resource: Resource, now: int) -> int:
    """When the window of ``now`` began."""
    return now - now % WINDOW_MS[resource]


async def charge(session: AsyncSession, key_prefix: str, resource: Resource, amount: int, now: int) -> int:
    """Count ``amount``. Returns: all that was used in this window by now."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(Usage).values(key_prefix=key_prefix, resource=resource, begins=begins(resource, now), amount=amount)
    counted = row.on_conflict_do_update(
        index_elements=["key_prefix", "resource", "begins"], set_={"amount": Usage.amount + row.excluded.amount}
    )
    return (await session.execute(counted.returning(Usage.amount))).scalar_one()


async def used(session: AsyncSession, key_prefix: str, resource: Resource, now: int) -> int:
    """What was used in this window by now."""
    row = await session.get(Usage, (key_prefix, resource, begins(resource, now)))
    return 0 if row is None else row.amount
