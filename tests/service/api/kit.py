"""What tests of the API ask, and what they expect of every answer."""

from random import Random

import httpx2

from service.analyses.ambient import Ambient
from service.analyses.rows import ApiKey
from service.security.keyring import Keyring
from service.security.keys import USUAL


def problem_of(response, status, kind):
    """The problem document of ``response``, which has this ``status`` and ``type``."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/problems/{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


async def post(world, content, headers=None, **fields) -> httpx2.Response:
    """Upload ``content``, a recording."""
    file = {"file": ("call.wav", content)}
    return await world.client.post("/analyze-audio", files=file, data=fields, headers=headers)


async def listed(world, **query):
    """All that is listed, by id."""
    response = await world.client.get("/analyses", params={"limit": 100, **query})
    return {analysis["id"]: analysis for analysis in response.json()["analyses"]}


async def begun(world, content, headers=None, **fields) -> str:
    """Where an analysis is that has just been accepted."""
    response = await post(world, content, {"Prefer": "respond-async", **(headers or {})}, **fields)
    assert response.status_code == 202, response.text
    location: str = response.headers["location"]
    return location


async def read(world, location):
    response = await world.client.get(location)
    assert response.status_code == 200, response.text
    return response.json()


async def completed(world, content, **fields) -> str:
    """Where an analysis is that has come to its end."""
    location = await begun(world, content, **fields)
    await world.passes()
    while "retry-after" in (await world.client.get(location)).headers:
        await world.passes(3)
    return location


async def key_for(world, tenant="acme", scopes=USUAL, expires=None) -> dict[str, str]:
    """The header that carries a new API key."""
    chance = Random(await world.count(ApiKey)).randbytes  # noqa: S311 - another one for each key
    keyring = Keyring(world.service.database, Ambient(world.clock, chance), world.service.settings)
    return {"Authorization": f"Bearer {await keyring.create(tenant, scopes, expires)}"}
