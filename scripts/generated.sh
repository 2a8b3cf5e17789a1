#!/bin/sh
# generated.sh: fail when a generated file differs from what its generator writes now. The
# new files are left in place, to be looked at and committed.
set -eu
cd "$(dirname "$0")/.."

# Every file that is or could be committed, with its hash.
state() {
	git ls-files -z --cached --others --exclude-standard | sort -z | xargs -0 sha256sum 2>/dev/null | sort -k 2 || true
}

before=$(mktemp)
after=$(mktemp)
trap 'rm -f "$before" "$after"' EXIT
state >"$before"
make --no-print-directory generate
state >"$after"
if ! cmp -s "$before" "$after"; then
	echo 'These generated files were out of date; commit what was written now:'
	diff "$before" "$after" | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u
	exit 1
fi
