/* SPDX-License-Identifier: Apache-2.0 */
/* Stamping shared objects of every compiler and linker at hand, and refusing what is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "pack/restamp.h"
#include "stamp.h"

#define LIMIT (16u << 20)

static char directory[] = "/tmp/restamp_test.XXXXXX";

static const char plain_source[] = "int counter = 40; int answer(void); int answer(void) { return ++counter + 1; }\n";

/* Constructor, thread-local variable, read-only relocations and a function of libc. */
static const char rich_source[] =
    "#include <stdlib.h>\n#include <string.h>\n"
    "static __thread int slot = 1; static int ready; static const char *const names[] = {\"a\", \"bc\"};\n"
    "static int (*const functions[])(const char *) = {atoi, atoi};\n"
    "__attribute__((constructor)) static void start(void) { ready = 38; }\n"
    "int answer(void); int answer(void) { return ready + slot++ + (int)strlen(names[1]) + functions[1](\"1\"); }\n";

static char *path_of(const char *name)
{
    char *path;
    assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
    return path;
}

static int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int run(const char *format, ...)
{
    HF_FREE char *command = NULL;
    va_list arguments;

    va_start(arguments, format);
    assert_true(vasprintf(&command, format, arguments) > 0);
    va_end(arguments);
    return system(command);
}

static void write_text(const char *path, const char *text)
{
    struct hotfix_error err;
    assert_int_equal(hf_file_write(path, text, strlen(text), 0644, false, &err), 0);
}

static void compile(const char *compiler, const char *options, const char *source, const char *library)
{
    HF_FREE char *file = path_of("source.c");
    write_text(file, source);
    assert_int_equal(run("%s -fPIC -shared %s -o %s %s", compiler, options, library, file), 0);
}

static struct hf_manifest sample_manifest(unsigned char seed)
{
    static char soname[HF_SONAME_MAX];
    struct hf_manifest manifest;

    memset(&manifest, 0, sizeof(manifest));
    strcpy(manifest.version, "1.2");
    memset(manifest.id, seed, sizeof(manifest.id));
    hf_stamp_soname(manifest.id, soname);
    manifest.soname = soname;
    return manifest;
}

static void stamp_file(const struct hf_manifest *manifest, const char *from, const char *to)
{
    HF_FREE uint8_t *bytes = NULL, *stamped = NULL;
    size_t size, stamped_size;
    struct hotfix_error err;

    assert_int_equal(hf_file_read(from, LIMIT, &bytes, &size, &err), 0);
    if (hf_restamp(manifest, bytes, size, &stamped, &stamped_size, &err) != 0)
        fail_msg("%s: %s", from, err.message);
    assert_int_equal(hf_file_write(to, stamped, stamped_size, 0644, false, &err), 0);
}

/* The description of our note in the memory of the module that holds an address. */
struct search {
    uintptr_t address;
    const uint8_t *description;
    size_t size;
};

static int find_note(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct search *search = arg;
    bool mine = false;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        mine |= info->dlpi_phdr[i].p_type == PT_LOAD &&
                search->address >= info->dlpi_addr + info->dlpi_phdr[i].p_vaddr &&
                search->address < info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    for (int i = 0; mine && i < info->dlpi_phnum; i++) {
        const ElfW(Nhdr) *note = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        if (info->dlpi_phdr[i].p_type != PT_NOTE || note->n_type != HF_NOTE_STAMP || note->n_namesz != 7 ||
            memcmp(note + 1, HF_NOTE_OWNER, 7) != 0)
            continue;
        search->description = (const uint8_t *)(note + 1) + 8;
        search->size = note->n_descsz;
    }
    return mine;
}

static void check_in_memory(const struct hf_manifest *manifest, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        fail_msg("%s", dlerror());
    int (*answer)(void);
    *(void **)&answer = dlsym(handle, "answer");
    assert_non_null(answer);
    assert_int_equal(answer(), 42);

    struct search search = {.address = (uintptr_t)answer};
    dl_iterate_phdr(find_note, &search);
    assert_non_null(search.description);
    assert_int_equal(search.size, HF_ID_SIZE + strlen(manifest->version) + 1);
    assert_memory_equal(search.description, manifest->id, HF_ID_SIZE);
    assert_string_equal((const char *)search.description + HF_ID_SIZE, manifest->version);

    struct link_map *map;
    const char *strings = NULL, *soname = NULL;
    assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_STRTAB) /* a dynamic section that is read-only holds no run-time addresses */
            strings =
                (const char *)(entry->d_un.d_ptr < map->l_addr ? map->l_addr + entry->d_un.d_ptr : entry->d_un.d_ptr);
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == DT_SONAME)
            soname = strings + entry->d_un.d_val;
    assert_string_equal(soname, manifest->soname);
    dlclose(handle);
}

