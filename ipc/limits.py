"""Every bound and wait of the package, with its unit and its reason.

The first block is protocol: both ends of a channel must agree. The second is implementation: each process may choose.
"""

from __future__ import annotations

from typing import Final

# -- protocol ----------------------------------------------------------------------------------------------------------

FRAME_BYTES: Final = 256 << 20
"""Largest frame a receiver accepts: four times the default channel bound, so a hostile length is refused before
memory.
"""

NEST_DEPTH: Final = 64
"""Deepest nesting of sendable values: a cycle or a bomb is refused long before the interpreter's recursion limit."""

FRAME_DEPTH: Final = 4
"""Containers that a frame puts around a value: what may be packed may also be received."""

INTERNED_KNOWN: Final = 1024
"""Interned keys remembered per connection and direction; the oldest definition is forgotten first, on both sides
alike.
"""

# -- implementation: channels ------------------------------------------------------------------------------------------

CHANNEL_COMMANDS: Final = 16_384
"""Commands of one sender that may wait at a service: about 10 ms of work at a million a second."""

CHANNEL_BYTES: Final = 128 << 20
"""Bytes of one sender that may wait at a service: room for 64 commands of 1 MiB and as many again."""

BATCH_COMMANDS: Final = 256
"""Casts that a thread collects before it sends the frame itself: a system call costs about as much as packing 20."""

BATCH_BYTES: Final = 64 << 10
"""Bytes that a thread collects before it sends the frame itself: a quarter of the socket buffer asked for below."""

SOCKET_BUFFER_BYTES: Final = 512 << 10
"""Send and receive buffer asked for on a pipe; the kernel gives what it allows (`net.core.wmem_max`)."""

READ_BYTES: Final = 512 << 10
"""Most bytes taken from a socket by one read."""

LOCAL_COMMAND_BYTES: Final = 64
"""What a command that is neither bytes nor text is counted for when it is passed as an object, not packed."""

# -- implementation: other machines ------------------------------------------------------------------------------------

REMOTE_COMMANDS: Final = 4096
"""Commands of one remote caller that may wait at an exposure: a quarter of a local one's, because there may be many."""

REMOTE_BYTES: Final = 16 << 20
"""Bytes of them. As objects they may be sixty times as much (an empty list is one byte, and 56 in memory)."""

REMOTE_PEERS: Final = 256
"""Callers of one exposure, those included who have left commands behind; twice as many connections that say nothing."""

REMOTE_FRAMES: Final = 64
"""Frames of one peer in ZeroMQ's queue, each way, before they are held back: a frame of replies is about a mebibyte."""

REMOTE_SLACK_BYTES: Final = 2 << 20
"""What a frame may have over the bound in bytes: the heads of its items, and the runs before its last one."""

HEARTBEAT_S: Final = 1.0
"""A connection without traffic is asked after this whether it still is one."""

HEARTBEAT_TIMEOUT_S: Final = 3.0
"""Not answered within this, it is none: with the above, a machine that vanished is missed within four seconds."""

HANDSHAKE_TIMEOUT_S: Final = 5.0
"""A connection must have proven its keys within this: two round trips around the world take one second."""

CONNECT_TIMEOUT_S: Final = 10.0
"""Default of `connect`: it tries again until then where nobody listens yet."""

STALL_TIMEOUT_S: Final = 30.0
"""A caller that does not read its replies is sent away after this; one that left has its commands served until then."""

FAREWELL_S: Final = 0.25
"""Between saying goodbye and cutting the connection: the reason should arrive before the end."""

# -- implementation: the loop ------------------------------------------------------------------------------------------

LOOP_CALLS: Final = 1024
"""Calls of one service before its host looks at the next."""

LOOP_SECONDS: Final = 0.005
"""Seconds of one service before its host looks at the next: the interpreter's own thread switch interval."""

INLINE_DEPTH: Final = 32
"""Inline services nested in one call before commands are queued instead: far from the recursion limit."""

TIMERS_SLACK: Final = 64
"""Cancelled timers of a service that may stay in its heap beside as many as are to come: sorting anew costs as much."""

TIMED_CALLS: Final = 1024
"""Recent calls of a service whose times are kept for p50 and p99."""

# -- implementation: waits, in seconds ---------------------------------------------------------------------------------

CALL_TIMEOUT_S: Final = 30.0
"""Default deadline of a call: every call has one."""

LOOK_AGAIN_S: Final = 0.25
"""A thread that blocks in reading a wire looks this often whether it was closed, or answered another way, meanwhile:
nothing can wake it from the system call, and a second descriptor to wait on would cost every call a system call
more."""

BUSY_S: Final = 0.05
"""The thread of a blocking service that does not answer within this is in a long call, whose end need not be awaited
to connect a sender: five times what a waking thread takes on a loaded machine."""

START_TIMEOUT_S: Final = 60.0
"""A process must be up, and `open` and `start` done: a cold interpreter on a loaded machine takes seconds."""

MOVE_TIMEOUT_S: Final = 30.0
"""Running calls must end within this, or the move is given up."""

STOP_TIMEOUT_S: Final = 5.0
"""One service has this long to stop before its process is terminated, or its thread abandoned as a daemon."""

KILL_TIMEOUT_S: Final = 2.0
"""A terminated process has this long before it is killed."""

WATCHDOG_LOOKS: Final = 4
"""Looks of a watchdog in the time that a service may stand still: it is found a quarter of that too late at most."""

WATCHDOG_SILENT_S: Final = 2.0
"""A process that does not answer at all has at least this long: on a loaded machine one gets no processor for a second.
"""

STATS_TIMEOUT_S: Final = 1.0
"""A process answers for numbers within this, whatever its services do, or they are given without it: a thread of its
own answers, and a table that a person looks at should not wait for what is stopped."""

# -- implementation: life ----------------------------------------------------------------------------------------------

MAX_RESTARTS: Final = 5
"""Deaths of one process, or service, within `RESTART_WINDOW_S` before a tree gives up."""

RESTART_WINDOW_S: Final = 10.0
"""Window of `MAX_RESTARTS`: a service that cannot live for two seconds on average will not heal by itself."""
