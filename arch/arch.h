/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU, as two const tables of pure functions: bytes in, bytes out. No messages, no I/O, no state, no `#if` on the
 * host, so that every CPU's code runs and is tested on every host. struct hf_arch is what the loader needs at run time;
 * struct hf_arch_tools is what only the packager needs (it may use a disassembler).
 *
 * Porting checklist: a new CPU is a folder arch/<cpu>/ with
 *   arch.c    struct hf_arch hf_arch_<cpu>:             name, ELF machine, reach
 *   detour.c  landing pads, encoding of detours and, where calls reach less far than data, of veneers
 *   reloc.c   applying and classifying relocations      (psABI of the CPU)
 *   entry.c   struct hf_arch_tools hf_arch_tools_<cpu>: entry analysis
 *   relation.c  what relocations of object and linked files ask for
 *   flow.c      where functions loop and leave
 *   guard.c     stack protection in code
 *   step.c    where values go, instruction by instruction
 *   inert.c     whether code that is run while a file is loaded does nothing
 *   constant.c  what two versions of code load, where that is all they differ in
 *   linked.c    what a linker makes of object code: comparison masks, relaxations, stubs
 *   chance.c    which instructions there are, where these may begin at any byte
 * (and what they share), plus one line in the tables of arch.c and tools.c. Outside of arch/ three files have a branch
 * for each CPU: loader/process/raw.h (system calls), loader/stop/regs.h and packager/live/thread.c (the registers of a
 * stopped thread). Only entry.c, flow.c, step.c, inert.c, constant.c and chance.c may use a disassembler: the
 * loader links the rest.
 */
#ifndef HF_ARCH_H
#define HF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DETOUR_MAX 32 /* bytes of the longest detour of any CPU */
#define HF_VENEER_MAX 16 /* bytes of the longest veneer of any CPU */

enum hf_arch_status {
    HF_ARCH_OK = 0,
    HF_ARCH_UNKNOWN, /* relocation type not supported */
    HF_ARCH_RANGE,   /* the value does not fit the field */
    HF_ARCH_SHORT,   /* the function is too short for a detour */
    HF_ARCH_BRANCH,  /* code branches back into the bytes that the detour would overwrite */
    HF_ARCH_DECODE   /* the entry does not decode as instructions */
};

struct hf_arch {
    const char *name; /* as in a manifest: "x86_64", "aarch64" */
    uint16_t machine; /* e_machine (gABI) */
    uint64_t reach;   /* a patch mapped less than this far from every byte of its target can be rebound and reached */
    uint64_t far;     /* likewise, where veneers take calls and jumps on; reach for a CPU that needs none */

    /* Bytes of the landing pad that an indirect call must find at a function's entry (endbr64, bti c) and that stays in
     * place, or 0. */
    size_t (*landing_pad)(const uint8_t *code, size_t size);

    /*
     * Bytes that a detour overwrites behind the landing pad, HF_DETOUR_MAX at most. code is the code there, either a
     * detour or the original code: the result is the same. It may be more than size: then there is no room.
     */
    size_t (*detour_size)(const uint8_t *code, size_t size);

    /* Writes the detour of `size` bytes that lies at address `from` and continues at `to`. OK or RANGE. */
    enum hf_arch_status (*detour)(uint64_t from, uint64_t to, size_t size, uint8_t *bytes);

    /* Are the `size` bytes at address `from` a detour? *to is then where it leads. */
    bool (*detour_target)(uint64_t from, const uint8_t *bytes, size_t size, uint64_t *to);

    /*
     * Bytes of a veneer, HF_VENEER_MAX at most: code within reach of a direct branch that jumps on to an address at any
     * distance. 0 for a CPU that needs none; the functions that follow are then NULL.
     */
    size_t veneer_size;
    /*
     * Writes a veneer to the `code` at address `to`. guarded: an indirect call must find a landing pad; if there is
     * none, the veneer must use another instruction. OK, or RANGE when no code can be at `to`.
     */
    enum hf_arch_status (*veneer)(uint64_t to, const uint8_t *code, bool guarded, uint8_t *bytes);
    /* Are the bytes a veneer? *to is then where it leads. */
    bool (*veneer_target)(const uint8_t *bytes, uint64_t *to);
    /* Is it the relocation type of a direct call or jump, which may use a veneer? */
    bool (*relocation_branches)(uint32_t type);

