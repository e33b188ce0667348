"""A pair of CURVE keys (https://rfc.zeromq.org/spec/26/): who somebody is at the other end of a tcp connection."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.utils import z85

from ..errors import Insecure

KEY_CHARS = 40
"""Characters of a key: 32 bytes in Z85 (https://rfc.zeromq.org/spec/32/)."""


@dataclass(frozen=True)
class Curve:
    """A public and a secret key, as text. `Curve.generate()` makes a new pair; the secret is not shown by `repr`.

    Raises `Insecure` where a key has no 40 characters of Z85, or the two do not belong together.
    """

    public: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        check_key(self.public, "public key")
        check_key(self.secret, "secret key")
        if zmq.curve_public(self.secret.encode()).decode() != self.public:
            raise Insecure("the public key is not that of the secret key: give both as generate() made them")

    @classmethod
    def generate(cls) -> Curve:
        """A new pair, from the system's random source. Raises `Insecure` where ZeroMQ was built without CURVE."""
        if not zmq.has("curve"):
            raise Insecure("this libzmq was built without CURVE: install a pyzmq wheel, or libsodium and build again")
        public, secret = zmq.curve_keypair()
        return cls(public.decode(), secret.decode())

    def save(self, path: str | Path) -> None:
        """Write both keys to a file that its owner alone may read (0600), whole or not at all. Raises `OSError`."""
        path = Path(path)
        fd, name = tempfile.mkstemp(prefix=".curve-", dir=path.parent)  # mode 0600
        try:
            with open(fd, "w") as file:
                file.write(f"public {self.public}\nsecret {self.secret}\n")
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    @classmethod
    def load(cls, path: str | Path) -> Curve:
        """Read what `save` wrote. Raises `OSError`, and `Insecure` where others may read it or it is another file."""
        with open(path) as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Insecure(f"{path} can be read by others: make new keys, or make it private (chmod 600)")
            lines = file.read(4096).split()
        if len(lines) != 4 or lines[0] != "public" or lines[2] != "secret":
            raise Insecure(f"{path} holds no CURVE keys: write it by Curve.generate().save(path)")
        return cls(lines[1], lines[3])


def check_key(key: object, what: str) -> str:
    """The key, where it is one: 40 characters of Z85. Raises `Insecure`."""
    with contextlib.suppress(ValueError, LookupError, struct.error):
        if type(key) is str and len(key) == KEY_CHARS and z85.encode(z85.decode(key)) == key.encode("ascii"):
            return key
    raise Insecure(f"a {what} is text of {KEY_CHARS} characters of Z85, as in Curve.generate().public")


def check_keys(keys: Iterable[str], what: str) -> frozenset[str]:
    """Several keys, at least one. Raises `Insecure`."""
    if isinstance(keys, str):
        keys = (keys,)
    checked = frozenset(check_key(key, what) for key in keys)
    if not checked:
        raise Insecure("nobody is allowed to connect: give allow=[client.public, …] with the public key of each client")
    return checked


def check_endpoint(endpoint: object) -> str:
    """A tcp endpoint. Raises `Insecure`."""
    if type(endpoint) is not str or not endpoint.startswith("tcp://") or ":" not in endpoint[6:]:
        raise Insecure(
            f"{endpoint!r} is no endpoint between machines: it is tcp://address:port "
            "(within one machine a placement does it)"
        )
    return endpoint
