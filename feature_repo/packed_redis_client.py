"""The connections to Redis, their errors, and the scripts that keep newer rows.

``NOT_OLDER`` writes the values whose views are all not older than what is stored, drops those
whose views are all older, and returns the places of the rest. ``SWAP`` replaces what is still
as it was read; an empty value deletes. What is stored and is no value of ours is no value.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

from retain.breaker import Breaker
from retain.errors import StoreUnavailable

READ_TIMEOUT_SECONDS = 0.045  # with all around it, a dead server costs a request some 50 ms
WRITE_TIMEOUT_SECONDS = 2.0

NOT_OLDER = """
local function verdict(new, old)
  if string.sub(new, 1, 4) ~= string.sub(old, 1, 4) or #old < 17 then return 0 end
  local n, o = string.byte(new, 9), string.byte(old, 9)
  if o < 1 or #old < 9 + 8 * o or (n ~= o and n ~= 1 and o ~= 1) then return 0 end
  local newer, older = true, true
  for view = 0, math.max(n, o) - 1 do
    local a, b = struct.unpack('>I4I4', new, 10 + 8 * (n > 1 and view or 0))
    local c, d = struct.unpack('>I4I4', old, 10 + 8 * (o > 1 and view or 0))
    if a > c or (a == c and b >= d) then older = older and (a == 0 and b == 0)
    else newer = false end
  end
  return newer and 1 or (older and -1 or 0)
end
local rest = {}
for i, key in ipairs(KEYS) do
  local old = redis.pcall('GET', key)
  local answer = type(old) == 'string' and verdict(ARGV[i], old) or 1
  if answer == 1 then redis.call('SET', key, ARGV[i])
  elseif answer == 0 then rest[#rest + 1] = i - 1 end
end
return rest
"""
SWAP = """
local rest = {}
for i, key in ipairs(KEYS) do
  local old = redis.pcall('GET', key)
  if (type(old) == 'string' and old or '') ~= ARGV[#KEYS + i] then rest[#rest + 1] = i - 1
  elseif ARGV[i] == '' then redis.call('DEL', key)
  else redis.call('SET', key, ARGV[i]) end
end
return rest
"""


class Lane:
    """Questions to Redis without a client's pool: every thread has a connection of its own.

    A question costs one round trip, and ``timeout`` seconds where Redis does not answer: it is
    not asked again. Only a connection that was found closed is opened anew, once. After a question
    without an answer those of all threads fail at once, for a second (:class:`Breaker`).
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._pool = connect(url, timeout).connection_pool
        self._own = local()
        self.breaker = Breaker(
            "Redis did not answer a moment ago",
            remedy="check RETAIN_ONLINE_URL and that Redis runs",
        )

    def ask(self, *command: Any) -> Any:
        """The answer to one command.

        Raises:
            StoreUnavailable: Redis did not answer, or answered with an error.
        """
        self.breaker.admit()
        with answering():
            from redis.exceptions import ConnectionError as Closed  # noqa: PLC0415
            from redis.exceptions import TimeoutError as TooSlow  # noqa: PLC0415

            try:
                answer = self._asked(command, Closed)
            except (Closed, TooSlow, OSError):
                self.breaker.failed()
                raise
        self.breaker.answered()
        return answer

    def _asked(self, command: tuple[Any, ...], closed: type[Exception]) -> Any:
        connection, used = self._connection()
        packed = connection.pack_command(*command)
        try:
            return _answer(connection, packed)
        except closed:
            if not used:
                raise
        return _answer(connection, packed)

    def _connection(self) -> tuple[Any, bool]:
        """This thread's connection, and whether it was used before; a fork makes its own."""
        if getattr(self._own, "process", None) != os.getpid():
            self._own.connection = self._pool.make_connection()
            self._own.process = os.getpid()
            return self._own.connection, False
        return self._own.connection, True


def _answer(connection: Any, packed: Any) -> Any:
    try:
        connection.send_packed_command(packed, check_health=False)
        return connection.read_response()
    except BaseException:
        # half an answer must never be read as the next one's
        connection.disconnect()
        raise


@contextmanager
def answering() -> Iterator[None]:
    """Whatever Redis does not answer, or answers with an error, is StoreUnavailable."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - only who uses Redis needs redis-py

    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable(
            f"Redis did not answer: {error}", remedy="check RETAIN_ONLINE_URL and that Redis runs"
        ) from error


def connect(url: str, timeout: float) -> Any:
    """A client that waits ``timeout`` seconds, to connect and for an answer, and tries once."""
    from redis import Redis  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    return Redis.from_url(
        url,
        protocol=2,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
    )
