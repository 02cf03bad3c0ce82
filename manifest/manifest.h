/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest: what a bundle says about itself, as a struct and as strict INI text (format: docs/bundle-format.md).
 *
 * Parsing accepts exactly the documented subset: any unknown, missing, repeated or out-of-range key is an error that
 * names its line. Formatting is deterministic: equal structs give equal bytes, and parse(format(m)) equals m.
 */
#ifndef HF_MANIFEST_H
#define HF_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bundleid.h"
#include "digest.h"
#include "hotfix/error.h"
#include "ranges.h"

#define HF_MANIFEST_FORMAT        1
#define HF_PAYLOAD_MAX_SIZE       (192u << 20) /* bytes of patch.so */
#define HF_MANIFEST_MAX_SIZE      (8u << 20)   /* bytes of manifest.ini */
#define HF_MANIFEST_MAX_VALUE     (16u << 10)  /* bytes of one value, continuation lines joined */
#define HF_MANIFEST_MAX_FUNCTIONS 10000u
#define HF_MANIFEST_MAX_CHECKS    4096u     /* and of waivers */
#define HF_MANIFEST_MAX_WORLDS    16384u    /* callers; assumptions */
#define HF_BUILD_ID_MAX           64        /* bytes of an ELF build-id */
#define HF_TIME_NEVER             INT64_MAX /* value of expires when there is no expiry */

enum hf_verdict { HF_COMPATIBLE, HF_INCOMPATIBLE, HF_UNPROVEN };

/* "compatible", "incompatible", "unproven". */
const char *hf_verdict_name(enum hf_verdict verdict);

struct hf_build_id {
    uint8_t bytes[HF_BUILD_ID_MAX];
    size_t size; /* 0: none */
};

/* One function that the bundle replaces. Offsets are link-time addresses (ELF virtual addresses) relative to the
 * module's first PT_LOAD page as the dynamic linker counts them: run-time address = dlpi_addr + offset. */
struct hf_manifest_function {
    char *name;                /* symbol name as in the target's symbol table */
    char *source;              /* source file from DWARF, "" when unknown */
    uint64_t offset;           /* of the old function in the target */
    uint64_t size;             /* bytes of the old function's code; > 0 */
    struct hf_digest digest;   /* of those bytes as they lie in the target file */
    uint64_t replacement;      /* offset of the new function in patch.so */
    uint64_t replacement_size; /* bytes; > 0 */
    uint32_t detour_skip;      /* bytes at the entry left in place before the detour (a landing pad such as endbr64) */
    /*
     * Code that compilers moved out of the function and out of its replacement (NAME.cold), in the target and in
     * patch.so.
     */
    struct hf_code_ranges cold;
    struct hf_code_ranges replacement_cold;
};

/* The result of one compatibility check of the packager. */
struct hf_manifest_check {
    char *id; /* stable id: "compiler", "abi-flags", "prototype"... */
    enum hf_verdict verdict;
    char *evidence; /* one line for people */
    char *waiver;   /* why a verdict other than compatible was accepted, "" if it was not */
};

/* Somebody's decision to accept findings of a check, in force when the bundle was made. */
struct hf_manifest_waiver {
    char *check;     /* id of one of the checks */
    char *scope;     /* pattern of the function names that it applies to; "": all findings of the check */
    char *reason;    /* one line for people */
    int64_t expires; /* seconds since the epoch until which the waiver could be used, or HF_TIME_NEVER */
};

/*
 * A function that no thread may be inside when the bundle is switched: it relies on the old versions of other
 * functions.
 */
struct hf_manifest_caller {
    char *name;
    struct hf_code_ranges code;             /* in the target, for an apply */
    struct hf_code_ranges replacement_code; /* in patch.so, for a revert */
};

/* A function of the target on which the bundle relies as it is, and which no other bundle may replace. */
struct hf_manifest_assumption {
    char *name;
    uint64_t offset; /* as of struct hf_manifest_function */
    uint64_t size;   /* > 0 */
};

struct hf_manifest {
    char name[HF_NAME_MAX + 1];
    char version[HF_NAME_MAX + 1];
    uint8_t id[HF_ID_SIZE];
    int64_t created;              /* seconds since the epoch, UTC */
    int64_t expires;              /* likewise, or HF_TIME_NEVER */
    uint64_t sequence;            /* increases with each bundle for a target; 0: it has none */
    char *advisory;               /* "" when absent; ids separated by one space */
    char *description;            /* "" when absent */
    struct hf_id_list supersedes; /* bundles that this one replaces */
    struct hf_id_list built_on;   /* bundles whose fixes its code contains, so that it may be applied on top of them */
    bool quiescent; /* it is switched only while no thread is inside a function that the switch takes out of use */

    char *target_name; /* file name of the target without directories */
    struct hf_build_id target_build_id;
    char *arch; /* hf_arch.name: "x86_64" or "aarch64" */
    /* If the target is a module: the program that loads it, if the patch uses symbols that this program exports. */
    char *host_name; /* its file name without directories; "" when absent, as are the other two then */
    struct hf_build_id host_build_id;
    char *host_symbols; /* those names (words.h) */

    char *compiler; /* vendor and version of the picked functions' units */
    char *flags;    /* normalised code-generation flags, separated by one space */

    uint64_t payload_size;
    struct hf_digest payload_digest;
    char *soname; /* SONAME stamped into patch.so */
    uint64_t
        fixups_offset; /* file offset of the fix-up table in patch.so (see fixup.h); 0 with size 0 when there is none */
    uint64_t fixups_size;
    uint64_t on_apply; /* offset in patch.so of hotfix_on_apply and hotfix_on_revert, 0 when absent */
    uint64_t on_revert;

    struct hf_manifest_function *functions; /* at least one, ordered by offset, none overlapping */
    size_t function_count;
    struct hf_manifest_caller *callers;
    size_t caller_count;
    struct hf_manifest_assumption *assumptions; /* ordered by offset */
    size_t assumption_count;
    struct hf_manifest_check *checks;
    size_t check_count;
    struct hf_manifest_waiver *waivers;
    size_t waiver_count;
};

/* A manifest with nothing in it: strings NULL, counts 0, expires never. Needs no deinit until something is stored. */
void hf_manifest_init(struct hf_manifest *manifest);
/* Frees what the manifest owns (every pointer in it, allocated with malloc) and makes it empty again. */
void hf_manifest_deinit(struct hf_manifest *manifest);

/*
 * Parses size bytes of INI text, which need not be NUL-terminated. On success the manifest owns new memory; on failure
 * it is untouched. HOTFIX_FORMAT with "manifest.ini line N: ..." or "manifest.ini: ..." for what is wrong.
 */
int hf_manifest_parse(const void *text, size_t size, struct hf_manifest *manifest, struct hotfix_error *err);

/*
 * Writes the manifest as INI text: *text is malloc'ed, *size its length, a NUL follows. Fails with HOTFIX_INTERNAL when
 * the manifest holds something that parsing would refuse, so every bundle that is written can be read by a loader.
 */
int hf_manifest_format(const struct hf_manifest *manifest, char **text, size_t *size, struct hotfix_error *err);

#endif
