/* SPDX-License-Identifier: Apache-2.0 */
/* Staging of patches with fix-ups, in this process. */
#include "loader_fixture.h"

#include <errno.h>

#include "stage/stage.h"

#if defined(__x86_64__)
#define PLATFORM(x86_64, aarch64) x86_64
#else
#define PLATFORM(x86_64, aarch64) aarch64
#endif

enum {
    WORD = PLATFORM(R_X86_64_64, R_AARCH64_ABS64),
    HALF = PLATFORM(R_X86_64_32, R_AARCH64_ABS32),
    RELATIVE = PLATFORM(R_X86_64_PC32, R_AARCH64_PREL32),
    TLS_MODULE = PLATFORM(R_X86_64_DTPMOD64, R_AARCH64_TLS_DTPMOD),
    COPY = PLATFORM(R_X86_64_COPY, R_AARCH64_COPY),
    RELATIVE_ADDEND = PLATFORM(-4, 0), /* from the field to what the address is relative to */
};

static const char is_not_supported[] =
    PLATFORM("relocation type 5 is not supported", "relocation type 1024 is not supported");

/* Reads a word relative to the program counter. */
#define GET_COUNTER                                                                                                    \
    PLATFORM("get_counter: .byte 0x8b, 0x05\\nplace_pc32: .long 0\\nret\\n",                                           \
             "get_counter: adr x1, 1f\\nldrsw x0, [x1]\\nldr w0, [x0, x1]\\nret\\n1: place_pc32: .long 0\\n")

static const char target_source[] = "int counter = 41;\n"
                                    "int *slot = &counter;\n"
                                    "__thread int tls = 5;\n"
                                    "int *tls_address(void) { return &tls; }\n"
                                    "static int chosen(void) { return 77; }\n"
                                    "void *resolver(void) { return (void *)chosen; }\n"
                                    "int price(int n) { volatile int sum = n; sum += 1; return sum; }\n";

static const char other_source[] = "int remote = 1234;\n";

/* Fields to be fixed up, one in each kind of segment. */
static const char patch_source[] =
    "__asm__(\".globl get_counter, place_pc32\\n.type get_counter, @function\\n.text\\n\"\n"
    "        \"" GET_COUNTER ".size get_counter, . - get_counter\\n\"\n"
    "        \".section .data.rel.ro, \\\"aw\\\"\\n.globl place_relro\\n.balign 8\\nplace_relro: .quad "
    "0\\n.previous\");\n"
    "void *place_data = 0;\n"
    "void *place_remote = 0;\n"
    "extern char place_relro[];\n"
    "char *relro_address(void) { return place_relro; }\n"
    "struct { unsigned long module, offset; } place_tls;\n"
    "extern void *__tls_get_addr(void *);\n"
    "void *tls_through_patch(void) { return __tls_get_addr(&place_tls); }\n"
    "int price(int n) { volatile int v = n; return v * 3; }\n";

#define PATCH_FLAGS "-Wl,-z,now -Wl,-z,relro"

static const char *const price_only[] = {"price", NULL};

static struct fixture fixture;
static void *other;
static struct hf_build_id other_id;
static uint64_t place_pc32, place_data, place_relro, place_tls, place_remote;
static uint64_t counter, slot, resolver, remote_offset;

static uint64_t offset_of(void *library, const char *name)
{
    uint64_t offset, size;
    fixture_symbol(library, name, &offset, &size);
    return offset;
}

struct staging {
    struct hf_manifest manifest;
    uint8_t *payload;
    struct hf_stage stage;
};

