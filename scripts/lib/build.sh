# Building with meson. Sourced, never run; needs common.sh.
# shellcheck shell=bash

# build_in DIRECTORY [meson option ...]: configures it when it is new, then builds BUILD_TARGETS, or everything when that is
# empty. The compiler's output is shown only when something is wrong.
BUILD_TARGETS=()
build_in() {
	local dir=$1 code=0
	shift
	if [ -e "$dir/build.ninja" ] && [ ! -w "$dir" ]; then
		say "$dir is not writable for this user: its programs are used as they are"
		return 0
	fi
	log_open
	if [ ! -e "$dir/build.ninja" ]; then
		say "configuring ${dir#"$ROOT"/}"
		meson setup "$dir" "$ROOT" "$@" >"$LOG" 2>&1 || code=$?
	fi
	if [ "$code" -eq 0 ]; then
		say "building ${dir#"$ROOT"/}"
		ninja -C "$dir" ${PNYX_JOBS:+-j "$PNYX_JOBS"} "${BUILD_TARGETS[@]}" >"$LOG" 2>&1 || code=$?
	fi
	[ "$code" -eq 0 ] || { tail -60 "$LOG" >&2; say "building ${dir#"$ROOT"/} failed (above: the last lines)"; }
	log_close
	return "$code"
}
