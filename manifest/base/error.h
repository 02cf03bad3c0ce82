/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling in struct hotfix_error. No function here allocates or changes errno. Characters that could deceive a reader
 * (hf_utf8_is_hidden()) and bytes that are not UTF-8 become \xNN in a message.
 */
#ifndef HF_ERROR_H
#define HF_ERROR_H

#include "hotfix/error.h"

/* Sets code and message (printf format); sys_errno becomes 0. err may be NULL. Always returns -1, for `return
 * hf_error(...)`. */
int hf_error(struct hotfix_error *err, enum hotfix_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As hf_error(), records the present errno as sys_errno, and appends ": " and its text to the message. Always returns
 * -1. */
int hf_error_sys(struct hotfix_error *err, enum hotfix_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Puts context in front of a message set by a lower layer: hf_error_prefix(err, "bundle %s", path) turns "bad magic"
 * into "bundle fix.hotfix: bad magic". The code stays. err may be NULL. Always returns -1.
 */
int hf_error_prefix(struct hotfix_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The stable lower-case name of a code, for logs and JSON ("incompatible", "signature"); "unknown" for other values. */
const char *hf_error_name(enum hotfix_code code);

#endif
