"""How much each API key may use: requests in a minute, seconds of audio in an hour.

Counted in the database, as that is what all processes share whether or not there is a Redis, and what a restart does
not empty. It costs one small transaction a request, and only where a limit is set. Audio is charged by the transaction
that stores what was heard (:mod:`service.analyses.store`), so that each recording counts once however often its
analysis is interrupted; what is under way when the allowance is used up is still completed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.analyses import usage
from service.analyses.ambient import Ambient
from service.analyses.database import Database
from service.analyses.states import Resource
from service.problems import TooManyRequests
from service.settings import Settings

_NAMES: Final = {Resource.requests: "requests", Resource.audio: "audio-seconds"}
_UNIT: Final = {Resource.requests: 1, Resource.audio: 1000}
# What has to be left for a request to be answered; of requests it has already been taken from that.
_LEAST: Final = {Resource.requests: 0, Resource.audio: 1}
_MEANT: Final = {
    Resource.requests: "{quota} requests a minute",
    Resource.audio: "{quota} seconds of audio an hour",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of an allowance is left. ``reset_s``: seconds until all of it can be used again."""

    resource: Resource
    quota: int
    left: int
    reset_s: int


class Rates:
    """What is left of the allowances of each key."""

    def __init__(self, database: Database, ambient: Ambient, settings: Settings) -> None:
        self._database = database
        self._ambient = ambient
        self._quotas = {
            Resource.requests: settings.requests_per_minute,
            Resource.audio: settings.audio_seconds_per_hour,
        }
        self._spent: dict[str, int] = {}

    async def count(self, key_prefix: str, *, audio: bool) -> list[Standing]:
        """Count a request, which with ``audio`` asks for some to be analysed.

        Returns:
            Where the key stands in whatever is limited of that.

        Raises:
            TooManyRequests: an allowance is used up.
        """
        resources = [Resource.requests, *([Resource.audio] if audio else [])]
        standings: list[Standing] = []
        for resource in resources:
            quota = self._quotas[resource]
            if not quota:
                continue
            now = self._ambient.now()
            used = await self._used(resource, key_prefix, now)
            left = quota - -(-used // _UNIT[resource])
            reset_s = -(-(usage.begins(resource, now) + usage.WINDOW_MS[resource] - now) // 1000)
            standings.append(Standing(resource, quota, max(left, 0), reset_s))
            if left < _LEAST[resource]:
                meant = _MEANT[resource].format(quota=quota)
                raise TooManyRequests(
                    f"One API key may send at most {meant}; come again in {reset_s} seconds.",
                    _NAMES[resource],
                    {"Retry-After": str(reset_s), **headers(standings)},
                )
        return standings

    async def _used(self, resource: Resource, key_prefix: str, now: int) -> int:
        if resource is Resource.audio:
            async with self._database.reading() as session:
                return await usage.used(session, key_prefix, resource, now)
        begins = usage.begins(Resource.requests, now)
        if self._spent.get(key_prefix) == begins:
            # Who goes on asking all the same is refused without a word to the database.
            return self._quotas[Resource.requests] + 1
        async with self._database.writing() as session:
            used = await usage.charge(session, key_prefix, Resource.requests, 1, now)
        if used > self._quotas[Resource.requests]:
            self._spent[key_prefix] = begins
        return used


def headers(standings: Iterable[Standing]) -> dict[str, str]:
    """The structured fields of draft-ietf-httpapi-ratelimit-headers-10."""
    policies, limits = [], []
    for standing in standings:
        name = f'"{_NAMES[standing.resource]}"'
        window_s = usage.WINDOW_MS[standing.resource] // 1000
        unit = "" if standing.resource is Resource.requests else f";qu={name}"
        policies.append(f"{name};q={standing.quota}{unit};w={window_s}")
        limits.append(f"{name};r={standing.left};t={standing.reset_s}")
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)} if policies else {}
