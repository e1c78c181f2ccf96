"""Instructions of each handler, counted by callgrind, against those that are on record.

Usage: instructions.py PROGRAM RECORD BUILT [--record]

PROGRAM is handlers.c built; RECORD the file of figures; BUILT what it was built with, because the figures hold for one compiler
and one set of options only. With --record the file is written anew. Exit status: 0 nothing costs more than is on record (plus 5 % or 20
instructions), 1 something does, 77 skipped (the last line says why).
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.05
TOLERANCE_LEAST = 20
RUNS = {'n3': [], 'n5': ['slow']}
HEAD = """# Instructions of each handler a message (execute: an executed command; check, seal: a message of the frame), counted by callgrind over
# tests/lab/handlers.c: frames of 16 messages, commands of 8 bytes of key and 16 of value. n3: three members, no interference. n5: five
# members, all commands on one key. Written by scripts/lab.sh --record; the test `instructions` fails when one costs 5 % more.
"""


def skip(why):
    print(why)
    sys.exit(77)


def inclusive(path):
    """Inclusive cost of each function step_*: its own lines and those of the calls it makes."""
    names, costs, current, is_call = {}, {}, None, False
    for line in open(path):
        line = line.rstrip()
        if line.startswith('fn='):
            number, _, name = line[3:].partition(' ')
            if name:
                names[number] = name
            current = names[number]
        elif line.startswith('cfn='):
            number, _, name = line[4:].partition(' ')
            if name:
                names[number] = name
        elif line[:1] in '+-*0123456789' and line and current and current.startswith('step_'):
            costs[current] = costs.get(current, 0) + int(line.split()[1])
    return {name[5:]: cost for name, cost in costs.items()}


def measure(program, arguments):
    out = tempfile.NamedTemporaryFile(delete=False)
    out.close()
    try:
        # One implementation of memcpy and its like, whatever the machine offers.
        env = dict(os.environ, GLIBC_TUNABLES='glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX,-ERMS,-FSRM')
        done = subprocess.run(['valgrind', '--tool=callgrind', '--toggle-collect=step_*', '--callgrind-out-file=' + out.name, program]
                              + arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit('%s failed:\n%s%s' % (program, done.stdout, done.stderr))
        counts = dict(line.split() for line in done.stdout.splitlines())
        costs = inclusive(out.name)
    finally:
        os.unlink(out.name)
    return {name: costs[name] / int(count) for name, count in counts.items()}


def read(path):
    built, figures = None, {}
    for line in open(path):
        words = line.split()
        if line.startswith('built '):
            built = line[6:].strip()
        elif len(words) == 3 and not line.startswith('#'):
            figures[words[0], words[1]] = float(words[2])
    return built, figures


def main():
    program, record, built = sys.argv[1:4]
    is_recording = sys.argv[4:] == ['--record']
    if not shutil.which('valgrind'):
        skip('valgrind is not installed: no instructions are counted')
    recorded_with, recorded = read(record) if os.path.exists(record) else (None, {})
    if not is_recording and recorded_with != built:
        skip('the figures on record are of "%s", this is "%s"' % (recorded_with, built))
    found = {(run, name): cost for run, arguments in RUNS.items() for name, cost in measure(program, arguments).items()}
    if is_recording:
        with open(record, 'w') as f:
            f.write(HEAD + 'built %s\n' % built)
            for (run, name), cost in found.items():
                f.write('%s %s %.1f\n' % (run, name, cost))
        return 0
    wrong = not found or not set(recorded) <= set(found)
    for key in sorted(set(found) | set(recorded)):
        now, before = found.get(key, 0), recorded.get(key, 0)
        margin = max(TOLERANCE * before, TOLERANCE_LEAST)
        remark = '   <-- more' if now > before + margin else '   cheaper: record it' if now < before - margin else ''
        wrong = wrong or now > before + margin
        print('%s %-14s %8.1f instructions, on record %8.1f%s' % (*key, now, before, remark))
    if wrong:
        print('A handler costs more than is on record. If that is meant: scripts/lab.sh --record, and say why in the commit.')
    return 1 if wrong else 0


sys.exit(main())
