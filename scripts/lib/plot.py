"""Draws samples as SVG, a panel for each series, with nothing but the standard library.

plot.py SAMPLES FILE.svg TITLE LABEL:COLUMN[/DIVISOR]...   SAMPLES: tab separated, names in the first line, one of them `commands`."""
import sys

WIDTH, HEIGHT, LEFT, GAP, POINTS = 820, 120, 90, 46, 300


def nice(value):
    return '%.0f' % value if value >= 100 else '%.3g' % value


def million(value):
    return ('%g M' % (value / 1e6)) if value >= 1e6 else '%d' % value


def thin(values):
    """The highest and the lowest of each of POINTS / 2 pieces: what sticks out stays."""
    step = max(1, len(values) * 2 // POINTS)
    for at in range(0, len(values), step):
        piece = values[at:at + step]
        yield from sorted({min(piece, key=lambda v: v[1]), max(piece, key=lambda v: v[1])})


def panel(out, top, label, xs, ys):
    high = max(ys) * 1.25 or 1
    x = lambda v: LEFT + (WIDTH - LEFT - 20) * v / xs[-1]
    y = lambda v: top + HEIGHT * (1 - v / high)
    out.append('<text x="%d" y="%d" font-weight="bold">%s</text>' % (LEFT, top - 8, label))
    out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#999"/>' % (LEFT, top, WIDTH - LEFT - 20, HEIGHT))
    for share in (0, 0.5, 1):
        out.append('<text x="%d" y="%.0f" text-anchor="end">%s</text>' % (LEFT - 6, y(high * share) + 4, nice(high * share)))
    points = ' '.join('%.1f,%.1f' % (x(a), y(b)) for a, b in thin(list(zip(xs, ys))))
    out.append('<polyline points="%s" fill="none" stroke="#06c" stroke-width="1.2"/>' % points)


def main(source, target, title, *series):
    rows = [line.rstrip('\n').split('\t') for line in open(source)]
    column = {name: [float(row[k]) for row in rows[1:]] for k, name in enumerate(rows[0])}
    xs = column['commands']
    bottom = 40 + len(series) * (HEIGHT + GAP)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (WIDTH, bottom + 20),
           '<rect width="100%" height="100%" fill="white"/>', '<text x="%d" y="20" font-size="15">%s</text>' % (LEFT, title)]
    for k, text in enumerate(series):
        label, what = text.rsplit(':', 1)
        name, _, divisor = what.partition('/')
        panel(out, 54 + k * (HEIGHT + GAP), label, xs, [v / float(divisor or 1) for v in column[name]])
    for share in (0, 0.25, 0.5, 0.75, 1):
        out.append('<text x="%.0f" y="%d" text-anchor="middle">%s</text>' % (
            LEFT + (WIDTH - LEFT - 20) * share, bottom - 12, million(round(xs[-1] * share, -5) if share else 0)))
    out.append('<text x="%d" y="%d" text-anchor="middle">commands executed</text></svg>' % ((WIDTH + LEFT) // 2, bottom + 8))
    open(target, 'w').write('\n'.join(out) + '\n')


if len(sys.argv) < 5:
    sys.exit(__doc__)
main(*sys.argv[1:])
