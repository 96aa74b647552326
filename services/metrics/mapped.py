"""A file in which prometheus-client keeps the values of one process, read again and again.

Keys are only ever added to it, and each one's value stays where it is: so keys are read once,
and afterwards a reading is one copy of the file and one look at each value.
"""

import os
import struct
from pathlib import Path

_LENGTH = struct.Struct("i").unpack_from
_HEADER_BYTES = 8
_NUMBER_BYTES = 8


class MappedFile:
    """What one process keeps in ``path``: ``keys`` in the order they came, and their values.

    The format is that of ``prometheus_client.mmap_dict``: the length that is in use, then for
    each key its length, itself, spaces up to a multiple of eight bytes, its value, and the time
    that one was set.

    Attributes:
        keys: as they are written, JSON.
        values: of each key, as of the last reading.
        times: when each value was set, in seconds of the epoch; 0 where that is not kept.
        inode: of the file that was read: another one under the same name has other keys.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: list[bytes] = []
        self.values: list[float] = []
        self.times: list[float] = []
        self.inode = 0
        self._places: list[int] = []
        self._used = _HEADER_BYTES

    def read(self) -> None:
        """Read what is there now.

        Raises:
            FileNotFoundError: it was removed.
            ValueError: it is damaged.
        """
        with self.path.open("rb", buffering=0) as file:
            inode = os.fstat(file.fileno()).st_ino
            data = file.read()
        if inode != self.inode:
            self.inode = inode
            self.keys, self._places, self._used = [], [], _HEADER_BYTES
        # one that was just made has no header yet
        used = _LENGTH(data)[0] if len(data) >= _HEADER_BYTES else 0
        if used > len(data):
            raise ValueError(f"{self.path} is damaged: it is shorter than it says")
        if used > self._used:
            self._find(data, used)
        numbers = memoryview(data)[: len(data) // _NUMBER_BYTES * _NUMBER_BYTES].cast("d")
        self.values = [numbers[place] for place in self._places]
        self.times = [numbers[place + 1] for place in self._places]

    def _find(self, data: bytes, used: int) -> None:
        """Take up the keys that are new, and where their values are."""
        at = self._used
        while at < used:
            length = _LENGTH(data, at)[0]
            key = at + 4
            # there is at least one byte of padding
            value = key + length + _NUMBER_BYTES - (length + 4) % _NUMBER_BYTES
            if length < 0 or value + 2 * _NUMBER_BYTES > used:
                raise ValueError(f"{self.path} is damaged: a key is longer than the file")
            self.keys.append(data[key : key + length])
            self._places.append(value // _NUMBER_BYTES)
            at = value + 2 * _NUMBER_BYTES
            self._used = at
