"""Driving a port's members from a testbench, cheaply."""

__all__ = ["Pins"]


class Pins:
    """Sets members of ``port``, but only those that change: each setting makes the simulator settle the
    design. One testbench at a time may own a member."""

    def __init__(self, port) -> None:
        self.port = port
        self._values: dict[str, object] = {}

    def set(self, ctx, **values) -> None:
        """Set members by name."""
        for name, value in values.items():
            if self._values.get(name) != value:
                self._values[name] = value
                ctx.set(getattr(self.port, name), value)
