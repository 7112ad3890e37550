"""Small drawings as inline SVG, without scripts and styles: bars, lanes of schedules, lines of the last day."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH = 1000  # units of a drawing; browsers stretch it


def bar(parts: Sequence[tuple[str, float, str]]) -> Markup:
    """A bar of (class of the colour, amount, words); amounts are not negative."""
    total = sum(amount for _, amount, _ in parts) or 1.0
    x, pieces = 0.0, []
    for kind, amount, words in parts:
        width = WIDTH * amount / total
        pieces.append(
            Markup(
                '<rect class="fill-{}" x="{:.1f}" y="0" width="{:.1f}" height="20"><title>{}</title></rect>'
            ).format(kind, x, max(0.0, width - 2), words)
        )
        x += width
    return Markup(
        '<svg class="power-bar" viewBox="0 0 {} 20" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(WIDTH, Markup("").join(pieces))


def steps(values: Sequence[float], kind: str, words: str) -> Markup:
    """Stepped power over a line of zero; gaps where nothing is known."""
    return _drawing(values, kind, words, stepped=True)


def line(values: Sequence[float], kind: str, words: str) -> Markup:
    """A line of values over a line of zero; gaps where nothing is known."""
    return _drawing(values, kind, words, stepped=False)


def _drawing(values: Sequence[float], kind: str, words: str, *, stepped: bool) -> Markup:
    known = [value for value in values if value == value]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = (high - low) or 1.0
    width = WIDTH / max(1, len(values) if stepped else len(values) - 1)

    def y(value: float) -> str:
        return f"{38 - 36 * (value - low) / span:.1f}"

    path, drawing = [], False
    for k, value in enumerate(values):
        if value != value:
            drawing = False
            continue
        path.append(f"{'L' if drawing else 'M'}{k * width:.1f} {y(value)}")
        if stepped:
            path.append(f"L{(k + 1) * width:.1f} {y(value)}")
        drawing = True
    zero = f'<path class="stroke-zero" d="M0 {y(0.0)}H{WIDTH}"/>'
    return Markup(  # noqa: S704 (numbers, and escaped words)
        f'<svg class="spark" viewBox="0 0 {WIDTH} 40" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(words)}">'
        f'{zero}<path class="stroke-{escape(kind)}" d="{"".join(path)}"/></svg>'
    )
