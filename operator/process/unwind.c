/* SPDX-License-Identifier: Apache-2.0 */
#include "process/unwind.h"

#include <string.h>

#include "cursor.h"

enum {
    ENCODED_PCREL_SDATA4 = 0x1b,
    ENCODED_UDATA4 = 0x03,
    ENCODED_DATAREL_SDATA4 = 0x3b,
    RECORD_MAX = 16384, /* bytes of a CIE or FDE */
    SAVED_MAX = 8,      /* DW_CFA_remember_state */
};

enum rule_kind { RULE_SAME, RULE_UNDEFINED, RULE_OFFSET, RULE_VALUE, RULE_REGISTER, RULE_UNKNOWN };

struct rule {
    enum rule_kind kind;
    int64_t value; /* offset from the CFA, or a register */
};

struct rules {
    struct rule regs[HF_DWARF_REGS];
    uint64_t cfa_register;
    int64_t cfa_offset;
    bool cfa_unknown;
};

/* What a CIE says, and where its and the FDE's instructions are. */
struct entry {
    uint64_t begin; /* of the code */
    uint64_t size;
    uint64_t code_align;
    int64_t data_align;
    bool signal;
    uint8_t cie[RECORD_MAX], fde[RECORD_MAX];
    size_t cie_size, fde_size;
    size_t cie_program, fde_program; /* offsets of the instructions */
};

static uint64_t uleb(struct hf_cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = hf_cursor_u8(cursor);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

static int64_t sleb(struct hf_cursor *cursor)
{
    uint64_t value = 0;

    for (unsigned int shift = 0; shift < 64;) {
        uint8_t byte = hf_cursor_u8(cursor);
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80)) {
            if (shift < 64 && (byte & 0x40))
                value |= ~UINT64_C(0) << shift;
            break;
        }
    }
    return (int64_t)value;
}

