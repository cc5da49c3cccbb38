"""The parameters of an analysis as plain data: in a request, in JSON, and in the repr of the analysis.

Plain data are text, finite numbers, booleans, None, tuples and mappings. A trace, an array or a table becomes its content
hash (see `things`). A frozen dataclass becomes a mapping with its name under ``$class``: ``Patch(site="z", layer=3)`` is
``{"$class": "Patch", "site": "z", "layer": 3}``. `rebuilt` makes the objects again. Keys that begin with ``$`` are reserved.
"""

from __future__ import annotations

import ast
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

import numpy as np

from tracebench import registry
from tracebench.record.arrays import whole
from tracebench.record.target import Target
from tracebench.requests.canonical import LARGEST
from tracebench.requests.things import KEYS, hash_of, kept, key_of, opened, python_of

#: Key for the name of a class.
CLASS = "$class"
#: Key for a whole number as text, in JSON, if a browser cannot hold the number.
WHOLE = "$int"


def plain(value: Any) -> Any:
    """A parameter as plain data: sequences become tuples, frozen dataclasses mappings, numpy numbers Python numbers.

    Raises:
        TypeError: a type that cannot be a parameter.
        ValueError: NaN, an infinity, or a reserved key.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if (number := whole(value)) is not None:
        return number
    if isinstance(value, (float, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"a parameter is a finite number, got {value}: give None to mean no limit")
        return float(value)
    if (key := key_of(value)) is not None:
        return {key: hash_of(value)}
    if _is_thing(value):
        return dict(value)
    if isinstance(value, Mapping):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    if is_dataclass(value) and not isinstance(value, type):
        return _nested(value)
    raise TypeError(
        "a parameter of a request is text, a number, a bool, None, a frozen dataclass, or a list or mapping of those, "
        f"got {type(value).__name__} {value!r}"
    )


def to_json(value: Any) -> Any:
    """Plain data as JSON that a browser can read and send back without loss."""
    if isinstance(value, Mapping):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [to_json(each) for each in value]
    if isinstance(value, int) and abs(value) > LARGEST:
        return {WHOLE: str(value)}
    return value


def from_json(value: Any) -> Any:
    """The plain data from the JSON of `to_json`, also if a browser has rewritten it."""
    if isinstance(value, Mapping):
        if set(value) == {WHOLE}:
            return int(value[WHOLE])
        return {key: from_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(from_json(each) for each in value)
    # A browser writes the float 1e20 as an int.
    return float(value) if isinstance(value, int) and abs(value) > LARGEST else value


def parsed(method: str) -> tuple[str, dict[str, Any]]:
    """``LogitLens(top=5)`` as (name, parameters). Calls among the parameters become mappings with ``$class``.

    Raises:
        ValueError: the text is not a call with keywords.
    """
    try:
        call = _value(ast.parse(method, mode="eval").body)
        if not isinstance(call, dict) or CLASS not in call:
            raise ValueError("it is not a call with keywords")
        return call.pop(CLASS), plain(call)
    except (ValueError, TypeError, SyntaxError) as error:
        raise ValueError(
            f"a result's method is the repr of an analysis, Name(parameter=value, ...), got {method!r}"
        ) from error


def things_in(value: Any) -> dict[str, Any]:
    """Content hash -> trace, array or table, for all of them among these parameters (before `plain`)."""
    if key_of(value) is not None:
        return {hash_of(value): kept(value)}
    if isinstance(value, Mapping):
        nested = list(value.values())
    elif isinstance(value, (list, tuple)):
        nested = list(value)
    elif is_dataclass(value) and not isinstance(value, type):
        nested = [getattr(value, each.name) for each in fields(value)]
    else:
        return {}
    return {content: thing for each in nested for content, thing in things_in(each).items()}


def described(analysis: Any) -> str:
    """The repr for a dataclass with traces, arrays or tables as fields: Python that opens them from files.

    Declare such a class with ``@dataclass(frozen=True, repr=False)`` and ``__repr__ = described``.
    """
    named = ", ".join(f"{each.name}={_python(getattr(analysis, each.name))}" for each in fields(analysis) if each.repr)
    return f"{type(analysis).__name__}({named})"


def _python(value: Any) -> str:
    if (key := key_of(value)) is not None:
        return python_of(key, hash_of(value))
    if isinstance(value, (list, tuple)):
        inside = ", ".join(map(_python, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_python(each)}" for key, each in value.items()) + "}"
    return repr(value)


def _is_thing(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in KEYS


def rebuilt(params: Mapping[str, Any], owner: type, things: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The parameters as objects: nested mappings become dataclasses, content hashes become traces, arrays and tables.

    A nested class must be an analysis, or be in the annotations of its owner's fields.

    Raises:
        ValueError: a class that is not there, or parameters that it does not take.
    """
    known = {} if things is None else things
    return {name: _object(value, owner, known) for name, value in params.items()}


