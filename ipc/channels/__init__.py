"""Channels: how commands reach a service, bounded, batched and in order."""

from . import pipe, zeromq

__all__ = ["pipe", "zeromq"]
