/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <jansson.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "compiler/thin.h"
#include "error.h"
#include "file.h"

#define OBJECT_MAX (1u << 30) /* bytes of an object or archive */
#define ENTRY_MAX  (64u << 20)

static int out_of_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory for the build journal");
}

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define HF_JSON __attribute__((cleanup(cleanup_json)))

/* path made absolute against the directory, without looking at the file system. NULL when out of memory. */
static char *absolute(const char *directory, const char *path)
{
    char *result;
    while (path[0] == '.' && path[1] == '/')
        path += 2;
    if (path[0] == '/')
        return strdup(path);
    if (asprintf(&result, "%s/%s", directory, path) < 0)
        return NULL;
    return result;
}

/* A file of the journal, by a name that follows from its kind and the output alone. NULL when out of memory. */
static char *entry_path(const char *journal, const char *kind, const char *output)
{
    struct hf_digest digest;
    char name[2 * HF_DIGEST_SIZE + 1];
    char *path;

    if (hf_digest_compute(output, strlen(output), &digest, NULL) != 0)
        return NULL;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), name);
    return asprintf(&path, "%s/%s-%s", journal, kind, name) < 0 ? NULL : path;
}

static int entry_write(const char *journal, const char *kind, const char *output, json_t *entry,
                       struct hotfix_error *err)
{
    HF_FREE char *path = entry_path(journal, kind, output);
    HF_FREE char *text = json_dumps(entry, JSON_INDENT(1) | JSON_SORT_KEYS);

    return text && path ? hf_file_write(path, text, strlen(text), 0644, false, err) : out_of_memory(err);
}

/* JSON holds no other text. */
static int check_text(const char *text, struct hotfix_error *err)
{
    HF_JSON json_t *value = json_string(text);
    return value ? 0 : hf_error(err, HOTFIX_USAGE, "'%s' cannot be recorded: it is not UTF-8", text);
}

static int digest_text(const void *data, size_t size, char text[2 * HF_DIGEST_SIZE + 1], struct hotfix_error *err)
{
    struct hf_digest digest;
    if (hf_digest_compute(data, size, &digest, err) != 0)
        return -1;
    hf_hex_encode(digest.bytes, sizeof(digest.bytes), text);
    return 0;
}

/* Settings that change what compilers do are part of the command. -1: out of memory. */
static int add_environment(json_t *command)
{
    static const char *const names[] = {
        "CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH", "SOURCE_DATE_EPOCH",
        "LANG",  "LC_ALL"};

    if (json_array_append_new(command, json_string("env")) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);
        if (value && json_array_append_new(command, json_sprintf("%s=%s", names[i], value)) != 0)
            return -1;
    }
    return 0;
}

/* Whole, or NULL: a command without one of its arguments would be another one. */
static json_t *command_json(const struct hf_invocation *invocation, size_t i)
{
    HF_FREE char **argv = hf_invocation_recompile(invocation, i, NULL, 0, "");
    HF_JSON json_t *command = json_array();
    size_t count = 0;

    if (!argv || add_environment(command) != 0)
        return NULL;
    while (argv[count])
        count++;
    /* The last three are -c, -o and the output's name. */
    for (size_t a = 0; a + 3 < count; a++)
        if (json_array_append_new(command, json_string(argv[a])) != 0)
            return NULL;
    return json_incref(command);
}

static int write_compile(const char *journal, const char *directory, const struct hf_invocation *invocation, size_t i,
                         const char *object, const char *digest, const char *rule, struct hotfix_error *err)
{
    HF_JSON json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:o}", "object", object, "source",
                                      invocation->argv[invocation->sources[i]], "directory", directory, "digest",
                                      digest, "rule", rule, "argv", command_json(invocation, i));
    return entry ? entry_write(journal, "compile", object, entry, err) : out_of_memory(err);
}

/*
 * The rule that the build has its compiler write itself: -MF, or the object's name with .d (gcc(1), -MD). Builds delete
 * or rewrite it, so that a copy is kept.
 */
