"""A cell: one service at its place, its inbox, and the one loop that serves it.

Theory. Whatever drives it, the loop is `run`: take a run of commands from the inbox, call the service for each, reply,
stop when nothing is left, when its fair share is used up, or when it is paused. What waits differs:

    return      nothing is kept between commands: `run` ends, and waking the cell runs it again (a plain `call`)
    in place    a command waits half-way: its stack is kept in a greenlet or a task, and waking continues there

A wake-up is never lost: a sender appends, then looks at `ready`; the loop clears `ready`, then looks at the inbox
again.
"""

from __future__ import annotations

from typing import Any

from ..limits import LOOP_CALLS, LOOP_SECONDS
from ..threads import set_parked
from .nested import NestedCell


class Cell(NestedCell):
    """One shard of a service at its present place. Its methods run on its host, unless they say otherwise."""

    __slots__ = ()

    def run(self) -> bool:
        """Serve what is in the inbox; True when the fair share ended before the inbox did."""
        if self.paused or self.busy:
            self.ready = False
            return False
        self.busy = True
        if self.blocking:
            set_parked(self.host)
        try:
            more = self._run() if self.serve is None else self._run_in_place()
        finally:
            self.busy = False
            if self.blocking:
                set_parked(None)
        if more:
            return True
        self.ready = False
        if self.inbox and not self.paused and len(self.running) < self.concurrency:
            self.ready = True
            return True
        return False

    def _run(self) -> bool:
        inbox, call, clock, times = self.inbox, self.service.call, self.host.clock, self.times
        start = now = self.turn_s = clock()
        until = start + LOOP_SECONDS
        share = self.calls + LOOP_CALLS
        interrupt: KeyboardInterrupt | None = None
        try:
            while inbox:
                receiver, run, offset, deadline, self.chain, commands, nbytes, since = inbox.popleft()
                self.rx = receiver
                if receiver is None:  # it came by itself, or its caller has left meanwhile: nobody wants a reply
                    run = 0
                self.run_id = run
                if run == 0 and len(commands) == 1 and receiver is None:
                    try:
                        call(commands[0])
                    except Exception as error:
                        self._failed(None, 0, 0, error)
                    except BaseException as error:
                        self._died(None, 0, 0, error)
                        interrupt = error if isinstance(error, KeyboardInterrupt) else None
                    self.taken = False
                    self.calls += 1
                    before = now
                    now = clock()
                    times.append(now - before)
                    if interrupt is not None:
                        raise interrupt
                    if self.dead is not None or self.paused:
                        return False
                    if now > until or self.calls > share:
                        return bool(inbox)
                    continue
                values: list[Any] = []
                index = replied = counted = 0
                for command in commands:
                    if now > deadline:
                        self.expired += len(commands) - index
                        counted += len(commands) - index
                        index = len(commands)
                        break
                    self.offset = offset + index
                    index += 1
                    try:
                        value = call(command)
                    except Exception as error:
                        self.calls += index - counted
                        counted = index
                        if values:
                            receiver.reply(run, offset + replied, values)
                            values = []
                        replied = index
                        self.taken = False
                        self._failed(receiver, run, offset + index - 1, error)
                        if self.dead is not None:
                            break
                    except BaseException as error:
                        if values:
                            receiver.reply(run, offset + replied, values)
                            values = []
                        self._died(receiver, run, offset + index - 1, error)
                        interrupt = error if isinstance(error, KeyboardInterrupt) else None
                        break
                    else:
                        if run:
                            if self.taken:
                                self.taken = False
                                if values:
                                    receiver.reply(run, offset + replied, values)
                                    values = []
                                replied = index
                            else:
                                values.append(value)
                    before = now
                    now = clock()
                    times.append(now - before)
                    if now > until:
                        break
                self.calls += index - counted  # before the reply: who has got it may look
                if values:
                    receiver.reply(run, offset + replied, values)
                    if now > deadline:
                        self.late += 1
                if index < len(commands):
                    rest = (receiver, run, offset + index, deadline, self.chain, commands[index:], nbytes, since)
                    inbox.appendleft(rest)
                    nbytes = 0
                if receiver is not None:
                    receiver.served(index, nbytes, run)
                if interrupt is not None:
                    raise interrupt
                if self.dead is not None or self.paused:
                    return False
                if now > until or self.calls > share:
                    return bool(inbox)
            return False
        finally:
            self.rx = None
            self.run_id = 0
            self.chain = ()
            self.taken = False
            self.busy_s += now - start
