"""The recorder as the service sees it: a child that writes the receipts of previews.

A receipt tells of every action of the catalogue, which costs several times what an answer does;
made in the serving process it would hold up answers by the interpreter's lock. The child is
started when there is enough for it to do.
"""

import contextlib
import logging
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from threading import Lock

from retain.decisions.previews import Preview
from retain.one import carried
from retain.settings import Settings
from services import frames
from services.rankers import Rankers
from services.recording import WRITTEN
from services.refresher_process import RefresherProcess

MODULE = "services.recording"
NICE = 10
"""Receipts come after answers and after online features."""
BUSY = 25
"""So many previews at once begin to cost answers something: then the child is started."""
_ANSWERED_WITHIN_SECONDS = 60.0
log = logging.getLogger("retain.service")


class Recorder(RefresherProcess):
    """Has the child write previews of single customers.

    Args:
        settings: of the home; they also say whether there may be a child.
        rankers: those here; a child with others, because the catalogue or a model was changed
            meanwhile, is given nothing.
        models: what the previews rest on.
    """

    def __init__(self, settings: Settings, rankers: Rankers, models: Mapping[str, str]) -> None:
        super().__init__(settings, module=MODULE, name="the recorder", nice=NICE)
        self._apart = settings.receipts_apart
        self._digest = rankers.digest.encode()
        self._ranker_of = rankers.arms.ranker_of
        self._models = dict(models)
        self._asking = Lock()
        self._line_to: socket.socket | None = None
        self._agrees = self._begun = False

    @property
    def runs(self) -> int | None:
        """The child's process id, where there is one."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    @property
    def ended(self) -> bool:
        """Whether the child ended and is not started again."""
        return self._stopping.is_set() and not self._thread.is_alive()

    def parcel(self, preview: Preview) -> bytes | None:
        """What is carried of a preview; see :class:`retain.decisions.previews.Carrier`."""
        try:
            return carried.parcel(preview)
        except Exception:
            log.exception("a preview cannot be carried to the recorder")
            return None

    def open(self, parcels: Sequence[bytes]) -> list[Preview]:
        """The previews in these parcels, ranked side by side."""
        load = carried.unpack(carried.pack(self._models, parcels))
        return carried.put_down(load, self._ranker_of)

    def write(self, parcels: Sequence[bytes]) -> bool:
        """Whether the child has written them."""
        own = self._line_to
        if own is None:
            self._begin(len(parcels))
            return False
        return self._wrote(own, carried.pack(self._models, parcels))

    def stop(self) -> None:
        """Have the child end; what it was given is written by then."""
        with self._asking:
            self._stopping.set()
            self._hang_up()
            if not self._agrees and self._child is not None:
                # nothing was given to it, and it has not even looked
                self._child.kill()
        super().stop()

    def _begin(self, many: int) -> None:
        if self._apart and many >= BUSY and not self._begun:
            self._begun = True
            self.start()

    def _wrote(self, own: socket.socket, load: bytes) -> bool:
        with self._asking:
            try:
                if not self._agreed(own):
                    return False
                frames.send(own, load)
                return frames.receive(own) == WRITTEN
            except OSError as error:
                # what it wrote all the same stays as it is: it is the same
                log.warning("the recorder does not answer: %s", type(error).__name__)
                if own is self._line_to:
                    self._hang_up()
                return False

    def _agreed(self, own: socket.socket) -> bool:
        """Whether the child ranks as this process does; asked once of each child."""
        if own is not self._line_to:
            return False
        if not self._agrees:
            if not select.select([own], [], [], 0)[0]:
                # it is still starting
                return False
            told = frames.receive(own)
            self._agrees = told == self._digest
            if not self._agrees:
                self._hang_up()
                if told is not None:
                    log.warning("the recorder has another catalogue or model: restart the service")
                    self._stopping.set()
        return self._agrees

    def _hang_up(self) -> None:
        own, self._line_to = self._line_to, None
        if own is not None:
            own.close()

    def _opened(self, command: list[str]) -> "subprocess.Popen[bytes]":
        ours, theirs = socket.socketpair()
        with theirs:
            child = subprocess.Popen(command, stdin=theirs.fileno())  # noqa: S603 - our own words
        ours.settimeout(_ANSWERED_WITHIN_SECONDS)
        with contextlib.suppress(OSError):
            frames.send(ours, self._line)
        with self._asking:
            self._hang_up()
            self._agrees = False
            if self._stopping.is_set():
                ours.close()
            else:
                self._line_to = ours
        return child
