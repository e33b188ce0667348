"""Shares and fetches of files and folders, and streams of records for peers.

| file | what |
|---|---|
| `service` | The files service: shares and fetches of our own user, which shares are kept alive. |
| `commands` | What is said to the `files` service, and what it answers. Plain immutable values. |
| `desk` | What shares and fetches have in common: asking other services, the disk's thread, a window of bytes. |
| `fetching` | One fetch: the root record, the index, then the content in order. |
| `hedging` | Asks one after another, and the next already while the last one is late. |
| `keeping` | Keeps the shares of this node's user alive: remembers them, and renews each every `REPUBLISH_S`. |
| `operation` | One share or fetch that runs: its task, how far it is, and when it was last any further. |
| `peers` | Which peers a share or a fetch talks to: the closest to an address, without those that failed. |
| `pipeline` | One long-lived stream to one peer: items go out one after another, and an answer to each comes back. |
| `renewing` | One renewal of a share: its files are read again, and peers are asked to keep each piece for longer. |
| `scan` | Looks at what is to be shared before anything is sent: all files of a folder, sorted. |
| `serving` | What peers are served by streams: records that they ask for, that they put. |
| `shares` | Shares that this node keeps alive: a file in its data directory, whole at any time. |
| `sharing` | One share: every piece of it to the peers closest to its address, many at a time, the root record last. |
| `source` | Reads what is shared, piece by piece: chunks with their hashes, then the index. |
| `streams` | The streams of the files service, as it uses them: opened by a coroutine. |
| `target` | Where a fetched share is put together: beside its place, under a hidden name. |
| `text` | Names and paths of the file system as text that crosses every channel. |
"""
