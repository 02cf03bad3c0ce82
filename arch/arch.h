/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU, as two const tables of pure functions: bytes in, bytes out. No messages, no I/O, no state, no `#if` on the
 * host, so that every CPU's code runs and is tested on every host. struct hf_arch is what the loader needs at run time;
 * struct hf_arch_tools is what only the packager needs (it may use a disassembler).
 *
 * Porting checklist: a new CPU is a folder arch/<cpu>/ with
 *   arch.c    struct hf_arch hf_arch_<cpu>:             name, ELF machine, reach
 *   detour.c  landing pads, detour encoding
 *   reloc.c   applying and classifying relocations      (psABI of the CPU)
 *   entry.c   struct hf_arch_tools hf_arch_tools_<cpu>: entry analysis, code comparison masks
 * plus one line in the tables of arch.c and tools.c. Nothing outside arch/ changes. Only entry.c may use a
 * disassembler: the loader links the rest.
 */
#ifndef HF_ARCH_H
#define HF_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_DETOUR_MAX 32 /* bytes of the longest detour of any CPU */

enum hf_arch_status {
    HF_ARCH_OK = 0,
    HF_ARCH_UNKNOWN, /* relocation type not supported */
    HF_ARCH_RANGE,   /* the value does not fit the field */
    HF_ARCH_SHORT,   /* the function is too short for a detour */
    HF_ARCH_BRANCH,  /* code branches back into the bytes that the detour would overwrite */
    HF_ARCH_DECODE   /* the entry does not decode as instructions */
};

struct hf_arch {
    const char *name;   /* as in a manifest: "x86_64", "aarch64" */
    uint16_t machine;   /* e_machine (gABI) */
    uint64_t reach;     /* a patch mapped less than this far from every byte of its target can be rebound and reached */
    size_t detour_size; /* bytes that a detour overwrites, after the landing pad */

    /* Bytes of the landing pad that an indirect call must find at a function's entry (endbr64, bti c), or 0. */
    size_t (*landing_pad)(const uint8_t *code, size_t size);

    /* Writes the detour that lies at address `from` and continues at `to`: detour_size bytes. OK or RANGE. */
    enum hf_arch_status (*detour)(uint64_t from, uint64_t to, uint8_t *bytes);

    /* Bytes of the field that a relocation type changes, 0 for an unknown type. */
    size_t (*relocation_size)(uint32_t type);

    /* Puts value (S + A) into the field at address `place`; field points at relocation_size(type) bytes. OK, UNKNOWN or
     * RANGE. */
    enum hf_arch_status (*relocate)(uint32_t type, uint64_t place, uint64_t value, uint8_t *field);
};

struct hf_arch_tools {
    const struct hf_arch *arch;

    /*
     * May a detour be written over a function's entry? Looks at the whole old function: long enough behind its landing
     * pad, and no branch of its own into the middle of the overwritten bytes. OK (with *skip, the size of the landing
     * pad), SHORT, BRANCH (with *at, the offset of the branch) or DECODE.
     */
    enum hf_arch_status (*entry)(const uint8_t *code, size_t size, size_t *skip, size_t *at);
};

/* The tables of the CPU with this e_machine or name; NULL when it is not supported. */
const struct hf_arch *hf_arch_find(uint16_t machine);
const struct hf_arch_tools *hf_arch_tools_find(uint16_t machine);

extern const struct hf_arch hf_arch_x86_64;
extern const struct hf_arch_tools hf_arch_tools_x86_64;

/* The CPU that this library was built for (the Makefile defines HF_ARCH_HOST). */
#ifdef HF_ARCH_HOST
#define hf_arch_host (HF_ARCH_HOST)
#endif

#endif
