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
PKGS := libcurl sqlite3 libcjson libssl libcrypto zlib libzstd hiredis
CFLAGS += -std=c17 -D_GNU_SOURCE -g $(FLAGS_$(MODE)) $(WARN) $(HARDEN) -pthread -Icommon -I$(O) \
	$(shell pkg-config --cflags $(PKGS) 2>/dev/null) $(EXTRA_CFLAGS)
LDFLAGS += -pie -Wl,-z,relro,-z,now -pthread $(filter -fsanitize%,$(FLAGS_$(MODE)))
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lfcgi -lscrypt -lcrypt -lm

COMMON_C := $(wildcard common/*/*.c) $(O)/sql_texts.c
RELAY_C := $(wildcard fcgi-relay/*.c)
ADMIN_C := $(wildcard fcgi-admin/*.c) $(O)/openapi_text.c
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
.PHONY: help deps all web run demo test unit flow sdk ui screenshots check bench fuzz fmt clean
.SECONDARY:

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10

deps: ## installs what building, running and testing needs (apt-get; says what is missing otherwise)
	@sh conf/deps.sh build run test

all: $(O)/bin/fcgi-relay $(O)/bin/fcgi-admin $(TOOLS) ## both programs and the test tools

$(O)/sql_texts.c: $(wildcard sql/*/*.sql) conf/embed-sql.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@) sh conf/embed-sql.sh sql > $@.tmp && mv $@.tmp $@

$(O)/openapi_text.c: fcgi-admin/openapi.json conf/embed-text.sh
	@mkdir -p $(@D)
	$(call say,GEN,$@) sh conf/embed-text.sh $< openapi_text > $@.tmp && mv $@.tmp $@

# Shared by all modes, and made so that several makes may do it at once. Part of bpe_data.o.
RANKS := build/ranks/tables.bin
$(RANKS): $(wildcard common/billing/gen/*) common/billing/bpe_table.h
	$(call say,GEN,$@) CC="$(CC)" sh common/billing/gen/tables.sh $@
$(O)/common/billing/bpe_data.o: $(RANKS)

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
$(O)/tests/fake_upstream: $(O)/tests/fake_upstream.o $(call obj,$(wildcard tests/fake/*.c))
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^
$(O)/tests/bench/count_tokens: $(O)/tests/bench/count_tokens.o $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/bench/events: $(O)/tests/bench/events.o $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/bench/log_pages: $(O)/tests/bench/log_pages.o $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(O)/tests/bench/%: $(O)/tests/bench/%.o
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lfcgi
# A unit test may reach a program's modules: everything of it but main.c.
$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/tests/fcgi_client.o \
		$(filter-out %/main.o,$(call obj,$(RELAY_C))) $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(O)/tests/unit/test_admin_%: $(O)/tests/unit/test_admin_%.o \
		$(filter-out %/main.o,$(call obj,$(ADMIN_C))) $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka -lssl $(LIBS)
$(O)/tests/flow/%: $(O)/tests/flow/%.o $(O)/tests/stack.o $(O)/tests/fcgi_client.o $(O)/libcommon.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ -lcmocka -lssl $(LIBS)

# ---- the web UI ------------------------------------------------------------------------------

# Built only when one of its files is newer; conf/web.sh says what is missing where it cannot be.
WEB := build/web.stamp
$(WEB): $(wildcard web/*.json web/*.mjs web/*.html web/.npmrc web/scripts/* web/public/*) $(shell find web/src -type f) conf/web.sh
	@mkdir -p $(@D)
	$(call say,WEB,web/dist) sh conf/web.sh && touch $@

web: $(WEB) ## the web UI, into web/dist

# ---- running and testing ---------------------------------------------------------------------

run: ## starts web server and both programs on 127.0.0.1:$PORT (3000), data in $DATA_DIR (./data)
	@sh conf/deps.sh build run
	@$(MAKE) -s -j$(shell nproc) all web
	@PORT=$(PORT) BIN_DIR=$(CURDIR)/$(O)/bin exec bash conf/run.sh

demo: ## make run with a fake upstream: one whole and one streamed request, log row, quota
	@sh conf/deps.sh build run
	@$(MAKE) -s -j$(shell nproc) all
	@BIN_DIR=$(CURDIR)/$(O)/bin bash conf/demo.sh

test: ## everything that says whether it works: units, flows through nginx, the OpenAI SDK, the web UI
	@sh conf/deps.sh build run test
	@$(MAKE) -s -j$(shell nproc) all web $(UNIT) $(FLOW)
	@MODE=$(MODE) sh tests/run.sh $(UNIT) web ui $(FLOW) sdk

unit: $(UNIT) ## cmocka units only
	@MODE=$(MODE) sh tests/run.sh $(UNIT)

flow: all $(FLOW) ## flows through the real web server and programs only
	@MODE=$(MODE) sh tests/run.sh $(FLOW)

sdk: all ## the official OpenAI SDK against the real stack
	@MODE=$(MODE) sh tests/run.sh sdk

ui: all web ## the web UI: its units, then in Debian's Chromium through nginx and the real programs
	@sh conf/deps.sh run ui
	@MODE=$(MODE) sh tests/run.sh web ui

screenshots: all web ## docs/screenshots/: the main pages, light and dark, desktop and phone
	@sh conf/deps.sh run ui
	@BUILD_DIR=$(CURDIR)/$(O) node tests/ui/screenshots.mjs

check: ## what a reviewer would do: format, -Werror, analysers, tests under ASan+UBSan and TSan
	@sh conf/deps.sh build run test check
	@sh tests/check.sh

bench: ## figures beside the floors, a few minutes; QUICK=1 for less
	@sh conf/deps.sh build run bench
	@$(MAKE) -s all
	@sh tests/bench/run.sh

FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
build/fuzz/%: tests/fuzz/%.c $(COMMON_C) $(wildcard common/*/*.h) $(RANKS)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@) clang -std=c17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined \
		-Icommon -I$(O) -pthread -o $@ $< $(COMMON_C) $(LIBS)

fuzz: $(FUZZ) ## each reader of foreign bytes for FUZZ_SECONDS (60)
	@for f in $(FUZZ); do n=$${f##*/fuzz_}; mkdir -p build/fuzz/corpus/$$n; \
		$$f -max_total_time=$(or $(FUZZ_SECONDS),60) -print_final_stats=0 -verbosity=0 \
		build/fuzz/corpus/$$n $$(ls -d tests/fuzz/corpus/$$n 2>/dev/null) || exit 1; \
		echo "ok fuzz_$$n"; done

SOURCES := $(wildcard common/*/*.[ch] common/*/*/*.[ch] fcgi-relay/*.[ch] fcgi-admin/*.[ch] tests/*.[ch] tests/*/*.[ch])
fmt: ## clang-format over all C
	@clang-format -i $(SOURCES)

clean: ## removes build/
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
