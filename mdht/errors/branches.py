"""The root of all errors, and the three branches below it."""

from __future__ import annotations


class MdhtError(Exception):
    """The root of all errors of this package."""


class LocalError(MdhtError):
    """You broke the rule: what you gave, or when you called, was wrong. Nothing was sent."""


class RemoteError(MdhtError):
    """They broke the rule. What came with it is not used."""


class NotDone(MdhtError):
    """Nobody broke a rule, but it was not done: no room, no answer, no time, or somebody else was first."""
