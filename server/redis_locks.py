"""Turns of one talk one after another, in the order in which they came, on whichever instance.

Rasa's own Redis locks were left: two instances that ask at the same time get the same ticket, because reading and writing
are two steps; who waits looks once a second; an instance that dies keeps its talk locked for a minute; and where Redis is
away nobody gets a reply.
"""
from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import asynccontextmanager
from typing import Any, AsyncGenerator, Text

import redis.asyncio
from rasa.core.lock_store import LockError, LockStore
from rasa.utils.endpoints import EndpointConfig
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from server.redis_server import ANSWER_SECONDS, Reach, key

logger = logging.getLogger(__name__)

LEASE_SECONDS = 4.0
"""How long a place in the line is kept for an instance that says nothing: after that, another goes on with the talk."""
SAYS_SECONDS = 1.0
"""How often whoever is being served says that it is still there."""
WAIT_SECONDS = 20.0
"""Longer than the turn in front takes at most (channels/turn.py)."""
FIRST_LOOK, LAST_LOOK = 0.01, 0.1
"""Seconds between two looks at the line, at first and in the end."""

STAND_IN_LINE = """
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local line, kept_until = KEYS[1], KEYS[2]
local me, lease = ARGV[1], tonumber(ARGV[2])
if redis.call('HSETNX', kept_until, me, now_ms + lease) == 1 then
  redis.call('RPUSH', line, me)
else
  redis.call('HSET', kept_until, me, now_ms + lease)
end
local first = redis.call('LINDEX', line, 0)
while first ~= me and tonumber(redis.call('HGET', kept_until, first) or 0) < now_ms do
  redis.call('LPOP', line)
  redis.call('HDEL', kept_until, first)
  first = redis.call('LINDEX', line, 0)
end
redis.call('PEXPIRE', line, 2 * lease)
redis.call('PEXPIRE', kept_until, 2 * lease)
return first == me and 1 or 0
"""
"""Joins the line, or says that one is still there; drops those in front who have gone silent. 1 when it is one's turn.

It may be said again and again. Times are Redis' own, so that the clocks of the instances may differ.
"""
STAY = """
local now = redis.call('TIME')
local line, kept_until = KEYS[1], KEYS[2]
local me, lease = ARGV[1], tonumber(ARGV[2])
if redis.call('HEXISTS', kept_until, me) == 0 then
  return 0
end
redis.call('HSET', kept_until, me, now[1] * 1000 + math.floor(now[2] / 1000) + lease)
redis.call('PEXPIRE', line, 2 * lease)
redis.call('PEXPIRE', kept_until, 2 * lease)
return 1
"""
"""Says that whoever is being served is still there; 0 when it has left the line."""


class RedisLocks(LockStore):
    """A line of waiting turns for each talk.

    Without Redis a turn is taken at once. Nothing is lost or mixed up by that (server/postgres_store.py): of two that end at
    the same time one is stored, and the other visitor is told to try again.
    """

    def __init__(self, endpoint_config: EndpointConfig) -> None:
        """Connects when it is first used; the address is the endpoint's ``url``."""
        self._redis = redis.asyncio.Redis.from_url(
            endpoint_config.url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # Connections of before a restart of Redis are found dead when they are used.
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[redis.exceptions.ConnectionError],
        )
        self._stand = self._redis.register_script(STAND_IN_LINE)
        self._stay = self._redis.register_script(STAY)
        self._reach = Reach("turns of one talk that come at the same time are no longer put in order")

    @asynccontextmanager
    async def lock(self, conversation_id: Text, *_: Any, **__: Any) -> AsyncGenerator[None, None]:
        """Holds a talk for one turn.

        Raises:
            LockError: the turns in front took too long.
        """
        place = [key("line", conversation_id), key("until", conversation_id)], uuid.uuid4().hex
        saying = None
        try:
            if await self._served(place):
                saying = asyncio.ensure_future(self._say_so(place))
            yield
        finally:
            if saying is not None:
                saying.cancel()
            await self._leave(place)

    async def close(self) -> None:
        """Closes the connections."""
        await self._redis.close(close_connection_pool=True)

    async def _served(self, place: Any) -> bool:
        """Waits for one's turn; False where Redis is away."""
        deadline, look = time.monotonic() + WAIT_SECONDS, FIRST_LOOK
        while self._reach.open:
            try:
                if await self._ask(self._stand, place):
                    return True
            except RedisError as error:
                await self._failed(error)
                return False
            if time.monotonic() > deadline:
                raise LockError("The turns of this talk take too long.")
            await asyncio.sleep(look)
            look = min(2 * look, LAST_LOOK)
        return False

    async def _ask(self, script: Any, place: Any) -> bool:
        keys, token = place
        yes = await script(keys=keys, args=[token, int(1000 * LEASE_SECONDS)])
        self._reach.answered()
        return bool(yes)

    async def _say_so(self, place: Any) -> None:
        # Not until it is cancelled: redis-py may swallow that, and whoever has left must not seem to be there for ever.
        there = True
        while there:
            await asyncio.sleep(SAYS_SECONDS)
            try:
                there = await self._ask(self._stay, place)
            except RedisError as error:
                await self._failed(error)

    async def _leave(self, place: Any) -> None:
        (line, kept_until), token = place
        if not self._reach.open:
            return
        try:
            async with self._redis.pipeline(transaction=False) as both:
                await both.lrem(line, 1, token).hdel(kept_until, token).execute()
        except RedisError as error:
            await self._failed(error)

    async def _failed(self, error: Exception) -> None:
        self._reach.failed(error)
        # Other connections of before are dead too.
        await self._redis.connection_pool.disconnect(inuse_connections=False)