/* Address of the FDE that is nearest below pc in the sorted table of .eh_frame_hdr; 0 without one. */
static uint64_t find_fde(const struct hf_target *target, const struct hf_image *image, uint64_t pc)
{
    struct {
        uint8_t version, pointer, count, table;
        int32_t frames;
        uint32_t entries;
    } header;

    if (!image->unwind || !hf_target_read(target, image->unwind, &header, sizeof(header)) || header.version != 1 ||
        header.count != ENCODED_UDATA4 || header.table != ENCODED_DATAREL_SDATA4 ||
        header.pointer != ENCODED_PCREL_SDATA4)
        return 0;
    uint32_t low = 0, high = header.entries;
    int32_t found[2] = {0, 0};
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int32_t pair[2];
        if (!hf_target_read(target, image->unwind + sizeof(header) + (uint64_t)middle * sizeof(pair), pair,
                            sizeof(pair)))
            return 0;
        if (image->unwind + (uint64_t)(int64_t)pair[0] <= pc) {
            memcpy(found, pair, sizeof(found));
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return found[1] ? image->unwind + (uint64_t)(int64_t)found[1] : 0;
}

/* Reads a record without its length; its size, or 0. */
static size_t read_record(const struct hf_target *target, uint64_t address, uint8_t *bytes)
{
    uint32_t length;

    if (!hf_target_read(target, address, &length, sizeof(length)) || length < 8 || length > RECORD_MAX ||
        !hf_target_read(target, address + sizeof(length), bytes, length))
        return 0;
    return length;
}

/* The augmentation is to be "zR" with the letters P, L and S among it. */
static bool parse_cie(struct entry *read)
{
    struct hf_cursor cursor;
    uint8_t encoding = 0;

    hf_cursor_init(&cursor, read->cie, read->cie_size);
    if (hf_cursor_u32(&cursor) != 0)
        return false;
    uint8_t version = hf_cursor_u8(&cursor);
    if (version != 1 && version != 3)
        return false;
    const char *augmentation = (const char *)read->cie + cursor.position;
    size_t length = strnlen(augmentation, read->cie_size - cursor.position);
    hf_cursor_bytes(&cursor, length + 1);
    read->code_align = uleb(&cursor);
    read->data_align = sleb(&cursor);
    uint64_t return_register = version == 1 ? hf_cursor_u8(&cursor) : uleb(&cursor);
    if (cursor.failed || augmentation[0] != 'z' || return_register != HF_DWARF_PC)
        return false;
    uint64_t size = uleb(&cursor);
    size_t end = cursor.position + size;
    for (const char *letter = augmentation + 1; *letter; letter++) {
        if (*letter == 'R') {
            encoding = hf_cursor_u8(&cursor);
        } else if (*letter == 'L') {
            hf_cursor_u8(&cursor);
        } else if (*letter == 'P') {
            uint8_t personality = hf_cursor_u8(&cursor) & 0x0f;
            hf_cursor_bytes(&cursor, personality == 0x03 || personality == 0x0b ? 4 : 8);
        } else if (*letter == 'S') {
            read->signal = true;
        } else {
            return false;
        }
    }
    read->cie_program = end;
    return !cursor.failed && end <= read->cie_size && encoding == ENCODED_PCREL_SDATA4;
}

static bool read_entry(const struct hf_target *target, const struct hf_image *image, uint64_t pc, struct entry *read)
{
    struct hf_cursor cursor;
    uint64_t at = find_fde(target, image, pc);

    read->signal = false;
    read->fde_size = at ? read_record(target, at, read->fde) : 0;
    if (read->fde_size == 0)
        return false;
    hf_cursor_init(&cursor, read->fde, read->fde_size);
    uint64_t back = hf_cursor_u32(&cursor);
    if (back == 0)
        return false;
    read->cie_size = read_record(target, at + 4 - back, read->cie);
    if (read->cie_size == 0 || !parse_cie(read))
        return false;
    read->begin = at + 8 + (uint64_t)(int64_t)(int32_t)hf_cursor_u32(&cursor);
    read->size = hf_cursor_u32(&cursor);
    hf_cursor_bytes(&cursor, uleb(&cursor));
    read->fde_program = cursor.position;
    return !cursor.failed && pc >= read->begin && pc - read->begin < read->size;
}

struct machine {
    const struct entry *entry;
    struct rules rules;
    struct rules initial;
    struct rules saved[SAVED_MAX];
    size_t saved_count;
    uint64_t at; /* code that the rules are for begins there */
};

static void set_rule(struct machine *machine, uint64_t number, enum rule_kind kind, int64_t value)
{
    if (number < HF_DWARF_REGS)
        machine->rules.regs[number] = (struct rule){kind, value};
}

static void set_cfa(struct machine *machine, uint64_t number, int64_t offset)
{
    machine->rules.cfa_register = number;
    machine->rules.cfa_offset = offset;
    machine->rules.cfa_unknown = number >= HF_DWARF_REGS;
}

/* Instructions about the canonical frame address. False for others. */
static bool run_cfa(struct machine *machine, uint8_t code, struct hf_cursor *cursor)
{
    struct rules *rules = &machine->rules;
    int64_t factor = machine->entry->data_align;
    uint64_t number;

    switch (code) {
    case 0x0c: /* def_cfa */
        number = uleb(cursor);
        set_cfa(machine, number, (int64_t)uleb(cursor));
        return true;
    case 0x0d: /* def_cfa_register */
        set_cfa(machine, uleb(cursor), rules->cfa_offset);
        return true;
    case 0x0e: /* def_cfa_offset */
        rules->cfa_offset = (int64_t)uleb(cursor);
        return true;
    case 0x0f: /* def_cfa_expression */
        rules->cfa_unknown = true;
        hf_cursor_bytes(cursor, uleb(cursor));
        return true;
    case 0x12: /* def_cfa_sf */
        number = uleb(cursor);
        set_cfa(machine, number, sleb(cursor) * factor);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        rules->cfa_offset = sleb(cursor) * factor;
        return true;
    default:
        return false;
    }
}

/* Instructions about the rule of one register. False for others. */
static bool run_register(struct machine *machine, uint8_t code, struct hf_cursor *cursor)
{
    int64_t factor = machine->entry->data_align;
    uint64_t number;

    switch (code) {
    case 0x05: /* offset_extended */
        number = uleb(cursor);
        set_rule(machine, number, RULE_OFFSET, (int64_t)uleb(cursor) * factor);
        return true;
    case 0x06: /* restore_extended */
        number = uleb(cursor);
        if (number < HF_DWARF_REGS)
            machine->rules.regs[number] = machine->initial.regs[number];
        return true;
    case 0x07: /* undefined */
        set_rule(machine, uleb(cursor), RULE_UNDEFINED, 0);
        return true;
    case 0x08: /* same_value */
        set_rule(machine, uleb(cursor), RULE_SAME, 0);
        return true;
    case 0x09: /* register */
        number = uleb(cursor);
        set_rule(machine, number, RULE_REGISTER, (int64_t)uleb(cursor));
        return true;
    case 0x10: /* expression, val_expression */
    case 0x16:
        set_rule(machine, uleb(cursor), RULE_UNKNOWN, 0);
        hf_cursor_bytes(cursor, uleb(cursor));
        return true;
    case 0x11: /* offset_extended_sf */
        number = uleb(cursor);
        set_rule(machine, number, RULE_OFFSET, sleb(cursor) * factor);
        return true;
    case 0x14: /* val_offset */
        number = uleb(cursor);
        set_rule(machine, number, RULE_VALUE, (int64_t)uleb(cursor) * factor);
        return true;
    default:
        return false;
    }
}

/* Instructions without an operand in their first byte. False for what is not known. */
static bool run_extended(struct machine *machine, uint8_t code, struct hf_cursor *cursor)
{
    uint64_t unit = machine->entry->code_align;

    switch (code) {
    case 0x00: /* nop */
        return true;
    case 0x02: /* advance_loc1, 2, 4 */
        machine->at += hf_cursor_u8(cursor) * unit;
        return true;
    case 0x03:
        machine->at += hf_cursor_u16(cursor) * unit;
        return true;
    case 0x04:
        machine->at += hf_cursor_u32(cursor) * unit;
        return true;
    case 0x0a: /* remember_state */
        if (machine->saved_count == SAVED_MAX)
            return false;
        machine->saved[machine->saved_count++] = machine->rules;
        return true;
    case 0x0b: /* restore_state */
        if (machine->saved_count == 0)
            return false;
        machine->rules = machine->saved[--machine->saved_count];
        return true;
    case 0x2e: /* GNU_args_size */
        uleb(cursor);
        return true;
    default:
        return run_cfa(machine, code, cursor) || run_register(machine, code, cursor);
    }
}

/* Runs instructions until those for code behind pc. False for one that is not known. */
static bool run(struct machine *machine, const uint8_t *bytes, size_t size, size_t position, uint64_t pc)
{
    struct hf_cursor cursor;

    hf_cursor_init(&cursor, bytes, size);
    hf_cursor_bytes(&cursor, position);
    while (!cursor.failed && cursor.position < size && machine->at <= pc) {
        uint8_t code = hf_cursor_u8(&cursor);
        uint8_t low = code & 0x3f;
        switch (code >> 6) {
        case 1: /* advance_loc */
            machine->at += low * machine->entry->code_align;
            break;
        case 2: /* offset */
            set_rule(machine, low, RULE_OFFSET, (int64_t)uleb(&cursor) * machine->entry->data_align);
            break;
        case 3: /* restore */
            if (low < HF_DWARF_REGS)
                machine->rules.regs[low] = machine->initial.regs[low];
            break;
        default:
            if (!run_extended(machine, code, &cursor))
                return false;
            /* An advance beyond pc ends the rules that hold there: the loop's condition sees to that. */
            break;
        }
    }
    return !cursor.failed;
}

static bool has(const struct hf_frame *frame, uint64_t number)
{
    return number < HF_DWARF_REGS && (frame->known & 1u << number);
}

static enum hf_unwound apply(const struct hf_target *target, const struct rules *rules, struct hf_frame *frame)
{
    struct hf_frame caller = {.known = 0};

    if (rules->regs[HF_DWARF_PC].kind == RULE_UNDEFINED)
        return HF_UNWOUND_END;
    if (rules->cfa_unknown || !has(frame, rules->cfa_register))
        return HF_UNWOUND_UNKNOWN;
    uint64_t cfa = frame->regs[rules->cfa_register] + (uint64_t)rules->cfa_offset;
    for (unsigned int i = 0; i < HF_DWARF_REGS; i++) {
        const struct rule *rule = &rules->regs[i];
        bool known = false;
        if (rule->kind == RULE_SAME) {
            known = i != HF_DWARF_PC && has(frame, i);
            caller.regs[i] = frame->regs[i];
        } else if (rule->kind == RULE_OFFSET) {
            known = hf_target_read(target, cfa + (uint64_t)rule->value, &caller.regs[i], sizeof(caller.regs[i]));
        } else if (rule->kind == RULE_VALUE) {
            known = true;
            caller.regs[i] = cfa + (uint64_t)rule->value;
        } else if (rule->kind == RULE_REGISTER && has(frame, (uint64_t)rule->value)) {
            known = true;
            caller.regs[i] = frame->regs[rule->value];
        }
        caller.known |= (uint32_t)known << i;
    }
    if (rules->regs[HF_DWARF_RSP].kind == RULE_SAME) {
        caller.regs[HF_DWARF_RSP] = cfa;
        caller.known |= 1u << HF_DWARF_RSP;
    }
    if (!has(&caller, HF_DWARF_PC))
        return HF_UNWOUND_UNKNOWN;
    *frame = caller;
    return HF_UNWOUND_CALLER;
}

static struct entry entry; /* too large for a stack; this command has one thread */

uint64_t hf_unwind_function(const struct hf_target *target, const struct hf_images *images, uint64_t pc)
{
    const struct hf_image *image = hf_images_at(images, pc);

    return image && read_entry(target, image, pc, &entry) ? entry.begin : 0;
}

enum hf_unwound hf_unwind(const struct hf_target *target, const struct hf_images *images, bool innermost,
                          struct hf_frame *frame)
{
    uint64_t pc = frame->regs[HF_DWARF_PC] - !innermost;
    const struct hf_image *image = hf_images_at(images, pc);

    if (!image || !read_entry(target, image, pc, &entry)) {
        /* The kernel enters a handler with the restorer as its return address, which is no call's. */
        const struct hf_image *at = hf_images_at(images, pc + 1);
        return at && at != image && read_entry(target, at, pc + 1, &entry) && entry.signal ? HF_UNWOUND_SIGNAL
                                                                                           : HF_UNWOUND_UNKNOWN;
    }
    if (entry.signal)
        return HF_UNWOUND_SIGNAL;
    struct machine machine = {.entry = &entry, .at = entry.begin};
    if (!run(&machine, entry.cie, entry.cie_size, entry.cie_program, UINT64_MAX))
        return HF_UNWOUND_UNKNOWN;
    machine.initial = machine.rules;
    machine.at = entry.begin;
    if (!run(&machine, entry.fde, entry.fde_size, entry.fde_program, pc))
        return HF_UNWOUND_UNKNOWN;
    return apply(target, &machine.rules, frame);
}
