/* SPDX-License-Identifier: Apache-2.0 */
/* Headers that patch.so must not have are refused before the dynamic linker sees them. */
#include "stage/payload.h"

#include <elf.h>
#include <unistd.h>

#include "arch.h"
#include "manifest_fixture.h"

/* A shared object of one segment, and its dynamic section. */
struct sample {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    Elf64_Dyn dynamic[3];
};

static struct sample sample_new(void)
{
    return (struct sample){
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = hf_arch_host.machine,
                   .e_phoff = offsetof(struct sample, segments),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2},
        .segments =
            {{.p_type = PT_LOAD, .p_filesz = sizeof(struct sample), .p_memsz = sizeof(struct sample), .p_align = 4096},
             {.p_type = PT_DYNAMIC,
              .p_offset = offsetof(struct sample, dynamic),
              .p_vaddr = offsetof(struct sample, dynamic),
              .p_filesz = sizeof(((struct sample *)0)->dynamic)}},
        .dynamic = {{.d_tag = DT_SONAME}, {.d_tag = DT_NULL}, {.d_tag = DT_INIT}},
    };
}

static struct hf_payload_traits traits;

static void refuse(const struct sample *sample, const char *message)
{
    traits.span = 4711;
    assert_refused(hf_payload_inspect((const uint8_t *)sample, sizeof(*sample), &traits, ERR), HOTFIX_FORMAT, message);
    assert_int_equal(traits.span, 4711);
}

static void what_is_no_shared_object_for_this_cpu_is_refused(void **state)
{
    struct sample sample = sample_new();

    (void)state;
    for (size_t size = 0; size < sizeof(Elf64_Ehdr); size++)
        assert_refused(hf_payload_inspect((const uint8_t *)&sample, size, &traits, ERR), HOTFIX_FORMAT,
                       "shorter than an ELF header");
    sample.header.e_ident[0] = 'E';
    refuse(&sample, "not a shared object");
    sample = sample_new();
    sample.header.e_type = ET_EXEC;
    refuse(&sample, "not a shared object");
    sample = sample_new();
    sample.header.e_machine++;
    refuse(&sample, "not a shared object");
    sample = sample_new();
    sample.header.e_phentsize--;
    refuse(&sample, "not a shared object");
}

static void program_headers_outside_the_file_are_refused(void **state)
{
    static const uint64_t offsets[] = {sizeof(struct sample) - sizeof(Elf64_Phdr), sizeof(struct sample) + 1,
                                       UINT64_MAX, UINT64_MAX - sizeof(Elf64_Phdr)};
    struct sample sample = sample_new();

    (void)state;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        sample.header.e_phoff = offsets[i];
        refuse(&sample, "lie outside the file");
    }
    sample = sample_new();
    sample.header.e_phnum = UINT16_MAX;
    refuse(&sample, "lie outside the file");
}

static void segments_out_of_bounds_are_refused(void **state)
{
    struct sample sample = sample_new();

    (void)state;
    sample.segments[0].p_memsz = UINT64_MAX;
    refuse(&sample, "segment 0 of patch.so is out of bounds");
    sample = sample_new();
    sample.segments[0].p_vaddr = UINT64_MAX - 50;
    refuse(&sample, "segment 0 of patch.so is out of bounds");
    sample = sample_new();
    sample.segments[0].p_memsz = 0;
    refuse(&sample, "nothing to load");
    sample = sample_new();
    sample.segments[1].p_offset = sizeof(sample) + 1;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
    sample = sample_new();
    sample.segments[1].p_filesz = UINT64_MAX;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
}

/* The dynamic linker looks where it lies in memory. */
static void a_dynamic_section_that_lies_elsewhere_in_memory_is_refused(void **state)
{
    struct sample sample = sample_new();

    (void)state;
    sample.segments[1].p_vaddr += sizeof(Elf64_Dyn);
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
    sample.segments[1].p_vaddr = 1 << 20;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
    sample = sample_new();
    sample.segments[0].p_offset = 16;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
    sample = sample_new();
    sample.segments[0].p_filesz = sample.segments[1].p_vaddr + 8;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
}

