"""
The program that runs the Python functions of an agent: `runagent serve` starts this file, runagent_worker/ is what it is made of.

It must not be started by the name of its folder: Python would write a .pyc file of it then.
"""

import sys

# This file must stay readable for Pythons that are too old: nobody would see this message otherwise.
if sys.version_info < (3, 9):
    sys.stderr.write("This agent needs Python 3.9 or newer, and %s is Python %d.%d.\n" % ((sys.executable,) + sys.version_info[:2]))
    sys.exit(3)


def import_main():
    """Imports our modules, and leaves no trace: the agent may have modules of their names."""
    import os
    from importlib.machinery import FileFinder, SourceFileLoader

    class Loader(SourceFileLoader):
        def set_data(self, *args, **kwargs):
            """Writes no .pyc file: this folder is that of a package, and may be another user's. The agent's and Python's own are not our business."""

    folder = os.path.dirname(os.path.abspath(__file__))
    package = "runagent_worker"
    # Python puts the folder of a program here, unless it is told not to.
    if sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(folder):
        del sys.path[0]
    places = [folder, os.path.join(folder, package)]
    for place in places:
        sys.path_importer_cache[place] = FileFinder(place, (Loader, [".py"]))
    sys.path.insert(0, folder)
    from runagent_worker.process import main

    sys.path.remove(folder)
    for place in places:
        del sys.path_importer_cache[place]
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]
    return main


# A process that multiprocessing starts runs this file again, by another name.
if __name__ == "__main__":
    main = import_main()
    main()
