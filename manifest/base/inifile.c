/* SPDX-License-Identifier: Apache-2.0 */
#include "inifile.h"

#include <ini.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "utf8.h"

#define NAME_CHARACTERS   "abcdefghijklmnopqrstuvwxyz0123456789-."
#define BYTE_ORDER_MARK   "\xef\xbb\xbf"
#define ESCAPED           ";#%"
#define MAX_ENTRIES       (1u << 17)
#define ENTRIES_A_SECTION 32

enum line_kind { LINE_BLANK, LINE_SECTION, LINE_KEY, LINE_CONTINUATION };

/* The scan's state; where and line make the messages. */
struct scan {
    const char *where;
    unsigned line;
    enum line_kind last;
    size_t entries;
    struct hotfix_error *err;
};

static int bad(const struct scan *scan, const char *what)
{
    return hf_error(scan->err, HOTFIX_FORMAT, "%s line %u: %s", scan->where, scan->line, what);
}

/* Values are printable ASCII; what INI gives a meaning to stands as %XX, and blanks at an end do not survive a parser.
 */
static int scan_value(const struct scan *scan, const char *value, size_t size)
{
    if (size == 0)
        return bad(scan, "a value is missing");
    if (value[0] == ' ' || value[size - 1] == ' ')
        return bad(scan, "a value begins or ends with a blank");
    for (size_t i = 0; i < size; i++) {
        if (value[i] == ';' || value[i] == '#')
            return bad(scan, "a value holds ; or #, which must stand as %3B and %23; there are no comments");
        if (value[i] < 0x20 || value[i] > 0x7e)
            return bad(scan, "a value holds a character that must stand as %XX");
        if (value[i] != '%')
            continue;
        if (i + 2 >= size || !strchr("0123456789ABCDEF", value[i + 1]) || !strchr("0123456789ABCDEF", value[i + 2]) ||
            (value[i + 1] == '0' && value[i + 2] == '0'))
            return bad(scan, "a % is not followed by two digits 0-9A-F, or by 00");
    }
    return 0;
}

static int scan_section(const struct scan *scan, const char *line, size_t size)
{
    if (scan->last != LINE_BLANK && scan->line != 1)
        return bad(scan, "a section does not follow a blank line");
    if (size < 3 || size - 2 > HF_INI_SECTION_MAX || line[size - 1] != ']' ||
        strspn(line + 1, NAME_CHARACTERS) != size - 2)
        return bad(scan, "not a section header [name]");
    return 0;
}

/* A key and a value that are there, and something else between them than " = ". */
static bool is_spaced_otherwise(const char *line, size_t size, size_t key)
{
    size_t at = key;

    while (at < size && (line[at] == ' ' || line[at] == '\t'))
        at++;
    return key > 0 && at < size && line[at] == '=';
}

static int scan_key(const struct scan *scan, const char *line, size_t size)
{
    size_t key = strspn(line, NAME_CHARACTERS);

    if (scan->line == 1 || scan->last == LINE_BLANK)
        return bad(scan, "a key outside a section");
    if (key == 0 || key > HF_INI_KEY_MAX || size < key + 3 || memcmp(line + key, " = ", 3) != 0)
        return bad(scan, is_spaced_otherwise(line, size, key)
                             ? "not a line 'key = value', which has one blank on either side of the ="
                             : "not a line 'key = value'");
    return scan_value(scan, line + key + 3, size - key - 3);
}

