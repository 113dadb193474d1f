"""How the files of an agent are imported, and its functions found."""

import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
import typing
from typing import Any, Callable, Dict, List, Optional, Tuple

from .bytecode import compile_always
from .errors import LoadError
from .log import describe, log_traceback

MAX_NAMES = 20
RELATIVE_IMPORT = re.compile(rb"^[ \t]*from[ \t]+(\.+)[ \t]*(?:[\w.]+[ \t]+)?import\b", re.MULTILINE)


class Loader:
    """Finds the functions of an agent. Each file is loaded once."""

    def __init__(self, folder: str, fresh: bool) -> None:
        self.folder = os.path.realpath(folder)
        self.packages: Dict[str, str] = {}
        # By path: the module, or why there is none.
        self.modules: Dict[str, Any] = {}
        if fresh:
            compile_always(self.is_agent_code)
        sys.path.insert(0, self.folder)

    def find(self, file: str, name: str) -> Callable[..., Any]:
        """The function that is called `name` in a file; dots lead into objects. Raises LoadError."""
        owner: Any = self.load(file)
        owner_name = file
        *path, last = name.split(".")
        for part in path:
            owner, owner_name = self.attribute(file, owner, owner_name, part), part + " in " + file
        function = self.attribute(file, owner, owner_name, last)
        if not callable(function):
            raise LoadError("%s in %s is no function, but a value of type %s." % (name, file, type(function).__name__))
        if needs_object(owner, last, function):
            example = {"file": file, "class": owner.__name__, "name": owner.__name__.lower(), "method": last}
            raise LoadError(
                '%(class)s.%(method)s in %(file)s needs an object: write %(name)s = %(class)s(…) in it, and name "%(name)s.%(method)s".' % example
            )
        return function

    def attribute(self, file: str, owner: Any, owner_name: str, name: str) -> Any:
        try:
            return getattr(owner, name)
        except AttributeError:
            functions = list_functions(owner)
            more = "it has: %s" % ", ".join(functions) if functions else "it has none"
            raise LoadError('%s has no function "%s"; %s.' % (owner_name, name, more)) from None
        except BaseException as error:
            log_traceback(error)
            raise LoadError("%s: %s cannot be read: %s" % (file, name, describe(error))) from None

    def load(self, file: str) -> Any:
        """The module of a file. Raises LoadError."""
        path = os.path.realpath(os.path.join(self.folder, file))
        if path not in self.modules:
            try:
                loaded = self.find_loaded(path)
                self.modules[path] = self.load_path(path) if loaded is None else loaded
            except BaseException as error:
                self.modules[path] = LoadError(self.explain(file, path, error))
        module = self.modules[path]
        if isinstance(module, LoadError):
            raise module
        return module

    def explain(self, file: str, path: str, error: BaseException) -> str:
        """Why a file cannot be loaded, in one line; the traceback goes to the log."""
        if isinstance(error, OSError) and not os.path.isfile(path):
            return "There is no file %s in %s." % (file, self.folder)
        log_traceback(error)
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            return "%s line %d: %s: %s" % (self.shown(error.filename), error.lineno, type(error).__name__, error.msg)
        return "%s: %s" % (file, describe(error))

    def shown(self, filename: str) -> str:
        """A path as people write it: relative to the folder when it is in there."""
        path = os.path.realpath(filename)
        return os.path.relpath(path, self.folder) if is_below(path, self.folder) else filename

    def is_agent_code(self, filename: str) -> bool:
        """True for the agent's own files: not for what is installed in its virtual environment."""
        path, venv = os.path.realpath(filename), os.path.realpath(sys.prefix)
        if not is_below(path, self.folder) or is_below(venv, self.folder) and is_below(path, venv):
            return False
        return "site-packages" not in os.path.relpath(path, self.folder).split(os.sep)

    def find_loaded(self, path: str) -> Any:
        """The module of a file that another file of the agent has imported."""
        name = os.path.basename(path)
        for module in list(sys.modules.values()):
            file = getattr(module, "__dict__", {}).get("__file__")
            if isinstance(file, str) and os.path.basename(file) == name and os.path.realpath(file) == path:
                return module
        return None

    def load_path(self, path: str) -> Any:
        with open(path, "rb") as source:
            levels = [len(dots) for dots in RELATIVE_IMPORT.findall(source.read())]
        directory = os.path.dirname(path)
        if directory not in sys.path:
            sys.path.insert(sys.path.index(self.folder) + 1 if self.folder in sys.path else 0, directory)
        importlib.invalidate_caches()
        name, package = self.choose_name(path, max(levels, default=0))
        while name in sys.modules:
            name += "_"
        spec = importlib.util.spec_from_file_location(name, path, loader=importlib.machinery.SourceFileLoader(name, path))
        if spec is None or spec.loader is None:
            raise ImportError("%s cannot be imported" % path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        module = sys.modules.get(name, module)
        if package is not None:
            setattr(sys.modules[package], name.rpartition(".")[2], module)
        return module

    def choose_name(self, path: str, levels: int) -> Tuple[str, Optional[str]]:
        """
        The name of the module, and of the package it is in. It is the one that Python would give it, src.agent, where that means no other
        module; else the folder is made a package, which also lets a file of the folder import its neighbours relatively.
        """
        root = self.folder
        parts = os.path.splitext(os.path.relpath(path, root))[0].split(os.sep)
        if parts[0] == os.pardir or any("." in part for part in parts[:-1]):
            root, parts = os.path.dirname(path), parts[-1:]
        parts[-1] = parts[-1].replace(".", "_")
        if root == self.folder and levels < len(parts) and self.is_free(parts[0]):
            if len(parts) == 1:
                return parts[0], None
            package = ".".join(parts[:-1])
            places = getattr(importlib.import_module(package), "__path__", [])
            if os.path.dirname(path) in [os.path.realpath(place) for place in places]:
                return ".".join(parts), package
        package = ".".join([self.make_package(root)] + parts[:-1])
        importlib.import_module(package)
        return package + "." + parts[-1], package

    def is_free(self, name: str) -> bool:
        """True when the name means something in the agent's folder, or nothing yet."""
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return name not in sys.modules
        if spec is None:
            return True
        places = [spec.origin] + list(spec.submodule_search_locations or [])
        return any(isinstance(place, str) and is_below(os.path.realpath(place), self.folder) for place in places)

    def make_package(self, root: str) -> str:
        if root in self.packages:
            return self.packages[root]
        name = re.sub(r"\W", "_", os.path.basename(root)) or "agent"
        while name in sys.modules or importlib.util.find_spec(name) is not None:
            name = "agent_" + name
        init = os.path.join(root, "__init__.py")
        if os.path.isfile(init):
            spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[root])
        else:
            spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [root]
        module = importlib.util.module_from_spec(typing.cast(Any, spec))
        sys.modules[name] = module
        if os.path.isfile(init):
            try:
                typing.cast(Any, spec).loader.exec_module(module)
            except BaseException:
                sys.modules.pop(name, None)
                raise
        self.packages[root] = name
        return name


def is_below(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)


def list_functions(owner: Any) -> List[str]:
    """Names of what an entrypoint could be, in the order they were written."""
    if inspect.ismodule(owner):
        found = {name: value for name, value in vars(owner).items() if getattr(value, "__module__", None) == owner.__name__}
    else:
        kind = owner if isinstance(owner, type) else type(owner)
        found = {name: value for one in kind.__mro__ if one is not object for name, value in vars(one).items()}
        found.update(getattr(owner, "__dict__", {}))
    functions = [name for name, value in found.items() if not name.startswith("_") and is_function(value)]
    return functions[:MAX_NAMES] + ["…"] if len(functions) > MAX_NAMES else functions


def is_function(value: Any) -> bool:
    return inspect.isroutine(value) or isinstance(value, (functools.partial, staticmethod, classmethod))


def needs_object(owner: Any, name: str, function: Any) -> bool:
    """True for a method that was taken from its class: nobody would give it `self`."""
    if not isinstance(owner, type) or not inspect.isfunction(function):
        return False
    if isinstance(inspect.getattr_static(owner, name, None), staticmethod):
        return False
    return function.__code__.co_varnames[:1] == ("self",)
