# SPDX-License-Identifier: MIT
"""The pages of the probe library: what a specification says of itself, and what a run printed.

A page is made of both, and can be read back, so a test sees when it says other than its probe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kptrace.cli.library import LibraryProbe, header
from kptrace.cli.script_help import Parameter, parameters
from kptrace.source import Source

HEAD, TAIL = 11, 18
"""Lines that are kept of a long output: maps print their largest values last."""
_ITEM = re.compile(r"  (\S+(?:,? \S+)*)  +(\S.*)")
_SPECIAL = re.compile(r"([\\*<`|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
_SAMPLE = re.compile(
    r"^kptrace (?P<version>\S+) on Linux (?P<kernel>\S+), emulated.*?, while (?P<work>.*?):\n\n"
    r"```\n# (?P<command>[^\n]*)\n(?P<output>.*?)```\n",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a probe printed, and what ran meanwhile; ``work`` completes "while ..."."""

    command: str
    work: str
    output: str
    kernel: str
    version: str


def page(probe: LibraryProbe, sample: Sample) -> str:
    """The whole page, in Markdown."""
    source = Source(name=probe.name, text=probe.path.read_text())
    title, *about = header(source.text)
    lines = [
        f"<!-- Made by make probe-docs, from {probe.name}.bt and a run of it. -->",
        f"# {probe.name}",
        "",
        f"**{_escaped(title)}**",
        "",
        *_paragraphs(about),
        "",
        *_options(probe.name, parameters(source)),
        "## What it prints",
        "",
        f"kptrace {sample.version} on Linux {sample.kernel}, emulated (some 15 times slower than a"
        f" machine), while {sample.work}:",
        "",
        "```",
        f"# {sample.command}",
    ]
    return "\n".join(lines) + f"\n{cut(sample.output)}```\n"


def sample_of(text: str) -> Sample:
    """The sample of a page."""
    found = _SAMPLE.search(text)
    if found is None:
        raise ValueError("the page has no sample")
    return Sample(**found.groupdict())


def cut(output: str) -> str:
    """Output of bearable length, without blank lines around it; what is left out is told."""
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    left = len(lines) - HEAD - TAIL
    if left > 1:
        lines[HEAD:-TAIL] = [f"... ({left} lines more)"]
    return "".join(f"{line}\n" for line in lines)


def _paragraphs(about: Sequence[str]) -> Iterator[str]:
    """The text of a header; what is indented there in columns becomes a list."""
    in_list = False
    for line in "\n".join(about).strip("\n").splitlines():
        item = _ITEM.fullmatch(line)
        if item is not None:
            if not in_list:
                yield ""
            yield f"* `{item[1]}`: {_escaped(item[2])}"
        elif in_list and line.startswith("  "):
            yield f"  {_escaped(line.strip())}"
        else:
            if in_list and line:
                yield ""
            yield _escaped(line)
        in_list = item is not None or (in_list and line.startswith("  "))


def _options(name: str, known: Sequence[Parameter]) -> Iterator[str]:
    if not known:
        return
    yield f"## Options, as in `kptrace run {name} -- {known[0].example}`"
    yield ""
    yield "| option | default | meaning |"
    yield "|---|---|---|"
    for one in known:
        default = f"`{one.default}`" if one.default else ""
        yield f"| `--{one.name}` | {default} | {_escaped(one.description)} |"
    yield ""


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, but for what stands in backquotes already."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one of them is a backquote
        return _SPECIAL.sub(r"\\\1", text)
    parts[::2] = [_SPECIAL.sub(r"\\\1", one) for one in parts[::2]]
    return "`".join(parts)
