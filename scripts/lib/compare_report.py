# The report of scripts/compare.sh: a table, what it means, one line of figures, and JSON.
# Usage: compare_report.py RUN-DIRECTORY OUTSTANDING SECONDS READS KEYS JSON-FILE
import json
import os
import sys

ROWS = [('pnyx', 'pnyx', 'pnyx-many'), ('etcd', 'etcd', 'etcd-many'), ('redis', 'redis', 'redis-many'),
        ('redis, pipelined', 'redis', 'redis-pipelined')]


def load(run, name):
    with open(os.path.join(run, name + '.json')) as file:
        return json.load(file)


def phase(measured):
    """The load phase: `pnyx bench` prints it inside a larger object."""
    return measured['result'].get('load', measured['result'])


def row_of(run, label, system, many, tsc_mhz):
    one, under = phase(load(run, system + '-one')), load(run, many)
    result = phase(under)
    server_us = under['server_seconds'] * 1e6 / result['ops']
    row = {'system': label, 'one': {k: one[k] for k in ('ops_per_s', 'p50_us', 'p99_us')},
           'load': {k: result[k] for k in ('ops', 'ops_per_s', 'p50_us', 'p99_us')},
           'server_us_per_op': server_us, 'cycles_per_op': server_us * tsc_mhz, 'client_us_per_op': under['client_seconds'] * 1e6 / result['ops'],
           'servers_busy': under['server_seconds'] / result['seconds'], 'failed': one['failed'] + result['failed']}
    if system == 'pnyx':
        row['cycles_per_op'] = under['result']['replicas']['cycles_per_command']
    return row


def print_table(rows, outstanding, tsc_mhz):
    print()
    print('                    one at a time              |  %s in flight' % outstanding)
    print('system                ops/s      p50      p99  |    ops/s      p50      p99  server us/op  cycles/op   x pnyx  client us/op')
    for r in rows:
        print('%-18s %8.0f %6.0fus %6.0fus  | %8.0f %6.0fus %6.0fus  %12.1f %10.0f %8.2f %13.1f' % (
            r['system'], r['one']['ops_per_s'], r['one']['p50_us'], r['one']['p99_us'], r['load']['ops_per_s'], r['load']['p50_us'],
            r['load']['p99_us'], r['server_us_per_op'], r['cycles_per_op'], r['cycles_per_op'] / rows[0]['cycles_per_op'], r['client_us_per_op']))
    print()
    print('An answer says: pnyx, two of three replicas have it in memory; etcd, two of three nodes have it in logs on tmpfs;')
    print('redis, one process has it. server us/op: time of all servers, of polling replicas all that they got, idle turns and all.')
    print('cycles/op: server us/op at %.0f MHz; of pnyx the turns with work only.' % tsc_mhz)
    print()


def main():
    run, outstanding, seconds, reads, keys, path = sys.argv[1:7]
    tsc_mhz = load(run, 'pnyx-many')['result']['replicas']['tsc_hz'] / 1e6
    rows = [row_of(run, *row, tsc_mhz) for row in ROWS]
    print_table(rows, outstanding, tsc_mhz)
    if path:
        with open(path, 'w') as file:
            json.dump({'outstanding': int(outstanding), 'seconds': int(seconds), 'reads': int(reads), 'keys': int(keys), 'cpus': os.cpu_count(),
                       'tsc_mhz': tsc_mhz, 'systems': rows}, file, indent=1)
    failed = sum(r['failed'] for r in rows)
    pnyx, etcd, redis, pipelined = rows
    print('PNYX compare outstanding=%s pnyx=%.0f etcd=%.0f redis=%.0f redis_pipelined=%.0f cycles_pnyx=%.0f cycles_etcd=%.0f cycles_redis=%.0f '
          'ratio_etcd=%.1f ratio_redis=%.2f p50_pnyx=%.0fus p50_etcd=%.0fus p50_redis=%.0fus failed=%d state=equal' % (
              outstanding, pnyx['load']['ops_per_s'], etcd['load']['ops_per_s'], redis['load']['ops_per_s'], pipelined['load']['ops_per_s'],
              pnyx['cycles_per_op'], etcd['cycles_per_op'], redis['cycles_per_op'], etcd['cycles_per_op'] / pnyx['cycles_per_op'],
              redis['cycles_per_op'] / pnyx['cycles_per_op'], pnyx['one']['p50_us'], etcd['one']['p50_us'],
              redis['one']['p50_us'], failed))
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
