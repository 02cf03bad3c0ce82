/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two readers of DWARF must agree: what the packager takes from debug information, for checks and pickers, is what
 * readelf of binutils prints of the same file: every unit's name and producer, every function's name, line and unit,
 * every structure's size, members and their places.
 *
 *     readers_test [FILE...]    these files; else the hotfix command
 */
#include <inttypes.h>

#include "dwarf/dwarf.h"
#include "program_fixture.h"
#include "types/type.h"

enum tag { TAG_OTHER, TAG_UNIT, TAG_FUNCTION, TAG_STRUCT, TAG_MEMBER };

#define NONE UINT64_MAX

/* An entry as readelf prints it. */
struct entry {
    enum tag tag;
    int depth;
    uint64_t offset;
    uint64_t origin; /* DW_AT_abstract_origin or DW_AT_specification */
    uint64_t address;
    uint64_t line;
    uint64_t size;
    uint64_t place;   /* bytes */
    uint64_t bit;     /* DW_AT_data_bit_offset */
    bool old_bit;     /* DW_AT_bit_offset, which means something else */
    bool declaration; /* DW_AT_declaration */
    char *name;
    char *linkage;
    char *producer;
    size_t unit;    /* index of its unit's entry */
    size_t ordinal; /* number of its unit */
};

static struct {
    struct entry *items;
    size_t count;
} entries;

static size_t facts, disagreements;

