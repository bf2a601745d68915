# SPDX-License-Identifier: MIT
# sbx-bpf: `make help` lists the targets.

PREFIX ?= /usr
SYSCONFDIR ?= /etc
DESTDIR ?=
CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /usr/bin/bpftool) bpftool)
LLVM_STRIP ?= llvm-strip
B := build

VERSION := $(shell sed -n 's/^\#define SBX_VERSION "\(.*\)"/\1/p' include/sbx_version.h)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
WERROR ?= -Werror
CFLAGS ?= -O2 -g
BASE_CFLAGS := -std=gnu11 $(WARN) $(WERROR) -Iinclude -I. -I$(B) -D_GNU_SOURCE \
	-ffile-prefix-map=$(CURDIR)=.
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LIBS := -lbpf -lelf -lz -lyaml -ljansson
SAN := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined

BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter $(WERROR) \
	-Ivmlinux -Iinclude -Ibpf -D__bpf__ -D__TARGET_ARCH_x86 \
	-ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=.

PURE_SRC := $(wildcard user/base/*.c user/policy/*.c user/event/*.c user/net/*.c)
KERN_SRC := $(wildcard user/kern/*.c)
CLI_SRC := $(wildcard user/cli/*.c)
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
KTEST_SRC := $(wildcard tests/kernel/*.c)

PURE_OBJ := $(PURE_SRC:%.c=$(B)/obj/%.o)
KERN_OBJ := $(KERN_SRC:%.c=$(B)/obj/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/obj/%.o)
PURE_SAN := $(PURE_SRC:%.c=$(B)/san/%.o)
BPF_OBJ := $(BPF_SRC:bpf/%.bpf.c=$(B)/bpf/%.o)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
KTEST_BIN := $(KTEST_SRC:tests/kernel/%.c=$(B)/kernel/%)

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

all: $(B)/sbx-bpf ## build the loader and the BPF programs

$(B)/sbx-bpf: $(CLI_OBJ) $(KERN_OBJ) $(PURE_OBJ)
	$(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $^ $(LIBS) -o $@

$(B)/obj/user/kern/%.o: user/kern/%.c $(B)/sbx.skel.h
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(HARDEN) -MMD -MP -c $< -o $@

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(HARDEN) -DSBX_SHAREDIR='"$(PREFIX)/share/sbx-bpf"' \
		-DSBX_ETCDIR='"$(SYSCONFDIR)/sbx-bpf"' -MMD -MP -c $< -o $@

$(B)/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) -O1 -g $(SAN) -DSBX_SHAREDIR='"$(PREFIX)/share/sbx-bpf"' \
		-DSBX_ETCDIR='"$(SYSCONFDIR)/sbx-bpf"' -MMD -MP -c $< -o $@

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
	$(CC) $(BASE_CFLAGS) -O1 -g $(SAN) -MMD -MP $< $(PURE_SAN) -lcmocka -lyaml -ljansson -o $@

$(B)/kernel/%: tests/kernel/%.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) -Wno-missing-prototypes $< -lcmocka -lpthread -o $@

unit: $(UNIT_BIN) ## unit tests (T=name: one of them)
	tests/unit/run.sh $(if $(T),$(B)/unit/test_$(T),$(UNIT_BIN))

clean: ## remove everything that was built
	rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: all unit clean help