/* readelf warns about what it finds odd, on standard error. */
static void check_readelf(const char *path, const char *soname)
{
    HF_FREE char *output = path_of("readelf.txt");
    assert_int_equal(
        run("readelf -dWnlS %s 2>&1 > %s | tee %s.err >&2; test ! -s %s.err", path, output, output, output), 0);
    assert_int_equal(run("grep -q 'soname: .%s.' %s", soname, output), 0);
    assert_int_equal(run("grep -q '.note.hotfix  *NOTE' %s", output), 0);
    assert_int_equal(run("readelf -sW %s | awk '$8 == \"_DYNAMIC\" { print \"0x\" $2 }' | sort -u > %s.sym; "
                         "readelf -lW %s | awk '$1 == \"DYNAMIC\" { print $3 }' > %s.seg; "
                         "test ! -s %s.sym || cmp -s %s.sym %s.seg",
                         path, output, path, output, output, output, output),
                     0);
}

static void check_stamping(const char *compiler, const char *options, const char *source)
{
    HF_FREE char *from = path_of("in.so"), *to = NULL;
    static unsigned char seed;
    struct hf_manifest manifest = sample_manifest(++seed);

    assert_true(asprintf(&to, "%s/out%d.so", directory, seed) > 0);
    compile(compiler, options, source, from);
    print_message("%s %s\n", compiler, options);
    stamp_file(&manifest, from, to);
    check_in_memory(&manifest, to);
    check_readelf(to, manifest.soname);
}

static bool have(const char *program)
{
    return run("command -v %s > /dev/null 2>&1", program) == 0;
}

static void test_every_compiler_and_linker(void **state)
{
    static const char *const compilers[] = {"gcc", "clang"};
    static const char *const linkers[] = {"bfd", "gold", "lld"};
    static const char *const optimisations[] = {"-O0", "-O2"};

    (void)state;
    for (size_t i = 0; i < 12; i++) {
        char linker[16], options[64];
        snprintf(linker, sizeof(linker), "ld.%s", linkers[i % 3]);
        if (!have(compilers[i / 6]) || !have(linker))
            continue;
        snprintf(options, sizeof(options), "%s -fuse-ld=%s", optimisations[i / 3 % 2], linkers[i % 3]);
        check_stamping(compilers[i / 6], options, i % 2 ? plain_source : rich_source);
        check_stamping(compilers[i / 6], options, i % 2 ? rich_source : plain_source);
    }
}

static void test_every_kind_of_dynamic_section(void **state)
{
    static const char *const options[] = {"-Wl,-z,now",
                                          "-Wl,-z,norelro",
                                          "-Wl,-z,relro,-z,now",
                                          "-Wl,-soname,libother.so.1",
                                          "-Wl,--spare-dynamic-tags=0",
                                          "-Wl,--spare-dynamic-tags=1",
                                          "-Wl,--spare-dynamic-tags=2",
                                          "-Wl,--spare-dynamic-tags=0,-z,norelro",
                                          "-Wl,--spare-dynamic-tags=0,-z,relro,-z,now",
                                          "-Wl,--hash-style=sysv",
                                          "-Wl,-z,max-page-size=0x200000",
                                          "-Wl,-z,noseparate-code",
                                          "-Wl,-s",
                                          "-g -Wl,--build-id=sha1",
                                          "-nostdlib -Wl,--spare-dynamic-tags=0"};

    (void)state;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        check_stamping("gcc", options[i], strstr(options[i], "nostdlib") ? plain_source : rich_source);
    if (have("ld.lld"))
        check_stamping("gcc", "-fuse-ld=lld -Wl,-z,rodynamic", rich_source);
}

static void test_without_section_headers(void **state)
{
    HF_FREE char *from = path_of("in.so"), *to = path_of("bare.so");
    HF_FREE uint8_t *bytes = NULL;
    size_t size;
    struct hotfix_error err;
    struct hf_manifest manifest = sample_manifest(0xcc);
    Elf64_Ehdr header;

    (void)state;
    compile("gcc", "-Wl,--spare-dynamic-tags=0", plain_source, from);
    assert_int_equal(hf_file_read(from, LIMIT, &bytes, &size, &err), 0);
    memcpy(&header, bytes, sizeof(header));
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    memcpy(bytes, &header, sizeof(header));
    assert_int_equal(hf_file_write(from, bytes, size, 0644, false, &err), 0);
    stamp_file(&manifest, from, to);
    check_in_memory(&manifest, to);
}

static void test_what_the_linker_made_is_not_moved(void **state)
{
    HF_FREE char *from = path_of("in.so"), *to = path_of("moved.so");
    HF_FREE uint8_t *before = NULL, *after = NULL;
    size_t before_size, after_size;
    struct hotfix_error err;
    struct hf_manifest manifest = sample_manifest(0xdd);

    (void)state;
    compile("gcc", "-Wl,-s -Wl,--spare-dynamic-tags=0", plain_source, from);
    stamp_file(&manifest, from, to);
    assert_int_equal(hf_file_read(from, LIMIT, &before, &before_size, &err), 0);
    assert_int_equal(hf_file_read(to, LIMIT, &after, &after_size, &err), 0);
    size_t differing = 0;
    for (size_t i = sizeof(Elf64_Ehdr); i < before_size; i++)
        differing += before[i] != after[i];
    /* the two string table entries of the old dynamic section, and the first word of the GOT */
    assert_in_range(differing, 1, 16);
}

