"""Services for other machines: ZeroMQ over tcp, encrypted and authenticated by CURVE, never without.

    with Supervisor() as tree:                                      # here
        tree.add("store", Store())
        door = tree.expose("store", "tcp://*:5555", curve, allow=[client.public])

    with ipc.connect("tcp://here:5555", "store", curve=client, server_key=curve.public) as store:     # there
        store.call(...)

| file | what |
|---|---|
| `curve` | a pair of CURVE keys |
| `zap` | who may connect: the allow-lists of this process's exposures |
| `messages` | the protocol: what crosses between the two machines |
| `guard` | bytes of a peer, looked at before anything is made of them |
| `options`, `monitor`, `descriptors` | the sockets' options, what ZeroMQ says of their connections, how to cut one |
| `gateway`, `peer`, `waiter`, `credits` | the exposed side: a door, who came in, their calls, their bounds |
| `exposure` | what the owner of a tree holds of it |
| `wire`, `dial`, `client` | the side that calls |
"""

from .client import RemoteClient, aconnect, connect
from .curve import Curve
from .exposure import Exposure, ExposureStats

__all__ = ["Curve", "Exposure", "ExposureStats", "RemoteClient", "aconnect", "connect"]
