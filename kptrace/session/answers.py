# SPDX-License-Identifier: MIT
"""What names and frames mean on the host of a capture: noted there, answered from the file later.

An answer is a JSON list: the question (a method of `kptrace.output.Resolver`), its arguments as
numbers, and what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from kptrace import types
from kptrace.capture import Clocks
from kptrace.capture.content import text
from kptrace.decoding import decoder
from kptrace.output import Resolver, UserFrame
from kptrace.output.values import Style, renderer
from kptrace.types import KStack, Type

Question: TypeAlias = tuple[str, tuple[int, ...]]

_MOST = 1 << 18
"""Answers that are remembered as noted; what is asked again behind that is noted again."""

_MOST_FRAMES = 1 << 10
"""Of a stack, by the language."""
_MOST_KNOWN = 1 << 21
"""Answers of a file: several times what the stack maps of a run hold, and all symbols."""


def asks(kind: Type | None) -> bool:
    """Whether the text of a value of this type depends on the host that it comes from."""
    match kind:
        case types.KSym() | types.KStack() | types.UserName() | types.CgroupPath():
            return True
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            return any(map(asks, elements))
        case types.Array(element=element):
            return asks(element)
        case types.Struct(members=members):
            return any(asks(one.type) for one in members)
        case _:
            return False


class Asked:
    """Sees to it that what the text of some values depends on is noted; false where nothing is."""

    def __init__(self, parts: Iterable[tuple[int, Type]], style: Style, size: int) -> None:
        """``parts``: where in ``size`` bytes there are values, and their types."""
        self._size = size
        self._parts = [
            (start, start + types.size_of(kind), decoder((kind,), (0,)), renderer(kind, style))
            for start, kind in parts
            if asks(kind)
        ]
        self._seen: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self._parts)

    def note(self, values: Sequence[bytes]) -> None:
        """Look at values, each of them ``size`` bytes; a value that was seen costs a lookup."""
        for start, end, decode, text_of in self._parts:
            for value in values:
                raw = bytes(value[start:end])
                if raw not in self._seen:
                    if len(self._seen) >= _MOST:
                        self._seen.clear()
                    self._seen.add(raw)
                    text_of(decode(raw, 0)[0])

    def note_all(self, data: bytes, stride: int) -> None:
        """Look at values that lie end to end, ``stride`` bytes each."""
        if self._parts:
            self.note([data[at : at + stride] for at in range(0, len(data), stride)])

    def forget(self) -> None:
        """Look at everything again."""
        self._seen.clear()


def _stack_arguments(key: int, kind: KStack) -> tuple[int, ...]:
    depth, user, build_id = kind.store
    return key, depth, int(user), int(build_id)


class Noting:
    """A resolver that notes what it has answered."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[Question, Any] = {}
        self._new: list[list[Any]] = []

    def take(self) -> list[list[Any]]:
        """What was answered for the first time since it was last taken."""
        new, self._new = self._new, []
        return new

    def forget(self) -> None:
        """Note everything again: for a file that knows nothing yet."""
        self._known.clear()
        self._new.clear()

    def _note(
        self, name: str, arguments: tuple[int, ...], answer: Callable[[], Any], plain: Any = None
    ) -> Any:
        question = name, arguments
        if question not in self._known:
            if len(self._known) >= _MOST:
                self._known.clear()
            found = self._known[question] = answer()
            self._new.append([name, arguments, plain(found) if plain else found])
        return self._known[question]

    def ksym(self, address: int) -> str | None:
        name: str | None = self._note("ksym", (address,), lambda: self._resolver.ksym(address))
        return name

    def ksym_offset(self, address: int) -> str | None:
        name: str | None = self._note(
            "ksym_offset", (address,), lambda: self._resolver.ksym_offset(address)
        )
        return name

    def user(self, uid: int) -> str | None:
        name: str | None = self._note("user", (uid,), lambda: self._resolver.user(uid))
        return name

    def cgroup(self, number: int) -> tuple[tuple[str, str], ...]:
        paths: tuple[tuple[str, str], ...] = self._note(
            "cgroup", (number,), lambda: self._resolver.cgroup(number)
        )
        return paths

    def stack(self, key: int, kind: KStack) -> tuple[int, ...]:
        addresses: tuple[int, ...] = self._note(
            "stack", _stack_arguments(key, kind), lambda: self._resolver.stack(key, kind)
        )
        return addresses

    def user_stack(self, key: int, kind: KStack) -> tuple[UserFrame, ...]:
        frames: tuple[UserFrame, ...] = self._note(
            "user_stack",
            _stack_arguments(key, kind),
            lambda: self._resolver.user_stack(key, kind),
            lambda found: [[one.address, one.symbol, one.path, one.build_id] for one in found],
        )
        return frames

    def wall_ns(self, clock: str, ns: int) -> int:
        return self._resolver.wall_ns(clock, ns)

    def gfp_flags(self) -> tuple[tuple[str, int], ...]:
        return self._resolver.gfp_flags()


