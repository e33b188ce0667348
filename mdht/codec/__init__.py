"""What goes over a link after the handshake: messages to bytes, and bytes to frames. No I/O.

| file | what |
|---|---|
| `fields` | types of fields, each with its bound |
| `messages` | the messages, their numbers, and which of them are requests |
| `codes` | codes of errors, verdicts and goodbyes |
| `unknown` | what a message of a newer version becomes |
| `encoding` | messages to bytes and back: `msgpack`, `json` |
| `failures` | an exception to the ERROR message that tells of it, and back |
| `frame` | the length-framed stream |
"""

from __future__ import annotations

from .codes import ErrorCode, Farewell, Purpose, Verdict
from .encoding import ENCODINGS, Encoding, encoding
from .failures import answer_unknown, error_for, failure
from .frame import FrameReader, pack_frame, pack_frames
from .messages import (
    NOTICES,
    REPLIES,
    REQUESTS,
    Claim,
    Closest,
    Error,
    Find,
    Found,
    FoundAll,
    Get,
    GetAll,
    Goodbye,
    Message,
    Moving,
    Notice,
    Ping,
    Pong,
    Put,
    Reply,
    Request,
    Stored,
    StreamClose,
    StreamCredit,
    StreamData,
    StreamOpen,
    StreamOpened,
    StreamReset,
)
from .unknown import Unknown

__all__ = [
    "ENCODINGS",
    "NOTICES",
    "REPLIES",
    "REQUESTS",
    "Claim",
    "Closest",
    "Encoding",
    "Error",
    "ErrorCode",
    "Farewell",
    "Find",
    "Found",
    "FoundAll",
    "FrameReader",
    "Get",
    "GetAll",
    "Goodbye",
    "Message",
    "Moving",
    "Notice",
    "Ping",
    "Pong",
    "Purpose",
    "Put",
    "Reply",
    "Request",
    "Stored",
    "StreamClose",
    "StreamCredit",
    "StreamData",
    "StreamOpen",
    "StreamOpened",
    "StreamReset",
    "Unknown",
    "Verdict",
    "answer_unknown",
    "encoding",
    "error_for",
    "failure",
    "pack_frame",
    "pack_frames",
]
