"""Commands for operators: add and delete data, back it up, look at algorithms and jobs, and work on jobs.

The commands are entry points of the group flexmeasures.commands, one module a group: `add`, `delete`,
`show`, `jobs`, `db-ops`, and `run-worker` and `clear-queue` once more at the top, as the quickstart writes them.
"""
