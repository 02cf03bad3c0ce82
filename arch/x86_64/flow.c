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

static void look(csh engine, const cs_insn *insn, size_t size, struct calls *calls, struct hf_flow *flow)
{
    uint64_t target;

    if (cs_insn_group(engine, insn, CS_GRP_RET)) {
        flow->leaves = true;
    } else if (cs_insn_group(engine, insn, CS_GRP_CALL)) {
        calls->at[calls->count < MAX_CALLS ? calls->count++ : MAX_CALLS - 1] = insn->address;
    } else if (cs_insn_group(engine, insn, CS_GRP_JUMP)) {
        if (!direct_target(insn, &target) || target >= size) {
            flow->leaves = true;
        } else if (target <= insn->address) {
            flow->loops = true;
            flow->loops_over_calls = flow->loops_over_calls || jumps_over_call(calls, insn->address, target);
        }
    }
}

static bool goes_elsewhere(csh engine, const cs_insn *insn)
{
    return cs_insn_group(engine, insn, CS_GRP_RET) || cs_insn_group(engine, insn, CS_GRP_CALL) ||
           cs_insn_group(engine, insn, CS_GRP_JUMP);
}

/* One more instruction of the code, at offset `address`; true when the run around `at` ends with it or in front of it.
 */
static bool ends_run(csh engine, const cs_insn *insn, size_t at, size_t *begin, size_t *end)
{
    bool elsewhere = goes_elsewhere(engine, insn), holds = at < insn->address + insn->size;

    if (elsewhere && insn->address > at) {
        *end = insn->address;
        return true;
    }
    *end = insn->address + insn->size;
    if (elsewhere)
        *begin = holds ? insn->address : *end;
    return elsewhere && holds;
}

enum hf_arch_status hf_x86_64_run(const uint8_t *code, size_t size, size_t at, size_t *begin, size_t *end)
{
    csh engine;

    *begin = 0;
    *end = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    const uint8_t *next = code;
    size_t left = size;
    uint64_t address = 0;
    bool ended = false;
    while (insn && !ended && left > 0 && cs_disasm_iter(engine, &next, &left, &address, insn))
        ended = ends_run(engine, insn, at, begin, end);
    bool found = insn && (ended || left == 0) && *begin <= at && at < *end;
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    return found ? HF_ARCH_OK : HF_ARCH_DECODE;
}

enum hf_arch_status hf_x86_64_flow(const uint8_t *code, size_t size, struct hf_flow *flow)
{
    struct hf_flow found = {.leaves = false};
    struct calls calls;
    csh engine;

    calls.count = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &engine) != CS_ERR_OK)
        return HF_ARCH_DECODE;
    cs_option(engine, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(engine);
    const uint8_t *next = code;
    size_t left = size;
    uint64_t address = 0;
    while (insn && left > 0 && cs_disasm_iter(engine, &next, &left, &address, insn))
        look(engine, insn, size, &calls, &found);
    bool decoded = insn && left == 0;
    if (insn)
        cs_free(insn, 1);
    cs_close(&engine);
    if (!decoded)
        return HF_ARCH_DECODE;
    *flow = found;
    return HF_ARCH_OK;
}
