"""An agent carries out, in one process, what the tree decides: it makes cells, wires and lines, and takes them down
again.

The tree has one agent in its own process and one in each child (behind `spawners.process`); the operations are the
same, and their arguments are plain values, so that each can be carried over the control descriptor. A class comes as an
import path, by that descriptor only.

    know        import a class
    place       make a cell on a host; open, start (or bring a state); it does not serve yet
    serve       serve from now on
    take        stop serving, wait for running calls, give the state (and keep it, until `drop` or `restore`)
    stop        stop, close, forget
    listen      a wire ends here: read it, for cells
    dial        a wire begins here: senders use it
    receive     commands of this line, on this wire, go to this cell
    port        make a port: a client's or an outlet's
    attach      give a port its senders, each with its way
    detach      take the way from a port's sender, having marked its end
"""

from .base import CLIENTS
from .cells import Agent
from .classes import class_path

__all__ = ["CLIENTS", "Agent", "class_path"]
