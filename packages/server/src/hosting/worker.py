"""
The process that runs the Python functions of one agent. It needs Python 3.9 or newer and its standard library, nothing else.

The server that starts it writes JSON lines to file descriptor 3; it answers on descriptor 4 with lines `<kind> <id> <JSON in ASCII>`. What the
messages mean is written in worker-messages.ts. Standard output and error are the agent's own: they are its log, and never part of this.

    main thread      loads the agent, then runs the one asyncio event loop, which all coroutines and async generators share
    reader thread    obeys the commands; at the end of descriptor 3 the server is gone, and this process ends
    writer thread    writes in one go whatever messages there are
    one thread       for each invocation of a plain function or generator, for as long as it runs
    one thread       for each cancelled invocation, until it has stopped: it tells the ones that do not

A chunk or result is JSON, or is made into it:

    str, int, float, bool, None, list, dict     as they are; an int keeps all its digits
    keys of a dict                              str; int, float, bool and None become text as the json module does it; others are an error
    tuple, named tuple                          array
    dataclass                                   object of its fields
    Enum                                        its value
    datetime, date, time                        text, as isoformat() writes it
    timedelta                                   number of seconds
    Decimal, UUID, Path, UserString             text
    set, frozenset                              array, sorted where its members can be
    bytes, bytearray, memoryview                Base64 text
    pydantic models                             object, as model_dump(mode="json") or dict() gives it
    objects with tolist() or item()             what that gives: arrays and numbers of numpy and its like
    Mapping                                     object
    Sequence, Set and views of a dict           array (collections.abc; range and deque among them)

Everything else is an error that names it: NaN and infinite numbers, values that hold themselves, more than 62 levels, generators, open files, …
"""

import sys

# The rest of this file must stay readable for Python 3.6: nobody would see this message otherwise.
if sys.version_info < (3, 9):
    sys.stderr.write("This agent needs Python 3.9 or newer, and %s is Python %d.%d.\n" % ((sys.executable,) + sys.version_info[:2]))
    sys.exit(3)

import os

# The folder of this file is no place to import from.
if sys.path and os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
    del sys.path[0]

import asyncio
import atexit
import collections.abc
import contextvars
import enum
import faulthandler
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import json
import json.encoder
import queue
import re
import signal
import threading
import time
import traceback
import typing
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

COMMANDS_FD = 3
MESSAGES_FD = 4

# A frame around the chunk, and what the extractor may add: clients read 64 levels.
MAX_DEPTH = 62
MAX_MESSAGE_LENGTH = 2000
MAX_DESCRIPTION_LENGTH = 1000
MAX_NAMES = 20
MAX_SCHEMA_DEPTH = 6
# Code of a plain function that still runs this long after the cancel gets an exception.
STOP_SECONDS = 1
# And this long after it, the server is told.
STUCK_SECONDS = 5
# What the end of the server leaves for finally blocks and exit functions.
LEAVE_SECONDS = 2
# An async agent that never waits gives the others a turn after this many chunks, or seconds.
CHUNKS_PER_TURN = 64
TURN_SECONDS = 0.004

OUR_FILE = (lambda: None).__code__.co_filename
# The agent may put something else in the place of sys.stderr.
LOG = sys.stderr


class Failure(Exception):
    """An invocation fails with this, as the caller reads it."""

    def __init__(self, code: str, message: str, field: Optional[str] = None, suggestion: Optional[str] = None) -> None:
        super().__init__(message)
        told = {"code": code, "message": message, "field": field, "suggestion": suggestion}
        self.told = {key: value for key, value in told.items() if value is not None}


class LoadError(Exception):
    """An entrypoint that cannot be served; its text is one line."""


class NotJson(Exception):
    """A value that cannot be made into JSON; its text ends a sentence about the value."""


class TooLarge(Exception):
    """A chunk or result that is larger than clients read."""


class Stopped(BaseException):
    """Raised in the thread of a cancelled invocation that goes on. No Exception: agents catch those and go on."""


# --- what goes to the agent's log, and what of it to the caller


def say(line: str) -> None:
    """Writes a line of ours to the agent's log."""
    try:
        LOG.write(line + "\n")
        LOG.flush()
    except (OSError, ValueError):
        pass  # Nobody reads it any more.


def describe(error: BaseException) -> str:
    """An exception in one line: its type and the first line of its text."""
    name = type(error).__name__
    try:
        text = str(error).strip().split("\n", 1)[0].strip()
    except BaseException:
        text = ""  # Its __str__ is the agent's, and failed too.
    line = name + ": " + text if text else name
    return line if len(line) <= MAX_MESSAGE_LENGTH else line[: MAX_MESSAGE_LENGTH - 1] + "…"


def log_traceback(error: BaseException) -> None:
    """Writes the agent's part of a traceback to its log."""
    try:
        remove_our_frames(error)
        say("".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip("\n"))
    except BaseException:
        say(describe(error))


def remove_our_frames(error: BaseException) -> None:
    seen = set()
    todo = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        while one.__traceback__ is not None and is_ours(one.__traceback__.tb_frame.f_code.co_filename):
            one.__traceback__ = one.__traceback__.tb_next
        if isinstance(one.__context__, (Failure, NotJson, TooLarge, Stopped)):
            one.__context__ = None
        todo.extend(other for other in (one.__cause__, one.__context__) if other is not None)


def is_ours(filename: str) -> bool:
    return filename in (OUR_FILE, importlib.__file__) or filename.startswith("<frozen importlib")


# --- JSON


def ask(value: Any, question: Callable[[], Any]) -> Any:
    """What the agent's own method gives."""
    try:
        return question()
    except Exception as error:
        raise NotJson("a value of type %s in it cannot be converted (%s)" % (type(value).__name__, describe(error))) from error


