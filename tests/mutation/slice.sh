#!/bin/bash
# Breaks a rule of each part of the protocol, one at a time, and demands that the scripts of tests/scenario notice: a short piece of
# scripts/mutations.sh for the test command. Usage: slice.sh ROOT
set -euo pipefail
root=${1:?ROOT}
for program in patch ninja meson "${CC:-cc}"; do
	command -v "$program" >/dev/null || { echo "skipped: there is no $program"; exit 77; }
done
# ballots, late PreAccepts, validation, initial dependencies, thresholds, Nop, V2; votes after a restart; a dedup by the highest number,
# dependencies on the latest only, OPEN without its session, room asked too late (docs/protocol.md, G.3)
ids=(01 02 03 04 06 07 08 10 43 44 47 49)
PNYX_SKIP_SETUP=1 "$root/scripts/mutations.sh" --scripts "${ids[@]}"
