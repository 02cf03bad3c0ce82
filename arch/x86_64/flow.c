/* SPDX-License-Identifier: Apache-2.0 */
/* Where functions loop and leave, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>
#include <string.h>

#include "x86_64.h"

#define MAX_CALLS 4096 /* calls that are remembered; a function with more is taken to loop over the last of them */

struct calls {
    uint64_t at[MAX_CALLS];
    size_t count;
};

static bool direct_target(const cs_insn *insn, uint64_t *target)
{
    const cs_x86 *x86 = &insn->detail->x86;

    if (x86->op_count == 0 || x86->operands[0].type != X86_OP_IMM)
        return false;
    *target = (uint64_t)x86->operands[0].imm;
    return true;
}

static bool jumps_over_call(const struct calls *calls, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < calls->count; i++)
        if (calls->at[i] >= to && calls->at[i] < from)
            return true;
    return false;
}

bool hf_x86_64_goes_elsewhere(size_t engine, const struct cs_insn *insn)
{
    return cs_insn_group(engine, insn, CS_GRP_RET) || cs_insn_group(engine, insn, CS_GRP_CALL) ||
           cs_insn_group(engine, insn, CS_GRP_JUMP);
}

/* Called for each instruction of some code; true ends the walk. */
typedef bool (*visit_fn)(csh engine, const cs_insn *insn, void *arg);

/* False when the code cannot be decoded as far as it was asked for. */
static bool walk(const uint8_t *code, size_t size, visit_fn visit, void *arg)
{
    csh engine;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    uint64_t address = 0;
    bool ended = false;
    while (insn && !ended && size > 0 && cs_disasm_iter(engine, &code, &size, &address, insn))
        ended = visit(engine, insn, arg);
    bool decoded = insn && (ended || size == 0);
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    return decoded;
}

/* The run around an offset. */
struct run {
    size_t at;
    size_t begin;
    size_t end;
};

/* True when the run ends with this instruction or in front of it. */
static bool ends_run(csh engine, const cs_insn *insn, void *arg)
{
    struct run *run = arg;
    bool elsewhere = hf_x86_64_goes_elsewhere(engine, insn), holds = run->at < insn->address + insn->size;

    if (elsewhere && insn->address > run->at) {
        run->end = insn->address;
        return true;
    }
    run->end = insn->address + insn->size;
    if (elsewhere)
        run->begin = holds ? insn->address : run->end;
    return elsewhere && holds;
}

enum hf_arch_status hf_x86_64_run(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end)
{
    struct run run = {.at = at};

    if (!walk(code, size, ends_run, &run) || at < run.begin || at >= run.end)
        return HF_ARCH_DECODE;
    *begin = run.begin;
    *end = run.end;
    return HF_ARCH_OK;
}

/* Cuts the run where the instruction jumps to. */
static bool cut_run(csh engine, const cs_insn *insn, void *arg)
{
    struct run *run = arg;
    uint64_t target;

    if (!cs_insn_group(engine, insn, CS_GRP_JUMP) || !direct_target(insn, &target))
        return false;
    if (target > run->begin && target <= run->at)
        run->begin = target;
    else if (target > run->at && target < run->end)
        run->end = target;
    return false;
}

enum hf_arch_status hf_x86_64_stretch(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end)
{
    struct run run = {.at = at};

    if (hf_x86_64_run(code, size, at, &run.begin, &run.end) != HF_ARCH_OK || !walk(code, size, cut_run, &run))
        return HF_ARCH_DECODE;
    *begin = run.begin;
    *end = run.end;
    return HF_ARCH_OK;
}

/* Of one version of a function: its code goes on here. */
struct reader {
    csh engine;
    cs_insn *insn;
    const uint8_t *code;
    size_t size;
    uint64_t address;
};

static bool uses_flags(const cs_insn *insn)
{
    for (uint8_t i = 0; i < insn->detail->regs_write_count; i++)
        if (insn->detail->regs_write[i] == X86_REG_EFLAGS)
            return true;
    for (uint8_t i = 0; i < insn->detail->regs_read_count; i++)
        if (insn->detail->regs_read[i] == X86_REG_EFLAGS)
            return true;
    return false;
}

/* The next instruction that uses flags: 1, 0 when there is none, -1 when the code is not known well enough. */
static int next_decision(struct reader *reader)
{
    uint64_t target;

    while (reader->size > 0) {
        if (!cs_disasm_iter(reader->engine, &reader->code, &reader->size, &reader->address, reader->insn) ||
            (cs_insn_group(reader->engine, reader->insn, CS_GRP_JUMP) && !direct_target(reader->insn, &target)))
            return -1;
        if (uses_flags(reader->insn))
            return 1;
    }
    return 0;
}

static bool same_decisions(struct reader *before, struct reader *after)
{
    for (;;) {
        int old = next_decision(before), new = next_decision(after);
        if (old != new || old <= 0)
            return old == new &&old == 0;
        if (before->insn->id != after->insn->id)
            return false;
        if (!cs_insn_group(before->engine, before->insn, CS_GRP_JUMP) &&
            (before->insn->size != after->insn->size ||
             memcmp(before->insn->bytes, after->insn->bytes, before->insn->size) != 0))
            return false;
    }
}

bool hf_x86_64_decide_alike(const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size)
{
    csh engine;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return false;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    struct reader old = {.engine = engine, .insn = cs_malloc(engine), .code = before, .size = before_size};
    struct reader new = {.engine = engine, .insn = cs_malloc(engine), .code = after, .size = after_size};
    bool same = old.insn && new.insn &&same_decisions(&old, &new);
    if (old.insn)
        cs_free(old.insn, 1);
    if (new.insn)
        cs_free(new.insn, 1);
    cs_close(&engine);
    return same;
}

/* What is found out of a whole function. */
struct loop_search {
    size_t size;
    struct hf_flow flow;
    struct calls calls;
};

static bool look(csh engine, const cs_insn *insn, void *arg)
{
    struct loop_search *search = arg;
    struct hf_flow *flow = &search->flow;
    struct calls *calls = &search->calls;
    uint64_t target;

    if (cs_insn_group(engine, insn, CS_GRP_RET)) {
        flow->leaves = true;
    } else if (cs_insn_group(engine, insn, CS_GRP_CALL)) {
        calls->at[calls->count < MAX_CALLS ? calls->count++ : MAX_CALLS - 1] = insn->address;
    } else if (cs_insn_group(engine, insn, CS_GRP_JUMP)) {
        bool known = direct_target(insn, &target);
        flow->jumps_anywhere = flow->jumps_anywhere || !known;
        if (!known || target >= search->size) {
            flow->leaves = true;
        } else if (target <= insn->address) {
            flow->loops = true;
            flow->loops_over_calls = flow->loops_over_calls || jumps_over_call(calls, insn->address, target);
        }
    }
    return false;
}

enum hf_arch_status hf_x86_64_flow(const uint8_t *code, size_t size, struct hf_flow *flow)
{
    struct loop_search search;

    search.size = size;
    search.flow = (struct hf_flow){.leaves = false};
    search.calls.count = 0;
    if (!walk(code, size, look, &search))
        return HF_ARCH_DECODE;
    *flow = search.flow;
    return HF_ARCH_OK;
}