def known_class(module: str, name: str) -> Any:
    """A class for isinstance, if anybody has imported it: otherwise there is no value of it."""
    return getattr(sys.modules.get(module), name, ())


def convert(value: Any) -> Any:
    """Makes the next best thing of a value that the json module does not know. The table is at the top of this file."""
    kind = type(value)
    if isinstance(value, type):
        raise NotJson("it holds the class %s" % value.__name__)
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(kind, "__dataclass_fields__"):
        return {field.name: getattr(value, field.name) for field in sys.modules["dataclasses"].fields(value)}
    if isinstance(value, (set, frozenset)):
        try:
            return sorted(value)
        except Exception:
            return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        import binascii

        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if isinstance(value, (known_class("datetime", "date"), known_class("datetime", "time"))):
        return value.isoformat()
    if isinstance(value, known_class("datetime", "timedelta")):
        return value.total_seconds()
    texts = (known_class("decimal", "Decimal"), known_class("uuid", "UUID"), known_class("pathlib", "PurePath"))
    if isinstance(value, texts + (known_class("collections", "UserString"),)):
        return str(value)
    if callable(getattr(kind, "model_dump", None)):
        return ask(value, lambda: value.model_dump(mode="json"))
    if callable(getattr(kind, "dict", None)) and hasattr(kind, "__fields__"):
        return ask(value, value.dict)
    for method in ("tolist", "item"):
        if callable(getattr(kind, method, None)):
            return ask(value, getattr(value, method))
    if isinstance(value, collections.abc.Mapping):
        return ask(value, lambda: dict(value.items()))
    if isinstance(value, (collections.abc.Sequence, collections.abc.Set, collections.abc.ValuesView)):
        return ask(value, lambda: list(value))
    raise NotJson("it holds a value of type %s" % kind.__name__)


ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=convert)
encode_string = json.encoder.encode_basestring_ascii
digits_lock = threading.Lock()


def to_json(value: Any, max_bytes: int) -> str:
    """The JSON text of a value, in ASCII. Raises NotJson, TooLarge."""
    try:
        if type(value) is str:
            text = encode_string(value)
        else:
            text = ENCODER.encode(value)
            if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(text):
                raise NotJson("it nests deeper than %d levels" % MAX_DEPTH)
    except NotJson:
        raise
    except RecursionError:
        raise NotJson("it nests deeper than %d levels" % MAX_DEPTH) from None
    except Exception as error:
        text = encode_again(value, error)
    if len(text) > max_bytes:
        raise TooLarge()
    return text


def encode_again(value: Any, error: Exception) -> str:
    """The JSON text of a value that the json module refused, where its reason was no good one. Raises NotJson with the reason else."""
    reason = str(error)
    if isinstance(error, ValueError) and "integer string conversion" in reason:
        # Python limits the digits to protect those who parse what others send; these were made by the agent.
        with digits_lock:
            limit = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
            try:
                return ENCODER.encode(value)
            except NotJson:
                raise
            except Exception as another:
                error, reason = another, str(another)
            finally:
                sys.set_int_max_str_digits(limit)
    if isinstance(error, ValueError) and reason.startswith("Circular"):
        raise NotJson("it holds itself")
    if isinstance(error, ValueError) and reason.startswith("Out of range"):
        raise NotJson("it holds %s" % find_number(value))
    if isinstance(error, TypeError) and reason.startswith("keys must be"):
        raise NotJson("it holds a key of type %s" % reason.rsplit(" ", 1)[-1])
    raise NotJson("it cannot be written (%s)" % describe(error)) from error


def find_number(value: Any) -> str:
    """Names the number that is none in JSON: the encoder written in Python tells it, the one in C not always."""
    try:
        for _ in ENCODER.iterencode(value):
            pass
    except Exception as error:
        reason = str(error)
        for sign, name in (("nan", "NaN"), ("-inf", "-Infinity"), ("inf", "Infinity")):
            if sign in reason:
                return name
    return "NaN or an infinite number"


def is_too_deep(text: str) -> bool:
    """True when the JSON text has more levels than clients read."""
    brackets = re.sub(r'"(?:[^"\\]|\\.)*"|[^][{}"]+', "", text).replace("{", "[").replace("}", "]")
    for _ in range(MAX_DEPTH):
        if brackets == "":
            return False
        # Takes off the innermost level.
        brackets = brackets.replace("[]", "")
    return brackets != ""


# --- loading


RELATIVE_IMPORT = re.compile(rb"^[ \t]*from[ \t]+(\.+)[ \t]*(?:[\w.]+[ \t]+)?import\b", re.MULTILINE)


class Loader:
    """Finds the functions of an agent. Each file is loaded once."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.realpath(folder)
        self.packages: Dict[str, str] = {}
        # By path: the module, or why there is none.
        self.modules: Dict[str, Any] = {}
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
        return os.path.relpath(path, self.folder) if path.startswith(self.folder + os.sep) else filename

    def is_agent_code(self, filename: str) -> bool:
        """True for the agent's own files: not for what is installed in its virtual environment."""
        path = os.path.realpath(filename)
        return path.startswith(self.folder + os.sep) and "site-packages" not in path

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
        return any(isinstance(place, str) and os.path.realpath(place).startswith(self.folder + os.sep) for place in places)

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


# --- describing


