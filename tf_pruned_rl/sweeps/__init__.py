"""Many runs of the training commands, on one machine or many: what there is to do, who does it, how it goes.

A sweep's directory holds one run directory for every run, and for each a log and a small file of who
claimed it in ``logs/``. That is all its state: the same command again goes on from there.
"""
