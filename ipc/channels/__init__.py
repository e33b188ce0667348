"""Channels: how commands reach a service, bounded, batched and in order."""
