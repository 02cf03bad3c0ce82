/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What linkers make of object code (System V psABI for x86-64: B.2 "Optimize GOTPCRELX Relocations", and Drepper's "ELF
 * Handling For Thread-Local Storage" for the TLS transitions). Opcodes are those of the Intel SDM, volume 2.
 */
#include <elf.h>
#include <string.h>

#include "x86_64.h"

/* The code around a relocation: in the object and as linked. */
struct site {
    const uint8_t *object;
    const uint8_t *code;
    size_t size;
    size_t offset; /* of the field */
    uint64_t place;
    int64_t addend;
};

static int64_t read_signed(const uint8_t *field)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)field[i] << (8 * i);
    return (int32_t)value;
}

static uint64_t read_word(const uint8_t *field)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value |= (uint64_t)field[i] << (8 * i);
    return value;
}

/* Do the `count` bytes at `at` (relative to the field) lie in the code? */
static bool holds(const struct site *site, int at, size_t count)
{
    size_t back = at < 0 ? (size_t)-at : 0;
    if (back > site->offset)
        return false;
    size_t begin = at < 0 ? site->offset - back : site->offset + (size_t)at;
    return begin <= site->size && count <= site->size - begin;
}

static bool unchanged(const struct site *site, int at, size_t count)
{
    return holds(site, at, count) &&
           memcmp(site->object + site->offset + at, site->code + site->offset + at, count) == 0;
}

static bool code_is(const struct site *site, int at, const void *bytes, size_t count)
{
    return holds(site, at, count) && memcmp(site->code + site->offset + at, bytes, count) == 0;
}

static enum hf_arch_status found(const struct site *site, int begin, int end, enum hf_linked_form form, uint64_t value,
                                 struct hf_linked *linked)
{
    linked->begin = site->offset + (size_t)(int64_t)begin;
    linked->end = site->offset + (size_t)(int64_t)end;
    linked->form = form;
    linked->value = value;
    return HF_ARCH_OK;
}

/* The address that a PC-relative field `at` bytes behind the relocation's reaches, its addend taken off. */
static uint64_t reached(const struct site *site, int at, int64_t addend)
{
    return (uint64_t)(read_signed(site->code + site->offset + at) + (int64_t)site->place + at - addend);
}

/* mov foo@GOTPCREL(%rip), call *foo@GOTPCREL(%rip) and the like, of which linkers take the slot away. */
static enum hf_arch_status linked_slot(const struct site *site, struct hf_linked *linked)
{
    const uint8_t *object = site->object + site->offset;
    const uint8_t *code = site->code + site->offset;
    int64_t value = read_signed(code);

    if (!holds(site, -2, 6))
        return HF_ARCH_UNKNOWN;
    if (unchanged(site, -2, 2) && (site->offset < 3 || object[-3] == code[-3]))
        return found(site, 0, 4, HF_LINKED_SLOT, reached(site, 0, site->addend), linked);
    if (object[-2] == 0x8b && code[-2] == 0x8d && code[-1] == object[-1]) /* mov -> lea */
        return found(site, -2, 4, HF_LINKED_ADDRESS, reached(site, 0, site->addend), linked);
    if (object[-2] == 0xff && object[-1] == 0x15 && code[-2] == 0x67 && code[-1] == 0xe8) /* call * -> addr32 call */
        return found(site, -2, 4, HF_LINKED_ADDRESS, reached(site, 0, site->addend), linked);
    if (object[-2] == 0xff && object[-1] == 0x25 && code[-2] == 0xe9 && code[3] == 0x90) /* jmp * -> jmp; nop */
        return found(site, -2, 4, HF_LINKED_ADDRESS, reached(site, -1, -4), linked);

    /* With an absolute address: the register moves from ModRM.reg to ModRM.rm, and REX.R to REX.B. */
    unsigned reg = (object[-1] >> 3) & 7u;
    if (object[-2] == 0x8b && code[-2] == 0xc7 && code[-1] == (0xc0u | reg)) /* mov -> mov $imm32 */
        return found(site, site->offset < 3 ? -2 : -3, 4, HF_LINKED_ADDRESS, (uint64_t)value, linked);
    if (object[-2] == 0x85 && code[-2] == 0xf7 && code[-1] == (0xc0u | reg)) /* test -> test $imm32 */
        return found(site, site->offset < 3 ? -2 : -3, 4, HF_LINKED_ADDRESS, (uint64_t)value, linked);
    if ((object[-2] & 0xc7u) == 0x03 && code[-2] == 0x81 && code[-1] == (0xc0u | (object[-2] & 0x38u) | reg))
        return found(site, site->offset < 3 ? -2 : -3, 4, HF_LINKED_ADDRESS, (uint64_t)value, linked); /* add, cmp... */
    return HF_ARCH_UNKNOWN;
}

