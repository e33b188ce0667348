"""Links to peers: sockets, TLS, handshake, messages, streams; in one place or several.

| file | what |
|---|---|
| `service` | The link service: its life, its commands, its moves. |
| `wires` | Its wires, sessions and timers. |
| `events` | What sessions say, told to the services that it concerns. |
| `commands` | What is said to `links`, to its places, and to the listener. Plain immutable values. |
| `leaving` | How a place of links leaves them before it moves, so that no request is lost on the way. |
| `link` | One link of the link service: a wire, a session, and what waits on it. |
| `listener` | The listener: accepts connections, and hands each to the place of links that has the fewest. |
| `places` | Links in several places: each place is a shard of the link service. |
| `stream_commands` | What `links` and `files` say to each other about streams. Plain immutable values. |
| `streams` | The streams of all links, between their sessions and the `files` service. |
| `translate` | Between what is said over a link (`codec`) and what services say to each other (`commands`). |
"""
