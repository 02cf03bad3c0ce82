/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capstone, opened when it is first used: its 77,000 relocations would take longer at each start of the command than
 * `hotfix verify`, which decodes nothing. Its functions are defined here under their own names, and pass each call on.
 * Only the command is linked with this file.
 */
#include <capstone/capstone.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "status.h"

/* The functions that arch/ calls. */
struct disassembler {
    __typeof__(cs_open) *open;
    __typeof__(cs_close) *close;
    __typeof__(cs_option) *option;
    __typeof__(cs_malloc) *malloc;
    __typeof__(cs_free) *free;
    __typeof__(cs_disasm_iter) *disasm_iter;
    __typeof__(cs_insn_group) *insn_group;
    __typeof__(cs_regs_access) *regs_access;
};

/* Without it nothing can be said about code. An error of cs_open() would be taken for code that cannot be decoded. */
static _Noreturn void fail(void)
{
    fprintf(stderr, "hotfix: cannot use the disassembler: %s; install %s of capstone\n", dlerror(), HF_CAPSTONE);
    exit(hf_status_of(HOTFIX_INTERNAL));
}

static void *find(void *library, const char *name)
{
    void *found = dlsym(library, name);

    if (!found)
        fail();
    return found;
}

static const struct disassembler *disassembler(void)
{
    static struct disassembler known;

    if (known.open)
        return &known;
    void *library = dlopen(HF_CAPSTONE, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fail();
    known = (struct disassembler){.open = find(library, "cs_open"),
                                  .close = find(library, "cs_close"),
                                  .option = find(library, "cs_option"),
                                  .malloc = find(library, "cs_malloc"),
                                  .free = find(library, "cs_free"),
                                  .disasm_iter = find(library, "cs_disasm_iter"),
                                  .insn_group = find(library, "cs_insn_group"),
                                  .regs_access = find(library, "cs_regs_access")};
    return &known;
}

cs_err cs_open(cs_arch arch, cs_mode mode, csh *handle)
{
    return disassembler()->open(arch, mode, handle);
}

cs_err cs_close(csh *handle)
{
    return disassembler()->close(handle);
}

cs_err cs_option(csh handle, cs_opt_type type, size_t value)
{
    return disassembler()->option(handle, type, value);
}

cs_insn *cs_malloc(csh handle)
{
    return disassembler()->malloc(handle);
}

void cs_free(cs_insn *insn, size_t count)
{
    disassembler()->free(insn, count);
}

bool cs_disasm_iter(csh handle, const uint8_t **code, size_t *size, uint64_t *address, cs_insn *insn)
{
    return disassembler()->disasm_iter(handle, code, size, address, insn);
}

bool cs_insn_group(csh handle, const cs_insn *insn, unsigned int group_id)
{
    return disassembler()->insn_group(handle, insn, group_id);
}

cs_err cs_regs_access(csh handle, const cs_insn *insn, cs_regs regs_read, uint8_t *regs_read_count, cs_regs regs_write,
                      uint8_t *regs_write_count)
{
    return disassembler()->regs_access(handle, insn, regs_read, regs_read_count, regs_write, regs_write_count);
}