    /* The relocation type of a variable that moved from a library into the program (a copy relocation). */
    uint32_t copy_type;

    /* Bytes of the field that a relocation type changes, 0 for an unknown type. */
    size_t (*relocation_size)(uint32_t type);

    /* Puts value (S + A) into the field at address `place`; field points at relocation_size(type) bytes. OK, UNKNOWN or
     * RANGE. */
    enum hf_arch_status (*relocate)(uint32_t type, uint64_t place, uint64_t value, uint8_t *field);
};

/* What a relocation in an object file asks the linker for. S: the symbol's address, A: addend, P: the place. */
enum hf_relation {
    HF_RELATION_UNKNOWN = 0,   /* not supported */
    HF_RELATION_NONE,          /* nothing */
    HF_RELATION_WORD,          /* S + A in a field as wide as an address */
    HF_RELATION_SHORT,         /* S + A in a narrower field */
    HF_RELATION_NEAR,          /* S + A - P */
    HF_RELATION_CALL,          /* likewise, for a call or jump: any stub that leads to S is fine */
    HF_RELATION_SLOT,          /* distance to a slot that holds S */
    HF_RELATION_TLS_PAIR,      /* distance to two slots: S's TLS module id, and its offset in that module's block */
    HF_RELATION_TLS_MODULE,    /* likewise, but the offset is 0: the block itself */
    HF_RELATION_TLS_OFFSET,    /* S's offset in its module's block, plus A */
    HF_RELATION_TLS_SLOT,      /* distance to a slot that holds S's offset from the thread pointer */
    HF_RELATION_TLS_DIRECT,    /* S's offset from the thread pointer, plus A */
    HF_RELATION_TLS_DESCRIPTOR /* one of the instructions that get S's offset from the thread pointer through a
                                  descriptor in two slots */
};

/* What a relocation in a linked file asks the dynamic linker for. */
enum hf_dynamic_relation {
    HF_DYNAMIC_OTHER = 0,
    HF_DYNAMIC_BASE,          /* load base + A */
    HF_DYNAMIC_SYMBOL,        /* S + A in a word, or S in a slot */
    HF_DYNAMIC_LAZY,          /* S in a slot, which may be filled when it is first used */
    HF_DYNAMIC_RESOLVER,      /* what the function at load base + A returns (STT_GNU_IFUNC) */
    HF_DYNAMIC_COPY,          /* the variable itself moved here */
    HF_DYNAMIC_TLS_MODULE,    /* S's TLS module id */
    HF_DYNAMIC_TLS_OFFSET,    /* S + A as an offset in its module's block */
    HF_DYNAMIC_TLS_DIRECT,    /* S + A as an offset from the thread pointer */
    HF_DYNAMIC_TLS_DESCRIPTOR /* two words: a function, and its data to compute S + A as such an offset */
};

/* What the linker made of a relocation, seen in linked code. */
enum hf_linked_form {
    HF_LINKED_ADDRESS,        /* value: S */
    HF_LINKED_WORD,           /* value: S as the file contains it; a dynamic relocation may change it */
    HF_LINKED_SLOT,           /* value: address of a slot that holds S */
    HF_LINKED_TLS_DIRECT,     /* value: S's offset from the thread pointer */
    HF_LINKED_TLS_SLOT,       /* value: address of a slot with that offset */
    HF_LINKED_TLS_OFFSET,     /* value: S's offset in its module's block */
    HF_LINKED_TLS_PAIR,       /* value: address of the two slots */
    HF_LINKED_TLS_DESCRIPTOR, /* value: address of the descriptor */
    HF_LINKED_NOTHING         /* nothing in the linked code depends on S */
};

struct hf_linked {
    size_t
        begin; /* the linker wrote bytes [begin, end) of the code; other relocations in there need no further check */
    size_t end;
    enum hf_linked_form form;
    uint64_t value;
};

/* Properties of a function's control flow. */
struct hf_flow {
    bool leaves;           /* it has a return, or a jump that may lead out of it */
    bool loops;            /* it has a jump back */
    bool loops_over_calls; /* one that jumps back over a call */
    bool jumps_anywhere;   /* it has a jump to an address that is computed or read */
};

