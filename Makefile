# SPDX-License-Identifier: Apache-2.0
# hotfix: one Makefile for everything. `make help` lists the targets.

SHELL := /bin/bash

VERSION := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/hotfix
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d

CC = $(CROSS_COMPILE)gcc
AR := $(shell $(CC) -print-prog-name=ar)
LD := $(shell $(CC) -print-prog-name=ld)
OBJCOPY := $(shell $(CC) -print-prog-name=objcopy)
OBJDUMP := $(shell $(CC) -print-prog-name=objdump)
BUILD ?= build
SAN ?=

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# Cross building: `make CC=aarch64-linux-gnu-gcc SYSROOT=... BUILD=build/arm64`. The CPU is that of the compiler's target;
# SYSROOT is where its libraries are, if they are not where the compiler looks anyway.
SYSROOT ?=
TARGET_FLAGS := $(if $(SYSROOT),--sysroot=$(SYSROOT))
HOST_CPU := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)

# WERROR= for compilers that warn of more than ours do.
WERROR ?= -Werror
WARNINGS := -Wall -Wextra $(WERROR) -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
	-Wwrite-strings -Wformat=2
CFLAGS ?= -O2 -g
ALL_CFLAGS = $(TARGET_FLAGS) -std=gnu11 $(WARNINGS) $(CFLAGS) -fPIC -fvisibility=hidden -fstack-protector-strong \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DHOTFIX_VERSION='"$(VERSION)"' -DHF_ARCH_HOST=hf_arch_$(HOST_CPU) \
	-Imanifest -Imanifest/trust -Imanifest/base -Iarch $(CPPFLAGS)
ALL_LDFLAGS = $(TARGET_FLAGS) $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

# Libraries. libarchive, which writes bundles, and inih are linked statically: shared, libarchive would bring fourteen
# more libraries into each start of the command, where ICU alone takes longer than to verify a bundle.
library = $(shell $(CC) $(TARGET_FLAGS) -print-file-name=$(1))
STATIC_INIH := $(call library,libinih.a)
STATIC_LIBS := $(call library,libarchive.a) $(STATIC_INIH)
LOADER_LIBS = $(STATIC_INIH) -lcrypto
# What of libarchive is not called goes, and the compression libraries that it would need with it. libiberty, which
# demangles names of C++, comes as an archive only.
PACKAGER_LIBS = $(STATIC_LIBS) $(call library,libiberty.a) -Wl,--gc-sections -lcrypto -lelf -ldwarf -lz -ljansson -lcapstone