class Entrypoint:
    """A function of the agent, and what is known of it before it is called."""

    def __init__(self, tag: str, name: str, function: Callable[..., Any]) -> None:
        self.tag = tag
        self.name = name
        self.function = function
        self.streaming = tag.endswith("_stream")
        self.core = find_core(function)
        self.is_async = any(inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one) for one in (function, self.core))
        self.parameters = read_parameters(function)

    def describe(self) -> Dict[str, Any]:
        yields = attempt(lambda: find_yields(self), "unknown")
        schema = attempt(lambda: describe_parameters(self), None)
        return {"tag": self.tag, "yields": yields, "description": attempt(lambda: read_description(self), None), "input_schema": schema}


def attempt(read: Callable[[], Any], otherwise: Any) -> Any:
    """Annotations and docstrings are the agent's code, and may fail in any way; the agent can be called without them."""
    try:
        return read()
    except BaseException:
        return otherwise


def find_core(function: Any) -> Any:
    """The function that runs in the end: behind partials, methods and callable objects."""
    for _ in range(20):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isroutine(function) or isinstance(function, type):
            return function
        else:
            function = getattr(type(function), "__call__", None)
    return function


def read_parameters(function: Any) -> Optional[List[inspect.Parameter]]:
    """The parameters, or None when nobody knows them."""
    options: Dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        import annotationlib

        # Annotations may name what is imported for type checkers only.
        options["annotation_format"] = annotationlib.Format.FORWARDREF
    signature = attempt(lambda: inspect.signature(function, **options), None)
    return None if signature is None else list(signature.parameters.values())


def read_description(entrypoint: Entrypoint) -> Optional[str]:
    text = inspect.getdoc(entrypoint.core)
    if not text and not inspect.isroutine(entrypoint.function) and not isinstance(entrypoint.function, functools.partial):
        text = inspect.getdoc(type(entrypoint.function))
    first = re.split(r"\n[ \t]*\n", (text or "").strip(), maxsplit=1)[0]
    return " ".join(first.split())[:MAX_DESCRIPTION_LENGTH] or None


def find_yields(entrypoint: Entrypoint) -> str:
    """Whether it gives chunks or one value, so far as it shows without a call."""
    inner = inspect.unwrap(entrypoint.core)
    for function in (entrypoint.core, inner):
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return "chunks"
    if isinstance(inner, type):
        return kind_of(inner)
    annotations = getattr(inner, "__annotations__", {})
    return kind_of(evaluate(annotations["return"], inner)) if "return" in annotations else "unknown"


def evaluate(annotation: Any, function: Any) -> Any:
    """The annotation that a text stands for; a text that means nothing stays as it is."""
    text = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(text, str):
        return annotation
    return attempt(lambda: eval(text, getattr(function, "__globals__", {})), text)


CHUNK_NAMES = ("Iterator", "Generator", "AsyncIterator", "AsyncGenerator", "AsyncIterable")
VALUE_NAMES = ("str", "bytes", "int", "float", "bool", "dict", "Dict", "Mapping", "None")


def kind_of(annotation: Any) -> str:
    """chunks, value or unknown, by what a function says it returns."""
    if isinstance(annotation, str):
        name = re.match(r"\s*(?:\w+\.)*(\w+)\s*(?:\[.*\])?\s*$", annotation)
        if name is None:
            return "unknown"
        return "chunks" if name.group(1) in CHUNK_NAMES else "value" if name.group(1) in VALUE_NAMES else "unknown"
    if annotation is None:
        return "value"
    if hasattr(annotation, "__supertype__"):
        return kind_of(annotation.__supertype__)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return "value"
    if is_union(origin):
        kinds = {kind_of(argument) for argument in arguments}
        return kinds.pop() if len(kinds) == 1 else "unknown"
    if origin in (collections.abc.Awaitable, collections.abc.Coroutine):
        return kind_of(arguments[-1]) if arguments else "unknown"
    if hasattr(annotation, "__metadata__"):
        return kind_of(annotation.__origin__)
    kind = origin or annotation
    if not isinstance(kind, type):
        return "unknown"
    if issubclass(kind, (collections.abc.Iterator, collections.abc.AsyncIterable)):
        return "chunks"
    return "value" if is_value_class(kind) else "unknown"


def is_union(origin: Any) -> bool:
    return origin is typing.Union or origin is getattr(sys.modules.get("types"), "UnionType", typing.Union)


def is_value_class(kind: type) -> bool:
    """True for classes whose values are one value each, though some can be iterated."""
    if issubclass(kind, (str, bytes, bytearray, memoryview, int, float, complex, type(None), enum.Enum, collections.abc.Mapping)):
        return True
    if hasattr(kind, "model_dump") or hasattr(kind, "__fields__"):
        return True
    return hasattr(kind, "__dataclass_fields__") and not hasattr(kind, "__iter__")


def describe_parameters(entrypoint: Entrypoint) -> Optional[Dict[str, Any]]:
    """JSON Schema of the named arguments."""
    if entrypoint.parameters is None:
        return None
    function = inspect.unwrap(entrypoint.core)
    properties: Dict[str, Any] = {}
    required = []
    for parameter in entrypoint.parameters:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        annotation = parameter.annotation
        schema = {} if annotation is parameter.empty else attempt(lambda: schema_of(annotation, function, 0), {})
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        elif is_json(parameter.default):
            schema = dict(schema, default=parameter.default)
        properties[parameter.name] = schema
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in entrypoint.parameters)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": is_open}


def is_json(value: Any) -> bool:
    return attempt(lambda: len(json.dumps(value, allow_nan=False)) <= MAX_DESCRIPTION_LENGTH, False)


SIMPLE_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", list: "array", dict: "object", type(None): "null"}


