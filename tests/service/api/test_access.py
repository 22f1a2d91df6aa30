"""Who is let in: API keys (RFC 6750), their scopes, and who may go without one."""

import re
import sqlite3
from contextlib import closing

import pytest

from service.__main__ import main
from service.analyses.ambient import Ambient
from service.analyses.database import open_database
from service.api.access import is_public
from service.security.keyring import Keyring
from service.security.keys import Scope, hashed, prefix_of
from tests.service.api.kit import key_for, post, problem_of

REALM = 'Bearer realm="voice-to-value"'
NO_KEY = f"v2v_{'a' * 16}_{'a' * 52}"


@pytest.mark.anyio
class TestAKey:
    async def test_is_not_needed_on_this_machine_while_there_is_none(self, world_with):
        async with world_with() as world:
            assert (await world.client.get("/analyses")).status_code == 200

    async def test_is_needed_as_soon_as_there_is_one(self, world_with):
        async with world_with() as world:
            key = await key_for(world)
            response = await world.client.get("/analyses")
            problem_of(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == REALM
            assert (await world.client.get("/analyses", headers=key)).status_code == 200

    async def test_is_still_needed_when_the_last_one_is_revoked(self, world_with):
        async with world_with() as world:
            key = await key_for(world)
            assert await world.service.keyring.revoke(prefix_of(key["Authorization"][7:]))
            problem_of(await world.client.get("/analyses"), 401, "unauthorized")
            problem_of(await world.client.get("/analyses", headers=key), 401, "unauthorized")

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "emotions.example.com"])  # noqa: S104
    async def test_is_needed_wherever_others_can_reach_the_service(self, world_with, host):
        async with world_with(host=host) as world:
            problem_of(await world.client.get("/analyses"), 401, "unauthorized")

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
    async def test_is_not_needed_at_any_address_of_this_machine_alone(self, world_with, host):
        async with world_with(host=host) as world:
            assert (await world.client.get("/analyses")).status_code == 200

    async def test_is_not_needed_where_everybody_is_let_in(self, world_with):
        async with world_with(host="0.0.0.0", allow_anonymous=True) as world:  # noqa: S104
            await key_for(world)
            assert (await world.client.get("/analyses")).status_code == 200
            wrong = {"X-API-Key": NO_KEY}
            problem_of(await world.client.get("/analyses", headers=wrong), 401, "unauthorized")

    async def test_may_come_in_a_header_of_its_own(self, world_with):
        async with world_with() as world:
            key = (await key_for(world))["Authorization"].removeprefix("Bearer ")
            for headers in (
                {"X-API-Key": key},
                {"Authorization": f"bearer  {key}"},
                {"X-API-Key": key, "Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
            ):
                assert (await world.client.get("/analyses", headers=headers)).status_code == 200
            stranger = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
            assert (await world.client.get("/analyses", headers=stranger)).headers["www-authenticate"] == REALM

    @pytest.mark.parametrize("key", ["", "secret", NO_KEY, "v2v_ünïcode", f"{NO_KEY}, {NO_KEY}"])
    async def test_that_is_none_does_not_count(self, world_with, key):
        async with world_with() as world:
            await key_for(world)
            response = await world.client.get("/analyses", headers={"Authorization": f"Bearer {key}".encode()})
            problem = problem_of(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == f'{REALM}, error="invalid_token"'
            assert not key or key not in str(problem)

    async def test_with_the_prefix_of_another_and_another_secret_does_not_count(self, world_with):
        async with world_with() as world:
            one, other = (await key_for(world))["Authorization"], (await key_for(world))["Authorization"]
            mixed = {"Authorization": one[: len("Bearer v2v_") + 17] + other[-52:]}
            problem_of(await world.client.get("/analyses", headers=mixed), 401, "unauthorized")

    async def test_counts_until_it_expires(self, world_with):
        async with world_with() as world:
            key = await key_for(world, expires=world.clock() + 1)
            assert (await world.client.get("/analyses", headers=key)).status_code == 200
            world.clock.ms += 1
            problem_of(await world.client.get("/analyses", headers=key), 401, "unauthorized")

    async def test_can_be_replaced_while_the_old_one_counts(self, world_with, clip):
        async with world_with() as world:
            old = await key_for(world)
            location = (await post(world, clip, old)).headers["location"]
            new = await key_for(world)
            assert (await world.client.get(location, headers=old)).status_code == 200
            assert await world.service.keyring.revoke(prefix_of(old["Authorization"][7:]))
            problem_of(await world.client.get(location, headers=old), 401, "unauthorized")
            assert (await world.client.get(location, headers=new)).status_code == 200

    async def test_that_is_revoked_elsewhere_is_so_here_at_once(self, world_with):
        async with world_with() as world:
            key = await key_for(world)
            assert (await world.client.get("/analyses", headers=key)).status_code == 200
            settings = world.service.settings
            elsewhere = open_database(settings)
            await Keyring(elsewhere, Ambient(world.clock), settings).revoke(prefix_of(key["Authorization"][7:]))
            await elsewhere.close()
            problem_of(await world.client.get("/analyses", headers=key), 401, "unauthorized")

    async def test_is_kept_as_a_hash(self, world_with, tmp_path):
        async with world_with() as world:
            key = (await key_for(world))["Authorization"].removeprefix("Bearer ")
            with closing(sqlite3.connect(tmp_path / "data" / "voice-to-value.db")) as file:
                dump = "\n".join(file.iterdump())
            assert hashed(key) in dump
            assert key[-52:] not in dump


@pytest.mark.anyio
class TestScopes:
    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("GET", "/analyses", "read"),
            ("GET", "/models", "read"),
            ("POST", "/analyze-text", "analyze"),
            ("POST", "/analyze-audio", "analyze"),
            ("POST", "/analyses/an_1/retry", "analyze"),
            ("DELETE", "/analyses/an_1", "erase"),
            ("GET", "/metrics", "metrics"),
        ],
    )
    async def test_each_opens_what_it_is_for(self, world_with, method, path, scope):
        async with world_with() as world:
            without = await key_for(world, scopes=set(Scope) - {Scope(scope)})
            response = await world.client.request(method, path, headers=without)
            problem = problem_of(response, 403, "insufficient-scope")
            assert problem["scope"] == scope
            challenge = f'{REALM}, error="insufficient_scope", scope="{scope}"'
            assert response.headers["www-authenticate"] == challenge
            only = await key_for(world, scopes={Scope(scope)})
            assert (await world.client.request(method, path, headers=only)).status_code not in (401, 403)

    async def test_a_usual_key_reads_no_metrics(self, world_with):
        async with world_with() as world:
            problem_of(await world.client.get("/metrics", headers=await key_for(world)), 403, "insufficient-scope")


