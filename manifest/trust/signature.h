/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement that a signature covers, and the block that carries signatures behind the archive
 * (docs/bundle-format.md).
 *
 * Block, little-endian: magic "HFSIGS01", u32 count, then count times { u16 type, u16 id size, u32 signature size, id,
 * signature }. Trailer, the file's last 16 bytes: u32 block size, u32 zero, magic "HOTFIX1\n".
 */
#ifndef HF_SIGNATURE_H
#define HF_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "hotfix/error.h"
#include "key.h"

#define HF_TRAILER_SIZE        16
#define HF_SIGNATURE_MAX       32    /* signatures of one bundle */
#define HF_SIGNATURE_BLOCK_MAX 65536 /* bytes of the block */
#define HF_STATEMENT_MAX       160

enum hf_signature_type { HF_SIGNATURE_ED25519 = 1, HF_SIGNATURE_CMS = 2 };

struct hf_signature {
    uint8_t key_id[HF_KEY_ID_SIZE];   /* of a CMS signature that of its certificate (cms.h) */
    uint8_t bytes[HF_SIGNATURE_SIZE]; /* Ed25519 */
    const uint8_t *cms;               /* CMS, in the caller's bytes; NULL: Ed25519 */
    size_t cms_size;                  /* 1 to HF_CMS_MAX */
};

/* A bundle file cut into its parts; points into the caller's bytes. */
struct hf_signed {
    const uint8_t *archive;
    size_t archive_size;
    struct hf_signature signatures[HF_SIGNATURE_MAX];
    size_t signature_count;
};

/* Writes the statement over an archive part: "hotfix bundle 1\nsize N\nsha256 HEX\n", NUL-terminated; *size without the
 * NUL. */
int hf_statement(const void *archive, size_t archive_size, char statement[HF_STATEMENT_MAX], size_t *size,
                 struct hotfix_error *err);

/* Cuts a bundle file into archive and signatures; verifies nothing. HOTFIX_FORMAT. */
int hf_signed_parse(const void *file, size_t size, struct hf_signed *parts, struct hotfix_error *err);

/* The file for an archive and its signatures: *file is malloc'ed. */
int hf_signed_format(const struct hf_signed *parts, uint8_t **file, size_t *size, struct hotfix_error *err);

/* The same in the archive's own malloc'ed memory, which grows; *archive becomes NULL, but on failure. */
int hf_signed_finish(const struct hf_signed *parts, uint8_t **archive, uint8_t **file, size_t *size,
                     struct hotfix_error *err);

#endif
