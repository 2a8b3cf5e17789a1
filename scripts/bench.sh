#!/bin/sh
# bench.sh: run all benchmarks, print a table, and write docs/BENCHMARKS.md. The ratio of each
# figure is to the one that the file held before: figures of two machines do not compare.
set -eu
cd "$(dirname "$0")/.."

out=docs/BENCHMARKS.md
raw=$(mktemp)
table=$(mktemp)
trap 'rm -f "$raw" "$table"' EXIT

# One package after the other, or they would measure each other.
go test -run '^$' -bench . -benchmem -p 1 ./... >"$raw" || { cat "$raw" >&2; exit 1; }

awk -v old="$out" '
BEGIN {
	# "| package | benchmark | unit | figure | ratio |" of the last run
	while ((getline line < old) > 0) {
		n = split(line, f, / *\| */)
		if (n >= 6 && f[5] + 0 > 0) last[f[2], f[3], f[4]] = f[5]
	}
}
/^pkg: / { pkg = $2; sub(/^cdss\//, "", pkg) }
/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	for (i = 3; i < NF; i += 2) {
		ratio = ((pkg, name, $(i + 1)) in last) ? sprintf("%.2f", $i / last[pkg, name, $(i + 1)]) : "-"
		printf "| %s | %s | %s | %s | %s |\n", pkg, name, $(i + 1), $i, ratio
	}
}' "$raw" >"$table"

if [ ! -s "$table" ]; then
	echo 'no benchmark ran' >&2
	exit 1
fi

{
	echo '# Benchmarks'
	echo
	echo 'Written by `make bench`. Ratio: this figure to the one that stood here before; figures of'
	echo 'different machines do not compare.'
	echo
	echo "- Date: $(date -u +%Y-%m-%d), commit $(git describe --always --dirty --tags 2>/dev/null || echo unknown)"
	echo "- Machine: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) cores, $(awk '/^MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo 2>/dev/null)"
	echo "- $(go version | cut -d ' ' -f 3-4), $(uname -sr)"
	echo
	echo '| package | benchmark | unit | figure | ratio |'
	echo '|---|---|---|---|---|'
	cat "$table"
} >"$out"
sed -n '/^| package/,$p' "$out"