def schema_of(annotation: Any, function: Any, depth: int) -> Dict[str, Any]:
    """JSON Schema of an annotation; the empty one, which takes everything, where it says nothing about JSON."""
    annotation = evaluate(annotation, function)
    if depth > MAX_SCHEMA_DEPTH:
        return {}
    if hasattr(annotation, "__supertype__"):
        return schema_of(annotation.__supertype__, function, depth + 1)
    if hasattr(annotation, "__metadata__"):
        return schema_of(annotation.__origin__, function, depth + 1)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if is_union(origin):
        members = [schema_of(argument, function, depth + 1) for argument in arguments]
        return {} if {} in members else {"anyOf": members}
    if origin is typing.Literal:
        return {"enum": list(arguments)} if is_json(list(arguments)) else {}
    kind = type(None) if annotation is None else origin or annotation
    if not isinstance(kind, type):
        return {}
    if kind in SIMPLE_TYPES and not arguments:
        return {"type": SIMPLE_TYPES[kind]}
    if issubclass(kind, enum.Enum):
        values = [member.value for member in kind]
        return {"enum": values} if is_json(values) else {}
    if hasattr(kind, "__total__") and hasattr(kind, "__required_keys__"):
        members = {name: schema_of(member, function, depth + 1) for name, member in kind.__annotations__.items()}
        return {"type": "object", "properties": members, "required": sorted(kind.__required_keys__)}
    return schema_of_container(kind, arguments, function, depth)


def schema_of_container(kind: type, arguments: Tuple[Any, ...], function: Any, depth: int) -> Dict[str, Any]:
    if issubclass(kind, tuple):
        if not arguments or arguments[-1] is Ellipsis:
            return with_members({"type": "array"}, "items", arguments[:1], function, depth)
        members = [schema_of(argument, function, depth + 1) for argument in arguments]
        return {"type": "array", "prefixItems": members, "minItems": len(members), "maxItems": len(members)}
    if issubclass(kind, collections.abc.Mapping):
        return with_members({"type": "object"}, "additionalProperties", arguments[1:2], function, depth)
    if issubclass(kind, (str, bytes)):
        return {"type": "string"}
    array_likes = (collections.abc.Sequence, collections.abc.Set, collections.abc.Iterable, collections.abc.Collection)
    if kind in array_likes or issubclass(kind, (list, set, frozenset)) or kind is collections.abc.MutableSequence:
        return with_members({"type": "array"}, "items", arguments[:1], function, depth)
    return {}


def with_members(schema: Dict[str, Any], keyword: str, arguments: Tuple[Any, ...], function: Any, depth: int) -> Dict[str, Any]:
    members = schema_of(arguments[0], function, depth + 1) if arguments else {}
    return dict(schema, **{keyword: members}) if members else schema


# --- arguments


def complete_arguments(entrypoint: Entrypoint, command: Dict[str, Any]) -> Dict[str, Any]:
    """
    The named arguments of a call: those of the request, and whose memory it uses where the function asks for that. Raises Failure when the
    function does not take them.
    """
    args, kwargs = command["args"], dict(command["kwargs"])
    parameters = entrypoint.parameters
    if parameters is None:
        return kwargs
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    given = {one.name for one in positional[: len(args)]}
    for one in parameters:
        if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY) or one.name in kwargs or one.name in given:
            continue
        if one.name == "user_id" and command["user_id"] is not None:
            kwargs["user_id"] = command["user_id"]
        # A request that says nothing of it leaves it to the function's default.
        if one.name == "persistent_memory" and (command["persistent_memory"] or one.default is one.empty):
            kwargs["persistent_memory"] = command["persistent_memory"]
    check_arguments(entrypoint, parameters, positional, args, kwargs)
    return kwargs


def check_arguments(
    entrypoint: Entrypoint, parameters: List[inspect.Parameter], positional: List[inspect.Parameter], args: List[Any], kwargs: Dict[str, Any]
) -> None:
    takes = "it takes %s." % list_parameters(parameters)
    if len(args) > len(positional) and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
        text = "%s takes at most %d positional arguments, and input_args has %d; %s" % (entrypoint.name, len(positional), len(args), takes)
        raise Failure("VALIDATION_ERROR", text, "input_args")
    by_position = {one.name for one in positional[: len(args)]}
    by_name = {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    is_open = any(one.kind is one.VAR_KEYWORD for one in parameters)
    for name in kwargs:
        if name in by_name and name in by_position:
            text = '%s is given the argument "%s" twice, in input_args and in input_kwargs; %s' % (entrypoint.name, name, takes)
            raise Failure("VALIDATION_ERROR", text, name)
        if name not in by_name and not is_open:
            raise unknown_argument(entrypoint, name, parameters, by_name, takes)
    for one in parameters:
        required = one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        if required and one.name not in by_position and not (one.name in kwargs and one.name in by_name):
            raise Failure("VALIDATION_ERROR", '%s needs the argument "%s"; %s' % (entrypoint.name, one.name, takes), one.name)


def unknown_argument(entrypoint: Entrypoint, name: str, parameters: List[inspect.Parameter], by_name: Any, takes: str) -> Failure:
    import difflib

    text = '%s has no argument "%s"; %s' % (entrypoint.name, name, takes)
    if any(one.name == name and one.kind is one.POSITIONAL_ONLY for one in parameters):
        text = '%s takes "%s" by position only; %s' % (entrypoint.name, name, takes)
        return Failure("VALIDATION_ERROR", text, name, "Pass it in input_args.")
    close = difflib.get_close_matches(name, sorted(by_name), 1)
    return Failure("VALIDATION_ERROR", text, name, 'Did you mean "%s"?' % close[0] if close else None)


def list_parameters(parameters: List[inspect.Parameter]) -> str:
    def show(one: inspect.Parameter) -> str:
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind)
        if stars is not None:
            return stars + one.name
        return one.name if one.default is one.empty else one.name + " (optional)"

    return ", ".join(show(one) for one in parameters) or "no arguments"