static int keep_own_rule(const char *directory, const struct hf_invocation *invocation, const char *object,
                         const char *rule, struct hotfix_error *err)
{
    HF_FREE char *relative = NULL;
    HF_FREE uint8_t *text = NULL;
    size_t size;
    const char *slash = strrchr(object, '/');
    const char *dot = strrchr(slash ? slash : object, '.');
    int stem = dot ? (int)(dot - object) : (int)strlen(object);

    if (invocation->rule)
        relative = strdup(invocation->rule);
    else if (asprintf(&relative, "%.*s.d", stem, object) < 0)
        relative = NULL;
    HF_FREE char *path = relative ? absolute(directory, relative) : NULL;
    if (!path)
        return out_of_memory(err);
    if (access(path, R_OK) != 0)
        return 0;
    if (hf_file_read(path, ENTRY_MAX, &text, &size, err) != 0)
        return -1;
    return hf_file_write(rule, text, size, 0644, false, err);
}

static int add_compile(const char *journal, const char *directory, const struct hf_invocation *invocation, size_t i,
                       struct hotfix_error *err)
{
    HF_FREE char *relative = hf_invocation_object(invocation, i);
    HF_FREE char *named = relative ? absolute(directory, relative) : NULL;
    HF_FREE uint8_t *bytes = NULL;
    char digest[2 * HF_DIGEST_SIZE + 1];
    size_t size;
    struct stat status;

    if (!named)
        return out_of_memory(err);
    if (stat(named, &status) != 0 || !S_ISREG(status.st_mode))
        return 0; /* -o /dev/null and the like: nothing that could be linked */
    HF_FREE char *object = realpath(named, NULL);
    if (!object)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be resolved", named);
    if (hf_file_read(object, OBJECT_MAX, &bytes, &size, err) != 0 || digest_text(bytes, size, digest, err) != 0)
        return -1;
    HF_FREE char *rule = entry_path(journal, "rule", named);
    if (!rule)
        return out_of_memory(err);
    if (invocation->writes_rule && keep_own_rule(directory, invocation, relative, rule, err) != 0)
        return -1;
    return write_compile(journal, directory, invocation, i, object, digest, access(rule, R_OK) == 0 ? rule : NULL, err);
}

/* An input of a link is "DIGEST NAME". */
static int append_input(json_t *inputs, const char *digest, const char *name, struct hotfix_error *err)
{
    json_t *input = json_sprintf("%s %s", digest, name);
    return input && json_array_append_new(inputs, input) == 0 ? 0 : out_of_memory(err);
}

/*
 * A source that the link command compiles by itself: its object is gone already, so the entry gets a name that no file
 * has, and that name's digest stands for the object among the link's inputs.
 */
static int add_transient(const char *journal, const char *directory, const struct hf_invocation *invocation, size_t i,
                         const char *output, json_t *inputs, struct hotfix_error *err)
{
    HF_FREE char *object = NULL;
    char digest[2 * HF_DIGEST_SIZE + 1];
    const char *source = invocation->argv[invocation->sources[i]];

    if (asprintf(&object, "%s.%s.o", output, source) < 0) {
        object = NULL;
        return out_of_memory(err);
    }
    for (char *slash = object + strlen(output); (slash = strchr(slash, '/'));)
        *slash = '_';
    if (digest_text(object, strlen(object), digest, err) != 0)
        return -1;
    return append_input(inputs, digest, object, err) == 0
               ? write_compile(journal, directory, invocation, i, object, digest, NULL, err)
               : -1;
}

static bool is_relocatable(Elf *file)
{
    GElf_Ehdr header;
    return elf_kind(file) == ELF_K_ELF && gelf_getehdr(file, &header) && header.e_type == ET_REL;
}

static int add_object(Elf *object, const char *name, json_t *inputs, struct hotfix_error *err)
{
    char digest[2 * HF_DIGEST_SIZE + 1];
    size_t size;
    const char *bytes = is_relocatable(object) ? elf_rawfile(object, &size) : NULL;

    if (!bytes)
        return 0;
    if (digest_text(bytes, size, digest, err) != 0)
        return -1;
    return append_input(inputs, digest, name, err);
}

static int add_member(Elf *member, const char *archive, json_t *inputs, struct hotfix_error *err)
{
    const Elf_Arhdr *header = elf_getarhdr(member);
    HF_FREE char *name = NULL;

    if (asprintf(&name, "%s(%s)", archive, header && header->ar_name ? header->ar_name : "?") < 0) {
        name = NULL;
        return out_of_memory(err);
    }
    return add_object(member, name, inputs, err);
}

