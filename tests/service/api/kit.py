"""What tests of the API ask, and what they expect of every answer."""

import httpx2


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


async def completed(world, content, **fields):
    """An analysis whose words are there, read anew."""
    location = (await post(world, content, {"Prefer": "respond-async"}, **fields)).headers["location"]
    await world.passes()
    while "retry-after" in (response := await world.client.get(location)).headers:
        await world.passes(3)
    return response.json()


async def listed(world, **query):
    """All that is listed, by id."""
    response = await world.client.get("/analyses", params={"limit": 100, **query})
    return {analysis["id"]: analysis for analysis in response.json()["analyses"]}