MANIFEST_SRC := $(wildcard manifest/*.c manifest/*/*.c)
ARCH_SRC := $(wildcard arch/*.c arch/*/*.c)
LOADER_SRC := $(wildcard loader/*.c loader/*/*.c)
PACKAGER_SRC := $(wildcard packager/*/*.c packager/*/*/*.c)
# What enters other processes knows the registers of x86-64 alone.
OPERATOR_SRC := $(if $(filter x86_64,$(HOST_CPU)),$(wildcard operator/*.c operator/process/*.c operator/enter/*.c operator/state/*.c operator/shared/*.c))
INSIDE_SRC := $(if $(filter x86_64,$(HOST_CPU)),$(wildcard operator/inside/*.c))
SHARED_SRC := $(if $(filter x86_64,$(HOST_CPU)),$(wildcard operator/shared/*.c))
PRELOAD_SRC := $(if $(filter x86_64,$(HOST_CPU)),$(wildcard operator/preload/*.c))
UNIT_SRC := $(wildcard tests/unit/*_test.c)
FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
BENCH_SRC := $(wildcard tests/bench/*.c)
WEBAPP_SRC := $(wildcard examples/webapp/*.c)
# These take longer with sanitizers than anybody waits, or have not been seen to pass.
PLAIN_STORIES := $(addprefix tests/story/,arguments.t blocks.t build.t build-checks.t build-references.t build-symbols.t cases.t chance.t \
	constants.t cpp.t cpp-brings.t cpp-guards.t cpp-ordinary.t cpp-passing.t cpp-works.t far.t identity.t names.t pointers.t reload.t room.t shadow.t \
	statics.t stored.t worlds.t)
# Nor the program whose debug information two readers are to agree on: the sanitizers' runtime is C++ that one of them does
# not know.
UNIT_SRC := $(filter-out $(if $(SAN),tests/unit/readers_test.c),$(UNIT_SRC))
# These choose the compilers of their targets themselves, and take long: a second run by another compiler, which says
# OWN_COMPILERS=no, would ask the same of them.
OWN_STORIES := $(addprefix tests/story/,arguments.t blocks.t cases.t constants.t corpus.t cpp.t cpp-brings.t cpp-guards.t cpp-ordinary.t \
	cpp-passing.t cpp-works.t deb.t differential.t erratum.t lines.t machine.t names.t opened.t packages.t pointers.t room.t statics.t stored.t)
STORIES := $(filter-out $(if $(SAN),$(PLAIN_STORIES)) $(if $(filter no,$(OWN_COMPILERS)),$(OWN_STORIES)), \
	$(wildcard tests/story/*.t tests/examples/*.t))
LINTS := $(wildcard tests/lint/*.t)
PRODUCT_SRC := $(MANIFEST_SRC) $(ARCH_SRC) $(LOADER_SRC) $(PACKAGER_SRC) $(OPERATOR_SRC) $(INSIDE_SRC) $(PRELOAD_SRC)
MAN_PAGES := $(wildcard docs/man/*.[1357])

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
MANIFEST_OBJ := $(call objects,$(MANIFEST_SRC))
ARCH_OBJ := $(call objects,$(ARCH_SRC))
LOADER_OBJ := $(call objects,$(LOADER_SRC))
PACKAGER_OBJ := $(call objects,$(PACKAGER_SRC))
UNIT_OBJ := $(call objects,$(UNIT_SRC))
UNIT_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))
BENCH_OBJ := $(call objects,$(BENCH_SRC))
BENCH_INSIDE_SRC := $(wildcard tests/bench/inside/*.c)
WEBAPP_OBJ := $(call objects,$(filter-out %/load.c,$(WEBAPP_SRC)))
FORMATTED = $(sort $(PRODUCT_SRC) $(wildcard */*/*.c examples/*/*/*.c */*.h */*/*.h */*/*/*.h))
TIDY := $(patsubst %.c,$(BUILD)/tidy/%,$(PRODUCT_SRC) $(wildcard examples/*/*.c))
EXAMPLES := $(BUILD)/examples/webapp $(BUILD)/examples/load $(BUILD)/examples/agent.so

COMMAND := $(BUILD)/hotfix
# Sanitizers' runtimes do not go into a process that has none; the command that carries the library in goes without, too.
OPERATOR := $(if $(and $(OPERATOR_SRC),$(if $(SAN),,yes)),$(BUILD)/hotfixctl)
INSIDE := $(BUILD)/libhotfix-inside.so
# What is preloaded is small, and loads the other one where a bundle is enabled.
AGENT := $(if $(OPERATOR),$(BUILD)/libhotfix-agent.so)
SHARED := $(BUILD)/libhotfix.so.$(VERSION)
STATIC := $(BUILD)/libhotfix.a

.DEFAULT_GOAL := all
.PHONY: all help lib command examples install dist clean unit
.SECONDARY:

all: command lib ## build the command and the loader library (default)

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

command: $(COMMAND) $(OPERATOR) $(AGENT) ## build the commands hotfix and hotfixctl, and the agent

lib: $(SHARED) $(STATIC) ## build libhotfix.so and libhotfix.a

examples: $(EXAMPLES) ## build the example programs

define compile
$(call say,CC,$<)
@mkdir -p $(@D)
$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
endef

