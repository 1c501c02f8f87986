"""The one exception that means "the user can put this right"."""


class UserError(Exception):
    """A mistake in what was asked for, or a machine that cannot do it.

    The message is one line: what was wrong, what is allowed, what to do. Commands print it
    without a traceback and exit with status 2.
    """
