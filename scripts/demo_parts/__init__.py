"""The demonstration: a folder shared between nodes of this machine, fetched, and fetched again after some were killed.

| file | what |
|---|---|
| `main` | the program: order, errors, exit code |
| `options` | its command line |
| `folder` | a folder with the SHA-256 of each file, and how another differs from it |
| `room` | the space that it needs |
| `stages` | what happens, on stderr |
| `course` | share, fetch, kill, fetch |
| `report` | the closing table, and JSON |
"""
