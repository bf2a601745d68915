# SPDX-License-Identifier: MIT
# sbx-bpf: `make help` lists the targets.

PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
SCDOC ?= scdoc
B := build

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
WERROR ?= -Werror
CFLAGS ?= -O2 -g
BASE_CFLAGS := -std=gnu11 $(WARN) $(WERROR) -Iinclude -I. -I$(B) -D_GNU_SOURCE \
	-ffile-prefix-map=$(CURDIR)=.
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
UNITDIR ?= $(PREFIX)/lib/systemd/system
DIRS := -DSBX_SHAREDIR='"$(PREFIX)/share/sbx-bpf"' -DSBX_ETCDIR='"$(SYSCONFDIR)/sbx-bpf"' \
	-DSBX_SBINDIR='"$(PREFIX)/sbin"' -DSBX_UNITDIR='"$(UNITDIR)"'
LIBS := -lbpf -lelf -lz -lyaml -ljansson
SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fsanitize=fuzzer

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter $(WERROR) \
	-Ivmlinux -Iinclude -Ibpf -D__bpf__ -D__TARGET_ARCH_x86 \
	-ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=.

PURE_SRC := $(wildcard user/base/*.c user/policy/*.c user/event/*.c user/net/*.c user/dns/*.c)
KERN_SRC := $(wildcard user/kern/*.c)
CLI_SRC := $(wildcard user/cli/*.c)
DAEMON_SRC := $(wildcard user/daemon/*.c)
# main.bpf.c defines the maps; libbpf 1.1's linker wants definitions before their users.
BPF_SRC := bpf/main.bpf.c $(filter-out bpf/main.bpf.c,$(wildcard bpf/*.bpf.c))
UNIT_SRC := $(wildcard tests/unit/test_*.c)
KTEST_SRC := $(wildcard tests/kernel/*.c)
KTEST_GO := $(wildcard tests/kernel/*.go)
FUZZ_SRC := $(wildcard tests/fuzz/*.c)
ESCAPE_SRC := $(wildcard tests/escape/*.c)
BENCH_BIN := $(B)/bench/op $(B)/bench/hooks $(B)/bench/tiny
POLICIES := $(wildcard policies/*.yaml)
ASSERTIONS := $(wildcard policies/assert/*.yaml)
SHARE := $(PREFIX)/share/sbx-bpf

PURE_OBJ := $(PURE_SRC:%.c=$(B)/obj/%.o)
KERN_OBJ := $(KERN_SRC:%.c=$(B)/obj/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/obj/%.o)
DAEMON_OBJ := $(DAEMON_SRC:%.c=$(B)/obj/%.o)
PURE_SAN := $(PURE_SRC:%.c=$(B)/san/%.o)
PURE_FUZZ := $(PURE_SRC:%.c=$(B)/fuzz/%.o)
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.o)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
KTEST_BIN := $(KTEST_SRC:tests/kernel/%.c=$(B)/kernel/%) $(KTEST_GO:tests/kernel/%.go=$(B)/kernel/%)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
MAN := $(patsubst doc/man/%.scd,$(B)/man/%,$(wildcard doc/man/*.scd))

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

all: $(B)/sbx-bpf $(B)/sbx-bpfd ## build the loader, the daemon and the BPF programs

$(B)/sbx-bpf: $(CLI_OBJ) $(KERN_OBJ) $(filter-out $(B)/obj/user/dns/%,$(PURE_OBJ))
	$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $^ $(LIBS) -o $@

$(B)/sbx-bpfd: $(DAEMON_OBJ) $(KERN_OBJ) $(PURE_OBJ)
	$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $^ $(LIBS) -lldns -lsystemd -o $@

$(B)/obj/user/kern/%.o: user/kern/%.c $(B)/sbx.skel.h
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP -c $< -o $@

# Changes only when the directories do: another PREFIX compiles again.
$(B)/dirs: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(DIRS) | cmp -s - $@ || printf '%s\n' $(DIRS) > $@

$(B)/obj/%.o: %.c $(B)/dirs
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(HARDEN) $(DIRS) -MMD -MP -c $< -o $@

$(B)/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -g $(SAN) $(DIRS) -MMD -MP -c $< -o $@

$(B)/bpf/%.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
	$(LLVM_STRIP) -g $@

$(B)/sbx.bpf.o: $(BPF_OBJ)
	$(BPFTOOL) gen object $@ $^

$(B)/sbx.skel.h: $(B)/sbx.bpf.o
	$(BPFTOOL) gen skeleton $< name sbx > $@

$(B)/unit/test_%: tests/unit/test_%.c $(PURE_SAN)
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -g $(SAN) -MMD -MP $< $(PURE_SAN) -lcmocka -lyaml -ljansson -lldns -lpthread -o $@

$(B)/kernel/%: tests/kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) -Wno-missing-prototypes -MMD -MP $< -lcmocka -lpthread $(LDLIBS) -o $@

# Without cgo: its names are resolved by Go itself, and not by the C library.
$(B)/kernel/%: tests/kernel/%.go
	@mkdir -p $(@D)
	GOCACHE=$(CURDIR)/$(B)/go-cache CGO_ENABLED=0 go build -trimpath -o $@ $<

$(B)/kernel/unhook: LDLIBS := -lbpf -lelf -lz

$(B)/bench/op: $(addprefix $(B)/obj/tests/bench/,op.o cases.o landlock.o other.o util.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie $^ -o $@

$(B)/bench/hooks: $(addprefix $(B)/obj/tests/bench/,hooks.o util.o)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -pie $^ -lbpf -lelf -lz -o $@

$(B)/bench/tiny: tests/bench/tiny.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) -static $< -o $@

# Its tables of cases name what a case has; the rest is zero.
$(B)/obj/tests/escape/%.o: BASE_CFLAGS += -Wno-missing-field-initializers

# Static: it runs in sandboxes that show it no library.
$(B)/sbx-escape: $(ESCAPE_SRC:%.c=$(B)/obj/%.o)
	$(CC) $(CFLAGS) -static $^ -o $@

$(B)/escape-landlock: tests/escape/adapters/landlock.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) -static $< -o $@

# clang alone has libFuzzer: what is fuzzed is compiled once more, for its coverage.
$(B)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(BASE_CFLAGS) -O1 -g $(FUZZ_SAN)-no-link $(DIRS) -MMD -MP -c $< -o $@

$(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(PURE_FUZZ)
	$(CLANG) $(FUZZ_SAN) $^ -lyaml -ljansson -lldns -o $@

# What reads events for `explain` is the command's own.
$(B)/fuzz/question: $(B)/fuzz/user/cli/question.o

unit: $(UNIT_BIN) ## unit tests (T=name: one of them)
	tests/unit/run.sh $(if $(T),$(B)/unit/test_$(T),$(UNIT_BIN))

# What the tiers need built; they run setup.sh first, since the compilers themselves may be missing.
tests: all $(B)/sbx-escape $(UNIT_BIN) $(KTEST_BIN) $(FUZZ_BIN) $(BENCH_BIN) man ## build all test programs

demo: setup ## an agent at work in a sandbox, and what a hijacked one cannot do
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all
	@tests/demo/demo.sh

test: setup ## everything: quick tier, then the kernels in virtual machines
	@tests/test.sh all

check: setup ## the quick tier: lint, unit tests, 30 s of fuzzing
	@tests/test.sh quick

soak: setup ## long random tests, 10 minutes of fuzzing, kernel soak tests
	@tests/test.sh soak

bench: setup ## figures: instructions per operation, against Landlock and none (MACRO=1: larger work, too)
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all $(BENCH_BIN)
	@tests/bench/run.sh $(if $(MACRO),--macro) $(KERNELS)

deps: ## install the Debian packages that building needs (SBX_NO_INSTALL=1: only list them)
	@tests/setup.sh build

work: setup ## commands, policies and real work under them, on every kernel (KERNELS="6.12", WORK="git node": that work)
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all
	@tests/test.sh work

agents: setup ## Claude Code and Codex, from npm, under ai-agent against a stand-in for their services (KERNEL=6.12, AGENTS="claude codex")
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all
	@npm install --silent --no-fund --no-audit --prefix $(B)/agents @anthropic-ai/claude-code @openai/codex
	@SBX_CPU=max tests/vm/run.sh --kernel $(or $(KERNEL),6.12) --mem 4G --timeout 1800 -- env T=agents LIMIT=1700 $(if $(AGENTS),AGENTS="$(AGENTS)") tests/kernel/all.sh

browser: ## chromium, which is installed, under the policy browser (KERNEL=6.12)
	@tests/setup.sh browser
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all
	@SBX_CPU=max tests/vm/run.sh --kernel $(or $(KERNEL),6.12) --mem 4G --timeout 1800 -- env T=browser LIMIT=1700 tests/kernel/all.sh

# make itself would not see what has just been installed: it looks into each directory once.
ready: deps ## install those, and build all that `make install` wants
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all man $(B)/sbx-escape

setup: ## install the Debian packages that are missing (SBX_NO_INSTALL=1: only list them)
	@tests/setup.sh

lint: ## style: format, cppcheck, include directions, scripts, manual pages
	tests/lint/lint.sh

escape: ## tries to escape from sbx-bpf and from other sandboxes (KERNELS="6.12", ADAPTERS="none sbx-bpf")
	@tests/setup.sh escape
	@$(MAKE) --no-print-directory -s -j$(shell nproc) all $(B)/sbx-escape $(B)/escape-landlock $(B)/srt
	@tests/escape/run.sh $(KERNELS)

escape-results: escape ## make escape, and its table into doc/escape-results.md
	cp $(B)/escape.md doc/escape-results.md

escape-list: $(B)/sbx-escape ## writes the list of attacks into doc/escape-cases.md anew
	sed -i '/^<!-- generated/q' doc/escape-cases.md
	$(B)/sbx-escape --list --markdown >> doc/escape-cases.md

SRT_VERSION := 0.0.78

# Another sandbox, where there is npm; what it needs comes from its registry.
$(B)/srt:
	! command -v npm >/dev/null || npm install --silent --no-fund --no-audit --prefix $@ \
		@anthropic-ai/sandbox-runtime@$(SRT_VERSION) || echo "sandbox-runtime could not be fetched"

fuzz: $(FUZZ_BIN) ## fuzz each parser for FUZZ_TIME seconds
	tests/fuzz.sh $(or $(FUZZ_TIME),30) $(FUZZ_BIN)

mutate: all $(B)/sbx-escape $(KTEST_BIN) ## leave out one hook after the other: does an attack succeed? (HOOKS="a b", T=script)
	tests/vm/run.sh --kernel $(or $(KERNEL),6.12) --timeout 36000 -- tests/kernel/mutate.sh $(HOOKS)

vm: all $(KTEST_BIN) ## a root shell under another kernel (KERNEL=6.1|6.12|newest)
	tests/vm/shell.sh --kernel $(or $(KERNEL),6.12)

man: $(MAN) ## the manual pages

$(B)/man/%: doc/man/%.scd
	@mkdir -p $(@D)
	$(SCDOC) < $< > $@

install: all $(B)/sbx-escape man ## into DESTDIR, below PREFIX
	install -D -m 755 $(B)/sbx-bpf $(DESTDIR)$(PREFIX)/bin/sbx-bpf
	install -D -m 755 $(B)/sbx-bpfd $(DESTDIR)$(PREFIX)/sbin/sbx-bpfd
	install -d $(DESTDIR)$(UNITDIR)
	sed 's|@SBINDIR@|$(PREFIX)/sbin|' user/daemon/sbx-bpfd.service.in \
		>$(DESTDIR)$(UNITDIR)/sbx-bpfd.service
	install -m 755 $(B)/sbx-escape $(DESTDIR)$(PREFIX)/bin/
	install -d $(DESTDIR)$(SHARE)/escape
	install -m 755 tests/escape/adapters/sbx-bpf $(DESTDIR)$(SHARE)/escape/
	install -m 644 tests/escape/adapters/common.sh $(DESTDIR)$(SHARE)/escape/
	install -d $(DESTDIR)$(SHARE)/policies/assert $(DESTDIR)$(SYSCONFDIR)/sbx-bpf/policies
	install -m 644 $(POLICIES) $(DESTDIR)$(SHARE)/policies/
	install -m 644 $(ASSERTIONS) $(DESTDIR)$(SHARE)/policies/assert/
	install -m 644 policies/schema.json policies/schema-assertions.json $(DESTDIR)$(SHARE)/
	for m in $(MAN); do install -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/} || exit 1; done

uninstall: ## remove what install wrote; /etc/sbx-bpf stays
	rm -f $(DESTDIR)$(PREFIX)/bin/sbx-bpf $(DESTDIR)$(PREFIX)/bin/sbx-escape \
		$(DESTDIR)$(PREFIX)/sbin/sbx-bpfd \
		$(DESTDIR)$(UNITDIR)/sbx-bpfd.service
	rm -rf $(DESTDIR)$(SHARE)
	for m in $(notdir $(MAN)); do \
		rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$$m; done

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all mutate unit tests demo test check soak bench deps ready work agents browser setup lint fuzz vm man install \
	uninstall escape escape-results escape-list clean help FORCE
