"""A comparison as a picture: operations by part, and workloads over native."""

from pathlib import Path

from cosim.compare.comparison import WORKLOADS, Comparison
from cosim.compare.parts import Part
from cosim.compare.rows import ROWS
from cosim.errors import UserError

__all__ = ["plot"]

_COLOURS = {
    Part.GUEST: "#b8b8b8",
    Part.TRANSITION: "#c8553d",
    Part.STATE: "#e0a458",
    Part.DISPATCH: "#4c7ea8",
    Part.HANDLER: "#2a7f62",
}


def plot(comparison: Comparison, path: Path) -> None:
    """Stacked bars for each operation and column; beside them each workload's overhead, logarithmic.

    The file's suffix says which format (``.png``, ``.svg``, ``.pdf``).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams["svg.fonttype"] = "none"
    panels = 2 if comparison.workloads else 1
    picture, axes = pyplot.subplots(1, panels, figsize=(9 * panels, 12), layout="constrained", squeeze=False)
    _operations(axes[0][0], comparison)
    if comparison.workloads:
        _workloads(axes[0][1], comparison)
    try:
        picture.savefig(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from None
    finally:
        pyplot.close(picture)


def _operations(axes, comparison: Comparison) -> None:
    labels, cells = [], []
    for row in ROWS:
        for column in comparison.columns:
            cell = comparison.cells[column.name].get(row.name)
            if cell is not None:
                labels.append(f"{row.name}: {column.title}")
                cells.append(cell)
    places = range(len(cells))
    left = [0] * len(cells)
    for part in Part:
        widths = [cell.parts[part] for cell in cells]
        axes.barh(places, widths, left=left, color=_COLOURS[part], label=part.value)
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_yticks(places, labels, fontsize="x-small")
    axes.invert_yaxis()
    axes.set_xlabel("cycles")
    axes.legend(loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)


def _workloads(axes, comparison: Comparison) -> None:
    guests = [column for column in comparison.columns if not column.is_native]
    height = 0.8 / max(1, len(guests))
    for number, column in enumerate(guests):
        places = [at + number * height for at in range(len(WORKLOADS))]
        ratios = [comparison.overhead(column.name, name) for name in WORKLOADS]
        axes.barh(places, [ratio - 1 for ratio in ratios], left=1, height=height, label=column.title)
    axes.set_yticks([at + 0.4 for at in range(len(WORKLOADS))], list(WORKLOADS.values()))
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("cycles over native cycles")
    axes.legend(loc="upper right")
    axes.spines[["top", "right"]].set_visible(False)