/* A table for indirect jumps: each entry, of `width` bytes, leads to base + (entry << shift). */
struct hf_jump_table {
    uint64_t address;
    uint64_t base; /* 0: entries are addresses */
    unsigned width;
    unsigned shift;
    bool is_signed;
};

/* What an instruction does with the variable that it names. */
enum hf_arch_store_kind {
    HF_STORE_NONE,     /* reads it */
    HF_STORE_ADDRESS,  /* takes its address, or refers to it in an unknown way */
    HF_STORE_CONSTANT, /* sets it to a constant, which an earlier instruction may have loaded */
    HF_STORE_UNKNOWN,  /* sets it to what a register held at the begin of the straight run of code */
    HF_STORE_VALUE     /* sets it to something that is computed or read */
};
struct hf_arch_store {
    enum hf_arch_store_kind kind;
    size_t behind; /* bytes from the begin of the field to the end of the instruction */
    /*
     * For a constant: its number, and the instruction that contains it, where a reference may say which address it is.
     */
    uint64_t value;
    size_t from;
    size_t from_end;
};

#define HF_ARCH_NO_ARGUMENT UINT32_MAX

/* Two versions of an instruction that differ in the constant that they load. */
struct hf_arch_constant {
    size_t offset; /* of the instruction in the code */
    uint32_t before;
    uint32_t after;
    uint32_t argument; /* number, from 0, of the argument of a call as which the constant is passed, and its only use;
                          HF_ARCH_NO_ARGUMENT when this is not certain */
    size_t call;       /* the offset of that call */
};

/* A place outside of an instruction to which it refers. */
struct hf_arch_reference {
    size_t offset; /* of the instruction in the code */
    size_t size;   /* of the instruction */
    bool thread;   /* value is an offset from the thread pointer, not an address */
    bool branch;   /* it is a direct call or jump */
    uint64_t value;
};

/* A function in a linked file. */
struct hf_arch_function {
    const uint8_t *code;
    size_t size;
    uint64_t address;
    const uint64_t *entries; /* offsets at which it may be entered, except its begin */
    size_t entry_count;
};

struct hf_leak_question;
struct hf_steps;
/* What is known of a word in a register or in memory. */
enum hf_arch_word_kind { HF_WORD_UNKNOWN, HF_WORD_NUMBER, HF_WORD_IMPORT };
struct hf_arch_word {
    enum hf_arch_word_kind kind;
    uint64_t number;    /* an address where the file is linked */
    const char *import; /* the symbol of another file whose address it is */
};

/* A linked file in memory before any of its code has run. */
struct hf_arch_memory {
    /* The word of `size` bytes at an address; false when nothing is known of it. */
    bool (*read)(void *arg, uint64_t address, size_t size, struct hf_arch_word *word);
    /* Up to `size` bytes of code; how many there are. */
    size_t (*code)(void *arg, uint64_t address, uint8_t *bytes, size_t size);
    /* Is it a byte of the file's own memory that is zero and writable? */
    bool (*zeroed)(void *arg, uint64_t address);
    void *arg;
};

struct hf_arch_tools {
    const struct hf_arch *arch;
    const char *binutils; /* prefix of ld's and objcopy's names for this CPU, on hosts of another one */
    /* Where Debian has libraries for this CPU: those of its cross compilers, and the system's own. Ends with NULL. */
    const char *const *library_directories;
    bool from_behind;   /* distances count from the end of their field: for the symbol itself, the addend is minus the
                           field's size */
    unsigned page_size; /* bytes of the largest pages that kernels for this CPU use */

    /*
     * May a detour be written over a function's entry? Examines the whole old function: it must be long enough behind
     * its landing pad, and must not branch into the middle of the overwritten bytes. OK (with *skip, the size of the
     * landing pad), SHORT, BRANCH (with *at, the offset of the branch) or DECODE.
     */
    enum hf_arch_status (*entry)(const uint8_t *code, size_t size, size_t *skip, size_t *at);

    /*
     * How many bytes at the begin of `code` a detour of its function of `size` bytes may use: those of the function
     * and, if it is too short, as many padding instructions behind it as are needed. These must do nothing, and the
     * function must neither run into them nor branch to them. `available` bytes may be read; those behind the function
     * belong to no other function.
     */
    size_t (*room)(const uint8_t *code, size_t size, size_t available);