static void test_same_inputs_give_the_same_bytes(void **state)
{
    HF_FREE char *from = path_of("in.so"), *one = path_of("one.so"), *two = path_of("two.so");
    struct hf_manifest manifest = sample_manifest(0xee);

    (void)state;
    compile("gcc", "", plain_source, from);
    stamp_file(&manifest, from, one);
    stamp_file(&manifest, from, two);
    assert_int_equal(run("cmp %s %s", one, two), 0);
}

static void expect_refusal(const void *bytes, size_t size, enum hotfix_code code, const char *message)
{
    struct hf_manifest manifest = sample_manifest(0xff);
    struct hotfix_error err = {0};
    uint8_t *out = NULL;
    size_t out_size = 0;

    assert_int_equal(hf_restamp(&manifest, bytes, size, &out, &out_size, &err), -1);
    assert_int_equal(err.code, code);
    assert_string_equal(err.message, message);
    assert_null(out);
}

static void test_a_second_stamp_is_refused(void **state)
{
    HF_FREE char *from = path_of("in.so"), *to = path_of("stamped.so");
    HF_FREE uint8_t *bytes = NULL;
    size_t size;
    struct hotfix_error err;
    struct hf_manifest manifest = sample_manifest(0xab);

    (void)state;
    compile("gcc", "", plain_source, from);
    stamp_file(&manifest, from, to);
    assert_int_equal(hf_file_read(to, LIMIT, &bytes, &size, &err), 0);
    expect_refusal(bytes, size, HOTFIX_USAGE,
                   "it carries the stamp of a bundle already: pack the shared object that the linker made");
}

static void test_other_files_are_refused(void **state)
{
    HF_FREE char *file = path_of("source.c"), *program = path_of("program");
    HF_FREE uint8_t *bytes = NULL;
    size_t size;
    struct hotfix_error err;

    (void)state;
    expect_refusal("", 0, HOTFIX_FORMAT, "it is too short for an ELF file");
    char text[100] = "int main(void) { return 0; }";
    expect_refusal(text, sizeof(text), HOTFIX_FORMAT, "it is not an ELF file");
    write_text(file, text);
    assert_int_equal(run("gcc -no-pie -o %s %s", program, file), 0);
    assert_int_equal(hf_file_read(program, LIMIT, &bytes, &size, &err), 0);
    expect_refusal(bytes, size, HOTFIX_FORMAT, "it is not a shared object (link it with -shared)");
    bytes[EI_CLASS] = ELFCLASS32;
    expect_refusal(bytes, size, HOTFIX_FORMAT, "it is not a 64-bit little-endian ELF file");
}

/* Stamps a private copy of exactly this size, so that a sanitizer sees every access beyond it. */
static void stamp_copy(const uint8_t *bytes, size_t size)
{
    struct hf_manifest manifest = sample_manifest(0x11);
    HF_FREE uint8_t *copy = malloc(size ? size : 1);
    HF_FREE uint8_t *out = NULL;
    size_t out_size;
    struct hotfix_error err;

    memcpy(copy, bytes, size);
    if (hf_restamp(&manifest, copy, size, &out, &out_size, &err) != 0)
        assert_true(err.code == HOTFIX_FORMAT || err.code == HOTFIX_USAGE);
}

static void test_truncated_and_damaged_files_are_survived(void **state)
{
    HF_FREE char *from = path_of("in.so");
    HF_FREE uint8_t *bytes = NULL;
    size_t size;
    struct hotfix_error err;

    (void)state;
    compile("gcc", "-s -Wl,--spare-dynamic-tags=0", rich_source, from);
    assert_int_equal(hf_file_read(from, LIMIT, &bytes, &size, &err), 0);
    for (size_t cut = 0; cut < size; cut += cut < 2048 ? 1 : 61)
        stamp_copy(bytes, cut);

    Elf64_Ehdr header;
    memcpy(&header, bytes, sizeof(header));
    for (size_t i = 0; i < sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr); i++) {
        static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
        for (size_t v = 0; v < sizeof(values); v++) {
            uint8_t old = bytes[i];
            bytes[i] = values[v];
            stamp_copy(bytes, size);
            bytes[i] = old;
        }
    }
    for (size_t i = header.e_shoff; i < size; i++) {
        uint8_t old = bytes[i];
        bytes[i] = 0xff;
        stamp_copy(bytes, size);
        bytes[i] = old;
    }
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return run("rm -rf %s", directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_a_second_stamp_is_refused),
        cmocka_unit_test(test_truncated_and_damaged_files_are_survived),
        cmocka_unit_test(test_every_compiler_and_linker),
        cmocka_unit_test(test_every_kind_of_dynamic_section),
        cmocka_unit_test(test_without_section_headers),
        cmocka_unit_test(test_what_the_linker_made_is_not_moved),
        cmocka_unit_test(test_same_inputs_give_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
