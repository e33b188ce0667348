"""What every link of a node has in common: bounds and waits, as this node chooses them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .. import limits
from ..codec import ENCODINGS
from ..errors import ConfigError
from .limits import CLOSE_S, EVENT_BYTES, EVENTS, REQUEST_BYTES, TURN_BYTES, WRITE_RESUME_BYTES
from .parties import HandshakeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Settings of links. Each default is a bound or wait of `mdht.limits` or `session.limits`; its reason is there."""

    handshake: HandshakeConfig
    keepalive_s: float = limits.KEEPALIVE_S
    """Seconds without a byte from the peer before it is pinged, and again between pings."""
    dead_after_s: float = limits.DEAD_AFTER_S
    """Seconds without a byte from the peer before the link is given up; more than `keepalive_s`."""
    request_timeout_s: float = limits.REQUEST_TIMEOUT_S
    """Seconds for a request where none are given."""
    requests: int = limits.LINK_REQUESTS
    """Requests that may wait for their answers, in each direction: more of ours raise, more of the peer's get BUSY."""
    request_bytes: int = REQUEST_BYTES
    """Bytes of the peer's requests that may wait for our answers before reading pauses."""
    streams: int = limits.LINK_STREAMS
    """Streams that each side may have opened: more of ours raise, more of the peer's get BUSY."""
    stream_credit_bytes: int = limits.STREAM_CREDIT_BYTES
    """Bytes of a stream that may wait to be consumed here, and as many that may wait to be sent."""
    write_bytes: int = limits.WRITE_BUFFER_BYTES
    """Bytes of messages that may wait to be sent before requests are refused and reading pauses. Replies may take
    four times as much; beyond that the peer gets BUSY instead of them: it asks, and does not read."""
    write_resume_bytes: int = WRITE_RESUME_BYTES
    """Bytes below which `Writable` says that there is room again."""
    turn_bytes: int = TURN_BYTES
    """Bytes that one `data_to_send` gives while streams have more."""
    events: int = EVENTS
    """Events that may wait for `next_event` before reading should pause."""
    event_bytes: int = EVENT_BYTES
    """Bytes of the messages in them, likewise."""
    close_s: float = CLOSE_S
    """Seconds for a goodbye to arrive, and the peer to close."""

    def validate(self) -> None:
        """Raises `ConfigError` with all faults at once, those of the handshake included."""
        faults: list[tuple[str, str, str]] = []
        try:
            self.handshake.validate()
        except ConfigError as error:
            faults += [(f"handshake.{key}", wrong, right) for key, wrong, right in error.faults]
        for name in self.handshake.encodings:
            if name not in ENCODINGS:
                faults.append(("handshake.encodings", repr(name), f"any of {', '.join(ENCODINGS)}"))
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "handshake" and not value > 0:
                faults.append((field.name, repr(value), "more than 0"))
        if self.dead_after_s <= self.keepalive_s:
            faults.append(("dead_after_s", repr(self.dead_after_s), f"more than keepalive_s ({self.keepalive_s:g})"))
        if self.write_resume_bytes > self.write_bytes:
            right = f"at most write_bytes ({self.write_bytes:,})"
            faults.append(("write_resume_bytes", repr(self.write_resume_bytes), right))
        if self.stream_credit_bytes > limits.STREAM_WINDOW_BYTES:
            right = f"at most {limits.STREAM_WINDOW_BYTES:,}, or peers refuse it"
            faults.append(("stream_credit_bytes", repr(self.stream_credit_bytes), right))
        if faults:
            raise ConfigError(faults)
