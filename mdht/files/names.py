"""Which paths and names a share may have. They are bytes, as file systems keep them: no case or encoding is assumed.

A path is relative, of names with `/` between; none is empty, `.` or `..`, and none has a zero byte. So whatever a share
says, joining one to a folder stays inside that folder. Where a file system folds cases or forms, names that fall
together are refused by it when they are made.
"""

from __future__ import annotations

from ..errors import Malformed
from .limits import NAME_BYTES, PATH_BYTES, PATH_NAMES


def check_path(path: bytes) -> None:
    """Raises Malformed for a path that no share may have."""
    if not path or len(path) > PATH_BYTES:
        raise Malformed("path", f"{len(path)} bytes, where 1 to {PATH_BYTES:,} are allowed")
    names = path.split(b"/")
    if len(names) > PATH_NAMES:
        raise Malformed("path", f"{len(names)} names, where {PATH_NAMES} are allowed")
    for name in names:
        check_name(name)


def check_name(name: bytes) -> None:
    """Raises Malformed for what cannot be one name."""
    if not name or len(name) > NAME_BYTES:
        raise Malformed("name", f"{len(name)} bytes, where 1 to {NAME_BYTES} are allowed")
    if name in (b".", b".."):
        raise Malformed("name", f"{name.decode()!r} names another folder")
    if b"\0" in name or b"/" in name:
        raise Malformed("name", "it has a zero byte or a slash")


def order(path: bytes) -> bytes:
    """By what paths of a share are sorted: name by name, so that what is in a folder lies together."""
    return path.replace(b"/", b"\0")
