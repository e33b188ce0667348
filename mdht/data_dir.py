"""A node's data directory: whose it is, and the files in it that are neither records nor configuration.

| file | what | mode |
|---|---|---|
| `identity.pem` | the private key, made on the first run | 0600 |
| `node.lock` | locked by the node that runs here; holds its process id and when it took it | 0600 |
| `api.sock` | the socket at which that node answers | 0600 |
| `peers` | peers remembered from one run to the next | 0600 |
| `shares` | what this node's user shares, and it keeps alive | 0600 |
| `config.toml` | settings of `mdht run`, where somebody has written them | |
| `store…`, `store-own` | records kept for others, and those of this node's user | 0700 |

The lock is the kernel's (flock(2)), so it is gone with the process however that died; what is written in the file is
for people only, and may be of a process that is gone. It belongs to one opening of the file, so a second node of the
same process is refused like one of another. The file is never removed: between looking and removing somebody else may
have locked it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from .errors import DataDirInUse, DataDirUnusable
from .limits import KEY_SEED_BYTES

if TYPE_CHECKING:
    from .model import Identity

LOCK_FILE: Final = "node.lock"
IDENTITY_FILE: Final = "identity.pem"
SOCKET_FILE: Final = "api.sock"
CONFIG_FILE: Final = "config.toml"
"""Read by `mdht run` where no other configuration is named."""

STORE_DIR: Final = "store"

SOCKET_PATH_BYTES: Final = 107
"""Of `sun_path`, without the zero at its end (unix(7))."""

_TRIES: Final = 5
_TRY_S: Final = 0.02
"""Who looks whether the lock is held (`holder_of`) holds it for some microseconds: who finds it held asks again, so
often, so many seconds apart, before another node is believed to have it.
"""

_OTHERS: Final = 0o077
"""Permission bits of everybody but the owner."""

_IDENTITY_BYTES: Final = 16 << 10
"""Most that is read of an identity file: an Ed25519 key in PEM has 119 bytes."""


def default_data_dir() -> str:
    """`MDHT_DATA_DIR`, else `mdht` in the user's data directory (XDG Base Directory Specification 0.8)."""
    named = os.environ.get("MDHT_DATA_DIR", "")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_DATA_HOME", "")
    if not os.path.isabs(base):  # the specification: relative ones are to be ignored
        base = os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(base, "mdht")


def make_data_dir(path: str) -> None:
    """Make the directory for its owner only, where it is missing. Raises DataDirUnusable."""
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise DataDirUnusable(path, reason_of(error)) from None


class DataDirLock:
    """The right to run a node in a directory, from the constructor to `release`, or to the end of the process."""

    def __init__(self, path: str) -> None:
        """Makes the directory where it is missing; waits a tenth of a second at most.

        Raises DataDirInUse and DataDirUnusable.
        """
        make_data_dir(path)
        self.path = path
        try:
            fd = os.open(os.path.join(path, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise DataDirUnusable(os.path.join(path, LOCK_FILE), reason_of(error)) from None
        try:
            for left in reversed(range(_TRIES)):
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not left:
                        raise DataDirInUse(path, *_holder(fd)) from None
                    time.sleep(_TRY_S)
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d %.3f\n" % (os.getpid(), time.time()), 0)
        except OSError as error:
            os.close(fd)
            raise DataDirUnusable(os.path.join(path, LOCK_FILE), reason_of(error)) from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let another node have the directory. Idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def holder_of(path: str) -> tuple[int, float] | None:
    """Process id of the node that has the directory now, and when it took it (seconds since 1970 UTC; each 0: unknown).

    None where nobody has. Raises DataDirUnusable where the lock may not be looked at.
    """
    try:
        fd = os.open(os.path.join(path, LOCK_FILE), os.O_RDONLY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataDirUnusable(os.path.join(path, LOCK_FILE), reason_of(error)) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(fd)
    finally:
        os.close(fd)
    return None


def load_identity(path: str) -> Identity | None:
    """The identity kept in the directory; None where there is none yet. Raises BadKey and DataDirUnusable."""
    from .model import Identity

    file = os.path.join(path, IDENTITY_FILE)
    try:
        with open(file, "rb") as opened:
            pem = opened.read(_IDENTITY_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataDirUnusable(file, reason_of(error)) from None
    return Identity.from_pem(pem)


def ensure_identity(path: str, random: Callable[[int], bytes] = os.urandom) -> Identity:
    """The identity kept in the directory, made where it is missing, readable by its owner only.

    Two processes that make it at once agree on one. Raises BadKey and DataDirUnusable.
    """
    make_data_dir(path)
    if (identity := load_identity(path)) is not None:
        return identity
    from .model import Identity

    identity = Identity.from_seed(random(KEY_SEED_BYTES))
    file = os.path.join(path, IDENTITY_FILE)
    fresh = f"{file}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(identity.to_pem())
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(fresh, file)  # never over one that another process has just made
        except FileExistsError:
            other = load_identity(path)
            assert other is not None, "it exists"
            identity = other
        finally:
            os.unlink(fresh)
        _sync(path)
    except OSError as error:
        raise DataDirUnusable(file, reason_of(error)) from None
    return identity


@contextlib.contextmanager
def socket_address(path: str) -> Iterator[str]:
    """What to bind or connect a Unix socket to for this path, while the block lasts.

    A socket's address holds 107 bytes (unix(7)): a longer path is reached through its directory's descriptor. Raises
    DataDirUnusable where the system has no such way, and OSError.
    """
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        yield path
        return
    directory, name = os.path.split(path)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = f"/proc/self/fd/{fd}"
        if not os.path.isdir(short):
            raise DataDirUnusable(path, f"a socket's path has at most {SOCKET_PATH_BYTES} bytes; give a shorter one")
        yield os.path.join(short, name)
    finally:
        os.close(fd)


def open_to_others(path: str) -> bool:
    """Whether anybody but its owner has a permission on this file or directory. Raises OSError."""
    return bool(os.stat(path).st_mode & _OTHERS)


def reason_of(error: OSError) -> str:
    """What the system says of it, in its own words."""
    return error.strerror or str(error) or type(error).__name__


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _holder(fd: int) -> tuple[int, float]:
    words = os.pread(fd, 64, 0).split()
    if len(words) != 2 or not words[0].isdigit():
        return 0, 0.0
    try:
        return int(words[0]), float(words[1])
    except ValueError:
        return int(words[0]), 0.0
