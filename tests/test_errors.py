"""Tests of the exception that means a mistake of the user's."""

from tf_pruned_rl.errors import UserError


def test_user_error_is_no_other_exception():
    # A bug that raises ValueError must keep its traceback.
    assert UserError.__bases__ == (Exception,)
    assert str(UserError("one line")) == "one line"
