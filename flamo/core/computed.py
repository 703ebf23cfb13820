"""Attributes that follow from others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class computed(Generic[T]):
    """A read-only property, until a subclass or a user assigns an attribute of that name to the instance.

    >>> class Circle:
    ...     radius = 1
    ...     @computed
    ...     def diameter(self):
    ...         return 2 * self.radius
    >>> circle = Circle()
    >>> circle.radius = 3
    >>> circle.diameter
    6
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        return self if instance is None else self.compute(instance)