class Answers:
    """Implements `kptrace.output.Resolver` from what was noted; what was not is unknown."""

    def __init__(self, clocks: Clocks, gfp_flags: tuple[tuple[str, int], ...]) -> None:
        self._known: dict[Question, Any] = {}
        self._clocks = clocks
        self._gfp_flags = gfp_flags

    def add(self, answers: list[Any]) -> None:
        """Take over what a frame has; raises one of `content.Malformed` for what is no answer."""
        for name, arguments, answer in answers:
            question = name, tuple(map(_number, arguments))
            self._known[question] = _READ[name](answer)
        if len(self._known) > _MOST_KNOWN:
            raise ValueError("more names and stacks than a run can ask for")

    def ksym(self, address: int) -> str | None:
        return self._known.get(("ksym", (address,)))

    def ksym_offset(self, address: int) -> str | None:
        return self._known.get(("ksym_offset", (address,)))

    def user(self, uid: int) -> str | None:
        return self._known.get(("user", (uid,)))

    def cgroup(self, number: int) -> tuple[tuple[str, str], ...]:
        paths: tuple[tuple[str, str], ...] = self._known.get(("cgroup", (number,)), ())
        return paths

    def stack(self, key: int, kind: KStack) -> tuple[int, ...]:
        addresses: tuple[int, ...] = self._known.get(("stack", _stack_arguments(key, kind)), ())
        return addresses

    def user_stack(self, key: int, kind: KStack) -> tuple[UserFrame, ...]:
        question = "user_stack", _stack_arguments(key, kind)
        frames: tuple[UserFrame, ...] = self._known.get(question, ())
        return frames

    def wall_ns(self, clock: str, ns: int) -> int:
        return ns + (self._clocks.boot if clock == "boot" else self._clocks.tai)

    def gfp_flags(self) -> tuple[tuple[str, int], ...]:
        return self._gfp_flags


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ValueError(f"{value!r:.40} is no address")
    return value


def _name(value: Any) -> str | None:
    return None if value is None else text(value)


def _user_frames(value: Any) -> tuple[UserFrame, ...]:
    return tuple(
        UserFrame(
            address=_number(address),
            symbol=_name(symbol),
            path=_name(path),
            build_id=text(build_id),
        )
        for address, symbol, path, build_id in _frames(value)
    )


def _frames(value: Any) -> list[Any]:
    if type(value) is not list or len(value) > _MOST_FRAMES:
        raise ValueError(f"{value!r:.40} is no stack")
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "ksym": _name,
    "ksym_offset": _name,
    "user": _name,
    "cgroup": lambda value: tuple((text(name), text(path)) for name, path in value),
    "stack": lambda value: tuple(map(_number, _frames(value))),
    "user_stack": _user_frames,
}
"""How the answer to each question is read."""
