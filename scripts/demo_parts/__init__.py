"""The demonstration: a folder shared between nodes of this machine, fetched, and fetched again after some were killed.

| file | what |
|---|---|
| `main`, `options` | its command line |
| `program` | errors, signals, exit code |
| `folder` | a folder with the SHA-256 of each file, and how another differs from it |
| `room` | the space that it needs |
| `stages` | what happens, on stderr |
| `course` | share, fetch, kill, fetch |
| `memory` | of the nodes |
| `report`, `units` | the closing table, and JSON |
"""