    /*
     * Does a direct branch of the code at `address` go into [begin, end)? OK when none does, BRANCH (with *at, its
     * offset) or DECODE.
     */
    enum hf_arch_status (*enters)(const uint8_t *code, size_t size, uint64_t address, uint64_t begin, uint64_t end,
                                  size_t *at);

    /*
     * What may be tables of the indirect jumps in the code at `address`: stores up to `limit` of them and returns how
     * many there are. None for code without an indirect jump.
     */
    size_t (*tables)(const uint8_t *code, size_t size, uint64_t address, struct hf_jump_table *found, size_t limit);

    /*
     * What the code at `address` calls, jumps to, reads, writes or computes the address of, relative to itself or to
     * the thread pointer: stores up to `limit` of them and sets *count to how many there are. OK or DECODE.
     */
    enum hf_arch_status (*references)(const uint8_t *code, size_t size, uint64_t address,
                                      struct hf_arch_reference *found, size_t limit, size_t *count);

    /*
     * Two versions of code, both of `size` bytes, that differ only in constants of up to 32 bits: stores up to `limit`
     * of these and sets *count to how many there are. OK, UNKNOWN when they differ in more, or DECODE.
     */
    enum hf_arch_status (*constants)(const uint8_t *before, const uint8_t *after, size_t size,
                                     struct hf_arch_constant *found, size_t limit, size_t *count);

    /*
     * The constants in instructions of the code, except distances of jumps and places in the frame: stores up to
     * `limit` of them and sets *count to their number. OK or DECODE. NULL for a CPU for which this is not implemented.
     */
    enum hf_arch_status (*immediates)(const uint8_t *code, size_t size, uint64_t *found, size_t limit, size_t *count);

    /*
     * Does the function at an address, called without arguments, return without effect? It may change its stack and
     * single bytes of the file's zeroed memory, and call functions of other files only as crt files do (__cxa_finalize,
     * __gmon_start__). False also for code that cannot be followed.
     */
    bool (*inert)(const struct hf_arch_memory *memory, uint64_t address);

    /* Relocation types that stand for HF_RELATION_WORD and HF_RELATION_NEAR without further ado. */
    uint32_t word_type;
    uint32_t near_type;
    uint32_t near_word_type; /* HF_RELATION_NEAR in a field as wide as an address */

    /* Does a local symbol of this name only mark code or data, without naming anything? */
    bool (*mapping_symbol)(const char *name);

    enum hf_relation (*relation)(uint32_t type);
    /* For a type that refers to a slot or a pair of slots: the type that does the same for an ordinary variable. */
    uint32_t (*slot_type)(uint32_t type);
    /*
     * Rewrites an instruction of HF_RELATION_TLS_DESCRIPTOR, as linkers do, to one without a descriptor for a known
     * offset from the thread pointer. OK, UNKNOWN or RANGE.
     */
    enum hf_arch_status (*local_exec)(uint32_t type, uint64_t offset, uint8_t *field);
    enum hf_dynamic_relation (*dynamic_relation)(uint32_t type);
    /* Where an executable's thread-local block of this size and alignment begins, from the thread pointer. */
    int64_t (*thread_offset)(uint64_t size, uint64_t alignment);
    /* Bytes of the field that the linker fills in for an object's relocation; 0 for an unknown type. */
    size_t (*field_size)(uint32_t type);

    /*
     * Compares the object's code around the relocation at `offset` with the linked code at `address`; relaxations of
     * the linker are understood. Both are `size` bytes. OK; UNKNOWN when a linker does not turn the object's code into
     * the linked code, or the type is not supported.
     */
    enum hf_arch_status (*linked)(uint32_t type, int64_t addend, size_t offset, const uint8_t *object,
                                  const uint8_t *code, size_t size, uint64_t address, struct hf_linked *linked);

