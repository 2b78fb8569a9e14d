"""The Linux guest: Debian's kernel source, unpatched, with a process 1 of our own inside its Image."""

from cosim.guests.linux.build import LinuxGuest, build_linux

__all__ = ["LinuxGuest", "build_linux"]
