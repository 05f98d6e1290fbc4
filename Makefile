# build      the latch binary; needs only Go
# generate   the eBPF objects and their bindings; needs clang 14 and libbpf-dev
# web        the script and the style of the HTML page; needs node and npm
# demo       measure a real program (as root)
# test       all tests (as root, for those that attach probes)
# check      formatting, vet, staticcheck, what is generated, the house rules
# bench      the cost of a probe beside bpftrace's and funclatency's (as root)

SHELL := /bin/bash
export PATH := $(CURDIR)/build/go/bin:$(PATH):/usr/local/go/bin
DEPS := internal/ci/deps.sh

.PHONY: build generate web demo test check bench

build:
	CGO_ENABLED=0 go build -trimpath -o latch ./cmd/latch

generate:
	go generate ./bpf

web:
	internal/ci/web.sh report/web/dist

demo:
	@internal/demo/demo.sh

test:
	$(DEPS) test
	go test -timeout 30m ./...

check:
	$(DEPS) check
	@internal/ci/check.sh

bench:
	$(DEPS) bench
	go run ./internal/bench
