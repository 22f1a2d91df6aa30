"""The servers that other tests rely on are what they say."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
import redis

from tests import servers
from tests.servers import postgres_server, redis_server


@pytest.mark.parametrize(("append_only", "kept"), [(False, None), (True, b"here")])
def test_redis_forgets_when_it_is_killed_unless_told_to_keep(append_only, kept):
    with redis_server(append_only=append_only) as server, redis.Redis.from_url(server.url) as client:
        client.set("key", "here")
        assert client.get("key") == b"here"
        server.restart()
        assert client.get("key") == kept
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("key")


def test_postgres_gives_databases_of_their_own():
    async def tables(url: str) -> list[str]:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute("CREATE TABLE here (id int)")
            return [row["tablename"] for row in await connection.fetch("SELECT * FROM pg_tables") if row[0] == "public"]
        finally:
            await connection.close()

    with postgres_server() as server:
        assert [asyncio.run(tables(server.database())) for _ in range(2)] == [["here"], ["here"]]


def test_where_a_server_is_absent_the_test_is_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(servers.shutil, "which", lambda _: None)
    with pytest.raises(pytest.skip.Exception, match="needs redis-server"), redis_server():
        pass
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    with pytest.raises(pytest.skip.Exception, match="needs PostgreSQL"), postgres_server():
        pass


def test_a_server_that_does_not_start_says_why(tmp_path):
    binary = tmp_path / "redis-server"
    binary.write_text("#!/bin/sh\necho out of cheese\nexit 1\n")
    binary.chmod(0o755)
    with pytest.raises(RuntimeError, match="out of cheese"):
        servers.Redis(str(binary), tmp_path, append_only=False)
