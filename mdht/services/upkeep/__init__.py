"""Keeps records alive while nodes come and go.

| file | what |
|---|---|
| `service` | The upkeep service: keeps records alive while nodes come and go (Kademlia, sections 2.3 and 2.5). |
| `asks` | How upkeep asks services and peers, and looks for the peers closest to an address. |
| `commands` | What is said to keep records alive. Plain immutable values, as in `commands`. |
| `course` | Goes through a store from page to page at a given pace, and hands each record to somebody. |
| `handover` | Who holds a record changes when a peer comes or goes. |
"""
