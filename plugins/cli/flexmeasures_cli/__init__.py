"""Commands for operators: add and delete data, look at jobs and work on them.

The commands are entry points of the group flexmeasures.commands, one module a group: `add`, `delete`,
`jobs`, and `run-worker` and `clear-queue` once more at the top, as the quickstart writes them.
"""
