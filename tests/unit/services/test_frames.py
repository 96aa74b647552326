"""Frames between two processes come whole or not at all."""

import socket
import threading

from services import frames


def test_frames_arrive_whole_and_in_order_however_long() -> None:
    ours, theirs = socket.socketpair()
    sent = [b"", b"a", bytes(range(256)) * 20_000]
    with ours, theirs:
        sender = threading.Thread(target=lambda: [frames.send(ours, one) for one in sent])
        sender.start()
        assert [frames.receive(theirs) for _ in sent] == sent
        sender.join()


def test_the_end_of_the_other_side_is_no_frame() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.sendall(b"\x00\x00\x00\x05abc")
        ours.close()
        assert frames.receive(theirs) is None
        assert frames.receive(theirs) is None
