#!/bin/sh
# audit.sh: look for known faults of what is built in. Needs the Go vulnerability database and
# the npm registry. Fails on a fault that is reachable (Go) or of high severity (npm); what
# could not be asked is said, and counts as not checked, never as clean.
set -u
cd "$(dirname "$0")/.."
govulncheck=golang.org/x/vuln/cmd/govulncheck@v1.9.0
faults=0 unchecked=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT

go mod verify || faults=1

go run "$govulncheck" ./... >"$said" 2>&1
case $? in
0) echo 'govulncheck: no known fault is reachable' ;;
3) cat "$said"; faults=1 ;;
*)
	# go run gives 1 whatever the program gave.
	if grep -q 'Your code is affected by' "$said"; then cat "$said"; faults=1
	else echo "NOT CHECKED: govulncheck could not run: $(tail -n 1 "$said")"; unchecked=1; fi ;;
esac

(cd webapps && npm audit --omit=dev --audit-level=high --json) >"$said" 2>/dev/null
if grep -q '"auditReportVersion"' "$said"; then
	node -e 'const v=JSON.parse(require("fs").readFileSync(process.argv[1])).metadata.vulnerabilities; console.log("npm audit:",JSON.stringify(v)); process.exit(v.high+v.critical>0?1:0)' "$said" || faults=1
else
	echo 'NOT CHECKED: npm audit could not ask the registry'; unchecked=1
fi
[ "$faults" -eq 0 ] || exit 1
[ "$unchecked" -eq 0 ] || echo 'Run make audit where these can be reached before a release.'