def _object(value: Any, owner: type, things: Mapping[str, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(_object(each, owner, things) for each in value)
    if not isinstance(value, Mapping):
        return value
    if _is_thing(value):
        ((key, content),) = value.items()
        if content not in things:
            raise ValueError(
                f"a parameter of {owner.__name__} is the {KEYS[key]} {content}, which this bench does not have: give the "
                f"object itself, as in tb.{owner.__name__}(...)"
            )
        return things[content]
    if CLASS not in value:
        return {key: _object(each, owner, things) for key, each in value.items()}
    name = value[CLASS]
    cls = _class(name, owner)
    params = rebuilt({key: each for key, each in value.items() if key != CLASS}, cls, things)
    try:
        return cls(**params)
    except TypeError as error:
        raise ValueError(f"{name} does not take the parameters {', '.join(params) or '(none)'}: {error}") from error


def _class(name: str, owner: type) -> type:
    known = {"Target": Target, **_mentioned(owner)}
    if name not in known:
        try:
            known[name] = registry.analysis_class(name)
        except KeyError:
            raise ValueError(
                f"a parameter of {owner.__name__} is a {name!r}, which is not known here: the annotations of its fields name "
                f"{', '.join(sorted(known))}. Install the package that has it, and annotate the field with the class"
            ) from None
    _require_frozen(known[name])
    return known[name]


def _mentioned(owner: type) -> dict[str, type]:
    """The dataclasses in the annotations of a class's fields, by name."""
    try:
        waiting = list(typing.get_type_hints(owner).values())
    except NameError:  # an annotation is imported for type checkers only
        return {}
    found = {}
    while waiting:
        hint = waiting.pop()
        waiting.extend(typing.get_args(hint))
        if isinstance(hint, type) and is_dataclass(hint):
            found[hint.__name__] = hint
    return found


def _nested(value: Any) -> dict[str, Any]:
    """A dataclass as plain data, read from its repr, so that an object and the repr of its owner give the same data."""
    name = type(value).__name__
    _require_frozen(type(value))
    try:
        shown_name, params = parsed(repr(value))
    except ValueError as error:
        raise TypeError(
            f"the repr of a parameter is Python that makes it, Name(field=value, ...), got {value!r}"
        ) from error
    own = {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    # A field that the repr leaves out must be at its default, or its value would be lost.
    from_repr = {each.name: params.get(each.name, _default(each)) for each in fields(value)}
    if shown_name != name or from_repr != own or not params.keys() <= own.keys():
        raise TypeError(
            f"the repr of a parameter names every field that is not at its default, got {value!r} for a {name}"
        )
    return {CLASS: name, **params}


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return plain(field.default_factory())
    return MISSING if field.default is MISSING else plain(field.default)


def _require_frozen(cls: Any) -> None:
    if not (isinstance(cls, type) and is_dataclass(cls) and cls.__dataclass_params__.frozen):
        raise TypeError(
            f"a parameter is a frozen dataclass, {getattr(cls, '__name__', cls)} is not: declare it with frozen=True"
        )


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the keys of a mapping are text, got {key!r}")
    if key.startswith("$") and key != CLASS:
        raise ValueError(f"keys of a mapping that begin with $ are reserved for the format of requests, got {key!r}")
    return key


def _value(node: ast.expr) -> Any:
    if (thing := opened(node)) is not None:
        return thing
    if isinstance(node, ast.Call):
        if node.args or not isinstance(node.func, ast.Name):
            raise ValueError("it is not a call of a name with keywords")
        named = {word.arg: _value(word.value) for word in node.keywords}
        if None in named:
            raise ValueError("its keywords are not written out")
        return {CLASS: node.func.id, **named}
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(map(_value, node.elts))
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError("its keys are not written out")
        return {ast.literal_eval(key): _value(each) for key, each in zip(node.keys, node.values, strict=True) if key}
    return ast.literal_eval(node)
