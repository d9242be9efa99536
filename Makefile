# SPDX-License-Identifier: Apache-2.0
# Two commands from a fresh clone: `make demo` and `make test`. The rest is meson and ninja underneath.
BUILD ?= build
MESON ?= meson
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60

.PHONY: all deps demo test unit e2e systemd-test lint format asan coverage fuzz bench install uninstall clean help

all: $(BUILD)/build.ninja ## build weftd and weft
	@ninja -C $(BUILD) --quiet

$(BUILD)/build.ninja:
	@devtools/install-deps build
	@$(MESON) setup $(BUILD) --prefix $(PREFIX) --sysconfdir /etc --localstatedir /var >/dev/null

demo: all ## see it work: a host and its guests, then two hosts and two tenants with the same addresses
	@devtools/install-deps demo
	@tests/demo/demo $(BUILD)

test: all ## every test
	@devtools/install-deps build test
	@tests/run $(BUILD)

unit: all ## unit and packet tests alone: no root, seconds
	@$(MESON) test -C $(BUILD) --suite unit --print-errorlogs

e2e: all ## end to end alone, in network namespaces
	@devtools/install-deps test
	@tests/e2e/run $(BUILD)

systemd-test: all ## as a service of a real systemd under three network managers, in QEMU: ten minutes, downloads a Debian
	@devtools/install-deps test systemd
	@tests/systemd/run $(BUILD)

lint: $(BUILD)/build.ninja ## format, clang-tidy, sizes, include directions
	@devtools/install-deps lint
	@devtools/lint $(BUILD)

format: ## put every C file into the project's format
	@devtools/install-deps lint
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

asan: ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@devtools/install-deps build test
	@[ -e build-asan/build.ninja ] || $(MESON) setup build-asan -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 -Dwerror=false >/dev/null
	@ninja -C build-asan --quiet
	@ASAN_OPTIONS=detect_leaks=1 $(MESON) test -C build-asan --suite unit --suite root --timeout-multiplier 4 --print-errorlogs

coverage: ## line and branch coverage of the unit tests
	@devtools/install-deps build test
	@devtools/coverage build-coverage

fuzz: ## each fuzz target for FUZZ_SECONDS
	@devtools/install-deps build test
	@tests/fuzz/run $(FUZZ_SECONDS)

bench: all ## side by side with Open vSwitch, the Linux bridge and testpmd
	@devtools/install-deps bench
	@tests/bench/run $(BUILD)

install: all ## programs, manual pages, completion and the systemd unit
	@[ -n "$(DESTDIR)" ] || devtools/install-deps run
	@$(MESON) introspect $(BUILD) --buildoptions | grep -q '"name": "prefix", "value": "$(PREFIX)"' || \
		$(MESON) setup --reconfigure $(BUILD) --prefix $(PREFIX) >/dev/null
	@DESTDIR=$(DESTDIR) $(MESON) install -C $(BUILD) --no-rebuild --quiet
	@devtools/install-service $(PREFIX) "$(DESTDIR)"

uninstall: ## leaves the host as if weft had never run, then removes what install put there
	@devtools/uninstall $(BUILD) "$(DESTDIR)"

clean:
	@rm -rf build build-asan build-coverage build-fuzz

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'