/* The patch with a table of these fix-ups behind it. */
static void staging_make(struct staging *staging, const struct hf_fixup *records, size_t count, size_t modules)
{
    struct hf_build_id ids[2] = {fixture.build_id, other_id};
    struct hf_fixups fixups = {ids, modules, (struct hf_fixup *)records, count};
    uint8_t *table;
    size_t table_size;

    memset(staging, 0, sizeof(*staging));
    fixture_manifest(&fixture, 1, "patch.so", price_only, &staging->manifest, &staging->payload);
    if (count == 0)
        return;
    assert_int_equal(hf_fixups_format(&fixups, &table, &table_size, &fixture_error), 0);
    staging->payload = realloc(staging->payload, staging->manifest.payload_size + table_size);
    assert_non_null(staging->payload);
    memcpy(staging->payload + staging->manifest.payload_size, table, table_size);
    staging->manifest.fixups_offset = staging->manifest.payload_size;
    staging->manifest.fixups_size = table_size;
    staging->manifest.payload_size += table_size;
    free(table);
}

static int staging_open(struct staging *staging)
{
    return hf_stage_open(&staging->manifest, staging->payload, &fixture.module, NULL, &staging->stage, &fixture_error);
}

static void staging_close(struct staging *staging)
{
    hf_stage_close(&staging->stage);
    hf_manifest_deinit(&staging->manifest);
    free(staging->payload);
}

static void must_open(struct staging *staging)
{
    if (staging_open(staging) != 0)
        fail_msg("%s", fixture_error.message);
}

static void *patch_symbol(const struct staging *staging, const char *name)
{
    void *address = dlsym(staging->stage.patch.handle, name);
    assert_non_null(address);
    return address;
}

static struct hf_fixup valid_record(void)
{
    return (struct hf_fixup){.place = place_data, .value = counter, .type = WORD, .kind = HF_FIXUP_ADDRESS};
}

static void assert_refused(const struct hf_fixup *record, size_t modules, enum hotfix_code code, const char *message)
{
    struct staging staging;

    staging_make(&staging, record, 1, modules);
    struct picture before = picture_take();
    assert_int_equal(staging_open(&staging), -1);
    if (fixture_error.code != code || !strstr(fixture_error.message, message))
        fail_msg("expected code %d and '%s', got code %d and '%s'", (int)code, message, (int)fixture_error.code,
                 fixture_error.message);
    picture_assert_same(&before);
    staging_close(&staging);
}

static void place_outside_the_patch_is_refused(void **state)
{
    struct hf_fixup record = valid_record();

    (void)state;
    record.place = 0x10000000;
    assert_refused(&record, 1, HOTFIX_FORMAT, "lies outside the patch's segments");
    record.place = UINT64_MAX - 3;
    assert_refused(&record, 1, HOTFIX_FORMAT, "lies outside the patch's segments");
}

static void value_outside_its_module_is_refused(void **state)
{
    static const uint16_t kinds[] = {HF_FIXUP_ADDRESS, HF_FIXUP_SLOT, HF_FIXUP_IFUNC};
    struct hf_fixup record = valid_record();

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        record.kind = kinds[i];
        record.value = 0x10000000;
        assert_refused(&record, 1, HOTFIX_FORMAT, "lies outside");
        record.value = UINT64_MAX - 3;
        assert_refused(&record, 1, HOTFIX_FORMAT, "lies outside");
    }
    record.value = counter; /* data is no resolver */
    assert_refused(&record, 1, HOTFIX_FORMAT, "lies outside");
    for (record.kind = HF_FIXUP_EXPORT; record.kind <= HF_FIXUP_OWN_EXPORT; record.kind++) {
        record.value = counter; /* and no entry of the symbol table */
        assert_refused(&record, 1, HOTFIX_FORMAT, "is no exported symbol");
        record.value = UINT64_MAX - 3;
        assert_refused(&record, 1, HOTFIX_FORMAT, "is no exported symbol");
    }
}

static void unknown_relocation_type_is_refused(void **state)
{
    struct hf_fixup record = valid_record();

    (void)state;
    record.type = COPY;
    assert_refused(&record, 1, HOTFIX_FORMAT, is_not_supported);
}

static void value_that_does_not_fit_is_refused(void **state)
{
    struct hf_fixup record = valid_record();

    (void)state;
    record.type = HALF;
    assert_refused(&record, 1, HOTFIX_STAGE, "does not fit");
}