static int add_members(Elf *archive, int fd, const char *path, json_t *inputs, struct hotfix_error *err)
{
    Elf_Cmd command = ELF_C_READ_MMAP;
    int failed = 0;

    for (Elf *member; !failed && command != ELF_C_NULL && (member = elf_begin(fd, command, archive));) {
        failed = add_member(member, path, inputs, err);
        command = elf_next(member);
        elf_end(member);
    }
    return failed;
}

/* Appends the digest of an object, or of each object in an archive. What is neither (a shared library, a linker script)
 * has nothing to add. */
static int add_file(const char *path, void *inputs, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    Elf *file = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!file)
        return 0;
    int failed =
        elf_kind(file) == ELF_K_AR ? add_members(file, fd, path, inputs, err) : add_object(file, path, inputs, err);
    elf_end(file);
    return failed;
}

static int add_input(const char *path, json_t *inputs, struct hotfix_error *err)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    HF_FREE uint8_t *bytes = NULL;
    size_t size;

    if (fd < 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be read", path);
    if (!hf_thin_is(fd))
        return add_file(path, inputs, err);
    if (hf_file_read(path, OBJECT_MAX, &bytes, &size, err) != 0)
        return -1;
    return hf_thin_each(path, bytes, size, add_file, inputs, err);
}

