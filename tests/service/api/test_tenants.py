"""What one tenant has, another cannot tell from what never was."""

import pytest

from service.analyses.rows import Analysis
from tests.service.api.kit import begun, key_for, post, problem_of

pytestmark = pytest.mark.anyio

UNKNOWN = "an_01kg9h1s00zzzzzzzzzzzzzzzz"
TWICE = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}


def of_analyses(world):
    """Method and path of every operation on one analysis."""
    paths = world.app.openapi()["paths"].items()
    return [(method, path) for path, operations in paths if "{analysis_id}" in path for method in operations]


@pytest.mark.parametrize("erased", [False, True])
async def test_another_tenants_analysis_is_as_unknown_as_one_that_never_was(world_with, clip, erased):
    async with world_with() as world:
        mine, theirs = await key_for(world, "acme"), await key_for(world, "globex")
        location = await begun(world, clip, mine)
        await world.passes()
        if erased:
            assert (await world.client.delete(location, headers=mine)).status_code == 200
        analysis_id = location.rpartition("/")[2]
        operations = of_analyses(world)
        assert len(operations) >= 6
        for method, path in operations:
            seen = await world.client.request(method, path.replace("{analysis_id}", analysis_id), headers=theirs)
            never = await world.client.request(method, path.replace("{analysis_id}", UNKNOWN), headers=theirs)
            problem = problem_of(seen, 404, "unknown-analysis")
            assert str(problem).replace(analysis_id, UNKNOWN) == str(never.json()), (method, path)
        for format_ in ("hubspot", "salesforce", "zendesk"):
            logged = await world.client.get(location, params={"format": format_}, headers=theirs)
            problem_of(logged, 404, "unknown-analysis")
        assert (await world.client.get(location, headers=mine)).status_code == (410 if erased else 200)


async def test_each_lists_its_own(world_with, clip):
    async with world_with() as world:
        nobodys = await begun(world, clip)
        keys = {tenant: await key_for(world, tenant) for tenant in ("acme", "globex", "")}
        made = {tenant: await begun(world, clip, keys[tenant], external_id="call-42") for tenant in ("acme", "globex")}
        made[""] = nobodys
        for tenant, key in keys.items():
            for query in ({}, {"external_id": "call-42"} if tenant else {}):
                listed = (await world.client.get("/analyses", params=query, headers=key)).json()
                assert [f"/analyses/{row['id']}" for row in listed["analyses"]] == [made[tenant]]


async def test_a_cursor_of_one_shows_another_nothing(world_with, clip):
    async with world_with() as world:
        mine, theirs = await key_for(world, "acme"), await key_for(world, "globex")
        await begun(world, clip, theirs)
        for _ in range(2):
            await begun(world, clip, mine)
        following = (await world.client.get("/analyses", params={"limit": 1}, headers=mine)).json()["next"]
        assert len((await world.client.get(following, headers=mine)).json()["analyses"]) == 1
        shown = (await world.client.get(following, headers=theirs)).json()["analyses"]
        own = (await world.client.get("/analyses", headers=theirs)).json()["analyses"]
        assert shown == own


async def test_an_idempotency_key_is_a_tenants_own(world_with, clip):
    async with world_with() as world:
        mine, theirs = await key_for(world, "acme"), await key_for(world, "globex")
        first = await post(world, clip, {**mine, **TWICE})
        other = await post(world, clip[:-1], {**theirs, **TWICE})
        assert (first.status_code, other.status_code) == (200, 200)
        assert first.json()["id"] != other.json()["id"]
        again = await post(world, clip, {**(await key_for(world, "acme")), **TWICE})  # with another key of the tenant
        assert again.json()["id"] == first.json()["id"]
        assert await world.count(Analysis) == 2
