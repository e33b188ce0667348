"""Finds where a node's services do best on this machine for a load: measured, not guessed.

    from mdht.tuning.tune import Options, tune
    from mdht.tuning.workload import Workload

    report = tune(Options(workload=Workload(get_share=1.0)), tell=print)
    print(report.recommended.toml())

Nothing is imported here, so that load makers start fast.

| file | what | pure |
|---|---|---|
| `workload` | the load: how many gets and puts, of what size, over how many links | yes |
| `placed` | one placement of a whole node, and its TOML | yes |
| `observed` | what one measurement saw, and where its bottleneck was | yes |
| `moves` | which placements might help against that bottleneck | yes |
| `gain` | whether one is better than another, or it was noise | yes |
| `search` | from one placement to a better one, until none is found | yes |
| `spending` | how the budget is spent, so that it holds in all | yes |
| `outlook` | what the next core would bring: a model | yes |
| `report`, `chart` | what is told at the end, and drawn | |
| `processes` | CPU time and memory of a node's processes | |
| `maker`, `load_link`, `makers` | load makers: processes with links to the node under test | |
| `subject` | the node under test, a process of its own | |
| `meter` | measures subjects in turns | |
| `tune` | all of it | |
| `apply` | moves a running node | |
| `legal` | which placements a service may have, and why not the others | yes |
| `topology`, `pinning` | this machine's CPUs; which of them each process of a node should have | |
| `stacks` | where time goes, from samples of stacks | yes |
| `trend` | whether a number grows | yes |
| `mixed_load`, `soak` | hours of load with moves, kills and restarts | |
| `errors` | what cannot be measured | yes |
"""
