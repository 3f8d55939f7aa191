"""How many messages a caller has sent, counted by all instances together."""
from __future__ import annotations

import logging
from typing import Optional, Text

import redis

from server.redis_server import ANSWER_SECONDS, Reach, key

logger = logging.getLogger(__name__)

TAKE_ONE = """
local now = redis.call('TIME')
local seconds = now[1] + now[2] / 1000000
local rate = tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1] or rate), tonumber(kept[2] or seconds)
left = math.min(rate, left + (seconds - at) * rate / 60)
if left < 1 then
  return math.ceil((1 - left) * 60 / rate)
end
redis.call('HSET', KEYS[1], 'left', tostring(left - 1), 'at', string.format('%.6f', seconds))
redis.call('EXPIRE', KEYS[1], 60)
return 0
"""
"""A token bucket; after a minute it is full, which says nothing that a new one would not."""


class SharedBuckets:
    """What ``channels.intake.RateLimit`` counts with where there are several instances."""

    def __init__(self, url: Text) -> None:
        """Connects when it is first used."""
        self._redis = redis.Redis.from_url(url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS)
        self._take = self._redis.register_script(TAKE_ONE)
        self._reach = Reach("each instance counts messages by itself")

    def take(self, name: Text, caller: Text, rate: float) -> Optional[int]:
        """Takes a message from a caller's bucket.

        Args:
            name: of the limit.
            caller: who sends.
            rate: messages a minute.

        Returns:
            0 when it was taken, the seconds to wait when there was none, None when Redis is away.
        """
        if not self._reach.open:
            return None
        try:
            wait = int(self._take(keys=[key("limit", name, caller)], args=[rate]))
        except redis.RedisError as error:
            self._reach.failed(error)
            return None
        self._reach.answered()
        return wait