# --- what a function returned


def is_async_iterable(value: Any) -> bool:
    return hasattr(value, "__aiter__") or hasattr(value, "__anext__")


def is_iterable(value: Any) -> bool:
    """True for what chunks may come from. A text would arrive letter by letter, an object key by key: those are values."""
    if isinstance(value, type) or is_value_class(type(value)):
        return False
    return hasattr(value, "__iter__") or hasattr(value, "__next__") or hasattr(value, "__getitem__")


def to_iterator(entrypoint: Entrypoint, value: Any) -> Any:
    if not is_iterable(value):
        what = "nothing" if value is None else "a value of type %s" % type(value).__name__
        raise Failure(
            "EXECUTION_ERROR",
            'The entrypoint "%s" must yield chunks or return an iterable, and returned %s.' % (entrypoint.tag, what),
            suggestion="Write it as a generator that yields its chunks, or give it a tag that does not end in _stream.",
        )
    return value if not hasattr(value, "__iter__") and hasattr(value, "__next__") else iter(value)


def to_async_iterator(value: Any) -> Any:
    return value.__aiter__() if hasattr(value, "__aiter__") else value


def not_streaming(entrypoint: Entrypoint, value: Any) -> Failure:
    return Failure(
        "EXECUTION_ERROR",
        'The entrypoint "%s" returned a value of type %s, and its tag does not end in _stream.' % (entrypoint.tag, type(value).__name__),
        suggestion='Name it "%s_stream" to stream its chunks, or return the whole result.' % entrypoint.tag,
    )


def dispose(value: Any) -> None:
    """Closes a coroutine or generator that never began: Python would complain of it in the log."""
    if inspect.iscoroutine(value) or inspect.isgenerator(value):
        value.close()


# --- invocations

# How one ends: the kind of the message, and its JSON.
End = Tuple[str, str]
DONE: End = ("done", "null")
CANCELLED: End = ("cancelled", "null")
# Another thread, or the event loop, goes on with it.
HANDED_OVER: End = ("", "")
NOTHING = object()


