"""What Python remembers of the agent's files, and must forget while they are being written."""

import importlib.machinery
from typing import Any, Callable


def compile_always(is_agent_code: Callable[[str], bool]) -> None:
    """
    Compiles the agent's own files from source at each start, and leaves no bytecode of them. A .pyc file counts as that of its source when
    the second of the last change and the size are the same, and so would the second of two saves be taken for the first.
    """
    loader = importlib.machinery.SourceFileLoader
    path_stats = loader.path_stats

    def path_stats_or_none(self: Any, path: str) -> Any:
        if is_agent_code(path):
            # importlib takes this as "nobody knows when it changed", and neither reads nor writes bytecode.
            raise OSError("%s is compiled always." % path)
        return path_stats(self, path)

    # In the class, because modules are loaded in more ways than through sys.path: tools and agents make loaders of their own.
    setattr(loader, "path_stats", path_stats_or_none)
