"""A lock on a name in a folder: it leaves nothing on the disk, and ends with the process that has it, however it ends.

It is a lock of an open file (Linux: F_OFD_SETLK) on the folder, on the one byte whose number is a hash of the name. A
folder can be opened to read only, so the lock is a shared one: who wants the name takes it, and then asks whether
somebody else has it too. Two who want it at once each see the other, let go, and try again a little later.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import struct
import sys
import time

FLOCK = "hhqqi0q"  # struct flock of Linux: type, whence, start, length, process
TRIES, PAUSE = 12, 0.03  # seconds at most between two tries; who has the name for good has it after all of them


def take(folder: int, name: str) -> bool:
    """Lock a name for as long as the descriptor of its folder is open; False if another open file has it.

    True as well where the system, or the file system of the folder, has no such locks.
    """
    if sys.platform != "linux":
        return True
    byte = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8]) >> 2

    def lock(command: int, kind: int) -> int:
        wanted = struct.pack(FLOCK, kind, os.SEEK_SET, byte, 1, 0)
        found: int = struct.unpack(FLOCK, fcntl.fcntl(folder, command, wanted))[0]
        return found

    try:
        for _ in range(TRIES):
            lock(fcntl.F_OFD_SETLK, fcntl.F_RDLCK)
            if lock(fcntl.F_OFD_GETLK, fcntl.F_WRLCK) == fcntl.F_UNLCK:
                return True
            lock(fcntl.F_OFD_SETLK, fcntl.F_UNLCK)
            time.sleep(PAUSE * random.random())
    except OSError:
        return True
    return False
