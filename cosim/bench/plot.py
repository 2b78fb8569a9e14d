"""The figures that have goals, as a picture."""

from collections.abc import Mapping
from pathlib import Path

from cosim.bench.figures import FIGURES
from cosim.errors import UserError

__all__ = ["plot_figures"]

_GOOD, _BAD = "#2a7f62", "#c8553d"


def plot_figures(values: Mapping[str, float | None], path: Path) -> None:
    """One bar a figure: how many times better (right) or worse (left) than its goal it is; logarithmic.

    The file's suffix says which format (``.png``, ``.svg``, ``.pdf``).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.rcParams["svg.fonttype"] = "none"

    bars = []
    for name, figure in FIGURES.items():
        value = values.get(name)
        if value and figure.goal:
            bars.append((name, value, value / figure.goal if figure.more else figure.goal / value))
    if not bars:
        raise UserError("there is nothing to plot: none of these figures has a goal")
    bars.reverse()
    picture, axes = pyplot.subplots(figsize=(9, 0.8 + 0.32 * len(bars)), layout="constrained")
    axes.barh(
        [name for name, _, _ in bars],
        [ratio - 1 for _, _, ratio in bars],
        left=1,
        color=[_GOOD if ratio >= 1 else _BAD for _, _, ratio in bars],
    )
    for row, (name, value, ratio) in enumerate(bars):
        text = f" {value:g} ({FIGURES[name].goal_text}) "
        axes.text(max(ratio, 1), row, text, va="center", fontsize="small")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_xlim(right=2.2 * max(2, *(ratio for _, _, ratio in bars)))
    axes.set_xlabel("times better than the goal")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    try:
        picture.savefig(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from None
    finally:
        pyplot.close(picture)
