# SPDX-License-Identifier: MIT
"""Debian packages of any release, downloaded and unpacked but never installed.

apt runs with a configuration, package lists and a cache of the lab's own, so neither the machine's
sources nor its lists change. The mirror is the one that the machine itself uses: whatever makes
`apt-get install` work here (a proxy, an internal mirror) makes the lab work as well.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Debian signs a release with its own key and with that of the release before, and the package
# of this file carries the keys of both, so the machine's own copy verifies a newer release too.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class PackageError(Exception):
    """A package cannot be had; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One suite of one mirror, as the machine's apt configuration names it."""

    uri: str
    suite: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """An apt that sees only the given suites and keeps everything it writes under `home`."""

    home: Path
    suites: Sequence[str]

    def update(self) -> None:
        """Fetch the package lists."""
        for folder in ("lists/partial", "cache/archives/partial"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / "status").touch()  # what is installed here is of no interest
        lines = [
            f"deb [signed-by={KEYRING}] {uri} {suite} main\n"
            for suite in self.suites
            if (uri := mirror(suite)) is not None
        ]
        (self.home / "sources.list").write_text("".join(lines))
        self._run("apt-get", "update", "-q")

    def names(self, pattern: str) -> list[str]:
        """Names of the packages that match a regular expression."""
        lines = self._run("apt-cache", "search", "--names-only", pattern).splitlines()
        return [line.partition(" - ")[0] for line in lines]

    def dependencies(self, package: str) -> list[str]:
        """Names of the packages that `package` depends on, in apt's order."""
        lines = self._run("apt-cache", "depends", package).splitlines()
        return [line.split(":")[1].strip() for line in lines if "Depends:" in line]

    def download(self, packages: Sequence[str], folder: Path) -> list[Path]:
        """Download `packages` into `folder`; apt checks the signatures and the hashes."""
        folder.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "download", "-q", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def _run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        options = {
            "Dir::Etc::SourceList": self.home / "sources.list",
            "Dir::Etc::SourceParts": "-",
            "Dir::State::Lists": self.home / "lists",
            "Dir::State::Status": self.home / "status",
            "Dir::Cache": self.home / "cache",
            # The checkout may be unreadable to apt's own unprivileged user.
            "APT::Sandbox::User": "root",
        }
        command = [program, *(f"-o{name}={value}" for name, value in options.items()), *arguments]
        done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise PackageError(f"{' '.join([program, *arguments])} failed:\n{done.stderr.strip()}")
        return done.stdout


def unpack(packages: Iterable[Path], folder: Path) -> None:
    """Unpack the files of `packages` into `folder`, without running any of their scripts."""
    for package in packages:
        subprocess.run(["dpkg", "--extract", package, folder], check=True)


def mirror(suite: str) -> str | None:
    """URI of the mirror that serves `suite`: the one that this machine uses for its own release.

    Security updates live in an archive of their own, hence the match on the ending. A machine that
    takes none has no mirror for them; then the lab does without, as the machine does.
    """
    ours = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    ending = "-security" if suite.endswith("-security") else ""
    for source in machine_sources(Path("/etc/apt")):
        if source.suite in (ours + ending, "stable" + ending, "oldstable" + ending):
            return source.uri
    if ending:
        return None
    raise PackageError(
        f"no apt source for {ours}{ending} in /etc/apt, so no mirror to take {suite} from; "
        "the lab needs a Debian machine whose apt works"
    )


def machine_sources(etc_apt: Path) -> Iterator[Source]:
    """The Debian archives in an apt configuration folder, in both of apt's notations."""
    parts = etc_apt / "sources.list.d"
    for path in [etc_apt / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.exists():
            yield from _one_line_style(path.read_text())
    for path in sorted(parts.glob("*.sources")):
        yield from _deb822_style(path.read_text())


def _one_line_style(text: str) -> Iterator[Source]:
    """`deb [options] URI SUITE COMPONENT...`"""
    for line in text.splitlines():
        kind, _, rest = line.strip().partition(" ")
        if kind != "deb":
            continue
        if rest.lstrip().startswith("["):
            rest = rest.partition("]")[2]
        uri, suite, *components = rest.partition("#")[0].split()
        if "main" in components:
            yield Source(uri=uri, suite=suite)


def _deb822_style(text: str) -> Iterator[Source]:
    """Paragraphs of `Field: values`, the values separated by spaces."""
    without_comments = (line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in "\n".join(without_comments).split("\n\n"):
        fields = {
            name.strip().lower(): values.split()
            for name, colon, values in (line.partition(":") for line in paragraph.splitlines())
            if colon
        }
        if fields.get("enabled") == ["no"] or "deb" not in fields.get("types", []):
            continue
        if "main" in fields.get("components", []):
            for uri in fields.get("uris", []):
                for suite in fields.get("suites", []):
                    yield Source(uri=uri, suite=suite)
