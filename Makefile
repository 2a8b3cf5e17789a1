# What each target does is fixed by docs and clients written elsewhere:
#
#   make run    from a fresh clone to a working server on http://localhost:8000
#   make test   everything: Go, web unit tests, end-to-end tests in a real browser
#   make build  both web apps and bin/cdss with them embedded
#   make web    the web apps alone
#   make chaos  random faults under load, kills, restarts, starters at once (SEED=1 SEEDS=50 FOR=4s KILLS=20)
#   make load   one core and 400 MB: steady load, ten times as much, recovery (RATE=100 BYTES=20480 FOR=60s)
#   make backup FILE=…  the database into a file; make restore FILE=… into an empty one
#   make restore-drill  work, back up, lose the database, restore into a fresh one, compare
#   make soak   chaos for as long as it is told (SEED=1 FOR=1h)
#   make bench  the benchmarks; writes docs/BENCHMARKS.md
#   make check  format, vet, staticcheck, types, lint, generated files up to date
#   make generate  write the generated files
#   make audit  known faults of dependencies; needs the network
#   make sbom   what is built in, as CycloneDX: bin/sbom.cdx.json
#   make hostile  the hostile inputs, and every fuzz target for FUZZTIME each
#   make clean  what was built; not the data in .cdss
#
# go build ./... and go test ./... work alone, without Node and without this file.

SHELL := /bin/sh
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.SUFFIXES:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules
export NPM_CONFIG_UPDATE_NOTIFIER := false

VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)
REFERENCE := $(abspath $(or $(REFERENCE_DATA_DIR),../shared/data))
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GO_DIRS := cmd cds fhir migrations rag

# What a build depends on. Directories are listed too, since their time changes when a
# file is added or removed: an unchanged start then runs neither npm nor go.
# The built pages count through PAGES alone: their names change with each build.
GO_SOURCES = $(shell find $(wildcard $(GO_DIRS)) \( -type d -o -type f \) ! -path '*/testdata*' ! -name '*_test.go') \
	$(wildcard webapps/*.go) go.mod go.sum
WEB_SOURCES = $(shell find webapps \( -name node_modules -o -path webapps/dist -o -path webapps/e2e -o -name test-results \) -prune \
	-o \( -type d -o -type f \) ! -path webapps ! -name '*.go' ! -name '*.test.*' -print)
MANIFESTS := webapps/package-lock.json webapps/package.json $(wildcard webapps/*/package.json)

# Made by the tools themselves, so that removing what they made makes them run again.
MODULES := webapps/node_modules/.package-lock.json
PAGES := webapps/dist/enduser/index.html

.PHONY: run test build web bench chaos load soak backup restore restore-drill check generate openapi clean ready-go ready-build ready-run ready-test go-test web-test e2e audit sbom hostile

run: ready-run bin/cdss
	CDSS_DEMO=1 exec bin/cdss serve

build: ready-build bin/cdss

web: ready-build $(PAGES)

bin/cdss: $(PAGES) $(GO_SOURCES)
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/cdss

$(MODULES): $(MANIFESTS)
	cd webapps && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

$(PAGES): $(MODULES) $(WEB_SOURCES)
	cd webapps && npm run --silent build
	touch $@

# The order matters to a reader: the fast and near first.
test: ready-test go-test web-test e2e

go-test:
	go test -timeout 30m ./...

web-test: $(MODULES)
	cd webapps && npm test

e2e: $(MODULES) bin/cdss
	cd webapps && npm run e2e

check: ready-build $(MODULES)
	@unformatted=$$(gofmt -l $(wildcard $(GO_DIRS)) webapps/*.go); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...
	cd webapps && npm run --silent typecheck
	cd webapps && npm run --silent lint
	scripts/generated.sh

# The tables of the fhir wing come from the FHIR definitions of the reference data.
generate: openapi
	go generate ./cds/...
	@if [ -d "$(REFERENCE)/fhir-r4" ]; then \
		REFERENCE_DATA_DIR="$(REFERENCE)" go generate ./fhir/...; \
	else \
		echo 'The tables of the FHIR definitions were left as they are: no reference data (REFERENCE_DATA_DIR).'; \
	fi

# Through a file beside it, since the program that prints it must not see it half written.
openapi: $(MODULES)
	go run ./cmd/cdss openapi > webapps/shared/openapi.json.new
	mv webapps/shared/openapi.json.new webapps/shared/openapi.json
	cd webapps && npm run --silent api-types

audit: ready-build
	scripts/audit.sh

sbom:
	mkdir -p bin
	node scripts/sbom.mjs $(VERSION) > bin/sbom.cdx.json

hostile: ready-go
	scripts/hostile.sh

bench: ready-go
	scripts/bench.sh

# What these find out is kept in docs/RELIABILITY.md.
TRY := go run ./cmd/cdss/ordeal/try
SEED ?= 1
SEEDS ?= 50
KILLS ?= 20
RATE ?= 100
BYTES ?= 20480

chaos: ready-go
	$(TRY) chaos --seed $(SEED) --seeds $(SEEDS) --for $(or $(FOR),4s) --rate 20
	$(TRY) kills --seed $(SEED) --times $(KILLS)
	$(TRY) roll --times 7 --rate 20
	$(TRY) race --times 10

load: ready-go
	$(TRY) load --rate $(RATE) --bytes $(BYTES) --for $(or $(FOR),60s)

backup: ready-build bin/cdss
	bin/cdss backup "$(or $(FILE),$(error FILE=name of the file to write))"

restore: ready-build bin/cdss
	bin/cdss restore "$(or $(FILE),$(error FILE=name of the backup))"

restore-drill: ready-go
	$(TRY) drill

soak: ready-go
	$(TRY) chaos --seed $(SEED) --for $(or $(FOR),1h) --rate 30

clean:
	rm -rf bin webapps/dist/* webapps/e2e/report webapps/e2e/test-results webapps/test-results

ready-go:
	@scripts/prepare.sh go

ready-build:
	@scripts/prepare.sh build

ready-run:
	@scripts/prepare.sh run

ready-test:
	@scripts/prepare.sh test