__attribute__((format(printf, 2, 3))) static void fact(bool agrees, const char *format, ...)
{
    va_list arguments;

    facts++;
    if (agrees)
        return;
    if (disagreements++ >= 20)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static enum tag tag_of(const char *name)
{
    static const struct {
        const char *name;
        enum tag tag;
    } tags[] = {{"(DW_TAG_compile_unit)", TAG_UNIT},
                {"(DW_TAG_subprogram)", TAG_FUNCTION},
                {"(DW_TAG_structure_type)", TAG_STRUCT},
                {"(DW_TAG_union_type)", TAG_STRUCT},
                {"(DW_TAG_class_type)", TAG_STRUCT},
                {"(DW_TAG_member)", TAG_MEMBER},
                /* A base class lies in its class as a member does. */
                {"(DW_TAG_inheritance)", TAG_MEMBER}};

    for (size_t i = 0; i < FIXTURE_COUNT(tags); i++)
        if (strcmp(tags[i].name, name) == 0)
            return tags[i].tag;
    return TAG_OTHER;
}

/* " <1><2d>: Abbrev Number: 4 (DW_TAG_subprogram)": true, and a new entry when it is of a kind that counts. */
static bool read_head(const char *line, bool *counts)
{
    static size_t room, unit, ordinal;
    struct entry entry = {.origin = NONE, .address = NONE, .size = NONE, .place = NONE, .bit = NONE};
    char name[64];

    if (sscanf(line, " <%d><%" SCNx64 ">: Abbrev Number: %*d %63s", &entry.depth, &entry.offset, name) != 3)
        return false;
    entry.tag = tag_of(name);
    *counts = entry.tag != TAG_OTHER;
    if (!*counts)
        return true;
    if (entries.count == room) {
        room = room ? 2 * room : 4096;
        entries.items = reallocarray(entries.items, room, sizeof(*entries.items));
        assert_non_null(entries.items);
    }
    if (entry.tag == TAG_UNIT) {
        ordinal = entries.count == 0 ? 0 : ordinal + 1;
        unit = entries.count;
    }
    entry.unit = unit;
    entry.ordinal = ordinal;
    entries.items[entries.count++] = entry;
    return true;
}

/* A string behind what readelf says of where it lies. */
static char *text_of(const char *value)
{
    const char *lies = value[0] == '(' ? strstr(value, "): ") : NULL;
    char *text = strdup(lies ? lies + 3 : value);

    assert_non_null(text);
    text[strcspn(text, "\n")] = '\0';
    for (size_t end = strlen(text); end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'); end--)
        text[end - 1] = '\0';
    return text;
}

/* "    <2e>   DW_AT_name        : main" */
static void read_attribute(const char *line, struct entry *entry)
{
    char name[64];
    const char *value = strstr(line, ": ");

    if (!value || sscanf(line, " <%*x> %63s", name) != 1)
        return;
    value += 2;
    name[strcspn(name, ":")] = '\0';
    if (strcmp(name, "DW_AT_name") == 0)
        entry->name = text_of(value);
    else if (strcmp(name, "DW_AT_linkage_name") == 0)
        entry->linkage = text_of(value);
    else if (strcmp(name, "DW_AT_producer") == 0)
        entry->producer = text_of(value);
    else if (strcmp(name, "DW_AT_low_pc") == 0)
        entry->address = strtoull(value, NULL, 0);
    else if (strcmp(name, "DW_AT_decl_line") == 0)
        entry->line = strtoull(value, NULL, 0);
    else if (strcmp(name, "DW_AT_byte_size") == 0)
        entry->size = strtoull(value, NULL, 0);
    else if (strcmp(name, "DW_AT_data_member_location") == 0)
        entry->place = strtoull(value, NULL, 0);
    else if (strcmp(name, "DW_AT_data_bit_offset") == 0)
        entry->bit = strtoull(value, NULL, 0);
    else if (strcmp(name, "DW_AT_bit_offset") == 0)
        entry->old_bit = true;
    else if (strcmp(name, "DW_AT_declaration") == 0)
        entry->declaration = true;
    else if (strcmp(name, "DW_AT_abstract_origin") == 0 || strcmp(name, "DW_AT_specification") == 0)
        sscanf(value, "<%" SCNx64 ">", &entry->origin);
}

static void read_other(const char *file)
{
    HF_FREE char *command = NULL;
    HF_FREE char *line = NULL;
    size_t room = 0;
    bool counts = false;

    entries.count = 0;
    assert_true(asprintf(&command, "LC_ALL=C readelf --debug-dump=info '%s' 2>/dev/null", file) > 0);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (getline(&line, &room, out) > 0)
        if (!read_head(line, &counts) && counts && entries.count > 0)
            read_attribute(line, &entries.items[entries.count - 1]);
    assert_int_equal(pclose(out), 0);
}

static const struct entry *entry_at(uint64_t offset)
{
    size_t low = 0, high = entries.count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entries.items[middle].offset == offset)
            return &entries.items[middle];
        if (entries.items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void compare_units(const struct hf_program *program)
{
    size_t count = 0;

    for (size_t i = 0; i < entries.count; i++) {
        const struct entry *entry = &entries.items[i];
        if (entry->tag != TAG_UNIT)
            continue;
        if (count < program->unit_count) {
            const struct hf_unit *unit = program->units[count];
            fact(entry->name && strcmp(unit->name, entry->name) == 0, "unit %s: %s", unit->name, entry->name);
            fact(strcmp(unit->producer, entry->producer ? entry->producer : "") == 0, "unit %s: producer %s: %s",
                 unit->name, unit->producer, entry->producer);
        }
        count++;
    }
    fact(count == program->unit_count, "%zu units: %zu", program->unit_count, count);
}

static void compare_function(const struct hf_program *program, const struct entry *entry)
{
    const char *linkage = NULL, *name = NULL;
    uint64_t line = 0;
    const struct hf_function *found = NULL;

    for (const struct entry *at = entry; at; at = at->origin == NONE ? NULL : entry_at(at->origin)) {
        linkage = linkage ? linkage : at->linkage;
        name = name ? name : at->name;
        line = line ? line : at->line;
    }
    name = linkage ? linkage : name;
    for (size_t i = 0; name && i < program->function_count; i++) {
        const struct hf_function *function = &program->functions[i];
        if (function->address > entry->address)
            break;
        if (function->address == entry->address && function->declared &&
            (!found || strcmp(function->declared, name) == 0))
            found = function;
    }
    fact(found != NULL, "%s at %#" PRIx64 " is not found", name ? name : "?", entry->address);
    if (!found || !name)
        return;
    fact(strcmp(found->declared, name) == 0, "function %s at %#" PRIx64 ": %s", found->declared, entry->address, name);
    fact(found->line == line, "function %s: line %u: %" PRIu64, name, found->line, line);
    fact(found->unit && strcmp(found->unit->name, entries.items[entry->unit].name) == 0, "function %s: unit %s: %s",
         name, found->unit ? found->unit->name : "none", entries.items[entry->unit].name);
}

static void compare_member(const struct hf_member *member, const struct entry *entry, const char *what)
{
    fact(strcmp(member->name, entry->name ? entry->name : "") == 0, "%s: member %s: %s", what, member->name,
         entry->name);
    if (entry->old_bit)
        return;
    uint64_t bit = entry->bit != NONE ? entry->bit : entry->place != NONE ? 8 * entry->place : 0;
    fact(member->bit == bit, "%s: member %s at bit %" PRIu64 ": %" PRIu64, what, member->name, member->bit, bit);
}

static void compare_struct(Dwarf_Debug dwarf, const struct entry *entry)
{
    HF_DIE Dwarf_Die die = hf_die_at(dwarf, entry->offset);
    HF_MEMBERS struct hf_members members = {.count = 0};
    const char *what = entry->name ? entry->name : "an unnamed structure";
    size_t count = 0;
    uint64_t size = NONE;

    fact(die != NULL, "%s: no entry at %#" PRIx64, what, entry->offset);
    if (!die || hf_members_read(dwarf, die, &members) != 0)
        return;
    bool sized = hf_die_number(die, DW_AT_byte_size, &size);
    fact(sized == (entry->size != NONE) && size == entry->size, "%s: size %" PRIu64 ": %" PRIu64, what, size,
         entry->size);
    const struct entry *end = entries.items + entries.count;
    for (const struct entry *at = entry + 1; at < end && at->depth > entry->depth; at++) {
        if (at->tag != TAG_MEMBER || at->depth != entry->depth + 1 || at->declaration)
            continue;
        if (count < members.count)
            compare_member(&members.items[count], at, what);
        count++;
    }
    fact(count == members.count, "%s: %zu members: %zu", what, members.count, count);
}

static void compare_file(const char *file)
{
    struct hf_program *program;

    facts = disagreements = 0;
    if (hf_program_open(file, NULL, NULL, &program, &fixture_error) != 0)
        fail_msg("%s", fixture_error.message);
    read_other(file);
    compare_units(program);
    for (size_t i = 0; i < entries.count; i++) {
        const struct entry *entry = &entries.items[i];
        hf_dwarf_enter(program->dwarf, entry->ordinal);
        if (entry->tag == TAG_FUNCTION && entry->address != NONE && entry->address != 0)
            compare_function(program, entry);
        else if (entry->tag == TAG_STRUCT && !entry->declaration)
            compare_struct(program->dwarf->handle, entry);
    }
    print_message("%s: %zu facts compared, %zu disagreements\n", file, facts, disagreements);
    hf_program_close(program);
    for (size_t i = 0; i < entries.count; i++) {
        free(entries.items[i].name);
        free(entries.items[i].linkage);
        free(entries.items[i].producer);
    }
    assert_true(facts > 100);
    assert_int_equal(disagreements, 0);
}

static char **files;

static void two_readers_agree_on_the_whole_file(void **state)
{
    (void)state;
    for (char **file = files; *file; file++)
        compare_file(*file);
    free(entries.items);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(two_readers_agree_on_the_whole_file)};
    const char *build = getenv("BUILD");
    HF_FREE char *command = NULL;
    char *own[] = {NULL, NULL};

    if (argc < 2 && asprintf(&command, "%s/hotfix", build ? build : "build") > 0)
        own[0] = command;
    files = argc > 1 ? argv + 1 : own;
    return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