/* What editors and other kinds of INI bring, by its name: otherwise the character that is in the way cannot be seen. */
static int scan_foreign(const struct scan *scan, const char *line, size_t size)
{
    size_t blanks = 0;

    if (scan->line == 1 && size >= strlen(BYTE_ORDER_MARK) &&
        memcmp(line, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        return bad(scan, "begins with a byte order mark; save it as UTF-8 without one");
    if (size > 0 && line[size - 1] == '\r')
        return bad(scan, "ends with CR and LF, as lines of Windows do; convert them to LF, as with dos2unix");
    while (blanks < size && (line[blanks] == ' ' || line[blanks] == '\t'))
        blanks++;
    if (blanks < size && (line[blanks] == '#' || line[blanks] == ';'))
        return bad(scan, "a comment, which this format does not have; take it out");
    if (size > 0 && line[0] == ' ')
        return bad(scan, blanks == size ? "holds nothing but blanks; make it empty, or take it out"
                                        : "begins with a blank; take that out");
    return 0;
}

static int scan_line(struct scan *scan, const char *line, size_t size)
{
    enum line_kind kind;
    int failed = 0;

    scan->line++;
    if (scan_foreign(scan, line, size) != 0)
        return -1;
    if (size > HF_INI_LINE_MAX)
        return hf_error(scan->err, HOTFIX_FORMAT, "%s line %u: longer than %d bytes", scan->where, scan->line,
                        HF_INI_LINE_MAX);
    if (size == 0) {
        kind = LINE_BLANK;
        if (scan->line == 1 || (scan->last != LINE_KEY && scan->last != LINE_CONTINUATION))
            failed = bad(scan, "a blank line where none belongs");
    } else if (line[0] == '[') {
        kind = LINE_SECTION;
        failed = scan_section(scan, line, size);
    } else if (line[0] == '\t') {
        kind = LINE_CONTINUATION;
        failed = scan->last == LINE_KEY || scan->last == LINE_CONTINUATION ? scan_value(scan, line + 1, size - 1)
                                                                           : bad(scan, "a continuation of no value");
    } else {
        kind = LINE_KEY;
        failed = scan_key(scan, line, size);
        if (++scan->entries > MAX_ENTRIES)
            failed = bad(scan, "more keys than any use has");
    }
    scan->last = kind;
    return failed;
}

/* Refuses every text that inih would understand in another way than this file's header says. */
static int scan_text(const char *where, const char *text, size_t size, struct hotfix_error *err)
{
    struct scan scan = {.where = where, .last = LINE_BLANK, .err = err};

    if (size == 0)
        return hf_error(err, HOTFIX_FORMAT, "%s: is empty", where);
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        if (!end) {
            scan.line++;
            return bad(&scan, "does not end with a newline");
        }
        /* strspn() and friends stop at the newline; a NUL is refused as a character like any other. */
        if (scan_line(&scan, text + at, (size_t)(end - text) - at) != 0)
            return -1;
        at = (size_t)(end - text) + 1;
    }
    if (scan.last == LINE_BLANK || scan.last == LINE_SECTION)
        return bad(&scan, "the text ends where a key must follow");
    return 0;
}

/* Text that can be shown on a terminal and carried in JSON. */
static bool is_text(const char *value)
{
    for (size_t size; *value; value += size) {
        uint32_t point;
        size = hf_utf8_decode(value, &point);
        if (size == 0 || hf_utf8_is_control(point))
            return false;
    }
    return true;
}

/* What the calls from inih build up. Its calls carry no line number, so the text is followed beside it. */
struct builder {
    const char *where;
    const char *next; /* first line that inih has not delivered yet */
    unsigned line;
    size_t value_max;
    struct hf_inifile ini;
    struct hotfix_error *err;
    bool failed;
};

static int builder_fail(struct builder *builder, enum hotfix_code code, const char *what, const char *name)
{
    hf_error(builder->err, code, "%s line %u: %s%s", builder->where, builder->line, what, name);
    builder->failed = true;
    return 0;
}

static size_t unescape(const char *text, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    char *start = out;

    while (*text) {
        if (*text != '%') {
            *out++ = *text++;
            continue;
        }
        *out++ = (char)((strchr(digits, text[1]) - digits) << 4 | (strchr(digits, text[2]) - digits));
        text += 3;
    }
    *out = '\0';
    return (size_t)(out - start);
}

static struct hf_ini_section *builder_section(struct builder *builder, const char *name)
{
    struct hf_inifile *ini = &builder->ini;
    struct hf_ini_section *sections = reallocarray(ini->sections, ini->count + 1, sizeof(*sections));
    if (!sections)
        return NULL;
    ini->sections = sections;
    struct hf_ini_section *section = &sections[ini->count++];
    *section = (struct hf_ini_section){.name = strdup(name), .line = builder->line};
    return section->name ? section : NULL;
}

static struct hf_ini_entry *builder_entry(struct hf_ini_section *section, const char *key, unsigned line)
{
    struct hf_ini_entry *entries = reallocarray(section->entries, section->count + 1, sizeof(*entries));
    if (!entries)
        return NULL;
    section->entries = entries;
    struct hf_ini_entry *entry = &entries[section->count++];
    *entry = (struct hf_ini_entry){.key = strdup(key), .line = line};
    return entry->key ? entry : NULL;
}

/* Moves to the line of the next key or continuation; a section header on the way begins a section. */
static int builder_advance(struct builder *builder, const char *section, enum line_kind *kind)
{
    for (;;) {
        const char *line = builder->next;
        builder->next = strchr(line, '\n') + 1;
        builder->line++;
        if (line[0] == '\n')
            continue;
        if (line[0] == '[') {
            if (!builder_section(builder, section))
                return -1;
            continue;
        }
        *kind = line[0] == '\t' ? LINE_CONTINUATION : LINE_KEY;
        return 0;
    }
}

static int append_value(struct builder *builder, struct hf_ini_entry *entry, const char *value)
{
    char *grown = realloc(entry->value, entry->size + strlen(value) + 1);
    if (!grown)
        return builder_fail(builder, HOTFIX_MEMORY, "out of memory for the value of ", entry->key);
    entry->value = grown;
    entry->size += unescape(value, grown + entry->size);
    if (entry->size > builder->value_max)
        return builder_fail(builder, HOTFIX_FORMAT, "value too long for key ", entry->key);
    return 1;
}

/* inih's handler: 1 to go on, 0 to stop. */
static int on_value(void *arg, const char *section_name, const char *key, const char *value)
{
    struct builder *builder = arg;
    enum line_kind kind;

    if (builder->failed)
        return 0;
    if (builder_advance(builder, section_name, &kind) != 0)
        return builder_fail(builder, HOTFIX_MEMORY, "out of memory", "");
    struct hf_ini_section *section = &builder->ini.sections[builder->ini.count - 1];
    if (kind == LINE_CONTINUATION)
        return append_value(builder, &section->entries[section->count - 1], value);

    for (size_t i = 0; i < section->count; i++)
        if (strcmp(section->entries[i].key, key) == 0)
            return builder_fail(builder, HOTFIX_FORMAT, "repeated key ", key);
    if (section->count == ENTRIES_A_SECTION)
        return builder_fail(builder, HOTFIX_FORMAT, "too many keys in section ", section->name);
    struct hf_ini_entry *entry = builder_entry(section, key, builder->line);
    if (!entry)
        return builder_fail(builder, HOTFIX_MEMORY, "out of memory", "");
    return append_value(builder, entry, value);
}

/* Characters may lie across continuation lines, so whole values are looked at. */
static int check_values(const struct builder *builder)
{
    for (size_t i = 0; i < builder->ini.count; i++) {
        const struct hf_ini_section *section = &builder->ini.sections[i];
        for (size_t e = 0; e < section->count; e++)
            if (!is_text(section->entries[e].value))
                return hf_error(builder->err, HOTFIX_FORMAT,
                                "%s line %u: value of %s is not UTF-8 text without control characters", builder->where,
                                section->entries[e].line, section->entries[e].key);
    }
    return 0;
}

int hf_inifile_parse(const char *where, const char *text, size_t size, size_t value_max, struct hf_inifile *ini,
                     struct hotfix_error *err)
{
    if (scan_text(where, text, size, err) != 0)
        return -1;
    HF_FREE char *copy = strndup(text, size);
    if (!copy)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", where);

    struct builder builder = {.where = where, .next = copy, .value_max = value_max, .err = err};
    int status = ini_parse_string(copy, on_value, &builder);
    if (status != 0 && !builder.failed) {
        builder.failed = true;
        hf_error(err, HOTFIX_FORMAT, "%s line %d: not understood", where, status);
    }
    if (builder.failed || check_values(&builder) != 0) {
        hf_inifile_deinit(&builder.ini);
        return -1;
    }
    *ini = builder.ini;
    return 0;
}

void hf_inifile_deinit(struct hf_inifile *ini)
{
    for (size_t i = 0; i < ini->count; i++) {
        struct hf_ini_section *section = &ini->sections[i];
        for (size_t e = 0; e < section->count; e++) {
            free(section->entries[e].key);
            free(section->entries[e].value);
        }
        free(section->entries);
        free(section->name);
    }
    free(ini->sections);
    memset(ini, 0, sizeof(*ini));
}

/* Bytes that text of this size is kept in: growing by doubling keeps long texts from being copied once a line. */
static size_t room(size_t size)
{
    size_t bytes = 4096;

    while (bytes < size + 1)
        bytes *= 2;
    return bytes;
}

static int append(char **text, size_t *size, const char *more, size_t more_size, struct hotfix_error *err)
{
    if (!*text || room(*size + more_size) != room(*size)) {
        char *grown = realloc(*text, room(*size + more_size));
        if (!grown)
            return hf_error(err, HOTFIX_MEMORY, "out of memory for INI text");
        *text = grown;
    }
    memcpy(*text + *size, more, more_size);
    *size += more_size;
    (*text)[*size] = '\0';
    return 0;
}

/* One byte as it stands in a value: itself or %XX. Blanks at either end of a line are escaped: parsers drop them. */
static size_t escape(unsigned char c, bool at_end, char out[4])
{
    if (c < 0x20 || c > 0x7e || strchr(ESCAPED, c) || (c == ' ' && at_end))
        return (size_t)snprintf(out, 4, "%%%02X", c);
    out[0] = (char)c;
    return 1;
}

/* Escapes one line's worth of a value and returns how many bytes that was: the most that fit. */
static size_t escape_piece(const char *value, size_t size, char out[HF_INI_PIECE + 4], size_t *length)
{
    char escaped[4];
    size_t used = 0, plain = 0;

    /* A blank is longer at the end of a line than within, so the longest piece may follow one that is too long. */
    for (size_t i = 0; i < size && plain < HF_INI_PIECE; i++) {
        plain += escape((unsigned char)value[i], i == 0, escaped);
        if (plain + (i > 0 && value[i] == ' ' ? 2 : 0) <= HF_INI_PIECE)
            used = i + 1;
    }
    *length = 0;
    for (size_t i = 0; i < used; i++)
        *length += escape((unsigned char)value[i], i == 0 || i + 1 == used, out + *length);
    return used;
}

int hf_inifile_append(char **text, size_t *size, const char *key, const char *value, struct hotfix_error *err)
{
    char line[HF_INI_PIECE + 4];
    size_t left = strlen(value);

    if (left == 0)
        return hf_error(err, HOTFIX_INTERNAL, "key '%s' has no value", key);
    if (append(text, size, key, strlen(key), err) != 0 || append(text, size, " = ", 3, err) != 0)
        return -1;
    for (bool first = true; left; first = false) {
        size_t length;
        size_t piece = escape_piece(value, left, line, &length);
        if ((!first && append(text, size, "\t", 1, err) != 0) || append(text, size, line, length, err) != 0 ||
            append(text, size, "\n", 1, err) != 0)
            return -1;
        value += piece;
        left -= piece;
    }
    return 0;
}

int hf_inifile_append_section(char **text, size_t *size, const char *name, struct hotfix_error *err)
{
    if (*size && append(text, size, "\n", 1, err) != 0)
        return -1;
    if (append(text, size, "[", 1, err) != 0 || append(text, size, name, strlen(name), err) != 0)
        return -1;
    return append(text, size, "]\n", 2, err);
}
