"""Lines over sizes as an SVG file, with nothing but the standard library."""
import math

COLORS = ["#1f5fa8", "#d1661c", "#2f8f5b", "#8a3d9e", "#7a7a7a", "#b3262e"]
WIDTH, HEIGHT, MARGIN = 340, 260, 46
LEGEND_LINE = 16


def scale(low, high, begin, end):
    """From numbers to places, logarithmic."""
    span = math.log(high / low) or 1
    return lambda x: begin + (end - begin) * math.log(x / low) / span


def ticks(low, high):
    """1, 2, 5, 10 ... within."""
    power = 10.0 ** math.floor(math.log10(low))
    while power <= high:
        for step in (1, 2, 5):
            if low <= step * power <= high:
                yield step * power
        power *= 10


def text(x, y, content, anchor="middle", size=11, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}" {extra}>{content}</text>')


def panel(left, title, x_label, y_label, lines):
    """lines: [(colour, [(x, y), ...]), ...]"""
    xs = sorted({x for _, points in lines for x, _ in points})
    ys = [y for _, points in lines for _, y in points]
    low, high = min(ys) * 0.8, max(ys) * 1.25
    to_x = scale(xs[0], xs[-1], left + MARGIN, left + WIDTH - 12)
    to_y = scale(low, high, HEIGHT - MARGIN, 30)
    parts = [text(left + WIDTH / 2 + 14, 18, title, size=13),
             text(left + WIDTH / 2 + 14, HEIGHT - 8, x_label),
             text(left + 11, HEIGHT / 2, y_label,
                  extra=f'transform="rotate(-90 {left + 11} {HEIGHT / 2})"')]
    for y in ticks(low, high):
        parts.append(f'<line x1="{left + MARGIN}" x2="{left + WIDTH - 12}" '
                     f'y1="{to_y(y):.1f}" y2="{to_y(y):.1f}" stroke="#ddd"/>')
        parts.append(text(left + MARGIN - 4, to_y(y) + 4, f"{y:g}", "end", 10))
    for x in xs:
        parts.append(text(to_x(x), HEIGHT - MARGIN + 15, f"{x:g}", size=10))
    for color, points in lines:
        path = " ".join(f"{to_x(x):.1f},{to_y(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" '
                     f'stroke="{color}" stroke-width="2"/>')
        for x, y in points:
            parts.append(f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" '
                         f'r="2.6" fill="{color}"/>')
    return parts


def figure(panels):
    """panels: [(title, x_label, y_label, {name: [(x, y), ...]})]; a name has
    one colour in all of them."""
    names = list(dict.fromkeys(n for *_, lines in panels for n in lines))
    colors = dict(zip(names, COLORS))
    parts = []
    for i, (title, x_label, y_label, lines) in enumerate(panels):
        parts += panel(i * WIDTH, title, x_label, y_label,
                       [(colors[n], points) for n, points in lines.items()])
    for i, name in enumerate(names):
        y = HEIGHT + LEGEND_LINE * (i + 1)
        parts.append(f'<rect x="{MARGIN}" y="{y - 9}" width="16" height="4" '
                     f'fill="{colors[name]}"/>')
        parts.append(text(MARGIN + 24, y - 3, name, "start"))
    width = WIDTH * len(panels)
    height = HEIGHT + LEGEND_LINE * (len(names) + 1)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" font-family="sans-serif">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' +
            "\n".join(parts) + "\n</svg>\n")
