/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linked program or library that a patch is for: its symbols, its bytes, its dynamic relocations, its linkage stubs
 * and the layout of its thread-local storage.
 */
#ifndef HF_BUILD_TARGET_H
#define HF_BUILD_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch.h"
#include "elf/image.h"
#include "hotfix/error.h"

/* A dynamic relocation. */
struct hf_dynamic {
    uint64_t place;
    int64_t addend;
    const char *symbol; /* "" without; owned by the image */
    uint64_t value;     /* the symbol's value in the target; if not 0 for an import, a stub whose address counts as the
                           symbol's */
    bool function;      /* the symbol is one */
    bool own;           /* no symbol, or one that the target defines */
    uint32_t type;
    enum hf_dynamic_relation relation;
};

/* A procedure linkage stub. */
struct hf_stub {
    uint64_t address;
    uint64_t size; /* up to the end of its jump */
    uint64_t room; /* end of the stub including what follows its jump: up to here there are only stubs */
    uint64_t slot;
};

struct hf_target {
    struct hf_image image;
    struct hf_image debug;          /* opened only when its symbols are used */
    const struct hf_image *symbols; /* the one whose symbols are used */
    const struct hf_arch_tools *arch;
    bool fixed;                 /* ET_EXEC: its addresses are final */
    bool executable;            /* a program, position-independent or not; else a library */
    struct hf_symbol **by_name; /* defined symbols, by name without version */
    size_t symbol_count;
    struct hf_dynamic *dynamics; /* ordered by place */
    size_t dynamic_count;
    struct hf_stub *stubs; /* ordered by address */
    size_t stub_count;
    char **needed; /* DT_NEEDED */
    size_t needed_count;
    bool symbolic;        /* DT_SYMBOLIC */
    const char *run_path; /* DT_RUNPATH or DT_RPATH, "" without */
    uint64_t tls_size;    /* 0: no thread-local storage */
    uint64_t tls_alignment;
};

/*
 * Opens a target; debug_path names a separate file with its symbols, or is NULL. HOTFIX_IO, HOTFIX_FORMAT,
 * HOTFIX_MEMORY; HOTFIX_INCOMPATIBLE when it cannot be patched: no build-id, another CPU, not a program or library, or
 * a debug file of another build.
 */
int hf_target_open(const char *path, const char *debug_path, struct hf_target **target, struct hotfix_error *err);
void hf_target_close(struct hf_target *target);

/* The defined symbols with this name (versions do not count): *count of them from the one returned. */
struct hf_symbol *const *hf_target_named(const struct hf_target *target, const char *name, size_t *count);

/*
 * How many bytes at its entry a function's detour may use in the target (elf/room.h). The function may be shorter than
 * in its object, where it has `size` bytes: assemblers take short jumps within a section. Its symbol tells.
 */
uint64_t hf_target_room(const struct hf_target *target, const char *name, uint64_t address, uint64_t size);

/* The dynamic relocation of the field at this address, or NULL. */
const struct hf_dynamic *hf_target_dynamic(const struct hf_target *target, uint64_t place);

/* Where the target has a descriptor for this offset in its thread-local block; false when it has none. */
bool hf_target_descriptor(const struct hf_target *target, uint64_t offset, uint64_t *place);

/*
 * Does a library export the object at this address under this name, so that the dynamic linker finds it for other
 * modules and for the library itself? *symbol is then the address of its dynamic symbol. False for a name with several
 * versions, and in libraries that search themselves first (-Bsymbolic).
 */
bool hf_target_exports(const struct hf_target *target, const char *name, uint64_t address, uint64_t *symbol);

/* Has the target a dynamic symbol for the object at this address, through which other modules may refer to it? */
bool hf_target_offers(const struct hf_target *target, uint64_t address);

/* Does a library call at least one function that it exports by way of the dynamic linker (not -Bsymbolic-functions)? */
bool hf_target_yields(const struct hf_target *target);

/* The slot of the global offset table that holds the address of an imported symbol, or NULL. */
const struct hf_dynamic *hf_target_import(const struct hf_target *target, const char *name);

/* The stub at this address, and the first one that jumps through this slot; NULL when there is none. */
const struct hf_stub *hf_target_stub(const struct hf_target *target, uint64_t address);
const struct hf_stub *hf_target_stub_of(const struct hf_target *target, uint64_t slot);
/* Does the address lie in one? */
bool hf_target_in_stub(const struct hf_target *target, uint64_t address);

/* Does the address lie in the target's memory, or one past a segment's end? */
bool hf_target_contains(const struct hf_target *target, uint64_t address);

/*
 * The offset from the thread pointer of what lies `offset` bytes into the target's thread-local block. For programs
 * only: for libraries it is known at run time only.
 */
int64_t hf_target_thread_offset(const struct hf_target *target, uint64_t offset);

#endif
