"""The connection to Redis, its errors, and the scripts that keep newer rows.

``NOT_OLDER`` writes the values whose views are all not older than what is stored, drops those
whose views are all older, and returns the places of the rest. ``SWAP`` replaces what is still
as it was read; an empty value deletes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retain.errors import StoreUnavailable

READ_TIMEOUT_SECONDS = 0.05
WRITE_TIMEOUT_SECONDS = 2.0

NOT_OLDER = """
local function verdict(new, old)
  if string.sub(new, 1, 4) ~= string.sub(old, 1, 4) then return 0 end
  local n, o = string.byte(new, 9), string.byte(old, 9)
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
  local old = redis.call('GET', key)
  local answer = old and verdict(ARGV[i], old) or 1
  if answer == 1 then redis.call('SET', key, ARGV[i])
  elseif answer == 0 then rest[#rest + 1] = i - 1 end
end
return rest
"""
SWAP = """
local rest = {}
for i, key in ipairs(KEYS) do
  if (redis.call('GET', key) or '') ~= ARGV[#KEYS + i] then rest[#rest + 1] = i - 1
  elseif ARGV[i] == '' then redis.call('DEL', key)
  else redis.call('SET', key, ARGV[i]) end
end
return rest
"""


@contextmanager
def answering() -> Iterator[None]:
    """Whatever Redis does not answer, or answers with an error, is StoreUnavailable."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - only who uses Redis needs redis-py

    try:
        yield
    except RedisError as error:
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
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
    )
