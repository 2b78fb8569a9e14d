"""What the builder of the Linux guest decides before it compiles, and what it says when it cannot."""

import shutil
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from cosim.errors import UserError
from cosim.guests.linux import build, config, source
from cosim.guests.linux.initramfs import initramfs


def _as_kconfig_writes(version: tuple[int, int]) -> str:
    return "CONFIG_HZ=250\n" + config.fragment(version)


def test_fragment_enables_and_disables() -> None:
    lines = config.fragment((6, 12)).splitlines()
    assert "CONFIG_HVC_RISCV_SBI=y" in lines
    assert "# CONFIG_FPU is not set" in lines
    assert f'CONFIG_INITRAMFS_SOURCE="{config.INITRAMFS}"' in lines
    assert len(lines) == len(set(lines))


def test_options_follow_the_version() -> None:
    new, old = config.fragment((6, 12)), config.fragment((6, 1))
    assert "CONFIG_RISCV_EMULATED_UNALIGNED_ACCESS=y" in new and "RISCV_SBI_V01" not in new
    assert "CONFIG_RISCV_SBI_V01=y" in old and "UNALIGNED" not in old


def test_finished_configuration_is_taken() -> None:
    config.check((6, 12), _as_kconfig_writes((6, 12)))


def test_option_that_kconfig_left_out_counts_as_off() -> None:
    config.check((6, 12), _as_kconfig_writes((6, 12)).replace("# CONFIG_FPU is not set\n", ""))


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("CONFIG_HVC_RISCV_SBI=y", "# CONFIG_HVC_RISCV_SBI is not set", "HVC_RISCV_SBI"),
        ("CONFIG_MMU=y\n", "", "MMU"),
        ("# CONFIG_FPU is not set", "CONFIG_FPU=y", "FPU"),
        (f'="{config.INITRAMFS}"', '=""', "INITRAMFS_SOURCE"),
    ],
)
def test_option_that_came_out_differently_is_named(old: str, new: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"\({name} came out"):
        config.check((6, 12), _as_kconfig_writes((6, 12)).replace(old, new))


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of /usr/src, with every tool there is needed installed."""
    folder = tmp_path / "src"
    folder.mkdir()
    monkeypatch.setattr(source, "SOURCES", folder)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name != "dpkg-query" else None)
    return folder


def test_newest_known_series_is_taken(sources: Path) -> None:
    (sources / "linux-source-6.1.tar.xz").write_bytes(b"old")
    assert source.find_source().series == (6, 1)
    (sources / "linux-source-6.12.tar.xz").write_bytes(b"new")
    assert source.find_source().series == (6, 12)
    assert source.missing_packages() == []


def test_source_without_a_package_is_known_by_its_content(sources: Path) -> None:
    archive = sources / "linux-source-6.1.tar.xz"
    archive.write_bytes(b"one")
    first = source.find_source().identity
    archive.write_bytes(b"two")
    assert source.find_source().identity != first


def test_missing_packages_are_named_in_one_line(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "which", lambda name: None if name in ("bc", "riscv64-linux-gnu-gcc") else "/x"
    )
    with pytest.raises(UserError) as caught:
        build.build_linux()
    message = str(caught.value)
    assert message.endswith("apt-get install linux-source-6.12 gcc-riscv64-linux-gnu bc")
    assert "\n" not in message


def test_nothing_is_asked_for_that_is_there(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sources / "linux-source-6.1.tar.xz").write_bytes(b"x")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "flex" else "/x")
    with pytest.raises(UserError, match=r"apt-get install flex$"):
        source.need_packages()


def test_damaged_source_is_one_line(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(source, "SOURCES", sources)
    monkeypatch.setattr(build, "need_packages", lambda: None)
    monkeypatch.setattr(build, "tool_versions", lambda: ("gcc", "ld"))
    monkeypatch.setattr(source, "_identity", lambda series, archive: "a version")
    monkeypatch.setenv("BIVISOR_CACHE", str(tmp_path / "cache"))
    (sources / "linux-source-6.12.tar.xz").write_bytes(b"this is no archive")
    said: list[str] = []
    with pytest.raises(UserError, match=r"unpacking linux-source-6\.12\.tar\.xz failed") as caught:
        build.build_linux(said.append)
    assert "\n" not in str(caught.value)
    assert said == ["unpacking the kernel's source"]
    assert [path.name for path in (tmp_path / "cache" / "linux").iterdir()] == ["lock"]


def test_a_change_of_init_or_tools_is_another_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    some = source.Source(Path("linux-source-6.12.tar.xz"), (6, 12), "6.12.1-1")
    monkeypatch.setattr(build, "tool_versions", lambda: ("gcc 12", "ld 2.40"))
    first = build._recipe(some)
    assert build._recipe(some) == first
    monkeypatch.setattr(build, "tool_versions", lambda: ("gcc 13", "ld 2.40"))
    assert build._recipe(some) != first


def test_environment_of_another_make_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAKEFLAGS", "KBUILD_OUTPUT", "LOCALVERSION"):
        monkeypatch.setenv(name, "x")
    found = build._environment()
    assert not {"MAKEFLAGS", "KBUILD_OUTPUT", "LOCALVERSION"} & found.keys()
    assert found["KBUILD_BUILD_HOST"] == "bivisor"


def test_init_is_static_and_without_floating_point(tmp_path: Path) -> None:
    """EF_RISCV_FLOAT_ABI is bits 1 and 2 of e_flags (RISC-V psABI, file header)."""
    raw = initramfs(tmp_path)
    with (tmp_path / "init").open("rb") as file:
        elf = ELFFile(file)
        assert elf["e_type"] == "ET_EXEC" and elf["e_flags"] & 6 == 0
        assert not any(segment["p_type"] == "PT_INTERP" for segment in elf.iter_segments())
    assert b"bivisor: init reached" in raw
    assert initramfs(tmp_path) == raw