# The command reads foreign files and private keys: its buffers are checked by the C library, which takes an optimising
# compiler and goes without sanitizers, and nothing that it calls can be redirected. The loader takes manifest/ and arch/
# as they are: what it calls while threads are stopped is chosen by hand.
FORTIFY := $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
COMMAND_LDFLAGS := -pie -Wl,-z,now -Wl,-z,relro -Wl,-z,noexecstack
FORTIFIED_OBJ := $(patsubst %.c,$(BUILD)/obj/fortified/%.o,$(MANIFEST_SRC) $(ARCH_SRC))

$(BUILD)/obj/packager/%.o $(BUILD)/obj/fortified/%.o $(BUILD)/obj/operator/%.o: private ALL_CPPFLAGS += $(FORTIFY)
# The agent may come into a program on another C library, which has not the functions that check buffers.
$(BUILD)/obj/operator/preload/%.o: private ALL_CPPFLAGS += -U_FORTIFY_SOURCE
$(BUILD)/obj/fortified/%.o: %.c
	$(compile)

$(BUILD)/obj/loader/%.o: ALL_CPPFLAGS += -Iloader
$(BUILD)/obj/packager/%.o: ALL_CPPFLAGS += -Ipackager
$(BUILD)/obj/operator/%.o: private ALL_CPPFLAGS += -Ioperator
$(BUILD)/obj/operator/inside/%.o: private ALL_CPPFLAGS += -Iloader
$(BUILD)/obj/tests/%.o: ALL_CPPFLAGS += -Iloader -Ipackager -Itests

$(BUILD)/obj/%.o: %.c
	$(compile)

$(BUILD)/libmanifest.a: $(MANIFEST_OBJ)
$(BUILD)/libarch.a: $(ARCH_OBJ)
$(BUILD)/libloader.a: $(LOADER_OBJ)
$(BUILD)/libfortified.a: $(FORTIFIED_OBJ)
$(BUILD)/libpackager.a: $(filter-out %/packager/cli/main.o %/packager/cli/disassembler.o,$(PACKAGER_OBJ))

$(BUILD)/lib%.a:
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# The command opens capstone when it needs it.
$(BUILD)/obj/packager/cli/disassembler.o $(BUILD)/tidy/packager/cli/disassembler: private ALL_CPPFLAGS += \
	-DHF_CAPSTONE='"$(shell $(OBJDUMP) -p $(call library,libcapstone.so) | sed -n 's/^ *SONAME *//p')"'
$(COMMAND): $(BUILD)/obj/packager/cli/main.o $(BUILD)/obj/packager/cli/disassembler.o $(BUILD)/libpackager.a $(BUILD)/libfortified.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(COMMAND_LDFLAGS) -o $@ $^ $(filter-out -lcapstone,$(PACKAGER_LIBS))

$(SHARED): $(LOADER_OBJ) $(BUILD)/libmanifest.a $(BUILD)/libarch.a loader/hotfix.map
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libhotfix.so.$(SOVERSION) -Wl,--version-script=loader/hotfix.map \
		$(if $(SAN),,-Wl,-z$(comma)defs) -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,--gc-sections -o $@ $(filter %.o %.a,$^) $(LOADER_LIBS)
	$(Q)ln -sf $(@F) $(BUILD)/libhotfix.so.$(SOVERSION)
	$(Q)ln -sf $(@F) $(BUILD)/libhotfix.so

comma := ,

# The library that hotfixctl carries into processes: with a libcrypto of its own, of which nobody else sees anything, since a
# process may have another version or none. It becomes part of the command.
$(INSIDE): $(call objects,$(INSIDE_SRC) $(SHARED_SRC)) $(LOADER_OBJ) $(BUILD)/libmanifest.a $(BUILD)/libarch.a operator/inside/agent.map
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,libhotfix-inside.so.$(SOVERSION) -Wl,--version-script=operator/inside/agent.map \
		-Wl,-z$(comma)defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,noexecstack -Wl,-Bsymbolic -Wl,--exclude-libs$(comma)ALL \
		-Wl,--gc-sections -Wl,-s -o $@ $(filter %.o %.a,$^) $(STATIC_INIH) $(call library,libcrypto.a)