class Invocation:
    """
    One call of a function. It moves between two places: a thread of its own, for code that may block, and a task of the event loop.

        launch ─▶ thread: call the function ──▶ pull its iterator ──▶ end
                       │ it returned something async      ▲ it returned something plain
                       ▼                                  │
        launch ─▶ task: call or await the function ──▶ pull its async iterator ──▶ end
    """

    def __init__(self, worker: "Worker", command: Dict[str, Any]) -> None:
        self.worker = worker
        self.id: int = command["id"]
        self.command = command
        self.entrypoint: Any = None
        self.kwargs: Dict[str, Any] = {}
        self.window: int = command["window"]
        # Each is written by one thread only, so that no lock is needed: sent by who pulls, acked by the reader.
        self.sent = 0
        self.acked = 0
        self.chunks = 0
        self.cancelled = False
        self.over = threading.Event()
        # What pulls in a thread waits for this one, in a task for the other.
        self.room = threading.Event()
        self.waiter: Optional["asyncio.Future[None]"] = None
        self.thread_id = 0
        # True while the thread runs code of the agent that an exception may stop.
        self.inside = False
        self.raising = False
        self.raised = False
        self.task: Optional["asyncio.Task[None]"] = None
        # True while a cancel is to reach the task: not before its first step, nor while its iterator is closed because of that cancel.
        self.cancellable = False
        self.iterator: Any = None

    # Called by the reader thread.

    def launch(self) -> None:
        if self.cancelled:
            return self.end(CANCELLED)
        try:
            self.entrypoint = self.worker.find(self.command["tag"])
            self.kwargs = complete_arguments(self.entrypoint, self.command)
            context = self.worker.context.copy()
            if self.entrypoint.is_async:
                self.worker.loop.call_soon_threadsafe(self.start_task, NOTHING, context=context)
            else:
                start_daemon(context.run, self.run_thread, NOTHING)
        except Failure as failure:
            self.end(failed(failure))
        except Exception as error:
            # No thread is left, or the agent has broken the event loop.
            self.end(failed(Failure("EXECUTION_ERROR", "The call cannot be made (%s)." % describe(error))))

    def ack(self, count: int) -> None:
        self.acked += count
        self.wake()

    def cancel(self) -> None:
        if self.cancelled:
            return
        self.cancelled = True
        self.wake()
        self.worker.loop.call_soon_threadsafe(self.cancel_task)
        start_daemon(self.watch)

    def wake(self) -> None:
        self.room.set()
        if self.waiter is not None:
            self.worker.loop.call_soon_threadsafe(self.wake_task)

    # Chunks and ends.

    def has_room(self, size: int) -> bool:
        waiting = self.sent - self.acked
        return waiting <= 0 or waiting + size <= self.window

    def encode(self, value: Any, what: str) -> str:
        try:
            return to_json(value, self.worker.max_chunk_bytes)
        except NotJson as error:
            if error.__cause__ is not None:
                log_traceback(error.__cause__)
            suggestion = "Yield and return only strings, finite numbers, booleans, None, and lists and dicts of those, or what converts to them."
            raise Failure("EXECUTION_ERROR", "%s of the agent is not JSON: %s." % (what, error), suggestion=suggestion) from None
        except TooLarge:
            message = "%s of the agent is larger than %d bytes." % (what, self.worker.max_chunk_bytes)
            raise Failure("EXECUTION_ERROR", message, suggestion="Give it in several chunks.") from None

    def encode_chunk(self, value: Any) -> str:
        self.chunks += 1
        return self.encode(value, "Chunk %d" % self.chunks)

    def send_chunk(self, text: str) -> None:
        self.sent += len(text)
        self.worker.writer.put("chunk %d %s\n" % (self.id, text))

    def to_result(self, value: Any) -> End:
        if hasattr(value, "__next__") or hasattr(value, "__anext__"):
            dispose(value)
            raise not_streaming(self.entrypoint, value)
        return ("result", self.encode(value, "The result"))

    def to_end(self, error: BaseException) -> End:
        """How an invocation ends whose code raised this."""
        if isinstance(error, Failure) and not self.cancelled:
            return failed(error)
        expected = self.cancelled and isinstance(error, (Stopped, asyncio.CancelledError, GeneratorExit, Failure))
        if not expected:
            log_traceback(error)
        return CANCELLED if self.cancelled else failed(Failure("EXECUTION_ERROR", describe(error)))

    def end(self, end: End) -> None:
        kind, text = end
        self.iterator = self.task = None
        self.worker.calls.pop(self.id, None)
        self.over.set()
        self.worker.writer.put("%s %d %s\n" % (kind, self.id, text))

    # In a thread.

    def run_thread(self, iterator: Any) -> None:
        self.thread_id = threading.get_ident()
        end = CANCELLED
        # Stopped comes once at most, but it may come anywhere: also just behind the agent's code.
        try:
            try:
                end = self.call() if iterator is NOTHING else self.pull(iterator)
            except BaseException as error:
                end = self.to_end(error)
            self.disarm()
        except Stopped:
            self.disarm()
        if end is not HANDED_OVER:
            self.end(end)

    def call(self) -> End:
        entrypoint = self.entrypoint
        if self.cancelled:
            return CANCELLED
        self.inside = True
        returned = entrypoint.function(*self.command["args"], **self.kwargs)
        self.inside = False
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        if inspect.isawaitable(returned) or (entrypoint.streaming and is_async_iterable(returned) and not is_iterable(returned)):
            self.worker.loop.call_soon_threadsafe(self.start_task, returned, context=contextvars.copy_context())
            return HANDED_OVER
        if entrypoint.streaming:
            return self.pull(to_iterator(entrypoint, returned))
        self.inside = True
        return self.to_result(returned)

    def pull(self, iterator: Any) -> End:
        self.iterator = iterator
        try:
            while not self.cancelled:
                if not self.has_room(1) and not self.await_room(1):
                    break
                self.inside = True
                try:
                    chunk = iterator.__next__()
                except BaseException as error:
                    self.iterator = None
                    if isinstance(error, StopIteration):
                        return CANCELLED if self.cancelled else DONE
                    raise
                if self.cancelled:
                    break
                text = self.encode_chunk(chunk)
                self.inside = False
                if not self.has_room(len(text)) and not self.await_room(len(text)):
                    break
                self.send_chunk(text)
        finally:
            self.close()
        return CANCELLED

    def await_room(self, size: int) -> bool:
        """False when the invocation was cancelled meanwhile."""
        while True:
            self.room.clear()
            if self.cancelled:
                return False
            if self.has_room(size):
                return True
            self.room.wait()

    def close(self) -> None:
        """Lets the finally blocks of the agent's generator run."""
        # GeneratorExit tells it to stop: an exception because of the same cancel would cut its finally blocks short.
        self.inside = not self.cancelled
        close = getattr(self.iterator, "close", None)
        if not callable(close):
            return
        try:
            close()
        except BaseException as error:
            if not isinstance(error, Stopped):
                log_traceback(error)

    def disarm(self) -> None:
        """After this, no Stopped comes into the thread any more."""
        self.inside = False
        while self.raising:
            time.sleep(0.001)
        if self.raised:
            set_async_exception(self.thread_id, None)

    # In a task of the event loop.

    def start_task(self, returned: Any) -> None:
        if self.cancelled:
            dispose(returned)
            return self.end(CANCELLED)
        self.task = self.worker.loop.create_task(self.run_task(returned))

    def cancel_task(self) -> None:
        if self.task is not None and self.cancellable:
            self.task.cancel()

    def wake_task(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def run_task(self, returned: Any) -> None:
        self.cancellable = True
        try:
            end = await self.call_async(returned)
        except BaseException as error:
            end = self.to_end(error)
        self.cancellable = False
        self.task = None
        if end is not HANDED_OVER:
            self.end(end)

    async def call_async(self, returned: Any) -> End:
        entrypoint = self.entrypoint
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        if returned is NOTHING:
            returned = entrypoint.function(*self.command["args"], **self.kwargs)
        if inspect.isawaitable(returned):
            returned = await typing.cast(Awaitable[Any], returned)
        if self.cancelled:
            dispose(returned)
            return CANCELLED
        if not entrypoint.streaming:
            return self.to_result(returned)
        if is_async_iterable(returned):
            return await self.pull_async(to_async_iterator(returned))
        # What is not async may block, and must not block the others.
        start_daemon(contextvars.copy_context().run, self.run_thread, to_iterator(entrypoint, returned))
        return HANDED_OVER

    async def pull_async(self, iterator: Any) -> End:
        self.iterator = iterator
        turn_end = time.monotonic() + TURN_SECONDS
        try:
            while not self.cancelled:
                if not self.has_room(1):
                    await self.await_room_async(1)
                    if self.cancelled:
                        break
                try:
                    chunk = await iterator.__anext__()
                except BaseException as error:
                    self.iterator = None
                    if isinstance(error, StopAsyncIteration):
                        return CANCELLED if self.cancelled else DONE
                    raise
                if self.cancelled:
                    break
                text = self.encode_chunk(chunk)
                if not self.has_room(len(text)):
                    await self.await_room_async(len(text))
                    if self.cancelled:
                        break
                self.send_chunk(text)
                if self.chunks % CHUNKS_PER_TURN == 0 or time.monotonic() > turn_end:
                    await asyncio.sleep(0)
                    turn_end = time.monotonic() + TURN_SECONDS
        finally:
            await self.close_async()
        return CANCELLED

    async def await_room_async(self, size: int) -> None:
        while True:
            self.waiter = self.worker.loop.create_future()
            try:
                # An ack that came before the waiter was there has woken nobody.
                if self.cancelled or self.has_room(size):
                    return
                await self.waiter
            finally:
                self.waiter = None

    async def close_async(self) -> None:
        self.cancellable = not self.cancelled
        close = getattr(self.iterator, "aclose", None)
        if not callable(close):
            return
        try:
            await close()
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                log_traceback(error)

    # In the thread that watches a cancelled one.

    def watch(self) -> None:
        if self.over.wait(STOP_SECONDS):
            return
        self.stop_thread()
        if self.over.wait(STUCK_SECONDS - STOP_SECONDS):
            return
        where = attempt(self.find_place, None)
        told = {"seconds": STUCK_SECONDS} if where is None else {"seconds": STUCK_SECONDS, "where": where}
        self.worker.writer.put("stuck %d %s\n" % (self.id, json.dumps(told)))
        place = "" if where is None else ": it is at " + where
        say("The cancelled invocation %s of %s has not stopped within %d seconds%s." % (self.command["invocation_id"], self.entrypoint.tag, STUCK_SECONDS, place))

    def stop_thread(self) -> None:
        """Raises Stopped in the thread, if the agent's code runs there."""
        self.raising = True
        if self.inside:
            self.raised = set_async_exception(self.thread_id, Stopped)
            attempt(self.wake_own_loop, None)
        self.raising = False

    def wake_own_loop(self) -> None:
        """A function that runs an event loop of its own sleeps in the system, where no exception reaches it."""
        for frame in list_frames(sys._current_frames().get(self.thread_id)):
            if frame.f_code is asyncio.BaseEventLoop.run_forever.__code__:
                frame.f_locals["self"].call_soon_threadsafe(lambda: None)

    def find_place(self) -> Optional[str]:
        """The innermost line of the agent's code that runs."""
        frames = self.list_task_frames() if self.task is not None else list_frames(sys._current_frames().get(self.thread_id))
        loader = self.worker.loader
        theirs = [frame for frame in frames if not is_ours(frame.f_code.co_filename)]
        agents = [frame for frame in theirs if loader.is_agent_code(frame.f_code.co_filename)] or theirs
        if not agents:
            return None
        code = agents[0].f_code
        return "%s:%d in %s" % (loader.shown(code.co_filename), agents[0].f_lineno or 0, code.co_name)

    def list_task_frames(self) -> List[Any]:
        """Innermost first."""
        frames: List[Any] = []
        for awaited in (typing.cast(Any, self.task).get_coro(), self.iterator):
            while awaited is not None and len(frames) < 1000:
                prefix = next((one for one in ("cr_", "ag_", "gi_") if hasattr(awaited, one + "frame")), None)
                frame = None if prefix is None else getattr(awaited, prefix + "frame")
                if prefix is None or frame is None:
                    break
                frames.insert(0, frame)
                awaited = getattr(awaited, "gi_yieldfrom" if prefix == "gi_" else prefix + "await")
        running = list_frames(sys._current_frames().get(threading.main_thread().ident or 0))
        # One that does not wait, but keeps the event loop for itself, has called on from there.
        return running if any(frame in running for frame in frames) else frames


def list_frames(frame: Any) -> List[Any]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames


def failed(failure: Failure) -> End:
    return ("failed", json.dumps(failure.told))


def set_async_exception(thread_id: int, exception: Any) -> bool:
    """Makes an exception be raised in another thread, when it next runs Python code; None takes it back."""
    try:
        import ctypes
    except ImportError:
        return False  # Some builds of Python have none; the thread is told to the server instead.
    raised = ctypes.py_object() if exception is None else ctypes.py_object(exception)
    return ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), raised) > 0


