/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/program.h"

#include <string.h>

#include "cleanup.h"
#include "elf/debugfile.h"
#include "elf/dwarf.h"
#include "error.h"

static int out_of_memory(const struct hf_program *program, struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", program->image.path);
}

static int compare_functions(const void *a, const void *b)
{
    const struct hf_function *first = a, *second = b;

    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return strcmp(first->name, second->name);
}

static bool is_function(const struct hf_symbol *symbol)
{
    return (symbol->type == STT_FUNC || symbol->type == STT_GNU_IFUNC) && symbol->section != SHN_UNDEF &&
           symbol->name[0];
}

static int read_functions(struct hf_program *program, struct hotfix_error *err)
{
    const struct hf_image *debug = program->debug;

    program->functions = calloc(debug->symbol_count + 1, sizeof(*program->functions));
    if (!program->functions)
        return out_of_memory(program, err);
    for (size_t i = 0; i < debug->symbol_count; i++) {
        const struct hf_symbol *symbol = &debug->symbols[i];
        if (!is_function(symbol))
            continue;
        struct hf_function *function = &program->functions[program->function_count++];
        function->name = symbol->name;
        function->address = symbol->address;
        function->size = symbol->size;
        function->local = symbol->binding == STB_LOCAL;
        function->source = strdup(symbol->file);
        if (!function->source)
            return out_of_memory(program, err);
    }
    if (program->function_count)
        qsort(program->functions, program->function_count, sizeof(*program->functions), compare_functions);
    return 0;
}

/* Whether the file itself says all there is to say. */
static bool has_debug_sections(const struct hf_image *image)
{
    GElf_Shdr header;

    return (hf_image_section(image, ".debug_info", &header) && header.sh_type != SHT_NOBITS) ||
           hf_image_section(image, ".zdebug_info", NULL);
}

static int choose_debug(struct hf_program *program, const char *debug_path, struct hotfix_error *err)
{
    struct hf_image debug;
    int found = 0;

    program->debug = &program->image;
    if (debug_path)
        found = hf_debugfile_open(&program->image, debug_path, &debug, err) == 0 ? 1 : -1;
    else if (!has_debug_sections(&program->image))
        found = hf_debugfile_find(&program->image, &debug, &program->debug_note, err);
    if (found <= 0)
        return found;
    program->debug = malloc(sizeof(debug));
    if (!program->debug) {
        program->debug = &program->image;
        hf_image_close(&debug);
        return out_of_memory(program, err);
    }
    *program->debug = debug;
    return 0;
}

int hf_program_open(const char *path, const char *debug_path, struct hf_program **program, struct hotfix_error *err)
{
    struct hf_program *opened = calloc(1, sizeof(*opened));

    if (!opened)
        return hf_error(err, HOTFIX_MEMORY, "%s: out of memory", path);
    if (hf_image_open(path, &opened->image, err) != 0) {
        free(opened);
        return -1;
    }
    if (choose_debug(opened, debug_path, err) != 0 || read_functions(opened, err) != 0 ||
        hf_dwarf_read(opened, err) != 0) {
        hf_program_close(opened);
        return -1;
    }
    *program = opened;
    return 0;
}

static void free_function(struct hf_function *function)
{
    for (size_t i = 0; i < function->parameter_count; i++) {
        free(function->parameters[i].type);
        free(function->parameters[i].named);
        free(function->parameters[i].tag);
    }
    free(function->parameters);
    free(function->prototype);
    free(function->inlined);
    free(function->source);
}

void hf_program_close(struct hf_program *program)
{
    if (!program)
        return;
    for (size_t i = 0; i < program->function_count; i++)
        free_function(&program->functions[i]);
    free(program->functions);
    for (size_t i = 0; i < program->unit_count; i++) {
        free(program->units[i]->name);
        free(program->units[i]->directory);
        free(program->units[i]->producer);
        free(program->units[i]);
    }
    free(program->units);
    free(program->debug_note);
    if (program->debug && program->debug != &program->image) {
        hf_image_close(program->debug);
        free(program->debug);
    }
    hf_image_close(&program->image);
    free(program);
}