/* data16 lea x@tlsgd(%rip),%rdi; call __tls_get_addr: 16 bytes, of which the field is the fifth to the eighth. */
static enum hf_arch_status linked_general_dynamic(const struct site *site, struct hf_linked *linked)
{
    static const uint8_t initial[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x03, 0x05};
    static const uint8_t local[] = {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x48, 0x8d, 0x80};

    if (unchanged(site, -4, 4) && unchanged(site, 4, 4))
        return found(site, 0, 4, HF_LINKED_TLS_PAIR, reached(site, 0, site->addend), linked);
    if (!holds(site, -4, 16))
        return HF_ARCH_UNKNOWN;
    if (code_is(site, -4, initial, sizeof(initial)))
        return found(site, -4, 12, HF_LINKED_TLS_SLOT, reached(site, 8, -4), linked);
    if (code_is(site, -4, local, sizeof(local)))
        return found(site, -4, 12, HF_LINKED_TLS_DIRECT, (uint64_t)read_signed(site->code + site->offset + 8), linked);
    return HF_ARCH_UNKNOWN;
}

/* lea x@tlsld(%rip),%rdi; call __tls_get_addr: 12 bytes, or 13 when the call is indirect. */
static enum hf_arch_status linked_local_dynamic(const struct site *site, struct hf_linked *linked)
{
    static const uint8_t direct[] = {0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0};
    static const uint8_t indirect[] = {0x66, 0x66, 0x66, 0x66, 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0};

    if (unchanged(site, -3, 3) && unchanged(site, 4, 1))
        return found(site, 0, 4, HF_LINKED_TLS_PAIR, reached(site, 0, site->addend), linked);
    if (code_is(site, -3, direct, sizeof(direct)))
        return found(site, -3, 9, HF_LINKED_NOTHING, 0, linked);
    if (code_is(site, -3, indirect, sizeof(indirect)))
        return found(site, -3, 10, HF_LINKED_NOTHING, 0, linked);
    return HF_ARCH_UNKNOWN;
}

/* mov or add x@gottpoff(%rip),%reg. */
static enum hf_arch_status linked_initial_exec(const struct site *site, struct hf_linked *linked)
{
    const uint8_t *object = site->object + site->offset;
    const uint8_t *code = site->code + site->offset;

    if (!holds(site, -3, 7))
        return HF_ARCH_UNKNOWN;
    if (unchanged(site, -3, 3))
        return found(site, 0, 4, HF_LINKED_TLS_SLOT, reached(site, 0, site->addend), linked);
    unsigned reg = (object[-1] >> 3) & 7u;
    bool immediate = (code[-2] == 0xc7 || code[-2] == 0x81) && code[-1] == (0xc0u | reg);
    bool address = code[-2] == 0x8d && code[-1] == (0x80u | reg | (reg << 3));
    if ((object[-2] == 0x8b || object[-2] == 0x03) && (immediate || address))
        return found(site, -3, 4, HF_LINKED_TLS_DIRECT, (uint64_t)read_signed(code), linked);
    return HF_ARCH_UNKNOWN;
}

/* A field whose meaning stays, or that became an offset from the thread pointer: those are negative on this CPU. */
static enum hf_arch_status linked_tls_offset(const struct site *site, struct hf_linked *linked)
{
    int64_t value = read_signed(site->code + site->offset) - site->addend;

    return found(site, 0, 4, value < 0 ? HF_LINKED_TLS_DIRECT : HF_LINKED_TLS_OFFSET, (uint64_t)value, linked);
}

static enum hf_arch_status linked_absolute(uint32_t type, const struct site *site, struct hf_linked *linked)
{
    int64_t value = read_signed(site->code + site->offset);

    if (type == R_X86_64_32)
        value = (uint32_t)value;
    return found(site, 0, 4, HF_LINKED_ADDRESS, (uint64_t)(value - site->addend), linked);
}

