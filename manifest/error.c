/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Names and texts from elsewhere must not forge lines of a log or steer a terminal: control characters become \xNN. */
static void one_line(char message[HOTFIX_MESSAGE_SIZE])
{
    char raw[HOTFIX_MESSAGE_SIZE];
    size_t length = 0;

    memcpy(raw, message, sizeof(raw));
    for (const char *next = raw; *next && length + 1 < HOTFIX_MESSAGE_SIZE; next++) {
        unsigned char c = (unsigned char)*next;
        bool control = c < 0x20 || c == 0x7f;
        snprintf(message + length, HOTFIX_MESSAGE_SIZE - length, control ? "\\x%02x" : "%c", c);
        length += strlen(message + length);
    }
    message[length] = '\0';
}

__attribute__((format(printf, 4, 0))) static void set(struct hotfix_error *err, enum hotfix_code code, int sys_errno,
                                                      const char *format, va_list arguments)
{
    if (!err)
        return;
    err->code = code;
    err->sys_errno = sys_errno;
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    one_line(err->message);
}

int hf_error(struct hotfix_error *err, enum hotfix_code code, const char *format, ...)
{
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    set(err, code, 0, format, arguments);
    va_end(arguments);
    errno = saved;
    return -1;
}

int hf_error_sys(struct hotfix_error *err, enum hotfix_code code, const char *format, ...)
{
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    set(err, code, saved, format, arguments);
    va_end(arguments);
    if (err) {
        /* strerrordesc_np() neither allocates nor translates, unlike strerror(). */
        const char *reason = strerrordesc_np(saved);
        size_t length = strlen(err->message);
        snprintf(err->message + length, sizeof(err->message) - length, ": %s", reason ? reason : "unknown error");
    }
    errno = saved;
    return -1;
}

int hf_error_prefix(struct hotfix_error *err, const char *format, ...)
{
    int saved = errno;
    char message[HOTFIX_MESSAGE_SIZE];
    va_list arguments;

    if (!err)
        return -1;
    memcpy(message, err->message, sizeof(message));
    va_start(arguments, format);
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    va_end(arguments);
    one_line(err->message);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof(err->message) - length, ": %s", message);
    errno = saved;
    return -1;
}

const char *hf_error_name(enum hotfix_code code)
{
    static const char *const names[] = {
        [HOTFIX_OK] = "ok",
        [HOTFIX_INCOMPATIBLE] = "incompatible",
        [HOTFIX_USAGE] = "usage",
        [HOTFIX_UNPROVEN] = "unproven",
        [HOTFIX_SIGNATURE] = "signature",
        [HOTFIX_TRUST] = "trust",
        [HOTFIX_EXPIRED] = "expired",
        [HOTFIX_REVOKED] = "revoked",
        [HOTFIX_IO] = "io",
        [HOTFIX_FORMAT] = "format",
        [HOTFIX_NO_TARGET] = "no-target",
        [HOTFIX_CODE_DIFFERS] = "code-differs",
        [HOTFIX_APPLIED] = "applied",
        [HOTFIX_NOT_APPLIED] = "not-applied",
        [HOTFIX_STAGE] = "stage",
        [HOTFIX_STOP] = "stop",
        [HOTFIX_BUSY] = "busy",
        [HOTFIX_SWITCH] = "switch",
        [HOTFIX_PATCHER] = "patcher",
        [HOTFIX_MEMORY] = "memory",
        [HOTFIX_INTERNAL] = "internal",
        [HOTFIX_REPLAYED] = "replayed",
    };
    if ((size_t)code >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[code];
}