def start_daemon(target: Callable[..., None], *args: Any) -> None:
    threading.Thread(target=target, args=args, daemon=True).start()


# --- the process


class Writer:
    """Sends messages to the server. Whatever has gathered while one write was under way goes out with the next."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lock = threading.Condition(threading.Lock())
        self.lines: List[str] = []
        self.idle = False
        self.busy = False

    def put(self, line: str) -> None:
        with self.lock:
            self.lines.append(line)
            if self.idle:
                self.idle = False
                self.lock.notify_all()

    def run(self) -> None:
        while True:
            with self.lock:
                self.busy = False
                while not self.lines:
                    self.idle = True
                    self.lock.wait()
                self.busy = True
                lines, self.lines = self.lines, []
            rest = memoryview("".join(lines).encode("ascii"))
            try:
                while rest:
                    rest = rest[os.write(self.fd, rest) :]
            except OSError:
                pass  # The server is gone: the reader sees it too, and ends the process.

    def flush(self, deadline: float) -> None:
        while (self.lines or self.busy) and time.monotonic() < deadline:
            time.sleep(0.001)


class Worker:
    """The agent, its invocations, and the server's commands to them."""

    def __init__(self) -> None:
        self.writer = Writer(MESSAGES_FD)
        self.loop = asyncio.new_event_loop()
        self.calls: Dict[int, Invocation] = {}
        self.max_chunk_bytes = 0
        self.loader: Any = None
        # By tag: the entrypoint, or why it cannot be called.
        self.entrypoints: Dict[str, Any] = {}
        # What the agent's modules set at their import is what every invocation begins with.
        self.context = contextvars.copy_context()
        self.loads: "queue.SimpleQueue[Dict[str, Any]]" = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.loaded = False
        # Starts that came before the agent was loaded.
        self.early: List[Invocation] = []
        self.leaving = False
        self.left = threading.Event()

    # In the main thread.

    def run(self) -> None:
        asyncio.set_event_loop(self.loop)
        start_daemon(self.writer.run)
        start_daemon(self.read)
        self.load(self.loads.get())
        while not self.leaving:
            try:
                self.loop.run_forever()
            except BaseException as error:
                if self.loop.is_closed():
                    say("The agent closed the event loop of its process.")
                    os._exit(1)
                log_traceback(error)  # A task that the agent made has raised SystemExit or KeyboardInterrupt.
        attempt(getattr(atexit, "_run_exitfuncs", lambda: None), None)
        self.left.set()
        # The reader ends the process.
        threading.Event().wait()

    def load(self, command: Dict[str, Any]) -> None:
        self.max_chunk_bytes = command["max_chunk_bytes"]
        self.loader = Loader(command["folder"])
        told = [self.load_entrypoint(entry) for entry in command["entrypoints"]]
        # The modules may have run a loop of their own.
        if self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.context = contextvars.copy_context()
        version = "%d.%d.%d" % sys.version_info[:3]
        self.writer.put("ready 0 %s\n" % json.dumps({"language": "python", "version": version, "entrypoints": told}))
        with self.lock:
            self.loaded = True
            early, self.early = self.early, []
        for invocation in early:
            invocation.launch()

    def load_entrypoint(self, entry: Dict[str, Any]) -> Dict[str, Any]:
        tag = entry["tag"]
        try:
            entrypoint = Entrypoint(tag, entry["module"], self.loader.find(entry["file"], entry["module"]))
        except LoadError as error:
            self.entrypoints[tag] = error
            return {"tag": tag, "error": str(error)}
        self.entrypoints[tag] = entrypoint
        return entrypoint.describe()

    # In the reader thread.

    def find(self, tag: str) -> Entrypoint:
        entrypoint = self.entrypoints.get(tag)
        if isinstance(entrypoint, Entrypoint):
            return entrypoint
        if entrypoint is None:
            raise Failure("EXECUTION_ERROR", 'The agent has no entrypoint "%s".' % tag)
        raise Failure("EXECUTION_ERROR", "The agent cannot be loaded: %s" % entrypoint, suggestion="Look at the agent's log.")

    def read(self) -> None:
        parts: List[bytes] = []
        while True:
            try:
                data = os.read(COMMANDS_FD, 262144)
            except OSError:
                data = b""
            if not data:
                return self.leave()
            parts.append(data)
            # A line of megabytes comes in many parts, and is put together once.
            if b"\n" not in data:
                continue
            *lines, rest = b"".join(parts).split(b"\n")
            parts = [rest]
            starts: List[Invocation] = []
            for line in lines:
                try:
                    self.obey(json.loads(line), starts)
                except Exception as error:
                    say("The server sent a command that cannot be obeyed (%s)." % describe(error))
            # Last, so that one whose cancel comes with its start never runs.
            for invocation in starts:
                invocation.launch()

    def obey(self, command: Dict[str, Any], starts: List[Invocation]) -> None:
        op = command["op"]
        if op == "load":
            return self.loads.put(command)
        if op == "start":
            invocation = self.calls[command["id"]] = Invocation(self, command)
            with self.lock:
                (starts if self.loaded else self.early).append(invocation)
            return
        call = self.calls.get(command["id"])
        if call is not None and op == "ack":
            call.ack(command["bytes"])
        elif call is not None and op == "cancel" and self.withdraw(call, starts):
            call.end(CANCELLED)
        elif call is not None and op == "cancel":
            call.cancel()

    def withdraw(self, call: Invocation, starts: List[Invocation]) -> bool:
        """True when the invocation was not launched yet, and now never is."""
        with self.lock:
            for waiting in (starts, self.early):
                if call in waiting:
                    waiting.remove(call)
                    return True
        return False

    def leave(self) -> None:
        """Ends the process, because nobody is there any more."""
        deadline = time.monotonic() + LEAVE_SECONDS
        if self.loaded:
            calls = list(self.calls.values())
            for call in calls:
                call.cancel()
            for call in calls:
                call.over.wait(max(0, deadline - time.monotonic()))
            self.leaving = True
            attempt(lambda: self.loop.call_soon_threadsafe(self.loop.stop), None)
            self.left.wait(max(0, deadline - time.monotonic()))
            self.writer.flush(deadline)
        for stream in (sys.stdout, sys.stderr):
            attempt(stream.flush, None)
        os._exit(0)


def leave_channels() -> None:
    """In a process that the agent forked: the descriptors are ours, and so is what would be written to them."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (COMMANDS_FD, MESSAGES_FD):
        os.dup2(null, fd, inheritable=False)


def main() -> None:
    try:
        for fd in (COMMANDS_FD, MESSAGES_FD):
            # Programs that the agent starts must not hold them.
            os.set_inheritable(fd, False)
            os.set_blocking(fd, True)
    except OSError:
        say("This program is started by `runagent serve`, and not by hand.")
        sys.exit(2)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=leave_channels)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    # A crash in native code names the line of the agent that led there.
    attempt(faulthandler.enable, None)
    # Ctrl-C in a terminal reaches this process too, and is for the server to handle. Programs that the agent starts get the default back.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        Worker().run()
    except BaseException as error:
        say("The process that runs the agent has failed (%s)." % describe(error))
        os._exit(1)


# A process that multiprocessing starts imports this file again.
if __name__ == "__main__":
    main()
