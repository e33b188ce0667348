"""The store service, and its parts.

| file | what |
|---|---|
| `service` | The store service: verifies what is put, decides, keeps, and forgets in time. |
| `parts` | A store service in several parts: which part a command is for, the numbers of all together. |
| `reading` | Answers to the two reading questions, from any store: in the store service, and in readers beside links. |
| `writes` | A batch of puts, as the store's helper thread does it: each has its own verdict or its own error. |
"""