/* The digests of all that the linker is given. */
static int add_inputs(const char *journal, const char *directory, const struct hf_invocation *invocation,
                      const char *output, json_t *inputs, struct hotfix_error *err)
{
    for (size_t i = 0; i < invocation->source_count; i++)
        if (add_transient(journal, directory, invocation, i, output, inputs, err) != 0)
            return -1;
    for (size_t i = 0; i < invocation->input_count; i++) {
        const char *path = invocation->argv[invocation->inputs[i]];
        if (access(path, F_OK) == 0 && add_input(path, inputs, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < invocation->library_count; i++) {
        HF_FREE char *archive = hf_invocation_archive(invocation, i);
        if (archive && add_input(archive, inputs, err) != 0)
            return -1;
    }
    return 0;
}

static int add_link(const char *journal, const char *directory, const struct hf_invocation *invocation,
                    struct hotfix_error *err)
{
    HF_JSON json_t *inputs = json_array();
    HF_FREE char *named = absolute(directory, invocation->output ? invocation->output : "a.out");
    HF_FREE uint8_t *bytes = NULL;
    char digest[2 * HF_DIGEST_SIZE + 1];
    struct stat status;
    size_t size;

    if (!named)
        return out_of_memory(err);
    if (stat(named, &status) != 0 || !S_ISREG(status.st_mode))
        return 0;
    HF_FREE char *output = realpath(named, NULL);
    if (!output)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be resolved", named);
    if (hf_file_read(output, OBJECT_MAX, &bytes, &size, err) != 0 || digest_text(bytes, size, digest, err) != 0 ||
        add_inputs(journal, directory, invocation, output, inputs, err) != 0)
        return -1;
    HF_JSON json_t *entry = json_pack("{s:s, s:s, s:O}", "output", output, "digest", digest, "inputs", inputs);
    return entry ? entry_write(journal, "link", output, entry, err) : out_of_memory(err);
}

/* A single source that is preprocessed: clang warns where -MD has nothing to tell. */
static bool has_rule(const struct hf_invocation *invocation)
{
    if (invocation->kind != HF_INVOCATION_COMPILE || invocation->source_count != 1 || invocation->writes_rule)
        return false;
    const char *suffix = strrchr(invocation->argv[invocation->sources[0]], '.');
    return suffix && strcmp(suffix, ".s") != 0 && strcmp(suffix, ".i") != 0 && strcmp(suffix, ".ii") != 0;
}

char *hf_journal_rule(const char *directory, const struct hf_invocation *invocation)
{
    HF_FREE char *here = has_rule(invocation) ? getcwd(NULL, 0) : NULL;
    HF_FREE char *relative = here ? hf_invocation_object(invocation, 0) : NULL;
    HF_FREE char *object = relative ? absolute(here, relative) : NULL;

    return object ? entry_path(directory, "rule", object) : NULL;
}

int hf_journal_add(const char *directory, const struct hf_invocation *invocation, struct hotfix_error *err)
{
    HF_FREE char *here = getcwd(NULL, 0);
    if (!here)
        return hf_error_sys(err, HOTFIX_IO, "the working directory has no name");
    if (elf_version(EV_CURRENT) == EV_NONE)
        return hf_error(err, HOTFIX_INTERNAL, "libelf: %s", elf_errmsg(-1));

    if (check_text(here, err) != 0)
        return -1;
    for (size_t i = 0; i < invocation->argc; i++)
        if (check_text(invocation->argv[i], err) != 0)
            return -1;
    if (invocation->kind == HF_INVOCATION_LINK)
        return add_link(directory, here, invocation, err);
    for (size_t i = 0; invocation->kind == HF_INVOCATION_COMPILE && i < invocation->source_count; i++)
        if (add_compile(directory, here, invocation, i, err) != 0)
            return -1;
    return 0;
}

static int read_digest(const json_t *text, struct hf_digest *digest)
{
    return json_is_string(text) ? hf_hex_decode(json_string_value(text), digest->bytes, sizeof(digest->bytes)) : -1;
}

static void compile_deinit(struct hf_compile *compile)
{
    free(compile->object);
    free(compile->source);
    free(compile->directory);
    free(compile->rule);
    for (size_t i = 0; compile->argv && compile->argv[i]; i++)
        free(compile->argv[i]);
    free(compile->argv);
}

static int compile_read(json_t *entry, struct hf_compile *compile)
{
    const char *object, *source, *directory, *rule = NULL;
    json_t *argv, *digest;

    if (json_unpack(entry, "{s:s, s:s, s:s, s?s, s:o, s:o}", "object", &object, "source", &source, "directory",
                    &directory, "rule", &rule, "argv", &argv, "digest", &digest) != 0 ||
        !json_is_array(argv) || json_array_size(argv) == 0 || read_digest(digest, &compile->digest) != 0)
        return -1;
    compile->object = strdup(object);
    compile->source = strdup(source);
    compile->directory = strdup(directory);
    compile->argv = calloc(json_array_size(argv) + 1, sizeof(*compile->argv));
    compile->rule = rule ? strdup(rule) : NULL;
    bool whole = compile->object && compile->source && compile->directory && compile->argv && (compile->rule || !rule);
    for (size_t i = 0; whole && i < json_array_size(argv); i++) {
        const char *argument = json_string_value(json_array_get(argv, i));
        compile->argv[i] = argument ? strdup(argument) : NULL;
        whole = compile->argv[i];
    }
    return whole ? 0 : -1;
}

static int input_compare(const void *a, const void *b)
{
    const struct hf_input *left = a;
    const struct hf_input *right = b;
    return memcmp(&left->digest, &right->digest, sizeof(left->digest));
}

static int input_read(const json_t *entry, struct hf_input *input)
{
    const char *text = json_string_value(entry);
    HF_FREE char *digest = text ? strndup(text, 2 * HF_DIGEST_SIZE) : NULL;

    if (!digest || strlen(text) <= 2 * HF_DIGEST_SIZE || text[2 * HF_DIGEST_SIZE] != ' ' ||
        hf_hex_decode(digest, input->digest.bytes, sizeof(input->digest.bytes)) != 0)
        return -1;
    input->name = strdup(text + 2 * HF_DIGEST_SIZE + 1);
    return input->name ? 0 : -1;
}

static int link_read(json_t *entry, struct hf_link *link)
{
    const char *output;
    json_t *inputs, *digest;

    if (json_unpack(entry, "{s:s, s:o, s:o}", "output", &output, "digest", &digest, "inputs", &inputs) != 0 ||
        !json_is_array(inputs) || read_digest(digest, &link->digest) != 0)
        return -1;
    link->output = strdup(output);
    link->input_count = json_array_size(inputs);
    link->inputs = calloc(link->input_count + 1, sizeof(*link->inputs));
    if (!link->output || !link->inputs)
        return -1;
    for (size_t i = 0; i < link->input_count; i++)
        if (input_read(json_array_get(inputs, i), &link->inputs[i]) != 0)
            return -1;
    qsort(link->inputs, link->input_count, sizeof(*link->inputs), input_compare);
    return 0;
}

static void link_deinit(struct hf_link *link)
{
    for (size_t i = 0; link->inputs && i < link->input_count; i++)
        free(link->inputs[i].name);
    free(link->output);
    free(link->inputs);
}

/* Room for one more element of an array; the new element is zeroed. */
static void *grown(void *items, size_t count, size_t size)
{
    char *more = reallocarray(items, count + 1, size);
    if (more)
        memset(more + count * size, 0, size);
    return more;
}

static int entry_read(const char *path, const char *name, struct hf_journal *journal, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;
    json_error_t where;
    int failed;

    if (hf_file_read(path, ENTRY_MAX, &text, &size, err) != 0)
        return -1;
    HF_JSON json_t *entry = json_loadb((char *)text, size, 0, &where);
    if (!entry)
        return hf_error(err, HOTFIX_FORMAT, "build journal %s line %d: %s", path, where.line, where.text);

    if (strncmp(name, "compile-", 8) == 0) {
        struct hf_compile *more = grown(journal->compiles, journal->compile_count, sizeof(*more));
        if (!more)
            return out_of_memory(err);
        journal->compiles = more;
        failed = compile_read(entry, &more[journal->compile_count++]);
    } else {
        struct hf_link *more = grown(journal->links, journal->link_count, sizeof(*more));
        if (!more)
            return out_of_memory(err);
        journal->links = more;
        failed = link_read(entry, &more[journal->link_count++]);
    }
    return failed ? hf_error(err, HOTFIX_FORMAT, "build journal %s: not an entry that hotfix cc writes", path) : 0;
}

static int compile_compare(const void *a, const void *b)
{
    return strcmp(((const struct hf_compile *)a)->object, ((const struct hf_compile *)b)->object);
}

static int link_compare(const void *a, const void *b)
{
    return strcmp(((const struct hf_link *)a)->output, ((const struct hf_link *)b)->output);
}

int hf_journal_read(const char *directory, struct hf_journal *journal, struct hotfix_error *err)
{
    struct hf_journal read = {0};
    DIR *entries = opendir(directory);
    if (!entries)
        return hf_error_sys(err, HOTFIX_IO, "build journal %s: cannot be read", directory);

    int failed = 0;
    for (struct dirent *entry; !failed && (entry = readdir(entries));) {
        HF_FREE char *path = NULL;
        if (strncmp(entry->d_name, "compile-", 8) != 0 && strncmp(entry->d_name, "link-", 5) != 0)
            continue;
        if (asprintf(&path, "%s/%s", directory, entry->d_name) < 0) {
            path = NULL;
            failed = out_of_memory(err);
        } else {
            failed = entry_read(path, entry->d_name, &read, err);
        }
    }
    closedir(entries);
    if (failed) {
        hf_journal_deinit(&read);
        return -1;
    }
    if (read.compile_count)
        qsort(read.compiles, read.compile_count, sizeof(*read.compiles), compile_compare);
    if (read.link_count)
        qsort(read.links, read.link_count, sizeof(*read.links), link_compare);
    *journal = read;
    return 0;
}

void hf_journal_deinit(struct hf_journal *journal)
{
    for (size_t i = 0; i < journal->compile_count; i++)
        compile_deinit(&journal->compiles[i]);
    for (size_t i = 0; i < journal->link_count; i++)
        link_deinit(&journal->links[i]);
    free(journal->compiles);
    free(journal->links);
    memset(journal, 0, sizeof(*journal));
}

const struct hf_compile *hf_journal_compile(const struct hf_journal *journal, const char *object)
{
    struct hf_compile key = {.object = (char *)object};
    if (!journal->compile_count)
        return NULL;
    return bsearch(&key, journal->compiles, journal->compile_count, sizeof(key), compile_compare);
}

bool hf_link_has(const struct hf_link *link, const struct hf_digest *digest)
{
    const struct hf_input key = {.digest = *digest};
    return bsearch(&key, link->inputs, link->input_count, sizeof(key), input_compare) != NULL;
}
