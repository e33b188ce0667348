"""What a program learns that asks a running node at its door."""

from __future__ import annotations

from shlex import quote

from .branches import LocalError, NotDone
from .text import shown


class NotARequest(LocalError, ValueError):
    """A node's door was asked for something that it does not know, or with arguments of another shape."""

    def __init__(self, method: str = "", reason: str = "") -> None:
        super().__init__(method, reason)
        self.method = method
        self.reason = reason

    def __str__(self) -> str:
        return f"the node cannot be asked {shown(self.method)}: {self.reason}"


class NoNode(NotDone):
    """No node is running in the data directory `path`."""

    def __init__(self, path: str = "") -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"no node is running in {self.path}: start one with `mdht run --data-dir {quote(self.path)}`"


class NodeGone(NotDone):
    """The node in the data directory `path` ended before it answered; whether it did what was asked is unknown."""

    def __init__(self, path: str = "", what: str = "") -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what

    def __str__(self) -> str:
        return f"the node in {self.path} ended before it answered {self.what or 'the request'}: start it, and ask again"


class DoorClosed(NotDone):
    """The door of a running node does not let this client in: `reason` says why."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the node does not answer this client: {self.reason}"


class UnknownFailure(NotDone):
    """The node failed with an error of a type that is not known here: its name, and what it says."""

    def __init__(self, type_name: str = "", text: str = "") -> None:
        super().__init__(type_name, text)
        self.type_name = type_name
        self.text = text

    def __str__(self) -> str:
        return f"the node failed with {self.type_name}: {shown(self.text, quotes=False, most=400)}; its log says more"
