"""Whom we know, whom we are linked to, and who may be.

| file | what |
|---|---|
| `service` | The peers service: whom we know, whom we are linked to. |
| `admission` | Which links may be: the allow and deny lists, one link a peer, and room. |
| `clock` | The clock that peers agree on, published to all services of a node. |
| `commands` | What is said to `peers`, and what it answers. Plain immutable values. |
| `dialling` | Dials peers, address after address, and tells everybody who waits for one of them. |
| `gather` | Questions to all places of links at once, such as for their numbers: one answer. |
| `links` | The links that a node has, each with its peer, and which of them it keeps (`routing.keeping`). |
| `lost` | Contacts whose link broke, and that are tried again, with growing pauses, until they are back or given up. |
| `memory` | Peers remembered from one run of a node to the next: a file in its data directory. |
| `owner` | What the parts of the service ask of it: to dial, to decide, to be called later. |
| `refresh` | Which ids a node looks up for itself, so that it knows others and they know it (Kademlia, section 2.3). |
| `seeds` | Dials seeds and remembered peers when `routing.bootstrap` says so. |
| `twins` | Two nodes with one identity: what the second one learns, and tells its operator. |
"""
