"""A peer-to-peer node for signed records, built of small services on `ipc`.

A file imports only from lower floors, or from other files of its own folder; folders of one floor do not import each
other. Floors 0 to 3 do no I/O and know no clock, thread or random source, with the exceptions named in the design.

| floor | what |
|---|---|
| 0 | `errors`, `limits` |
| 1 | `model`: keys, identities, peers, records; above it `config` |
| 2 | `codec`, `transport`, `routing`, `store` |
| 3 | `session` |
| 4 | `services` |
| 5 | `node`; above it `testnet` |
"""