/* A segment may claim to have more than there is. */
static void a_dynamic_section_behind_the_file_is_refused(void **state)
{
    struct sample sample = sample_new();

    (void)state;
    sample.segments[0].p_filesz = sample.segments[0].p_memsz = 1 << 20;
    sample.segments[1].p_filesz = 1 << 16;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
    sample.segments[1].p_offset = sample.segments[1].p_vaddr = 1 << 17;
    refuse(&sample, "the dynamic section of patch.so is out of bounds");
}

static void what_has_the_dynamic_linker_do_more_is_refused(void **state)
{
    static const struct {
        int64_t tag;
        uint64_t value;
        const char *what;
    } bad[] = {
        {DT_FILTER, 1, "DT_FILTER"},
        {DT_AUXILIARY, 1, "DT_AUXILIARY"},
        {0x6ffffefc, 1, "DT_AUDIT"},
        {0x6ffffefb, 1, "DT_DEPAUDIT"},
        {DT_RPATH, 1, "DT_RPATH"},
        {DT_RUNPATH, 1, "DT_RUNPATH"},
        {DT_PREINIT_ARRAY, 1, "DT_PREINIT_ARRAY"},
        {DT_PREINIT_ARRAYSZ, 8, "DT_PREINIT_ARRAYSZ"},
        {DT_FLAGS, DF_ORIGIN, "DT_FLAGS"},
        {DT_FLAGS_1, DF_1_NODELETE, "DT_FLAGS_1"},
        {DT_FLAGS_1, DF_1_INITFIRST | DF_1_NOW, "DT_FLAGS_1"},
        {0x6ffffef8, 1, "not known"},
        {DT_LOPROC + 2, 1, "not known"},
        {DT_LOOS, 1, "not known"},
        {38, 1, "not known"},
        {-1, 1, "not known"},
    };
    static const struct {
        int64_t tag;
        uint64_t value;
    } good[] = {{DT_FLAGS, DF_SYMBOLIC | DF_TEXTREL | DF_BIND_NOW | DF_STATIC_TLS},
                {DT_FLAGS_1, DF_1_NOW},
                {DT_GNU_HASH, 1},
                {DT_NEEDED, 1},
                {DT_LOPROC + 1, 0},
                {36, 1}};
    struct sample sample = sample_new();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        sample.dynamic[1] = (Elf64_Dyn){.d_tag = bad[i].tag, .d_un = {.d_val = bad[i].value}};
        sample.dynamic[2].d_tag = DT_NULL;
        refuse(&sample, bad[i].what);
        sample.dynamic[2] = sample.dynamic[1]; /* behind the end */
        sample.dynamic[1].d_tag = DT_NULL;
        assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    }
    sample.dynamic[2].d_tag = DT_NULL;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        sample.dynamic[1] = (Elf64_Dyn){.d_tag = good[i].tag, .d_un = {.d_val = good[i].value}};
        assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    }
}

/* The last one counts: what looks at the first sees another. */
static void what_stands_twice_in_a_dynamic_section_is_refused(void **state)
{
    static const int64_t tags[] = {DT_SONAME, DT_STRTAB, DT_INIT_ARRAYSZ, DT_FLAGS_1, DT_LOPROC + 1};
    struct sample sample = sample_new();

    (void)state;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        sample.dynamic[0].d_tag = sample.dynamic[1].d_tag = tags[i];
        sample.dynamic[2].d_tag = DT_NULL;
        refuse(&sample, "the same thing twice");
    }
    sample = sample_new();
    sample.dynamic[0].d_tag = sample.dynamic[1].d_tag = DT_NEEDED;
    sample.dynamic[2].d_tag = DT_NULL;
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
}

