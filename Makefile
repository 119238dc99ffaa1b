# Makefile — build, run, test. `make help` lists the targets.
#
# One file, non-recursive. Output goes to build/$(MODE)/; MODE is release, asan or tsan.
#	V=1	show whole commands		CC=clang	another compiler
#	PORT, DATA_DIR, … for `make run`: see conf/oneapi.env.example

MODE ?= release
CC = gcc
PORT ?= 3000
O := build/$(MODE)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo v0.0.0)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wformat=2 -Wwrite-strings -Wundef -Wno-unused-parameter $(WERROR)
HARDEN := -fstack-protector-strong -fPIE
FLAGS_release := -O2 -D_FORTIFY_SOURCE=2
FLAGS_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
FLAGS_tsan := -O1 -fno-omit-frame-pointer -fsanitize=thread
PKGS := libcurl sqlite3 libcjson libcrypto
CFLAGS += -std=c17 -D_GNU_SOURCE -g $(FLAGS_$(MODE)) $(WARN) $(HARDEN) -pthread -Icommon -I$(O) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(EXTRA_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now -pthread $(filter -fsanitize%,$(FLAGS_$(MODE)))
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lfcgi -lscrypt

COMMON_C := $(wildcard common/*/*.c) $(O)/sql_texts.c
RELAY_C := $(wildcard fcgi-relay/*.c)
ADMIN_C := $(wildcard fcgi-admin/*.c)
UNIT := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))
FLOW := $(patsubst tests/flow/%.c,$(O)/tests/flow/%,$(wildcard tests/flow/test_*.c))
TOOLS := $(O)/tests/fake_upstream $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/*.c))

obj = $(patsubst %.c,$(O)/%.o,$(patsubst $(O)/%,%,$(1)))
ifdef V
say =
else
say = @printf '%-5s %s\n' $(1) $(2);
endif

.DEFAULT_GOAL := all
.PHONY: help deps all run demo test unit flow sdk check bench fuzz fmt clean
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

deps: ## installs what building, running and testing needs (apt-get; says what is missing otherwise)
	@sh conf/deps.sh build run test

all: $(O)/bin/fcgi-relay $(O)/bin/fcgi-admin $(TOOLS) ## both programs and the test tools

$(O)/sql_texts.c: $(wildcard sql/*/*.sql) conf/embed-sql.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@) sh conf/embed-sql.sh sql > $@.tmp && mv $@.tmp $@

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/%.o: $(O)/%.c
	$(call say,CC,$<) $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/common/provider/runtime.o: CFLAGS += -DVERSION='"$(VERSION)"'

$(O)/libcommon.a: $(call obj,$(COMMON_C))
	$(call say,AR,$@) rm -f $@ && ar rcs $@ $^
$(O)/bin/fcgi-relay: $(call obj,$(RELAY_C)) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/bin/fcgi-admin: $(call obj,$(ADMIN_C)) $(O)/libcommon.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/fake_upstream: $(O)/tests/fake_upstream.o
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^
$(O)/tests/bench/%: $(O)/tests/bench/%.o
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lfcgi
# A unit test may reach a program's modules: everything of it but main.c.
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/tests/fcgi_client.o \
		$(filter-out %/main.o,$(call obj,$(RELAY_C))) $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(O)/tests/unit/test_admin_%: $(O)/tests/unit/test_admin_%.o \
		$(filter-out %/main.o,$(call obj,$(ADMIN_C))) $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(O)/tests/flow/%: $(O)/tests/flow/%.o $(O)/tests/stack.o $(O)/tests/fcgi_client.o $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

clean: ## removes build/
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
