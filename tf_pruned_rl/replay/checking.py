"""Lists the data in a directory, whole or damaged."""

from __future__ import annotations

from collections.abc import Iterator

from tf_pruned_rl.environments import games
from tf_pruned_rl.errors import UserError
from tf_pruned_rl.replay import dataset


class Report:
    """One line for each buffer below a directory of data, read to its end.

    Attributes:
      damaged: buffers that were, among those of the lines so far.
    """

    def __init__(self, directories: list[tuple[str, int, str]]):
        self._directories = directories
        self.damaged = 0

    def __iter__(self) -> Iterator[str]:
        for game, run, directory in self._directories:
            for number in dataset.numbers(directory):
                yield f"{game} run {run} buffer {number}: {self._verdict(game, directory, number)}"

    def _verdict(self, game: str, directory: str, number: int) -> str:
        try:
            buffer = dataset.check(directory, number, len(games.minimal_actions(game)))
        except UserError as problem:
            self.damaged += 1
            return f"damaged: {problem}"
        return f"whole, {buffer.entries:,} entries, {buffer.observation_bytes / 1e6:,.1f} MB of frames"


def check(data: str, game: str, run: int) -> Report:
    """Returns the report of what is below ``data``.

    Args:
      data: the root of the data.
      game: only this; empty for all.
      run: only this; 0 for all.

    Raises:
      UserError: there are no data, or none of this game or run.
    """
    if game:
        game = games.check_game(game)
    found = dataset.list_runs(data)
    wanted = {game: found.get(game, [run or 1])} if game else found
    pairs = [(name, each) for name, runs in wanted.items() for each in ([run] if run else runs)]
    if not pairs:
        raise UserError(f"no data in {data}: --data takes the directory that holds GAME/RUN/replay_logs")
    return Report([(name, each, dataset.logs_directory(data, name, each)) for name, each in pairs])
