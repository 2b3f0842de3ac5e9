# SPDX-License-Identifier: MIT
"""The events of a specification, numbered as the generator meets them."""

from __future__ import annotations

from kptrace import types
from kptrace.errors import Severity, expanded_from
from kptrace.plan import EVENT_HEADER, Event, EventKind, Field
from kptrace.source import Span
from kptrace.types import Type


class EventTable:
    """Gives every kind of record its id and its layout."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._warnings: dict[tuple[Span, str, str], Event] = {}

    def add(
        self,
        kind: EventKind,
        values: tuple[Type, ...] = (),
        *,
        names: tuple[str, ...] = (),
        text: str = "",
        map: str = "",
        top: int | None = None,
        div: int | None = None,
        place: str = "",
        excerpt: str = "",
    ) -> Event:
        """A new event; its fields lie as a C struct behind the header would have them.

        They are called arg0, arg1, ... where ``names`` does not say otherwise.
        """
        offsets, size = types.tuple_layout(values, EVENT_HEADER)
        called = names or tuple(f"arg{index}" for index in range(len(values)))
        event = Event(
            id=len(self.events),
            kind=kind,
            # the header holds a u64, so C pads the whole to 8
            size=-(-size // 8) * 8,
            fields=tuple(
                Field(name=name, type=value, offset=offset)
                for name, value, offset in zip(called, values, offsets, strict=True)
            ),
            text=text,
            map=map,
            top=top,
            div=div,
            place=place,
            excerpt=excerpt,
        )
        self.events.append(event)
        return event

    def warning(self, span: Span, text: str, helper: str = "") -> Event:
        """The run-time warning of one place; a block compiled many times has it once.

        Of a failed helper the event has a field with its name, which holds what it returned;
        without a text it says what that number means.
        """
        key = span, text, helper
        if key not in self._warnings:
            calls = expanded_from(span, Severity.WARNING)
            excerpt = "\n".join(filter(None, (span.excerpt(), calls)))
            self._warnings[key] = self.add(
                EventKind.WARNING,
                (types.INT64,) if helper else (),
                names=(helper,) if helper else (),
                text=text,
                place=str(span),
                excerpt=excerpt,
            )
        return self._warnings[key]
