"""Queues in Redis, for :mod:`service.analyses.tasks`; needs the extra ``redis``."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Final

from redis.asyncio import Redis
from taskiq import AckableMessage
from taskiq_redis import RedisStreamBroker

_GROUP: Final = "workers"
_LENGTH: Final = 100_000
_BLOCK_MS: Final = 1_000


class Stream(RedisStreamBroker):
    """A stream that all workers read as one consumer group.

    A message is done with when it is read: the rows know what is left to do. Nothing is read once ``stopping`` is set.
    """

    def __init__(self, url: str, name: str, stopping: asyncio.Event) -> None:
        super().__init__(
            url,
            queue_name=name,
            consumer_group_name=_GROUP,
            consumer_id="0",  # what was queued before the first worker came counts too
            maxlen=_LENGTH,
            socket_connect_timeout=5,
            socket_timeout=10,
        )
        self._stopping = stopping

    # The class above narrows to messages that are acknowledged what Taskiq itself allows: mere bytes.
    async def listen(self) -> AsyncGenerator[bytes | AckableMessage, None]:  # type: ignore[override]
        """The messages, one at a time: who takes more than can be done keeps it from the others."""
        new: dict[Any, Any] = {self.queue_name: ">"}
        async with Redis(connection_pool=self.connection_pool) as redis:
            # redis-py may swallow a cancellation while it connects: that this is to end has to be asked, too.
            while not self._stopping.is_set():
                read: Any = await redis.xreadgroup(
                    _GROUP, self.consumer_name, new, count=1, block=_BLOCK_MS, noack=True
                )
                for _, messages in read or ():
                    for _, message in messages:
                        yield message[b"data"]
