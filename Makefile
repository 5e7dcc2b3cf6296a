# Few targets, each for something that a person does. `make` lists them. Go, git, make and a C compiler are enough;
# everything else comes from the Go module proxy.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The nested modules are built as they are pinned, whatever workspace surrounds the clone.
export GOWORK := off

OPSGEN := go run ./generator/cmd/opsgen
JSONNET := $(shell git ls-files '*.jsonnet' '*.libsonnet' 2>/dev/null)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: render
render: ## Render every cluster into clusters/<name>/rendered
	$(OPSGEN) render

.PHONY: test
test: lint ## Lint, and run all quick tests: units, golden files, the command line
	@# Each test has its own limit. This one is for what hangs, and a busy machine is not to meet it.
	go test -timeout 30m ./...

.PHONY: lint
lint: check-text bin/golangci-lint ## Check the style of Go, Jsonnet and text (go vet is part of it)
	bin/golangci-lint run ./...
	cd test && ../bin/golangci-lint run ./...
	@# jsonnetfmt prints only the names of the files that it would change.
	bin/jsonnetfmt --test $(JSONNET) || { echo 'Format these files with: make format' >&2; exit 1; }
	bin/jsonnet-lint $(filter %.jsonnet,$(JSONNET))

.PHONY: format
format: bin/golangci-lint ## Format Go and Jsonnet files in place
	bin/golangci-lint fmt ./...
	cd test && ../bin/golangci-lint fmt ./...
	bin/jsonnetfmt --in-place $(JSONNET)

.PHONY: check-config
check-config: render ## Parse the rendered configuration with Cortex's and Loki's own code (slow when nothing is cached)
	@# One after the other: each links most of a database, and two at once would need twice the memory.
	cd test/cortexcheck && go vet ./... && go test -count=1 ./...
	cd test/lokicheck && go vet ./... && go test -count=1 ./...

.PHONY: check-rules
check-rules: ## Compare tests of rules with the real promtool, and test the parser of LogQL (slow when nothing is cached)
	cd test/promtoolcheck && go vet ./... && go test -count=1 -timeout 30m ./...
	cd tools/logqlcheck && go vet ./... && go test -count=1 -timeout 30m ./...

.PHONY: test-bed
test-bed: ## Test builds and images of the cluster bed (quick)
	cd test && go vet ./... && go test ./build ./image

.PHONY: cluster
cluster: ## Bring up example-local from Git on a real Kubernetes on this machine (root, Linux)
	cd test && go run ./cmd/bed up --nodes 2 --cluster example-local

.PHONY: cluster-test
cluster-test: ## Test on real nodes: the bed, the syncer, bootstrap, two stories (root, Linux; slow when nothing is cached)
	@# One bed at a time: each wants both processors of a small machine. With nothing cached most of the time goes into
	@# building Kubernetes, Cortex and Loki, which the tests begin with.
	cd test && go test -count=1 -p 1 -timeout 90m -skip TestErasure $$(go list ./... | grep -Ev '/(story|zones|fleet|release)$$')
	cd test && go test -count=1 -v -timeout 90m -run 'TestTheFirstDay|TestTheFrontDoor' ./story

.PHONY: cluster-test-long
cluster-test-long: ## Test deliveries, zones and erasing on real nodes, and full size, releases and 200 tenants on fake ones (root, Linux; hours)
	cd test && go test -count=1 -v -timeout 150m -run 'TestDelivery|TestFaults|TestTheWatch|TestTenants' ./story
	cd test && go test -count=1 -v -timeout 60m ./zones
	cd test && go test -count=1 -v -timeout 180m ./fleet
	cd test && go test -count=1 -v -timeout 30m -run TestErasure ./syncertest
	cd test && go test -count=1 -v -timeout 60m ./release

.PHONY: generate
generate: ## Write the JSON Schemas and references anew, from the Go types
	go test ./generator/schema -update

.PHONY: images
images: ## Compile our programs' images and write them as an OCI layout into bin/images
	rm -rf bin/images
	@mkdir -p bin
	go run ./tools/release images -layout bin/images

.PHONY: release-check
release-check: ## Compare the examples of the bundle's last version with this one: nothing may be immutable, remade or lost
	go run ./tools/release check

.PHONY: release-test
release-test: ## Make a release's images twice, and upgrade the examples from the bundle's last version on fake nodes (slow)
	cd test && go test -count=1 -v -timeout 60m ./release
	cd test && go test -count=1 -v -timeout 120m -run TestRelease ./fleet

.PHONY: bench
bench: ## Measure rendering: cold, warm, with 10 to 1,000 tenants; and checks of one changed tenant among 1,000
	@# The program itself runs with this setting of the garbage collector.
	GOGC=400 go test ./generator/render ./generator/check -run '^$$' -bench . -benchtime 1x -timeout 30m
	go test ./generator/cmd/opsgen -run '^$$' -bench OneOfMany -benchtime 1x -timeout 30m

.PHONY: bench-proxy
bench-proxy: bin/proxy ## Measure what the proxy costs a request, beside a bare reverse proxy, nginx and haproxy
	go run ./proxy/bench -proxy bin/proxy

.PHONY: bin/proxy
bin/proxy:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $@ ./proxy/cmd/proxy

# Every fuzz target for some inputs: enough to find what a change broke in what was found before. A number and not a time,
# because Go's fuzzing sometimes takes its own deadline for a failure.
FUZZTIME := 500x
.PHONY: fuzz
fuzz: ## Run every fuzz target for 500 inputs each
	@for package in $$(go list -f '{{.Dir}}' ./...); do \
		{ grep -hos '^func Fuzz[A-Za-z0-9_]*' "$$package"/*_test.go || true; } | sed 's/^func //' | while read -r target; do \
			go test "$$package" -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) || exit 1; \
		done || exit 1; \
	done

# Texts that must be in no file: paths of somebody's machine, and notes of unfinished work. The brackets keep the
# patterns from finding themselves. Lines of Markdown stay within 120 characters but for tables and generated pages.
# git grep answers 1 when it found nothing, and more when it could not look.
.PHONY: check-text
check-text:
	@git grep -nIE '(/wor[k]/|/roo[t]/|/home/[a-z]|/User[s]/|/tmp/bas[h])' -- . ':!*.sum' \
		&& { echo 'A path of one machine is in a file; write a relative one.' >&2; exit 1; } || [ $$? -eq 1 ]
	@git grep -nIwE '(TOD[O]|FIXM[E]|XX[X])' -- . ':!*.sum' \
		&& { echo 'Unfinished work belongs in an issue, not in a file.' >&2; exit 1; } || [ $$? -eq 1 ]
	@LC_ALL=C.UTF-8 git grep -nE '^[^|].{120,}' -- '*.md' ':!docs/reference' \
		&& { echo 'These lines are longer than 120 characters; break them.' >&2; exit 1; } || [ $$? -eq 1 ]

# The tools are pinned in a module of their own, and built once for each change of it.
bin/golangci-lint: tools/lint/go.mod tools/lint/go.sum
	cd tools/lint && GOBIN=$(CURDIR)/bin GOFLAGS=-mod=readonly go install tool
	@touch $@
