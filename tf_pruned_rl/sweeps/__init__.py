"""Many runs of the training commands, on one machine or several.

A sweep's directory holds a run directory for every run, and in ``logs/`` its log and a small claim file
that names the process that makes it. That is all the state of a sweep: the same command resumes it.
"""
