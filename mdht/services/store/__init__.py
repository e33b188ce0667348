"""The store service, and its parts.

| file | what |
|---|---|
| `service` | The store service: verifies what is put, decides, keeps, and forgets in time. |
| `commands` | The store in numbers. |
| `dividing` | Parts of a store on disk: one is opened, after its records were divided anew. |
| `grouping` | When the next batch begins: group commit that waits for company where a sync is slow. |
| `parts` | A store service in several parts: which part a command is for, the numbers of all together. |
| `reading` | Answers to the two reading questions, from any store: in the store service, and in readers beside links. |
| `verdicts` | What the store says of a put, from what became of it. |
| `writing` | How it writes: at once in memory; on a disk by a helper thread, one batch at a time. |
| `writes` | A batch of puts, as the store's helper thread does it: each has its own verdict or its own error. |
"""