    /*
     * If an instruction would trigger an erratum of a CPU, linkers move it into a stub, with a jump there and one back.
     * The size of such an instruction in bytes; 0 for a CPU whose linkers do not do this; the functions are then NULL.
     */
    size_t displaced_size;
    /*
     * Does the linked code at `address` jump to a stub instead of having the object's instruction? *stub is its
     * address.
     */
    bool (*displaced)(const uint8_t *object, const uint8_t *code, uint64_t address, uint64_t *stub);
    /*
     * Does the stub of 2 * displaced_size bytes at `address` return to the instruction after `place`, where its
     * instruction was?
     */
    bool (*comes_back)(const uint8_t *stub, uint64_t address, uint64_t place);

    /* OK or DECODE. */
    enum hf_arch_status (*flow)(const uint8_t *code, size_t size, struct hf_flow *flow);
    /*
     * The straight run of instructions around `at`: from the last jump, call or return before it to the next one,
     * without these. A jump, call or return at `at` is a run by itself. OK or DECODE.
     */
    enum hf_arch_status (*run)(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
    /*
     * Do two versions of a function have the same instructions that set or read condition flags, in the same order,
     * except where they jump to? False also if the code jumps to an address that is computed or read. NULL for a CPU
     * for which this is not implemented.
     */
    bool (*decide_alike)(const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size);
    /* As run(), but only as far as no jump of the code leads into it, except to its begin. */
    enum hf_arch_status (*stretch)(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end);
    /*
     * How the instruction uses each of `count` fields, ordered by offset, that relocations fill in. OK or DECODE. NULL
     * for a CPU for which this is not implemented.
     */
    enum hf_arch_status (*stores)(const uint8_t *code, size_t size, const size_t *fields, size_t count,
                                  struct hf_arch_store *stores);
    /*
     * Does the code begin with an instruction at which a checked indirect call may arrive? Unlike landing_pad(), this
     * includes instructions that do not stay in place.
     */
    bool (*lands)(const uint8_t *code, size_t size);
    /* Does the code check a stack protector's canary? */
    bool (*guarded)(const uint8_t *code, size_t size);
    /*
     * The first offset from `from` on at which linked code at `address` may call, jump to or compute the address `to`;
     * size when there is none. Bytes that only look like it count. absolute: addresses are final, and code may contain
     * them.
     */
    size_t (*mention)(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);
    /* The first offset from `from` on at which there may be the field of a direct call or jump, and where that leads;
     * size when there is none. Bytes that only look like it count. */
    size_t (*branch)(const uint8_t *code, size_t size, uint64_t address, size_t from, uint64_t *to);
    /* As mention(), without direct calls and jumps: where the code may use `to` as a value. */
    size_t (*takes)(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from);

    /*
     * Do the bytes at offset `at` of a compiler's code, where mention() or takes() found a match, certainly belong to
     * instructions that do not refer to `to`? The code is followed from its entries through direct branches and behind
     * calls. False if these bytes are not reached, if an instruction there refers to `to`, and if something is unknown:
     * a jump that may have a table, or bytes that do not decode. NULL for a CPU whose instructions are aligned.
     */
    bool (*by_chance)(const struct hf_arch_function *function, size_t at, uint64_t to);

    /*
     * What each instruction of the code does with values (leak.h); false when one is unknown. steps->items is
     * malloc'ed. NULL for a CPU for which this is not implemented.
     */
    bool (*steps)(const struct hf_leak_question *question, struct hf_steps *steps);

    /* Is the field at `offset` that of a direct call or jump, judging by the bytes before it? */
    bool (*is_branch)(const uint8_t *code, size_t offset);

    /*
     * The procedure linkage stub at the begin of the code at `address`: its size and the slot through which it jumps. 0
     * when it is not a stub.
     */
    size_t (*stub)(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot);
};

/* The tables of the CPU with this e_machine or name; NULL when it is not supported. */
const struct hf_arch *hf_arch_find(uint16_t machine);
const struct hf_arch_tools *hf_arch_tools_find(uint16_t machine);

extern const struct hf_arch hf_arch_x86_64;
extern const struct hf_arch hf_arch_aarch64;
extern const struct hf_arch_tools hf_arch_tools_x86_64;
extern const struct hf_arch_tools hf_arch_tools_aarch64;

/* The CPU that this library was built for (the Makefile defines HF_ARCH_HOST). */
#ifdef HF_ARCH_HOST
#define hf_arch_host (HF_ARCH_HOST)
#endif

#endif
