"""The plots of docs/performance.md as SVG, from what the laboratory's programs wrote, with nothing but the standard library.

curves.py MEASURED TARGET   MEASURED holds curve-load (the rows of pnyx-lab-overload), curve-hot-N-PERCENT and curve-batch-N (JSON)."""
import glob
import json
import math
import os
import re
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 360, 80, 40, 130, 50
COLOURS = ('#06c', '#c30', '#083')


def ticks(low, high, is_log):
    if is_log:
        return [10.0 ** k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    step = 10 ** math.floor(math.log10(high / 4))
    step *= next(f for f in (1, 2, 2.5, 5, 10) if high / (step * f) <= 5)
    return [step * k for k in range(math.ceil(high / step) + 1)]


def short(value):
    return '%g M' % (value / 1e6) if value >= 1e6 else '%g k' % (value / 1e3) if value >= 1e4 else '%g' % value


def chart(path, title, x_label, y_label, series, is_log=False):
    """series: [(name, [(x, y), ...])]; is_log: of the y axis."""
    points = [p for _, some in series for p in some]
    x_ticks = ticks(0, max(x for x, _ in points), False)
    y_ticks = ticks(min(y for _, y in points), max(y for _, y in points), is_log)
    scale = math.log10 if is_log else lambda v: v
    x_at = lambda v: LEFT + (WIDTH - LEFT - RIGHT) * v / x_ticks[-1]
    y_at = lambda v: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (scale(v) - scale(y_ticks[0])) / (scale(y_ticks[-1]) - scale(y_ticks[0]))
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>', '<text x="%d" y="20" font-size="14">%s</text>' % (LEFT, title)]
    for v in x_ticks:
        out.append('<text x="%.0f" y="%d" text-anchor="middle">%s</text>' % (x_at(v), HEIGHT - BOTTOM + 18, short(v)))
    for v in y_ticks:
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (LEFT, WIDTH - RIGHT, y_at(v), y_at(v)))
        out.append('<text x="%d" y="%.0f" text-anchor="end">%s</text>' % (LEFT - 6, y_at(v) + 4, short(v)))
    for k, (name, some) in enumerate(series):
        line = ' '.join('%.1f,%.1f' % (x_at(x), y_at(y)) for x, y in sorted(some))
        out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"/>' % (line, COLOURS[k]))
        out += ['<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>' % (x_at(x), y_at(y), COLOURS[k]) for x, y in some]
        out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (WIDTH - RIGHT + 10, TOP + 16 + 18 * k, COLOURS[k], name))
    out.append('<text x="%d" y="%d" text-anchor="middle">%s</text>' % ((WIDTH + LEFT - RIGHT) // 2, HEIGHT - 12, x_label))
    out.append('<text x="16" y="%d" text-anchor="middle" transform="rotate(-90 16 %d)">%s</text></svg>' % (HEIGHT // 2, HEIGHT // 2, y_label))
    with open(path, 'w') as f:
        f.write('\n'.join(out) + '\n')


def load_rows(path):
    """(executed a second, p50, p99) while the rate rises: the rows without a name, in front of the one at half the peak."""
    rows = []
    for line in open(path):
        words = line.split()
        if '0.5 x peak' in line:
            break
        if len(words) == 7 and all(re.fullmatch(r'\d+', w) for w in words):
            rows.append((float(words[0]), float(words[5]), float(words[6])))
    return rows


def named(folder, pattern, figure):
    """{numbers in the file's name: figure}"""
    found = {}
    for path in glob.glob(os.path.join(folder, pattern)):
        found[tuple(int(w) for w in re.findall(r'\d+', os.path.basename(path)))] = json.load(open(path))[figure]
    return found


def main():
    folder, target = sys.argv[1:3]
    os.makedirs(target, exist_ok=True)
    rows = load_rows(os.path.join(folder, 'curve-load'))
    chart(os.path.join(target, 'latency-load.svg'), 'Latency from the intended start, open loop, wire of 1.15 us', 'commands offered a second',
          'microseconds', [('p50', [(r, a) for r, a, _ in rows if a > 0]), ('p99', [(r, b) for r, _, b in rows if b > 0])], True)
    hot = named(folder, 'curve-hot-*', 'ops')
    chart(os.path.join(target, 'throughput-interference.svg'), 'Throughput, unbatched, a processor for each replica (virtual clock)', '% of the commands on one key',
          'commands a second', [('n = %d' % n, [(k[1], v) for k, v in hot.items() if k[0] == n]) for n in (3, 5)])
    batch = named(folder, 'curve-batch-*', 'cycles_cluster_p10')
    chart(os.path.join(target, 'cycles-batch.svg'), 'Cycles a command, cluster of 3, least disturbed tenth', 'commands that may share an instance',
          'cycles', [('all replicas', [(k[0], v) for k, v in batch.items()])])


if len(sys.argv) != 3:
    sys.exit(__doc__)
main()
