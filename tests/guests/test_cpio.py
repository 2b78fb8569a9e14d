"""The archive writer against the format's rules, and against GNU cpio where it is installed."""

import shutil
import stat
import subprocess

import pytest

from cosim.guests.cpio import archive, device, file, folder

_ENTRIES = (
    folder("dev"),
    device("dev/console", 5, 1),
    file("init", b"abcde", 0o755),
    file("some/longer-name", b"", 0o644),
)


def _parsed(raw: bytes) -> list[tuple[str, list[int], bytes]]:
    """Names, header fields and data, read by the format's rules (buffer-format.rst)."""
    found, at = [], 0
    while True:
        assert raw[at : at + 6] == b"070701"
        fields = [int(raw[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        name_size, size = fields[11], fields[6]
        name = raw[at + 110 : at + 110 + name_size]
        assert name.endswith(b"\0")
        at += (110 + name_size + 3) & ~3
        data = raw[at : at + size]
        at += (size + 3) & ~3
        if name == b"TRAILER!!!\0":
            return found
        found.append((name[:-1].decode(), fields, data))


def test_entries_come_back() -> None:
    found = {name: (fields, data) for name, fields, data in _parsed(archive(_ENTRIES))}
    assert list(found) == ["dev", "dev/console", "init", "some/longer-name"]
    fields, data = found["init"]
    assert data == b"abcde" and fields[1] == stat.S_IFREG | 0o755
    fields, _ = found["dev/console"]
    assert stat.S_ISCHR(fields[1]) and fields[9:11] == [5, 1]
    assert stat.S_ISDIR(found["dev"][0][1])


def test_inodes_differ_so_that_nothing_is_a_hard_link() -> None:
    numbers = [fields[0] for _, fields, _ in _parsed(archive(_ENTRIES))]
    assert len(set(numbers)) == len(numbers)


def test_belongs_to_root_and_has_no_time() -> None:
    for _, fields, _ in _parsed(archive(_ENTRIES)):
        assert fields[2] == fields[3] == fields[5] == 0


def test_archive_is_whole_blocks() -> None:
    assert len(archive(_ENTRIES)) % 512 == 0


@pytest.mark.skipif(shutil.which("cpio") is None, reason="needs cpio: apt install cpio")
def test_gnu_cpio_lists_it() -> None:
    done = subprocess.run(
        ["cpio", "--list", "--verbose", "--numeric-uid-gid"], input=archive(_ENTRIES), capture_output=True
    )
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in lines] == ["drwxr-xr-x", "crw-------", "-rwxr-xr-x", "-rw-r--r--"]
    assert "5,   1" in lines[1]
