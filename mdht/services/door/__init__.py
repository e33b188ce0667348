"""The way in for other processes of this user.

| file | what |
|---|---|
| `service` | The door: a Unix socket in the data directory at which other programs of the node's user ask it. |
| `about` | What the door says of its node, from the configuration and the process. |
| `client` | One program at the door: its frames in, its replies out, and no more of either than it has room for. |
| `commands` | The door in numbers. |
| `operations` | What a client of the door asks of the operator, as work of his. |
| `requests` | What a client of the door asks, as commands for the services that know. |
| `socket` | The socket of the door: who may connect, what is there already, and who it is that connected. |
"""