static void module_that_is_not_loaded_is_refused(void **state)
{
    struct hf_fixup record = valid_record();
    struct hf_build_id saved = other_id;

    (void)state;
    other_id.bytes[3] ^= 1;
    assert_refused(&record, 2, HOTFIX_NO_TARGET, "the patch refers to another module");
    other_id = saved;
}

static void module_without_thread_local_storage_is_refused(void **state)
{
    struct hf_fixup record = valid_record();

    (void)state;
    record.module = 1;
    record.kind = HF_FIXUP_TLS_MODULE;
    record.type = TLS_MODULE;
    assert_refused(&record, 2, HOTFIX_FORMAT, "thread-local");
}

static void table_for_another_target_is_refused(void **state)
{
    struct hf_fixup record = valid_record();
    struct hf_build_id saved = fixture.build_id;
    struct staging staging;

    (void)state;
    fixture.build_id.bytes[0] ^= 1;
    staging_make(&staging, &record, 1, 1);
    fixture.build_id = saved;
    staging.manifest.target_build_id = saved;
    assert_int_equal(staging_open(&staging), -1);
    assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
    staging_close(&staging);
}

/* They would run before the fix-ups are there. */
static void fixups_with_constructors_are_refused(void **state)
{
    struct hf_fixup record = valid_record();
    char source[sizeof(patch_source) + 128];

    (void)state;
    snprintf(source, sizeof(source),
             "__attribute__((constructor)) static void early(void) { __asm__ volatile(\"\"); }\n%s", patch_source);
    fixture_patch(&fixture, 1, "patch.so", PATCH_FLAGS, source);
    assert_refused(&record, 1, HOTFIX_FORMAT, "constructors");
    fixture_patch(&fixture, 1, "patch.so", PATCH_FLAGS, patch_source);
}

static void payload_that_is_no_library_is_refused(void **state)
{
    static const struct {
        size_t offset; /* in the ELF header, or in the first program header behind it */
        uint8_t value;
    } edits[] = {
        {0, 0},                                    /* magic */
        {offsetof(ElfW(Ehdr), e_machine), 0xff},   /* another CPU */
        {offsetof(ElfW(Ehdr), e_type), ET_EXEC},   /* not shared */
        {offsetof(ElfW(Ehdr), e_phoff) + 7, 0x7f}, /* headers outside */
        {offsetof(ElfW(Ehdr), e_phnum) + 1, 0xff}, /* too many */
        {offsetof(ElfW(Ehdr), e_phnum), 0},        /* none */
        {offsetof(ElfW(Ehdr), e_phentsize), 1},    /* of another size */
        {sizeof(ElfW(Ehdr)) + offsetof(ElfW(Phdr), p_memsz) + 7, 0x7f},
        {sizeof(ElfW(Ehdr)) + offsetof(ElfW(Phdr), p_vaddr) + 7, 0x7f},
        {sizeof(ElfW(Ehdr)) + offsetof(ElfW(Phdr), p_align) + 7, 0x7f},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        struct staging staging;
        staging_make(&staging, NULL, 0, 1);
        size_t offset = edits[i].offset;
        if (offset >= sizeof(ElfW(Ehdr)))
            offset += ((const ElfW(Ehdr) *)(const void *)staging.payload)->e_phoff - sizeof(ElfW(Ehdr));
        staging.payload[offset] = edits[i].value;
        struct picture before = picture_take();
        assert_int_equal(staging_open(&staging), -1);
        assert_int_equal(fixture_error.code, HOTFIX_FORMAT);
        picture_assert_same(&before);
        staging_close(&staging);
    }
}