$(BUILD)/obj/operator/enter/agent-bytes.o: operator/enter/agent.S $(INSIDE)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_FLAGS) -DHF_AGENT_FILE='"$(INSIDE)"' -c $< -o $@

$(BUILD)/libhotfix-agent.so: $(call objects,$(PRELOAD_SRC)) $(INSIDE)
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z$(comma)defs -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
		-Wl,-z,noexecstack -Wl,-s -o $@ $(filter %.o,$^)

$(BUILD)/hotfixctl: $(call objects,$(OPERATOR_SRC)) $(BUILD)/obj/operator/enter/agent-bytes.o $(BUILD)/libfortified.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) $(COMMAND_LDFLAGS) -o $@ $^ $(STATIC_INIH) -Wl,--gc-sections -lcrypto

# One relocatable object whose internal symbols are local, so that nothing of ours can collide with the host program.
$(STATIC): $(LOADER_OBJ) $(BUILD)/libmanifest.a $(BUILD)/libarch.a
	$(call say,AR,$@)
	$(Q)$(LD) -r -o $(BUILD)/libhotfix.o $(LOADER_OBJ) $(BUILD)/libmanifest.a $(BUILD)/libarch.a $(STATIC_INIH)
	$(Q)$(OBJCOPY) --localize-hidden --wildcard --keep-global-symbol='hotfix_*' $(BUILD)/libhotfix.o
	@rm -f $@
	$(Q)$(AR) rcs $@ $(BUILD)/libhotfix.o

unit: $(UNIT_BIN) ## run the unit tests
	$(Q)set -e; for t in $(UNIT_BIN); do echo "== $$t"; $$t; done

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libloader.a $(BUILD)/libpackager.a $(BUILD)/libmanifest.a $(BUILD)/libarch.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PACKAGER_LIBS) -lcmocka

# A loader whose every call can be made to fail: see tests/fault/fault.h. libarchive's own calls are not to: shared.
# Sanitizers have allocators of their own, which nothing can make fail. It takes minutes: it begins first, and a second run
# by another compiler, which says OWN_COMPILERS=no, leaves it out.
FAULT_TEST := $(if $(SAN)$(filter no,$(OWN_COMPILERS)),,$(BUILD)/tests/fault_test)
FAULT_OBJ := $(patsubst %.c,$(BUILD)/obj/fault/%.o,$(LOADER_SRC))

$(BUILD)/obj/fault/%.o $(BUILD)/obj/tests/fault/%.o: ALL_CPPFLAGS += -Iloader -Ipackager -DHF_FAULTS
$(BUILD)/obj/fault/%.o: %.c
	$(compile)

