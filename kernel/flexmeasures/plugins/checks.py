"""Whether a hook answers what its specification says, by the annotation of what that returns.

A wrong answer counts as a failure of the plugin, where it is given and not later.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from flexmeasures.errors import WrongAnswer


def checked(specification: Callable[..., Any], answer: Any) -> Any:
    """Return the answer of a hook.

    Args:
        specification: The function that specifies the hook. Names in the annotation of what it returns are
            looked up in its module, where they have to be imported for good, not only for type checkers.

    Raises:
        WrongAnswer: The answer is of another kind; the text tells what is accepted.
    """
    hint = _returns(specification)
    if answer is not None and not _fits(hint, answer):
        raise WrongAnswer(f"hook {specification.__name__} answers {answer!r:.80}. Accepted: {_told(hint)}.")
    return answer


@lru_cache(maxsize=256)
def _returns(specification: Callable[..., Any]) -> Any:
    """What the specification returns; its arguments may be annotated by names that only type checkers know."""
    stated = SimpleNamespace(__annotations__={"return": specification.__annotations__.get("return", Any)})
    return get_type_hints(stated, globalns=specification.__globals__)["return"]


def _fits(hint: Any, answer: Any) -> bool:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(each, answer) for each in args)
    if origin is list:
        return isinstance(answer, list | tuple) and all(_fits(args[0], each) for each in answer)
    if origin is dict:
        return isinstance(answer, dict) and all(
            _fits(args[0], key) and _fits(args[1], value) for key, value in answer.items()
        )
    if origin is type:
        return (
            isinstance(answer, type)
            and issubclass(answer, args[0])
            and isinstance(getattr(answer, "name", None), str)
            and not getattr(answer, "__abstractmethods__", None)
        )
    if origin is not None:
        return isinstance(answer, origin)  # Callable[..., X]
    return isinstance(answer, hint)


def _told(hint: Any) -> str:
    """The kinds of answers in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_told(each) for each in args))
    if origin is list:
        return f"a list of {_several(args[0])}"
    if origin is dict:
        return f"a dict of {_several(args[1])} by {_several(args[0]).removesuffix('s')}"
    if hint is NoneType:
        return "None"
    return f"a {_several(hint).removesuffix('s')}" if hint in _WORDS else f"a {hint.__name__}"


_WORDS: dict[Any, str] = {str: "names", bool: "booleans", Path: "paths", Any: "things"}


def _several(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is type:
        return f"classes of {args[0].__name__} with a name and all methods"
    if origin is collections.abc.Callable:
        return "functions"
    return _WORDS.get(hint) or str(getattr(hint, "__name__", hint))