/* It would go on with what lies behind. */
static void a_dynamic_section_without_an_end_is_refused(void **state)
{
    struct sample sample = sample_new();

    (void)state;
    sample.segments[1].p_filesz = sizeof(Elf64_Dyn);
    refuse(&sample, "more than its dynamic section holds, which has no end");
    sample.segments[1].p_filesz = 2 * sizeof(Elf64_Dyn) - 1;
    refuse(&sample, "more than its dynamic section holds, which has no end");
    sample.segments[1].p_filesz = 0;
    refuse(&sample, "more than its dynamic section holds, which has no end");
    sample.segments[1].p_filesz = 2 * sizeof(Elf64_Dyn);
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
}

/* What is mapped last is seen: another dynamic section could come to lie over the one that was looked at. */
static void a_segment_over_another_one_is_refused(void **state)
{
    static const uint64_t places[] = {0, 16, 4095};
    struct sample sample = sample_new();

    (void)state;
    sample.header.e_phnum = 3;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        uint8_t file[sizeof(sample) + sizeof(Elf64_Phdr)];
        Elf64_Phdr headers[] = {sample.segments[0], sample.segments[0], sample.segments[1]};
        headers[1].p_vaddr = places[i];
        sample.header.e_phoff = sizeof(sample) - 2 * sizeof(Elf64_Phdr);
        memcpy(file, &sample, sizeof(sample));
        memcpy(file + sample.header.e_phoff, headers, sizeof(headers));
        assert_refused(hf_payload_inspect(file, sizeof(file), &traits, ERR), HOTFIX_FORMAT,
                       "segment 1 of patch.so is out of bounds");
    }
}

static void alignments_that_are_no_power_of_two_or_too_large_are_refused(void **state)
{
    static const uint64_t alignments[] = {3, 4097, 4098, 12288, UINT64_C(1) << 31, UINT64_MAX};
    struct sample sample = sample_new();

    (void)state;
    for (size_t i = 0; i < sizeof(alignments) / sizeof(alignments[0]); i++) {
        sample.segments[0].p_align = alignments[i];
        refuse(&sample, "segment 0 of patch.so is out of bounds");
    }
}

static void a_good_one_is_told_with_room_for_its_alignment(void **state)
{
    struct sample sample = sample_new();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    (void)state;
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_int_equal(traits.span, page);
    assert_false(traits.constructors);
    sample.segments[0].p_align = 4 * page;
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_int_equal(traits.span, 5 * page);
    sample.dynamic[1] = (Elf64_Dyn){.d_tag = DT_INIT_ARRAYSZ, .d_un = {.d_val = 8}};
    sample.dynamic[2].d_tag = DT_NULL;
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_true(traits.constructors);
    sample.dynamic[1] = (Elf64_Dyn){.d_tag = DT_INIT_ARRAYSZ, .d_un = {.d_val = 0}};
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_false(traits.constructors);
    sample.dynamic[1] = (Elf64_Dyn){.d_tag = DT_INIT, .d_un = {.d_ptr = 8}};
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_true(traits.constructors);
    sample.dynamic[1] = (Elf64_Dyn){.d_tag = DT_FINI, .d_un = {.d_ptr = 8}};
    assert_done(hf_payload_inspect((const uint8_t *)&sample, sizeof(sample), &traits, ERR));
    assert_false(traits.constructors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_shared_object_for_this_cpu_is_refused),
        cmocka_unit_test(program_headers_outside_the_file_are_refused),
        cmocka_unit_test(segments_out_of_bounds_are_refused),
        cmocka_unit_test(a_dynamic_section_that_lies_elsewhere_in_memory_is_refused),
        cmocka_unit_test(a_dynamic_section_behind_the_file_is_refused),
        cmocka_unit_test(what_has_the_dynamic_linker_do_more_is_refused),
        cmocka_unit_test(what_stands_twice_in_a_dynamic_section_is_refused),
        cmocka_unit_test(a_dynamic_section_without_an_end_is_refused),
        cmocka_unit_test(a_segment_over_another_one_is_refused),
        cmocka_unit_test(alignments_that_are_no_power_of_two_or_too_large_are_refused),
        cmocka_unit_test(a_good_one_is_told_with_room_for_its_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
