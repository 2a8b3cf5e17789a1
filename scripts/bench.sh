#!/bin/sh
# bench.sh [retrieval]: run all benchmarks, print a table, and write docs/BENCHMARKS.md. The ratio
# of each figure is to the one that the file held before: figures of two machines do not compare.
# With "retrieval" only the quality of retrieval is measured and the rest stays as it is; without
# the reference data that part stays as it is.
set -eu
cd "$(dirname "$0")/.."

out=docs/BENCHMARKS.md
raw=$(mktemp)
table=$(mktemp)
retrieval=$(mktemp)
before=$(mktemp)
trap 'rm -f "$raw" "$table" "$retrieval" "$before"' EXIT
began=$(date +%s)

data=${REFERENCE_DATA_DIR:-../shared/data}
head='## Retrieval'
if [ -d "$data/guideline-s2k" ] && [ -f "$data/retrieval/queries_public.jsonl" ]; then
	echo 'retrieval' >&2
	run=$(mktemp)
	go run ./cmd/cdss eval retrieval --corpus "$data/guideline-s2k" --queries "$data/retrieval/queries_public.jsonl" \
		--run "$run" --ablation "$run.md" >/dev/null
	{
		echo "$head"
		echo
		echo 'The 60 public queries over the seven files of the reference data, without any online model:'
		echo
		echo '    cdss eval retrieval --corpus DIR --queries FILE --run FILE --ablation FILE.md'
		echo
		cat "$run.md"
		echo
		echo 'Difference: of nDCG@10 to the whole. p: paired randomisation test, two-sided, not corrected for the'
		echo 'number of rows. Plain searches and rankings without a step never abstain.'
	} >"$retrieval"
	rm -f "$run" "$run.md"
elif [ -f "$out" ]; then
	awk -v head="$head" '$0 == head { on = 1 } on' "$out" >"$retrieval"
fi
if [ "${1:-}" = retrieval ]; then
	awk -v head="$head" '$0 == head { exit } { print }' "$out" >"$before"
	{ cat "$before"; case $(tail -n 1 "$before") in '') ;; *) echo ;; esac; cat "$retrieval"; } >"$out"
	exit 0
fi

# One package after the other, or they would measure each other.
for package in $(go list ./...); do
	grep -qs '^func Benchmark' "$(go list -f '{{.Dir}}' "$package")"/*_test.go || continue
	echo "$package" >&2
	go test -run '^$' -bench . -benchmem "$package" >>"$raw" || { cat "$raw" >&2; exit 1; }
done

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
	echo "- Took $((($(date +%s) - began) / 60)) minutes"
	echo "- $(go version | cut -d ' ' -f 3-4), $(uname -sr)"
	echo
	echo '| package | benchmark | unit | figure | ratio |'
	echo '|---|---|---|---|---|'
	cat "$table"
	echo
	cat "$retrieval"
} >"$out"
sed -n '/^| package/,$p' "$out"
