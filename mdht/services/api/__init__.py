"""What our own user asks: gets, puts, lookups, each with a deadline.

| file | what |
|---|---|
| `service` | The api service: what our own user asks, each with a deadline; drives lookups. |
| `again` | Asking a service that may die over the question. |
| `asking` | One question to a peer or a service of this node, asked again where its answer was lost. |
| `commands` | What our own user asks, and what is answered. Plain immutable values. |
| `desk` | What the operations of the api service share: whom they ask, by which outlet. |
| `fan` | One question to several peers at once, who are known to be the right ones. |
| `getting` | Gets: of content from whoever has it. |
| `operation` | One request of our own user: its deadline, what it waits for, and its answer, given once. |
| `patience` | When a question is asked again, because its answer was lost on the way and not because there is none. |
| `placing` | Puts: to the peers nearest to a record's address, and to this node where it is one of them. |
| `read_repair` | What a get tells upkeep: who was behind, and where to cache. |
| `search` | Drives one pure lookup: asks whom it names, tells it what came, wakes it in time. |
| `tally` | Counts what became of a put at each replica, and says what that means for who asked. |
"""
