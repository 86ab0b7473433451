"""Times `portcullis apply bootstrap` beside other tools that do the same job, on labs of real machines.

`lab` boots and looks at the machines, `job` says what is to be done on a node and proves that it was, `tools/` has one
file a contestant (what they are given stands in `peers/`), `measure` takes the figures, `table` and `plot` show them.
"""
