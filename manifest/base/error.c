/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* Bytes that can be shown at text: those of a character, 0 for one that is escaped or cut off at the end. */
static size_t shown_size(const char *text)
{
    uint32_t point;
    size_t size = hf_utf8_decode(text, &point);

    return size > 0 && !hf_utf8_is_hidden(point) ? size : 0;
}

/*
 * Names and texts from elsewhere must not forge lines of a log, steer a terminal or mislead its reader: characters that
 * are hidden and bytes that are no UTF-8 become \xNN.
 */
static void one_line(char message[HOTFIX_MESSAGE_SIZE])
{
    char raw[HOTFIX_MESSAGE_SIZE];
    size_t length = 0;

    memcpy(raw, message, sizeof(raw));
    for (const char *next = raw; *next && length + 1 < HOTFIX_MESSAGE_SIZE;) {
        size_t size = shown_size(next);
        if (size > 0 && length + size >= HOTFIX_MESSAGE_SIZE)
            break; /* a character is there whole or not at all */
        if (size > 0)
            memcpy(message + length, next, size);
        else
            snprintf(message + length, HOTFIX_MESSAGE_SIZE - length, "\\x%02x", (unsigned char)*next);
        length += size > 0 ? size : strlen(message + length);
        next += size > 0 ? size : 1;
    }
    message[length] = '\0';
}

/* Takes away what vsnprintf() left of a character that did not fit. */
static void drop_cut_character(char message[HOTFIX_MESSAGE_SIZE])
{
    size_t length = strlen(message), lead = length;
    uint32_t point;

    if (length + 1 < HOTFIX_MESSAGE_SIZE)
        return;
    while (lead > 0 && length - lead < 3 && ((unsigned char)message[lead - 1] & 0xc0) == 0x80)
        lead--;
    if (lead > 0 && (unsigned char)message[lead - 1] >= 0xc0 && hf_utf8_decode(message + lead - 1, &point) == 0)
        message[lead - 1] = '\0';
}

/* The PIN in the URI of a token's key (RFC 7512) is not told, whatever the message is about. */
static void hide_pin(char message[HOTFIX_MESSAGE_SIZE])
{
    static const char attribute[] = "pin-value=";

    for (char *at = message; (at = strcasestr(at, attribute));) {
        at += sizeof(attribute) - 1;
        size_t length = strcspn(at, ";&? '\"");
        if (length == 0)
            continue;
        memmove(at + 1, at + length, strlen(at + length) + 1);
        *at = '*';
    }
}

__attribute__((format(printf, 4, 0))) static void set(struct hotfix_error *err, enum hotfix_code code, int sys_errno,
                                                      const char *format, va_list arguments)
{
    if (!err)
        return;
    err->code = code;
    err->sys_errno = sys_errno;
    vsnprintf(err->message, sizeof(err->message), format, arguments);
    drop_cut_character(err->message);
    hide_pin(err->message);
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
    drop_cut_character(err->message);
    hide_pin(err->message);
    one_line(err->message);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof(err->message) - length, ": %s", message);
    drop_cut_character(err->message);
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
        [HOTFIX_TORN] = "torn",
        [HOTFIX_NEVER] = "never",
    };
    if ((size_t)code >= sizeof(names) / sizeof(names[0]))
        return "unknown";
    return names[code];
}
