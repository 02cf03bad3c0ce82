/* SPDX-License-Identifier: Apache-2.0 */
#include "link/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "compiler/process.h"
#include "error.h"
#include "file.h"
#include "link/attest.h"
#include "link/below.h"
#include "link/worldtable.h"
#include "patch/base.h"
#include "patch/record.h"
#include "reference/binding.h"
#include "reference/replacement.h"

#define TOOL_SIZE   64
#define TABLE_COUNT 5 /* sections that are added to a patch */

#define MAX_LOG (1u << 20)

/* A command line that is put together. */
struct command {
    const char **argv;
    size_t count;
    size_t room;
};

static int command_init(struct command *command, size_t room, struct hotfix_error *err)
{
    *command = (struct command){.argv = calloc(room + 1, sizeof(char *)), .room = room};
    return command->argv ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static void add(struct command *command, const char *argument)
{
    if (command->count < command->room)
        command->argv[command->count++] = argument;
}

/* The last line that a tool wrote, for the message. */
static void last_line(const char *log, char line[256])
{
    HF_FREE uint8_t *text = NULL;
    size_t size = 0;

    line[0] = '\0';
    if (hf_file_read(log, MAX_LOG, &text, &size, NULL) != 0)
        return;
    while (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    const char *start = strrchr((const char *)text, '\n');
    snprintf(line, 256, "%s", start ? start + 1 : (const char *)text);
}

static int run(const struct command *command, const char *directory, struct hotfix_error *err)
{
    HF_FREE char *log = NULL;
    if (asprintf(&log, "%s/%s.log", directory, command->argv[0]) < 0) {
        log = NULL;
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    const struct hf_process process = {.argv = command->argv, .log = log};
    if (hf_process_run(&process, err) == 0)
        return 0;
    char line[256];
    last_line(log, line);
    return line[0] ? hf_error(err, HOTFIX_IO, "%s failed: %s", command->argv[0], line) : -1;
}

/* The name of a program of binutils for this CPU. */
static const char *tool(const struct hf_arch_tools *arch, const char *name, char text[TOOL_SIZE])
{
    snprintf(text, TOOL_SIZE, "%s%s", arch->arch == &hf_arch_host ? "" : arch->binutils, name);
    return text;
}

int hf_link(struct hf_work *work, const struct hf_emission *emission, const char *output, struct hotfix_error *err)
{
    static const char *const options[] = {
        "-shared",
        "--emit-relocs",
        "-Bsymbolic",
        "-z",
        "now",
        "-z",
        "relro",
        "-z",
        "noexecstack",
        "-z",
        "text",
        "--eh-frame-hdr",
        "--build-id=sha1",
        "--hash-style=gnu",
        "-o",
    };
    const size_t option_count = sizeof(options) / sizeof(options[0]);
    const struct hf_arch_tools *arch = work->target->arch;
    char page_size[48];
    struct command command;

    if (command_init(&command, option_count + emission->path_count + work->needed.count + 6, err) != 0)
        return -1;
    HF_FREE const char **argv = command.argv;
    (void)argv;
    char linker[TOOL_SIZE];
    add(&command, tool(arch, "ld.bfd", linker));
    snprintf(page_size, sizeof(page_size), "max-page-size=%u", arch->page_size);
    add(&command, "-z");
    add(&command, page_size);
    for (size_t i = 0; i < option_count; i++)
        add(&command, options[i]);
    add(&command, output);
    for (size_t i = 0; i < emission->path_count; i++)
        add(&command, emission->paths[i]);
    /* Libraries give imported symbols their versions. Those of which nothing is used are not named. */
    add(&command, "--as-needed");
    for (size_t i = 0; i < work->needed.count; i++)
        if (!work->needed.libraries[i].host)
            add(&command, work->needed.libraries[i].path);
    return run(&command, emission->directory, err);
}

/* What the linked file holds that is not to stay, and what is to be added. */
struct finish {
    struct hf_work *work;
    const struct hf_emission *emission;
    struct hf_image image;
    struct hf_fixups fixups;
    struct hf_records records;
    size_t *seen; /* by placeholder */
    size_t own_seen;
    const char **relocations; /* names of sections to drop */
    size_t relocation_count;
    uint32_t group_count;
    struct hf_part **leaders;
};

static bool numbered(const char *text, const char *prefix, size_t limit, size_t *number)
{
    char *end;
    size_t size = strlen(prefix);

    if (strncmp(text, prefix, size) != 0)
        return false;
    errno = 0;
    *number = strtoul(text + size, &end, 10);
    return errno == 0 && *end == '\0' && *number < limit;
}

static int add_fixup(struct finish *finish, const Elf64_Rela *relocation, const char *name, uint64_t value,
                     struct hotfix_error *err)
{
    size_t number;
    struct hf_fixup record = {.place = relocation->r_offset,
                              .addend = relocation->r_addend,
                              .type = (uint32_t)ELF64_R_TYPE(relocation->r_info)};

    if (numbered(name, HF_PLACEHOLDER_PREFIX, finish->emission->placeholder_count, &number)) {
        const struct hf_placeholder *placeholder = &finish->emission->placeholders[number];
        record.kind = (uint16_t)placeholder->kind;
        record.value = placeholder->value;
        finish->seen[number]++;
    } else if (numbered(name, HF_OWN_PREFIX, finish->emission->own_count, &number)) {
        record.kind = HF_FIXUP_SELF;
        record.value = value;
        record.type = finish->emission->own_types[number];
        finish->own_seen++;
    } else {
        return 0;
    }
    if (finish->work->target->arch->arch->relocation_size(record.type) == 0)
        return hf_error(err, HOTFIX_INTERNAL, "the linker left a relocation of type %u", record.type);
    struct hf_fixups *fixups = &finish->fixups;
    if ((fixups->record_count & (fixups->record_count - 1)) == 0) {
        size_t capacity = fixups->record_count ? 2 * fixups->record_count : 1;
        struct hf_fixup *grown = reallocarray(fixups->records, capacity, sizeof(*grown));
        if (!grown)
            return hf_error(err, HOTFIX_MEMORY, "out of memory");
        fixups->records = grown;
    }
    fixups->records[fixups->record_count++] = record;
    return 0;
}

/* The relocations of one section that the linker kept. */
static int read_relocations(struct finish *finish, Elf_Scn *section, const Elf64_Shdr *header, struct hotfix_error *err)
{
    Elf *elf = finish->image.elf;
    Elf_Scn *place = elf_getscn(elf, header->sh_info);
    const Elf64_Shdr *place_header = place ? elf64_getshdr(place) : NULL;
    Elf_Data *data = elf_getdata(section, NULL);
    Elf_Scn *symbols = elf_getscn(elf, header->sh_link);
    const Elf64_Shdr *symbols_header = symbols ? elf64_getshdr(symbols) : NULL;
    Elf_Data *symbol_data = symbols ? elf_getdata(symbols, NULL) : NULL;

    if (!place_header || !data || !symbols_header || !symbol_data)
        return hf_error(err, HOTFIX_INTERNAL, "the linked patch has damaged relocations");
    if (!(place_header->sh_flags & SHF_ALLOC))
        return 0;
    for (size_t i = 0; i < data->d_size / sizeof(Elf64_Rela); i++) {
        const Elf64_Rela *relocation = (const Elf64_Rela *)data->d_buf + i;
        size_t index = ELF64_R_SYM(relocation->r_info);
        if (index >= symbol_data->d_size / sizeof(Elf64_Sym))
            return hf_error(err, HOTFIX_INTERNAL, "the linked patch has damaged relocations");
        const Elf64_Sym *symbol = (const Elf64_Sym *)symbol_data->d_buf + index;
        const char *name = elf_strptr(elf, symbols_header->sh_link, symbol->st_name);
        if (name && add_fixup(finish, relocation, name, symbol->st_value, err) != 0)
            return -1;
    }
    return 0;
}

static int read_all_relocations(struct finish *finish, struct hotfix_error *err)
{
    Elf *elf = finish->image.elf;
    size_t names;
    size_t sections;

    if (elf_getshdrstrndx(elf, &names) != 0 || elf_getshdrnum(elf, &sections) != 0)
        return hf_error(err, HOTFIX_INTERNAL, "the linked patch has damaged headers");
    finish->relocations = calloc(sections + 1, sizeof(char *));
    finish->seen = calloc(finish->emission->placeholder_count + 1, sizeof(*finish->seen));
    if (!finish->relocations || !finish->seen)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *header = elf64_getshdr(section);
        if (!header || header->sh_type != SHT_RELA || (header->sh_flags & SHF_ALLOC))
            continue;
        finish->relocations[finish->relocation_count++] = elf_strptr(elf, names, header->sh_name);
        if (read_relocations(finish, section, header, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < finish->emission->placeholder_count; i++)
        if (finish->seen[i] != finish->emission->placeholders[i].uses)
            return hf_error(err, HOTFIX_INTERNAL, "the linker kept %zu of %zu references to placeholder %zu",
                            finish->seen[i], finish->emission->placeholders[i].uses, i);
    if (finish->own_seen != finish->emission->own_count)
        return hf_error(err, HOTFIX_INTERNAL, "the linker lost an absolute reference");
    return 0;
}

static int by_place(const void *a, const void *b)
{
    const struct hf_fixup *left = a;
    const struct hf_fixup *right = b;

    return (left->place > right->place) - (left->place < right->place);
}

static int by_target(const void *a, const void *b)
{
    const struct hf_record *left = a;
    const struct hf_record *right = b;

    return (left->target > right->target) - (left->target < right->target);
}

static uint32_t group_of(struct finish *finish, struct hf_part *part)
{
    struct hf_part *leader = hf_part_leader(part);
    uint32_t group = 0;

    while (group < finish->group_count && finish->leaders[group] != leader)
        group++;
    if (group == finish->group_count)
        finish->leaders[finish->group_count++] = leader;
    return group;
}

/* The size that a function has in the target, which may be compiled without the section options. */
static uint64_t target_size(const struct hf_replacement *replacement, const struct hf_name *function)
{
    const struct hf_name *proven = hf_object_find(replacement->pairing->proof_object, function->text);

    return proven ? proven->size : function->size;
}

/* "fee@@SHOP_2" is "fee". */
static bool same_but_version(const char *a, const char *b)
{
    size_t size = strcspn(a, "@");

    return size == strcspn(b, "@") && strncmp(a, b, size) == 0;
}

/* Linkers fold equal functions: then one detour would change both. */
static int check_folding(const struct hf_work *work, const struct hf_replacement *replacement, uint64_t address,
                         struct hotfix_error *err)
{
    const struct hf_target *target = work->target;

    for (size_t i = 0; i < target->symbol_count; i++) {
        const struct hf_symbol *symbol = target->by_name[i];
        if (symbol->address != address || symbol->type != STT_FUNC || symbol->size == 0)
            continue;
        bool alias = false;
        for (size_t k = 0; k < replacement->before->name_count && !alias; k++)
            alias = same_but_version(symbol->name, replacement->before->names[k]->text);
        if (!alias)
            return hf_error(
                err, HOTFIX_INCOMPATIBLE,
                "%s: function '%s' shares its code in %s with '%s': the linker folded them, and a patch would "
                "change both",
                replacement->pairing->after->name, hf_part_title(replacement->before), target->image.path,
                symbol->name);
    }
    return 0;
}

struct recording {
    struct finish *finish;
    const struct hf_symbol **placed; /* by number of the replacement */
    size_t index;
    struct hotfix_error *err;
};

/* The symbols that the linker gave replacements, by number. */
static void find_placed(const struct hf_image *image, const struct hf_symbol **placed, size_t count)
{
    size_t number;

    for (size_t i = image->symbol_count; i-- > 0;)
        if (numbered(image->symbols[i].name, HF_NEW_PREFIX, count, &number))
            placed[number] = &image->symbols[i];
}

static int add_record(const struct hf_replacement *replacement, void *arg)
{
    struct recording *recording = arg;
    struct finish *finish = recording->finish;
    const struct hf_name *function = hf_part_function(replacement->before);
    const struct hf_symbol *symbol = recording->placed[recording->index++];
    struct hf_anchor anchor;

    if (hf_locate(finish->work, replacement->pairing, replacement->before, &anchor, recording->err) != 0)
        return -1;
    if (!function || !symbol)
        return hf_error(recording->err, HOTFIX_INTERNAL, "the linker lost function %s",
                        hf_part_title(replacement->after));
    uint64_t address = anchor.address + function->value;
    if (check_folding(finish->work, replacement, address, recording->err) != 0)
        return -1;
    struct hf_record *grown =
        reallocarray(finish->records.items, finish->records.count + 1, sizeof(*finish->records.items));
    if (!grown)
        return hf_error(recording->err, HOTFIX_MEMORY, "out of memory");
    finish->records.items = grown;
    struct hf_record *record = &grown[finish->records.count++];
    *record = (struct hf_record){.target = address,
                                 .target_size = target_size(replacement, function),
                                 .replacement = symbol->address,
                                 .replacement_size = symbol->size,
                                 .group = group_of(finish, replacement->after),
                                 .name = strdup(function->text),
                                 .source = strdup(replacement->after->object->source)};
    return record->name && record->source ? 0 : hf_error(recording->err, HOTFIX_MEMORY, "out of memory");
}

static int count_one(const struct hf_replacement *replacement, void *arg)
{
    (void)replacement;
    ++*(size_t *)arg;
    return 0;
}

static int make_records(struct finish *finish, struct hotfix_error *err)
{
    struct recording recording = {.finish = finish, .err = err};
    size_t count = 0;

    hf_each_replacement(finish->work, count_one, &count);
    finish->leaders = calloc(count + 1, sizeof(struct hf_part *));
    HF_FREE const struct hf_symbol **placed = calloc(count + 1, sizeof(const struct hf_symbol *));
    if (!finish->leaders || !placed)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    find_placed(&finish->image, placed, count);
    recording.placed = placed;
    finish->records.target = finish->work->target->image.build_id;
    if (hf_each_replacement(finish->work, add_record, &recording) != 0)
        return -1;
    struct hf_records *records = &finish->records;
    qsort(records->items, records->count, sizeof(*records->items), by_target);
    /* A function that several objects define (COMDAT) is replaced once. */
    size_t kept = 0;
    for (size_t i = 0; i < records->count; i++) {
        if (kept > 0 && records->items[kept - 1].target == records->items[i].target) {
            free(records->items[i].name);
            free(records->items[i].source);
            continue;
        }
        records->items[kept++] = records->items[i];
    }
    records->count = kept;
    return 0;
}

static int write_tables(struct finish *finish, char *const *paths, struct hotfix_error *err)
{
    HF_FREE uint8_t *fixups = NULL;
    HF_FREE uint8_t *records = NULL;
    HF_FREE uint8_t *proof = NULL;
    HF_FREE uint8_t *worlds = NULL;
    HF_PROVEN struct hf_proven proven = {.count = 0};
    HF_WORLD struct hf_world_table world = {.count = 0};
    size_t fixups_size;
    size_t records_size;
    size_t proof_size;
    size_t worlds_size;
    struct hf_fixups table = finish->fixups;

    if (table.record_count > 0)
        qsort(table.records, table.record_count, sizeof(*table.records), by_place);
    table.modules = &finish->work->target->image.build_id;
    table.module_count = 1;
    finish->work->result->fixup_count = table.record_count;
    if (hf_fixups_format(&table, &fixups, &fixups_size, err) != 0 ||
        hf_records_format(&finish->records, &records, &records_size, err) != 0 ||
        hf_attest(finish->work, &proven, err) != 0 || hf_proven_format(&proven, &proof, &proof_size, err) != 0 ||
        hf_worldtable_fill(finish->work, &finish->image, &world, err) != 0 ||
        hf_world_format(&world, &worlds, &worlds_size, err) != 0)
        return -1;
    if (hf_file_write(paths[0], fixups, fixups_size, 0600, false, err) != 0 ||
        hf_file_write(paths[1], records, records_size, 0600, false, err) != 0)
        return -1;
    if (hf_file_write(paths[2], proof, proof_size, 0600, false, err) != 0)
        return -1;
    return hf_file_write(paths[3], worlds, worlds_size, 0600, false, err);
}

/* Only a patch that was built on bundles says so. */
static int write_bases(const struct finish *finish, const char *path, struct hotfix_error *err)
{
    HF_BASES struct hf_id_list ids = {.count = 0};
    HF_FREE uint8_t *table = NULL;
    size_t size;

    if (finish->work->below_count == 0)
        return 0;
    if (hf_below_ids(finish->work, &ids, err) != 0 || hf_bases_format(&ids, &table, &size, err) != 0)
        return -1;
    return hf_file_write(path, table, size, 0600, false, err);
}

/* Relocations first: symbols that they use cannot go before. */
static int copy_without_relocations(const struct finish *finish, const char *from, const char *to,
                                    struct hotfix_error *err)
{
    struct command command;

    if (command_init(&command, 2 * finish->relocation_count + 3, err) != 0)
        return -1;
    HF_FREE const char **argv = command.argv;
    (void)argv;
    char objcopy[TOOL_SIZE];
    add(&command, tool(finish->work->target->arch, "objcopy", objcopy));
    for (size_t i = 0; i < finish->relocation_count; i++) {
        add(&command, "--remove-section");
        add(&command, finish->relocations[i]);
    }
    add(&command, from);
    add(&command, to);
    return run(&command, finish->emission->directory, err);
}

static int copy_with_tables(const struct finish *finish, char *const *paths, const char *from, const char *to,
                            struct hotfix_error *err)
{
    HF_FREE char *fixups = NULL;
    HF_FREE char *records = NULL;
    HF_FREE char *proof = NULL;
    HF_FREE char *worlds = NULL;
    HF_FREE char *bases = NULL;
    if (asprintf(&fixups, "%s=%s", HF_FIXUPS_SECTION, paths[0]) < 0 ||
        asprintf(&records, "%s=%s", HF_RECORDS_SECTION, paths[1]) < 0 ||
        asprintf(&proof, "%s=%s", HF_PROVEN_SECTION, paths[2]) < 0 ||
        asprintf(&worlds, "%s=%s", HF_WORLDS_SECTION, paths[3]) < 0 ||
        asprintf(&bases, "%s=%s", HF_BASES_SECTION, paths[4]) < 0)
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    char objcopy[TOOL_SIZE];
    const char *const tables[] = {fixups, records, proof, worlds, finish->work->below_count > 0 ? bases : NULL};
    const char *first[] = {tool(finish->work->target->arch, "objcopy", objcopy), "--wildcard", "--strip-symbol",
                           HF_SCRATCH_PATTERN};
    struct command command;

    if (command_init(&command, sizeof(first) / sizeof(first[0]) + 2 * TABLE_COUNT + 2, err) != 0)
        return -1;
    HF_FREE const char **argv = command.argv;
    (void)argv;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        add(&command, first[i]);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (!tables[i])
            continue;
        add(&command, "--add-section");
        add(&command, tables[i]);
    }
    add(&command, from);
    add(&command, to);
    return run(&command, finish->emission->directory, err);
}

static int finish_all(struct finish *finish, const char *linked, const char *output, struct hotfix_error *err)
{
    static const char *const names[TABLE_COUNT + 1] = {"fixups", "functions", "proof", "worlds", "bases", "bare.so"};
    char *paths[TABLE_COUNT + 1] = {NULL};
    int failed = 0;

    for (size_t i = 0; i <= TABLE_COUNT && !failed; i++)
        if (asprintf(&paths[i], "%s/%s", finish->emission->directory, names[i]) < 0) {
            paths[i] = NULL;
            failed = hf_error(err, HOTFIX_MEMORY, "out of memory");
        }
    if (!failed)
        failed = read_all_relocations(finish, err);
    if (!failed)
        failed = make_records(finish, err);
    if (!failed)
        failed = write_tables(finish, paths, err);
    if (!failed)
        failed = write_bases(finish, paths[4], err);
    if (!failed)
        failed = copy_without_relocations(finish, linked, paths[TABLE_COUNT], err);
    if (!failed)
        failed = copy_with_tables(finish, paths, paths[TABLE_COUNT], output, err);
    for (size_t i = 0; i <= TABLE_COUNT; i++)
        free(paths[i]);
    return failed;
}

int hf_finish(struct hf_work *work, const struct hf_emission *emission, const char *linked, const char *output,
              struct hotfix_error *err)
{
    struct finish finish = {.work = work, .emission = emission};

    if (hf_image_open(linked, &finish.image, err) != 0)
        return -1;
    int failed = finish_all(&finish, linked, output, err);
    hf_image_close(&finish.image);
    free(finish.fixups.records);
    hf_records_deinit(&finish.records);
    free(finish.seen);
    free(finish.relocations);
    free(finish.leaders);
    return failed;
}