@pytest.mark.anyio
async def test_strangers_find_probes_and_documentation_and_nothing_else(world_with):
    async with world_with() as world:
        await key_for(world)
        for path in ("/healthz", "/readyz", "/docs", "/openapi.json", "/problems", "/problems/unauthorized"):
            assert (await world.client.get(path)).status_code == 200, path
        webhook = await world.client.post("/webhooks/assemblyai/an_1", json={"transcript_id": "1"})
        problem_of(webhook, 403, "refused-webhook")
        for path in (
            "/",
            "/nothing",
            "/healthz/",
            "/analyses",
            "/metrics",
            "//healthz",
            "/problemsy",
            "/docs/../analyses",
        ):
            assert (await world.client.get(path)).status_code == 401, path


@pytest.mark.anyio
async def test_nothing_of_a_strangers_body_is_read(world_with):
    async def body():
        raise AssertionError("the body was read")
        yield b""

    async with world_with() as world:
        await key_for(world)
        for path in ("/analyze-audio", "/analyze-text"):
            problem_of(await world.client.post(path, content=body()), 401, "unauthorized")


def test_the_document_says_what_every_operation_asks_for(client):
    document = client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if is_public(path):
                assert "security" not in operation
                assert not {"401", "403", "429"} & set(operation["responses"])
                continue
            bearer, header = operation["security"]
            assert bearer["bearer"] == header["apiKey"]
            assert bearer["bearer"] == [{"post": "analyze", "get": "read", "delete": "erase"}[method]]
            for status in ("401", "403"):
                assert set(operation["responses"][status]["headers"]) == {"WWW-Authenticate"}
            assert set(operation["responses"]["429"]["headers"]) == {"Retry-After", "RateLimit-Policy", "RateLimit"}


class TestTheCommand:
    @pytest.fixture(autouse=True)
    def _database(self, monkeypatch, tmp_path):
        monkeypatch.setenv("V2V_DATA_DIR", str(tmp_path))

    def _made(self, capsys, *arguments):
        assert main(["keys", "create", *arguments]) == 0
        return capsys.readouterr().out.strip()

    def _listed(self, capsys):
        assert main(["keys", "list"]) == 0
        return [re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines()]

    def test_a_key_is_shown_once_and_listed_by_its_prefix(self, capsys):
        key = self._made(capsys, "--tenant", "acme")
        other = self._made(capsys, "--tenant", "acme", "--scopes", "metrics", "--expires", "2999-01-31")
        first, second = self._listed(capsys)
        assert first[:4] == [prefix_of(key), "live", "acme", "analyze,erase,read"]
        assert second[:4] == [prefix_of(other), "live", "acme", "metrics"]
        assert second[-1] == "until 2999-01-31T00:00Z"

    def test_a_key_is_revoked_by_its_prefix_or_by_itself(self, capsys):
        key = self._made(capsys, "--tenant", "acme")
        other = self._made(capsys, "--tenant", "", "--expires", "2020-01-31T08:00+01:00")
        assert main(["keys", "revoke", prefix_of(key)]) == 0
        assert [(row[1], row[2]) for row in self._listed(capsys)] == [("revoked", "acme"), ("expired", "''")]
        assert main(["keys", "revoke", other]) == 0
        assert main(["keys", "revoke", other]) == 1
        said = capsys.readouterr().err
        assert prefix_of(other) in said
        assert other not in said

    @pytest.mark.parametrize(
        "arguments",
        [
            ["create"],
            ["create", "--tenant", "a b"],
            ["create", "--tenant", "x" * 65],
            ["create", "--tenant", "acme", "--scopes", "read,everything"],
            ["create", "--tenant", "acme", "--expires", "tomorrow"],
        ],
    )
    def test_what_it_does_not_understand_makes_no_key(self, arguments, capsys):
        with pytest.raises(SystemExit) as refusal:
            main(["keys", *arguments])
        assert refusal.value.code == 2
        capsys.readouterr()
        assert self._listed(capsys) == []

    def test_without_a_key_nothing_listens_where_others_could_ask(self, monkeypatch, capsys):
        monkeypatch.setenv("V2V_HOST", "0.0.0.0")  # noqa: S104
        assert main([]) == 2
        said = capsys.readouterr().err
        assert said.splitlines()[-1].startswith("V2V_HOST=0.0.0.0: ")
        assert "python -m service keys create --tenant NAME" in said
        assert "V2V_ALLOW_ANONYMOUS=true" in said