$(BUILD)/tests/fault_test: $(call objects,$(wildcard tests/fault/*.c)) $(FAULT_OBJ) $(BUILD)/libpackager.a $(BUILD)/libmanifest.a $(BUILD)/libarch.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ -larchive $(filter-out %/libarchive.a,$(PACKAGER_LIBS)) -lcmocka \
		$$(nm $(BUILD)/obj/tests/fault/fault.o | sed -n 's/.* T __wrap_/-Wl,--wrap=/p')

FUZZ_LIBS := $(addprefix $(BUILD)/,libloader.a libpackager.a libmanifest.a libarch.a)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PACKAGER_LIBS)

# The same targets with a main function of their own, for AFL++ and for running a target over files.
$(BUILD)/afl/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/afl.o $(FUZZ_LIBS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PACKAGER_LIBS)

# Examples see what an installed copy has, and are compiled as a release of theirs would be: neither our flags nor our
# sanitizers.
# clang records its flags, which `hotfix pack` compares, only where it is told to.
RELEASE_CFLAGS := -std=gnu11 -O2 -g $(if $(findstring clang,$(CC)),-grecord-command-line)
EXAMPLE_LDFLAGS = $(ALL_LDFLAGS) -L$(BUILD) -Wl,-rpath,$(abspath $(BUILD))

$(BUILD)/obj/examples/%.o $(BUILD)/obj/tests/bench/%.o: ALL_CPPFLAGS := -Iloader -Imanifest
$(BUILD)/obj/examples/%.o $(BUILD)/obj/tests/bench/%.o: ALL_CFLAGS := $(TARGET_FLAGS) $(WARNINGS) $(RELEASE_CFLAGS)
$(BUILD)/obj/examples/agent/%.o: ALL_CFLAGS += -fPIC

$(BUILD)/examples/webapp: $(WEBAPP_OBJ) $(SHARED)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXAMPLE_LDFLAGS) -o $@ $(WEBAPP_OBJ) -lhotfix -lmicrohttpd -ljansson

$(BUILD)/examples/load: $(BUILD)/obj/examples/webapp/load.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^

$(BUILD)/examples/agent.so: $(BUILD)/obj/examples/agent/agent.o $(SHARED)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXAMPLE_LDFLAGS) -shared -o $@ $< -lhotfix

# What runs below is told where the build is and how it was made. Programs that link libhotfix take that of LIBRARY: with
# sanitizers only programs with sanitizers could.
LIBRARY ?= $(BUILD)
TEST_ENV = env -u MAKEFLAGS -u MFLAGS BUILD=$(abspath $(BUILD)) LIBRARY=$(abspath $(LIBRARY)) CC='$(CC)' SAN=$(SAN) RELEASE_CFLAGS='$(RELEASE_CFLAGS)'
PROVE_JOBS ?= $(shell nproc)

# The targets that a fresh checkout can begin with: what they need is installed first, but with DEPS=no (./deps). Make then starts once more, so that
# it sees it.
.PHONY: check check-arm64 check-arm64-all check-arm64-system corpus demo differential bench fuzz fuzz-afl lint sanitize soak format format-check
check: ## run all tests: unit tests, stories with real processes, examples
check-arm64: ## build for arm64, patch programs for it and run the loader's tests under qemu-user
check-arm64-all: ## likewise, with all unit tests that work under qemu-user
check-arm64-system: ## run what needs a kernel for arm64 in an emulated machine: ptrace, signals, forks, faults
demo: ## fix the example web server while it serves
corpus: ## fix real programs: every security patch of Debian's redis and curl, some of libraries in C++, and what Debian ships
differential: ## random fixes of random programs beside an oracle for DIFFERENTIAL_SECONDS (600), or N of them from SEED on; KEEP=DIR
bench: ## measure applies, pauses, detours, hotfix build and check, and verification, beside their peers
soak: ## fix and put back the web server under load for SOAK_SECONDS (600)
fuzz: ## run every fuzz target for FUZZ_SECONDS (20)
fuzz-afl: ## the same with AFL++
lint: ## check includes, exports, headers, scripts and man pages; analyse the code
sanitize: ## run all tests under the address and undefined behaviour sanitizers
format: ## reformat the sources in place
format-check: ## fail where `make format` would change something
check check-arm64 check-arm64-all check-arm64-system corpus demo differential bench fuzz fuzz-afl lint sanitize soak:
	@./deps $@
	@$(MAKE) --no-print-directory run-$@
format format-check:
	@./deps format
	@$(MAKE) --no-print-directory run-$@

.PHONY: run-check run-check-arm64 run-check-arm64-all run-check-arm64-system run-corpus run-demo run-differential run-soak run-bench run-fuzz run-fuzz-afl run-lint run-sanitize run-format run-format-check
run-check: all $(UNIT_BIN) $(FAULT_TEST) $(EXAMPLES)
	$(Q)$(TEST_ENV) prove --timer --exec tests/run -j $(PROVE_JOBS) $(FAULT_TEST) $(STORIES) $(UNIT_BIN)

# arm64 from a host of another CPU: in there, gcc and clang are those of arm64, and its programs run.
ARM64 := $(BUILD)/arm64
ARM64_SYSROOT := $(ARM64)/sysroot
ARM64_PACKAGES := libc6-dev libarchive-dev libcapstone-dev libcmocka-dev libdwarf-dev libelf-dev libiberty-dev \
	libinih-dev libjansson-dev libmicrohttpd-dev libssl-dev
# What depends on the CPU, and what the loader does in a process: the others are the same on any CPU.
ARM64_TESTS := apply arch_aarch64 arm code copies custom_patcher fixup linker lock module parked patcher place quiescence refuse \
	registry scenario_calls scenario_code stage staging stop_attempt stop_link stop_range stop_refused
# All others, but those that ask for options of x86-64 compilers or for what qemu-user does not have.
ARM64_NOT := image live pick program restamp scenario_process scenario_threads shadow stop tree
ARM64_TESTS_ALL := $(filter-out $(ARM64_NOT),$(patsubst tests/unit/%_test.c,%,$(UNIT_SRC)))
# Whole stories, the examples among them: patches for arm64 that the command makes on this host, applied by programs for
# arm64. Not those that see the emulator in place of the program (live.t, setuid.t), nor what takes the libraries of a
# real program (corpus.t), nor a library that is preloaded, which the emulator would be given as well (agent.t), nor what
# asks for options and linkers of x86-64 (differential.t), nor packages of this host (deb.t, machine.t, packages.t). Nor,
# yet, stories that were made on x86-64 and of which parts fail for arm64: literals of gcc -O0, an OPENSSL_CONF of the
# host, distances and sizes that only x86-64 has, namespaces under the emulator, initialisers that are the same but not
# proven to be (cpp-guards.t); nor those of C++ that were never tried there (cpp-brings.t, names.t, orders.t).
ARM64_STORIES := $(filter-out $(addprefix tests/,$(addprefix story/,blocks.t build-symbols.t cases.t constants.t \
	corpus.t cpp-brings.t cpp-guards.t deb.t differential.t environment.t identity.t live.t machine.t names.t packages.t pointers.t setuid.t \
	statics.t stored.t untrusted.t) \
	examples/agent.t examples/orders.t),$(STORIES))

run-check-arm64: ARM64_RUN := $(ARM64_TESTS)
run-check-arm64-all: ARM64_RUN := $(ARM64_TESTS_ALL)
run-check-arm64 run-check-arm64-all: command
	$(Q)tests/arm64/sysroot $(ARM64_SYSROOT) $(ARM64_PACKAGES)
	$(Q)HOTFIX=$(abspath $(COMMAND)) tests/arm64/run $(ARM64_SYSROOT) $(MAKE) --no-print-directory BUILD=$(ARM64) CC=$(notdir $(CC)) ARM64_RUN='$(ARM64_RUN)' run-arm64

.PHONY: run-arm64
run-arm64: all $(EXAMPLES) $(ARM64_RUN:%=$(BUILD)/tests/%_test)
	$(Q)$(TEST_ENV) prove --exec tests/run -j $(PROVE_JOBS) $(ARM64_STORIES) $(ARM64_RUN:%=$(BUILD)/tests/%_test)

# A whole machine of arm64: its compiler works in there, the tests are built out here.
MACHINE := $(BUILD)/arm64-system
MACHINE_SYSROOT := $(MACHINE)/sysroot
MACHINE_PACKAGES := $(ARM64_PACKAGES) bash busybox-static coreutils dash diffutils findutils g++ gcc grep \
	linux-image-arm64 make mawk openssl perl procps sed util-linux
# What stops threads, writes code and forks; what only reads files is as it is under qemu-user. Not what wants clang, too
# (scenario_calls), gdb (reload.t), or that nothing old is left on a stack (live.t).
MACHINE_TESTS := apply arm code custom_patcher fault linker live parked place quiescence scenario_code scenario_process \
	scenario_threads shadow stage staging stop stop_attempt stop_link stop_range stop_refused supersede unload
MACHINE_BIN := $(MACHINE_TESTS:%=$(MACHINE)/tests/%_test)
MACHINE_STORIES := tests/story/cold.t tests/story/far.t tests/story/setuid.t tests/story/shadow.t

run-check-arm64-system:
	$(Q)tests/arm64/sysroot $(MACHINE_SYSROOT) $(MACHINE_PACKAGES)
	$(Q)$(MAKE) --no-print-directory BUILD=$(MACHINE) SYSROOT=$(abspath $(MACHINE_SYSROOT)) \
		CC='$(if $(findstring clang,$(CC)),$(CC) --target=aarch64-linux-gnu,aarch64-linux-gnu-gcc)' all $(MACHINE_BIN)
	$(Q)$(TEST_ENV) BUILD=$(abspath $(MACHINE)) LIBRARY=$(abspath $(MACHINE)) tests/run tests/arm64/system.t
	$(Q)$(TEST_ENV) tests/arm64/system check $(MACHINE_SYSROOT) $(MACHINE) $(MACHINE_STORIES) $(MACHINE_BIN)

run-corpus: all
	$(Q)failed=0; for program in redis curl cxx debian; do $(TEST_ENV) tests/corpus/$$program.sh || failed=1; done; exit $$failed

run-demo: all $(EXAMPLES)
	$(Q)$(TEST_ENV) examples/webapp/demo.sh

SEED ?= 1
DIFFERENTIAL_SECONDS ?= 600
run-differential: all
	$(Q)failed=0; for language in run classes; do $(TEST_ENV) tests/differential/$$language --seed $(SEED) \
		$(if $(N),--n $(N),--seconds $$(($(DIFFERENTIAL_SECONDS) / 2))) $(if $(KEEP),--keep $(KEEP)/$$language) || failed=1; done; exit $$failed

run-soak: all $(EXAMPLES)
	$(Q)$(TEST_ENV) tests/soak/run

# The program that is measured is compiled as a release would be, too.
$(BUILD)/bench/bench: $(BENCH_OBJ) $(SHARED)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXAMPLE_LDFLAGS) -o $@ $(BENCH_OBJ) -lhotfix

# One that is no program's: what the library does while threads are stopped.
$(BUILD)/bench/switch: $(call objects,tests/bench/inside/switch.c) $(BUILD)/libloader.a $(BUILD)/libmanifest.a $(BUILD)/libarch.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(STATIC_INIH) -Wl,--gc-sections -lcrypto

# BENCH="run verify" BENCH_ROUNDS=3 is short: build and check build redis and PostgreSQL first, and growth packs for minutes.
BENCH ?= run growth build check verify
run-bench: all $(BUILD)/bench/bench $(BUILD)/bench/switch $(BUILD)/tests/readers_test
	$(Q)set -e; for part in $(BENCH); do $(TEST_ENV) tests/bench/$$part; done

run-sanitize: lib
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/sanitize LIBRARY=$(abspath $(BUILD)) SAN=address,undefined run-check

# Everything is built with clang's instrumentation, in a place of its own.
FUZZ_SECONDS ?= 20
run-fuzz:
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang SAN=fuzzer-no-link,address,undefined fuzz-all

.PHONY: fuzz-all
fuzz-all: $(FUZZ_BIN)
	$(Q)tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_BIN)

run-fuzz-afl:
	@AFL_QUIET=1 $(MAKE) --no-print-directory BUILD=$(BUILD)/afl CC=afl-clang-fast SAN=address,undefined afl-all

.PHONY: afl-all
afl-all: $(patsubst tests/fuzz/%.c,$(BUILD)/afl/%,$(FUZZ_SRC))
	$(Q)tests/fuzz/afl $(FUZZ_SECONDS) $^

run-lint: all $(EXAMPLES) $(TIDY)
	$(Q)$(TEST_ENV) prove --exec tests/run $(LINTS)

$(BUILD)/tidy/%: %.c .clang-tidy
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- -std=gnu11 $(ALL_CPPFLAGS) -Iloader -Ipackager -Ioperator -Iexamples/webapp 2>$@ \
		|| { cat $@; rm -f $@; exit 1; }

run-format:
	$(Q)clang-format -i $(FORMATTED)

run-format-check:
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

install: all ## install below PREFIX (and DESTDIR)
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/hotfix $(DESTDIR)$(DATADIR) $(addprefix $(DESTDIR)$(MANDIR)/man,1 3 5)
	install -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/hotfix
	$(if $(OPERATOR),install -m 755 $(OPERATOR) $(DESTDIR)$(BINDIR)/hotfixctl)
	$(if $(AGENT),install -d $(DESTDIR)$(LIBDIR)/hotfix && install -m 644 $(AGENT) $(INSIDE) $(DESTDIR)$(LIBDIR)/hotfix/)
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf libhotfix.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libhotfix.so.$(SOVERSION)
	ln -sf libhotfix.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libhotfix.so
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 644 loader/hotfix.h $(DESTDIR)$(INCLUDEDIR)/
	install -m 644 docs/schema/check.schema.json $(DESTDIR)$(DATADIR)/
	install -m 644 manifest/hotfix/error.h $(DESTDIR)$(INCLUDEDIR)/hotfix/
	printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' 'Name: hotfix' \
		'Description: applies signed hotfix bundles inside the running program' 'Version: $(VERSION)' \
		'Libs: -L$${libdir} -lhotfix' 'Libs.private: -lcrypto' 'Cflags: -I$${includedir}' \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/hotfix.pc
	install -d $(addprefix $(DESTDIR),$(BASHDIR) $(ZSHDIR) $(FISHDIR))
	install -m 644 completion/hotfix.bash $(DESTDIR)$(BASHDIR)/hotfix
	install -m 644 completion/_hotfix $(DESTDIR)$(ZSHDIR)/
	install -m 644 completion/hotfix.fish $(DESTDIR)$(FISHDIR)/
	ln -sf hotfix $(DESTDIR)$(BASHDIR)/hotfixctl
	ln -sf hotfix.fish $(DESTDIR)$(FISHDIR)/hotfixctl.fish
	$(foreach page,$(MAN_PAGES),install -m 644 $(page) $(DESTDIR)$(MANDIR)/man$(patsubst .%,%,$(suffix $(page)))/ &&) true

dist: ## make hotfix-VERSION.tar.gz of what is committed; the same commit gives the same bytes
	git archive --format=tar --prefix=hotfix-$(VERSION)/ HEAD | gzip -n -9 > hotfix-$(VERSION).tar.gz

# DEB: where the packages go.
DEB ?= $(BUILD)/deb
.PHONY: deb
deb: all ## make Debian packages: hotfix, hotfixctl, hotfix-agent, libhotfix0, libhotfix-dev
	$(Q)rm -rf $(BUILD)/deb-root
	$(Q)$(MAKE) --no-print-directory -s -o all install DESTDIR=$(abspath $(BUILD)/deb-root) PREFIX=/usr \
		ZSHDIR=/usr/share/zsh/vendor-completions LIBDIR=/usr/lib/$$($(CC) -print-multiarch) >/dev/null
	$(Q)packaging/deb $(BUILD)/deb-root $(VERSION) $(DEB)

clean: ## remove what was built
	rm -rf $(BUILD)

-include $(patsubst %.o,%.d,$(call objects,$(PRODUCT_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(BENCH_INSIDE_SRC) $(WEBAPP_SRC)) $(FAULT_OBJ) $(FORTIFIED_OBJ))