static void every_kind_of_fixup_reaches_the_targets_own_state(void **state)
{
    const struct hf_fixup records[] = {
        {.place = place_pc32, .value = counter, .addend = RELATIVE_ADDEND, .type = RELATIVE, .kind = HF_FIXUP_ADDRESS},
        {.place = place_relro, .value = slot, .addend = 4, .type = WORD, .kind = HF_FIXUP_SLOT},
        {.place = place_data, .value = resolver, .type = WORD, .kind = HF_FIXUP_IFUNC},
        {.place = place_remote, .value = remote_offset, .type = WORD, .module = 1, .kind = HF_FIXUP_ADDRESS},
        {.place = place_tls, .type = TLS_MODULE, .kind = HF_FIXUP_TLS_MODULE},
    };
    struct hf_fixup sorted[5];
    struct staging staging;

    (void)state;
    memcpy(sorted, records, sizeof(records));
    for (size_t i = 0; i < 5; i++) /* the table is ordered by place */
        for (size_t j = i + 1; j < 5; j++)
            if (sorted[j].place < sorted[i].place) {
                struct hf_fixup swap = sorted[i];
                sorted[i] = sorted[j];
                sorted[j] = swap;
            }
    staging_make(&staging, sorted, 5, 2);
    must_open(&staging);

    int *target_counter = dlsym(fixture.target, "counter");
    int (*get_counter)(void) = (int (*)(void))(uintptr_t)patch_symbol(&staging, "get_counter");
    assert_int_equal(get_counter(), 41);
    *target_counter = 42;
    assert_int_equal(get_counter(), 42);
    *target_counter = 41;

    char *(*relro)(void) = (char *(*)(void))(uintptr_t)patch_symbol(&staging, "relro_address");
    assert_ptr_equal(*(void **)(void *)relro(), (char *)target_counter + 4);
    int (*ifunc)(void) = *(int (**)(void))patch_symbol(&staging, "place_data");
    assert_int_equal(ifunc(), 77);
    assert_ptr_equal(*(void **)patch_symbol(&staging, "place_remote"), dlsym(other, "remote"));

    int *(*tls_address)(void) = (int *(*)(void))(uintptr_t)dlsym(fixture.target, "tls_address");
    int *(*tls_through_patch)(void) = (int *(*)(void))(uintptr_t)patch_symbol(&staging, "tls_through_patch");
    assert_ptr_equal(tls_through_patch(), tls_address());
    staging_close(&staging);
}

static void fixed_up_pages_keep_their_protection(void **state)
{
    struct hf_fixup record = valid_record();
    struct staging staging;
    char line[512], path[64];
    uint64_t places[] = {place_relro, place_pc32};
    const char *const protections[] = {"r--p", "r-xp"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        record.place = places[i];
        record.type = i == 0 ? WORD : RELATIVE;
        staging_make(&staging, &record, 1, 1);
        must_open(&staging);
        uintptr_t address = staging.stage.patch.base + record.place;
        bool found = false;
        snprintf(path, sizeof(path), "/proc/self/maps");
        FILE *maps = fopen(path, "r");
        assert_non_null(maps);
        while (fgets(line, sizeof(line), maps)) {
            unsigned long begin, end;
            char protection[8];
            assert_int_equal(sscanf(line, "%lx-%lx %4s", &begin, &end, protection), 3);
            if (address >= begin && address < end) {
                assert_string_equal(protection, protections[i]);
                found = true;
            }
        }
        fclose(maps);
        assert_true(found);
        staging_close(&staging);
    }
}

/* It would count as a pointer into the next patch that comes to lie there. Looked at in a library that stays. */
static void where_a_closed_patch_had_its_code_is_forgotten(void **state)
{
    struct staging staging;
    Dl_info info;

    (void)state;
    staging_make(&staging, NULL, 0, 1);
    must_open(&staging);
    uintptr_t *note = hf_stage_code_end(&staging.stage);
    if (!note)
        print_message("this C library does not note it\n");
    assert_true(!note || (*note > staging.stage.patch.begin && *note < staging.stage.patch.end));
    assert_int_not_equal(dladdr(patch_symbol(&staging, "get_counter"), &info), 0);
    void *library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    assert_non_null(library);
    staging_close(&staging);
    assert_true(!note || *note == 0);
    dlclose(library);
}

