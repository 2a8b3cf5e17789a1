#!/bin/sh
# hostile.sh: run each fuzz target for FUZZTIME (1m unless set), one after the other, and write
# what came of it as a line. A target that finds something leaves the input in its testdata,
# where go test tries it from then on.
set -u
cd "$(dirname "$0")/.."
time=${FUZZTIME:-1m} failed=0 targets=0
go test ./cmd/cdss -run 'TestHostile|TestCanaries' -count=1 -v | grep -E '^(---|ok|FAIL)|_test.go' || failed=1
for file in $(grep -rl '^func Fuzz' --include='*_test.go' cds cmd fhir rag | sort); do
	for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(.*/\1/p' "$file"); do
		targets=$((targets + 1))
		if said=$(go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" 2>&1); then
			echo "ok    $name $time $(printf '%s\n' "$said" | sed -n 's/.*execs: \([0-9]*\).*/\1 inputs/p' | tail -n 1)"
		else
			echo "FAIL  $name"; printf '%s\n' "$said"; failed=1
		fi
	done
done
echo "$targets fuzz targets"
exit $failed