enum hf_arch_status hf_x86_64_linked(uint32_t type, int64_t addend, size_t offset, const uint8_t *object,
                                     const uint8_t *code, size_t size, uint64_t address, struct hf_linked *linked)
{
    const struct site site = {object, code, size, offset, address + offset, addend};

    if (!holds(&site, 0, hf_x86_64_field_size(type)))
        return HF_ARCH_UNKNOWN;
    switch (type) {
    case R_X86_64_NONE:
        return found(&site, 0, 0, HF_LINKED_NOTHING, 0, linked);
    case R_X86_64_64:
        return found(&site, 0, 8, HF_LINKED_WORD, read_word(code + offset) - (uint64_t)addend, linked);
    case R_X86_64_PC64:
        return found(&site, 0, 8, HF_LINKED_ADDRESS, read_word(code + offset) - (uint64_t)addend + site.place, linked);
    case R_X86_64_32:
    case R_X86_64_32S:
        return linked_absolute(type, &site, linked);
    case R_X86_64_PC32:
    case R_X86_64_PLT32:
        return found(&site, 0, 4, HF_LINKED_ADDRESS, reached(&site, 0, addend), linked);
    case R_X86_64_GOTPCREL:
    case R_X86_64_GOTPCRELX:
    case R_X86_64_REX_GOTPCRELX:
        return linked_slot(&site, linked);
    case R_X86_64_TLSGD:
        return linked_general_dynamic(&site, linked);
    case R_X86_64_TLSLD:
        return linked_local_dynamic(&site, linked);
    case R_X86_64_DTPOFF32:
        return linked_tls_offset(&site, linked);
    case R_X86_64_GOTTPOFF:
        return linked_initial_exec(&site, linked);
    case R_X86_64_TPOFF32:
        return found(&site, 0, 4, HF_LINKED_TLS_DIRECT, (uint64_t)(read_signed(code + offset) - addend), linked);
    default:
        return HF_ARCH_UNKNOWN;
    }
}

/* call rel32, jmp rel32 or jcc rel32; else a ModRM byte that asks for RIP + disp32 stands in front of the field. */
bool hf_x86_64_is_branch(const uint8_t *code, size_t offset)
{
    if (offset >= 1 && (code[offset - 1] == 0xe8 || code[offset - 1] == 0xe9))
        return true;
    return offset >= 2 && code[offset - 2] == 0x0f && (code[offset - 1] & 0xf0u) == 0x80;
}

/* A 32-bit distance behind a ModRM byte that asks for RIP + disp32, or an address. */
static bool takes(const uint8_t *code, size_t size, size_t at, uint64_t place, uint64_t to, bool absolute)
{
    if (size - at < 4)
        return false;
    int64_t value = read_signed(code + at);
    bool relative = at > 0 && (code[at - 1] & 0xc7u) == 0x05;
    return (relative && place + 4 + (uint64_t)value == to) || (absolute && (uint64_t)value == to);
}

/* Where a distance leads that stands behind a branch's opcode: of 32 bits, or of 8 bits (jmp, jcc, loop, jrcxz). */
static bool branches(const uint8_t *code, size_t size, size_t at, uint64_t place, uint64_t *to)
{
    uint8_t opcode = at > 0 ? code[at - 1] : 0;

    if (size - at >= 4 && at > 0 && hf_x86_64_is_branch(code, at)) {
        *to = place + 4 + (uint64_t)read_signed(code + at);
        return true;
    }
    if (opcode != 0xeb && (opcode & 0xf0u) != 0x70 && (opcode < 0xe0 || opcode > 0xe3))
        return false;
    *to = place + 1 + (uint64_t)(int64_t)(int8_t)code[at];
    return true;
}

size_t hf_x86_64_branch(const uint8_t *code, size_t size, uint64_t address, size_t from, uint64_t *to)
{
    for (size_t at = from; at < size; at++)
        if (branches(code, size, at, address + at, to))
            return at;
    return size;
}

size_t hf_x86_64_mention(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from)
{
    uint64_t target;

    for (size_t at = from; at < size; at++)
        if (takes(code, size, at, address + at, to, absolute) ||
            (branches(code, size, at, address + at, &target) && target == to))
            return at;
    return size;
}

size_t hf_x86_64_takes(const uint8_t *code, size_t size, uint64_t address, uint64_t to, bool absolute, size_t from)
{
    for (size_t at = from; at < size; at++)
        if (takes(code, size, at, address + at, to, absolute))
            return at;
    return size;
}

/* [endbr64] [bnd] jmp *slot(%rip). */
size_t hf_x86_64_stub(const uint8_t *code, size_t size, uint64_t address, uint64_t *slot)
{
    size_t at = hf_x86_64_landing_pad(code, size);

    if (at < size && code[at] == 0xf2)
        at++;
    if (size < at + 6 || code[at] != 0xff || code[at + 1] != 0x25)
        return 0;
    *slot = address + at + 6 + (uint64_t)read_signed(code + at + 2);
    return at + 6;
}