static void same_patch_staged_twice_is_two_libraries_in_reach(void **state)
{
    struct staging staging[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        staging_make(&staging[i], NULL, 0, 1);
        must_open(&staging[i]);
        const struct hf_module *patch = &staging[i].stage.patch;
        assert_true(patch->end <= fixture.module.begin ? fixture.module.end - patch->begin <= hf_arch_host.reach
                                                       : patch->end - fixture.module.begin <= hf_arch_host.reach);
    }
    assert_ptr_not_equal(staging[0].stage.patch.handle, staging[1].stage.patch.handle);
    assert_ptr_not_equal(staging[1].stage.patch.handle, staging[2].stage.patch.handle);
    for (int i = 0; i < 3; i++)
        staging_close(&staging[i]);
}

/* glibc recognises libraries by name: descriptor numbers come back, names must not. */
static void staging_again_under_the_same_descriptor_gets_the_new_library(void **state)
{
    struct staging staging;
    void *handles[2] = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        staging_make(&staging, NULL, 0, 1);
        must_open(&staging);
        handles[i] = (void *)staging.stage.patch.base;
        *(void **)patch_symbol(&staging, "place_data") = &staging;
        hf_stage_abandon(&staging.stage);
        staging_close(&staging);
    }
    assert_ptr_not_equal(handles[0], handles[1]);
}

static int setup(void **state)
{
    char path[PATH_SIZE];
    struct hf_module module;
    size_t size;

    (void)state;
    fixture_setup(&fixture);
    fixture_compile(&fixture, "target.so", "-ftls-model=global-dynamic", target_source);
    fixture_compile(&fixture, "other.so", "", other_source);
    fixture_load(&fixture, "target.so");
    fixture_patch(&fixture, 1, "patch.so", PATCH_FLAGS, patch_source);

    snprintf(path, sizeof(path), "%s/other.so", fixture.dir);
    other = dlopen(path, RTLD_NOW);
    assert_non_null(other);
    assert_int_equal(hf_module_open(dlopen(path, RTLD_NOW), &module, &fixture_error), 0);
    const uint8_t *id = hf_module_note(&module, ELF_NOTE_GNU, NT_GNU_BUILD_ID, &size);
    assert_non_null(id);
    memcpy(other_id.bytes, id, size);
    other_id.size = size;
    hf_module_deinit(&module);

    counter = offset_of(fixture.target, "counter");
    slot = offset_of(fixture.target, "slot");
    resolver = offset_of(fixture.target, "resolver");
    remote_offset = offset_of(other, "remote");
    snprintf(path, sizeof(path), "%s/patch.so", fixture.dir);
    void *patch = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    assert_non_null(patch);
    place_pc32 = offset_of(patch, "place_pc32");
    place_data = offset_of(patch, "place_data");
    place_relro = offset_of(patch, "place_relro");
    place_tls = offset_of(patch, "place_tls");
    place_remote = offset_of(patch, "place_remote");
    dlclose(patch);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dlclose(other);
    fixture_teardown(&fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(place_outside_the_patch_is_refused),
        cmocka_unit_test(value_outside_its_module_is_refused),
        cmocka_unit_test(unknown_relocation_type_is_refused),
        cmocka_unit_test(value_that_does_not_fit_is_refused),
        cmocka_unit_test(module_that_is_not_loaded_is_refused),
        cmocka_unit_test(module_without_thread_local_storage_is_refused),
        cmocka_unit_test(table_for_another_target_is_refused),
        cmocka_unit_test(fixups_with_constructors_are_refused),
        cmocka_unit_test(payload_that_is_no_library_is_refused),
        cmocka_unit_test(every_kind_of_fixup_reaches_the_targets_own_state),
        cmocka_unit_test(fixed_up_pages_keep_their_protection),
        cmocka_unit_test(where_a_closed_patch_had_its_code_is_forgotten),
        cmocka_unit_test(same_patch_staged_twice_is_two_libraries_in_reach),
        cmocka_unit_test(staging_again_under_the_same_descriptor_gets_the_new_library),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
