/* SPDX-License-Identifier: Apache-2.0 */
/* Where functions loop and leave, seen through the Capstone disassembler. Packager only. */
#include <capstone/capstone.h>

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
        if (!direct_target(insn, &target) || target >= search->size) {
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
