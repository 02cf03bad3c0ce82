/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/invocation.h"

#include <string.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"

#define RESPONSE_MAX   (16u << 20) /* bytes of a response file */
#define RESPONSE_DEPTH 8           /* response files that name response files */
#define ARGUMENTS_MAX  (1u << 20)

/* What an option does to a second compilation of the same source. */
enum option_use {
    USE_KEEP,     /* it changes code or preprocessing */
    USE_DROP,     /* it writes another file, or speaks to the linker */
    USE_RULE,     /* it is about a make rule that is written beside the object */
    USE_OUTPUT,   /* -o */
    USE_LANGUAGE, /* -x: what follows is source, whatever its name */
    USE_LIBRARY,  /* -l */
    USE_SEARCH,   /* -L */
    USE_STATIC,   /* the linker takes archives before shared libraries */
    USE_COMPILE,  /* -c */
    USE_STOP      /* -E, -S and the like: no object comes out */
};

struct option {
    const char *name;
    bool operand; /* takes the next argument when it stands alone */
    bool prefix;  /* may carry more characters, as in -Ifoo */
    enum option_use use;
};

/* First match wins: exact names stand before the prefixes that cover them. What is not listed is kept, and takes no
 * operand. */
static const struct option options[] = {
    {"-c", false, false, USE_COMPILE},
    {"-o", true, true, USE_OUTPUT},
    {"-E", false, false, USE_STOP},
    {"-S", false, false, USE_STOP},
    {"-M", false, false, USE_STOP},
    {"-MM", false, false, USE_STOP},
    {"-MF", true, true, USE_RULE},
    {"-MT", true, true, USE_RULE},
    {"-MQ", true, true, USE_RULE},
    {"-MJ", true, true, USE_DROP},
    {"-MD", false, false, USE_RULE},
    {"-MMD", false, false, USE_RULE},
    {"-MP", false, false, USE_RULE},
    {"-MG", false, false, USE_RULE},
    {"-fsyntax-only", false, false, USE_STOP},
    {"--version", false, false, USE_STOP},
    {"--help", false, true, USE_STOP},
    {"-dumpbase", true, false, USE_DROP},
    {"-dumpdir", true, false, USE_DROP},
    {"-dump", false, true, USE_STOP},
    {"-print-", false, true, USE_STOP},
    {"--print-", false, true, USE_STOP},
    {"-###", false, false, USE_STOP},
    {"-save-temps", false, true, USE_DROP},
    {"-Wl,", false, true, USE_DROP},
    {"-Wp,-M", false, true, USE_RULE},
    {"-Xlinker", true, false, USE_DROP},
    {"-T", true, false, USE_DROP},
    {"-u", true, false, USE_DROP},
    {"-z", true, false, USE_DROP},
    {"-e", true, false, USE_DROP},
    {"-l", true, true, USE_LIBRARY},
    {"-L", true, true, USE_SEARCH},
    {"-shared", false, false, USE_KEEP},
    {"-static", false, false, USE_STATIC},
    {"-static-pie", false, false, USE_STATIC},
    {"-static-", false, true, USE_DROP},
    {"-fuse-ld=", false, true, USE_DROP},
    {"-rdynamic", false, false, USE_DROP},
    {"-pie", false, false, USE_KEEP},
    {"-no-pie", false, false, USE_KEEP},
    {"-nostartfiles", false, false, USE_DROP},
    {"-nodefaultlibs", false, false, USE_DROP},
    {"-nostdlib", false, false, USE_DROP},
    {"-serialize-diagnostics", true, false, USE_DROP},
    {"--serialize-diagnostics", true, false, USE_DROP},
    {"-x", true, true, USE_LANGUAGE},
    {"-I", true, true, USE_KEEP},
    {"-D", true, true, USE_KEEP},
    {"-U", true, true, USE_KEEP},
    {"-A", true, true, USE_KEEP},
    {"-B", true, true, USE_KEEP},
    {"-include", true, false, USE_KEEP},
    {"-include-pch", true, false, USE_KEEP},
    {"-imacros", true, false, USE_KEEP},
    {"-isystem", true, true, USE_KEEP},
    {"-iquote", true, true, USE_KEEP},
    {"-idirafter", true, true, USE_KEEP},
    {"-iprefix", true, true, USE_KEEP},
    {"-iwithprefix", true, true, USE_KEEP},
    {"-isysroot", true, true, USE_KEEP},
    {"-imultilib", true, true, USE_KEEP},
    {"-imultiarch", true, true, USE_KEEP},
    {"--sysroot", true, false, USE_KEEP},
    {"-wrapper", true, false, USE_KEEP},
    {"-target", true, false, USE_KEEP},
    {"-arch", true, false, USE_KEEP},
    {"-Xpreprocessor", true, false, USE_KEEP},
    {"-Xassembler", true, false, USE_KEEP},
    {"-Xclang", true, false, USE_KEEP},
    {"-mllvm", true, false, USE_KEEP},
    {"--param", true, false, USE_KEEP},
    {"-aux-info", true, false, USE_DROP},
};

static const struct option *option_find(const char *argument)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct option *option = &options[i];
        size_t length = strlen(option->name);
        if (strncmp(argument, option->name, length) == 0 && (argument[length] == '\0' || option->prefix))
            return option;
    }
    return NULL;
}

/* True when the option's operand is the next argument. */
static bool option_takes_next(const struct option *option, const char *argument)
{
    return option->operand && argument[strlen(option->name)] == '\0';
}

static bool has_suffix(const char *name, const char *const *suffixes, size_t count)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < count; i++)
        if (strcmp(dot, suffixes[i]) == 0)
            return true;
    return false;
}

static bool is_source(const char *name)
{
    static const char *const suffixes[] = {".c",   ".i",   ".cc", ".cp", ".cxx", ".cpp",
                                           ".CPP", ".c++", ".C",  ".ii", ".S",   ".s"};
    return has_suffix(name, suffixes, sizeof(suffixes) / sizeof(suffixes[0]));
}

struct arguments {
    char **items;
    size_t count;
    size_t room;
};

/* Takes the string over, also on failure. */
static int arguments_add(struct arguments *arguments, char *text, struct hotfix_error *err)
{
    if (arguments->count >= ARGUMENTS_MAX) {
        free(text);
        return hf_error(err, HOTFIX_USAGE, "more than %u compiler arguments", ARGUMENTS_MAX);
    }
    if (arguments->count + 1 >= arguments->room) {
        size_t room = arguments->room ? 2 * arguments->room : 64;
        char **items = reallocarray(arguments->items, room, sizeof(*items));
        if (!items) {
            free(text);
            return hf_error(err, HOTFIX_MEMORY, "out of memory for compiler arguments");
        }
        arguments->items = items;
        arguments->room = room;
    }
    if (!text)
        return hf_error(err, HOTFIX_MEMORY, "out of memory for compiler arguments");
    arguments->items[arguments->count++] = text;
    arguments->items[arguments->count] = NULL;
    return 0;
}

/*
 * Cuts the next word off a response file as libiberty's buildargv() documents it: white space separates, quotes of
 * either kind group, a backslash takes the next character as it is. NULL at the end.
 */
static char *response_word(const char **cursor)
{
    const char *in = *cursor + strspn(*cursor, " \t\r\n\v\f");
    if (!*in)
        return NULL;

    char *word = malloc(strlen(in) + 1);
    if (!word)
        return NULL;
    char *out = word;
    char quote = '\0';
    for (; *in && (quote || !strchr(" \t\r\n\v\f", *in)); in++) {
        if (*in == '\\' && in[1])
            *out++ = *++in;
        else if (quote ? *in == quote : *in == '"' || *in == '\'')
            quote = quote ? '\0' : *in;
        else
            *out++ = *in;
    }
    *out = '\0';
    *cursor = in;
    return word;
}

static int expand(const char *argument, unsigned depth, struct arguments *arguments, struct hotfix_error *err);

static int expand_response(const char *path, unsigned depth, struct arguments *arguments, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    size_t size;

    if (depth >= RESPONSE_DEPTH)
        return hf_error(err, HOTFIX_USAGE, "response file %s: nested more than %d deep", path, RESPONSE_DEPTH);
    if (hf_file_read(path, RESPONSE_MAX, &text, &size, err) != 0)
        return hf_error_prefix(err, "response file");
    if (strlen((char *)text) != size)
        return hf_error(err, HOTFIX_USAGE, "response file %s: holds a NUL byte", path);

    const char *cursor = (char *)text;
    while (cursor[strspn(cursor, " \t\r\n\v\f")]) {
        HF_FREE char *word = response_word(&cursor);
        if (!word)
            return hf_error(err, HOTFIX_MEMORY, "out of memory for response file %s", path);
        if (expand(word, depth + 1, arguments, err) != 0)
            return -1;
    }
    return 0;
}

/* A name behind @ that cannot be opened is an ordinary argument, as for the drivers. */
static int expand(const char *argument, unsigned depth, struct arguments *arguments, struct hotfix_error *err)
{
    if (argument[0] == '@' && access(argument + 1, R_OK) == 0)
        return expand_response(argument + 1, depth, arguments, err);
    return arguments_add(arguments, strdup(argument), err);
}

struct classification {
    bool compiles;
    bool stops;
    bool language; /* behind -x */
};

/* A file: source by its name or by -x, otherwise something for the linker. Standard input cannot be read again. */
static void classify_file(struct hf_invocation *invocation, size_t i, struct classification *so_far)
{
    const char *name = invocation->argv[i];

    if (strcmp(name, "-") == 0)
        so_far->stops = true;
    else if (so_far->language || is_source(name))
        invocation->sources[invocation->source_count++] = i;
    else
        invocation->inputs[invocation->input_count++] = i;
}

static int classify_option(struct hf_invocation *invocation, const struct option *option, const char *operand,
                           struct classification *so_far, struct hotfix_error *err)
{
    switch (option->use) {
    case USE_COMPILE:
        so_far->compiles = true;
        break;
    case USE_STOP:
        so_far->stops = true;
        break;
    case USE_LANGUAGE:
        so_far->language = strcmp(operand, "none") != 0;
        break;
    case USE_LIBRARY:
        invocation->libraries[invocation->library_count++] = operand;
        break;
    case USE_SEARCH:
        invocation->searches[invocation->search_count++] = operand;
        break;
    case USE_RULE:
        invocation->writes_rule = true;
        if (strcmp(option->name, "-MF") == 0)
            invocation->rule = operand;
        else if (strcmp(option->name, "-Wp,-M") == 0 && strchr(operand, ','))
            invocation->rule = strchr(operand, ',') + 1;
        break;
    case USE_STATIC:
        invocation->prefers_archives = true;
        break;
    case USE_OUTPUT:
        free(invocation->output);
        invocation->output = strdup(operand);
        return invocation->output ? 0 : hf_error(err, HOTFIX_MEMORY, "out of memory for compiler arguments");
    default:
        break;
    }
    return 0;
}

/* Sorts all arguments into the invocation. */
static int classify(struct hf_invocation *invocation, struct hotfix_error *err)
{
    struct classification so_far = {0};

    for (size_t i = 1; i < invocation->argc; i++) {
        const char *argument = invocation->argv[i];
        if (argument[0] != '-' || argument[1] == '\0') {
            classify_file(invocation, i, &so_far);
            continue;
        }
        const struct option *option = option_find(argument);
        if (!option)
            continue;
        const char *operand = argument + strlen(option->name);
        if (option_takes_next(option, argument))
            operand = i + 1 < invocation->argc ? invocation->argv[++i] : "";
        if (classify_option(invocation, option, operand, &so_far, err) != 0)
            return -1;
    }
    bool files = invocation->source_count || invocation->input_count;
    if (so_far.stops || !files || (so_far.compiles && !invocation->source_count))
        invocation->kind = HF_INVOCATION_OTHER;
    else
        invocation->kind = so_far.compiles ? HF_INVOCATION_COMPILE : HF_INVOCATION_LINK;
    return 0;
}

int hf_invocation_parse(int argc, char **argv, struct hf_invocation *invocation, struct hotfix_error *err)
{
    struct hf_invocation parsed = {0};
    struct arguments arguments = {0};
    int failed = 0;

    for (int i = 0; i < argc && !failed; i++)
        failed = i == 0 ? arguments_add(&arguments, strdup(argv[i]), err) : expand(argv[i], 0, &arguments, err);
    parsed.argv = arguments.items;
    parsed.argc = arguments.count;
    if (!failed) {
        parsed.sources = calloc(parsed.argc, sizeof(*parsed.sources));
        parsed.inputs = calloc(parsed.argc, sizeof(*parsed.inputs));
        parsed.libraries = calloc(parsed.argc, sizeof(*parsed.libraries));
        parsed.searches = calloc(parsed.argc, sizeof(*parsed.searches));
        if (!parsed.sources || !parsed.inputs || !parsed.libraries || !parsed.searches)
            failed = hf_error(err, HOTFIX_MEMORY, "out of memory for compiler arguments");
    }
    if (!failed)
        failed = classify(&parsed, err);
    if (failed) {
        hf_invocation_deinit(&parsed);
        return -1;
    }
    *invocation = parsed;
    return 0;
}

void hf_invocation_deinit(struct hf_invocation *invocation)
{
    for (size_t i = 0; i < invocation->argc; i++)
        free(invocation->argv[i]);
    free(invocation->argv);
    free(invocation->output);
    free(invocation->sources);
    free(invocation->inputs);
    free(invocation->libraries);
    free(invocation->searches);
    memset(invocation, 0, sizeof(*invocation));
}

char *hf_invocation_object(const struct hf_invocation *invocation, size_t i)
{
    if (invocation->output)
        return strdup(invocation->output);

    const char *source = invocation->argv[invocation->sources[i]];
    const char *slash = strrchr(source, '/');
    const char *base = slash ? slash + 1 : source;
    const char *dot = strrchr(base, '.');
    char *object;
    if (asprintf(&object, "%.*s.o", (int)(dot ? dot - base : (ptrdiff_t)strlen(base)), base) < 0)
        return NULL;
    return object;
}

/* directory/file when it can be read. */
static char *readable(const char *directory, const char *prefix, const char *name, const char *suffix)
{
    char *path;
    if (asprintf(&path, "%s/%s%s%s", directory, prefix, name, suffix) < 0)
        return NULL;
    if (access(path, R_OK) == 0)
        return path;
    free(path);
    return NULL;
}

char *hf_invocation_archive(const struct hf_invocation *invocation, size_t i)
{
    const char *name = invocation->libraries[i];

    for (size_t s = 0; s < invocation->search_count; s++) {
        const char *directory = invocation->searches[s];
        if (name[0] == ':') {
            char *exact = readable(directory, "", name + 1, "");
            if (exact)
                return exact;
            continue;
        }
        HF_FREE char *shared = readable(directory, "lib", name, ".so");
        char *archive = readable(directory, "lib", name, ".a");
        if (archive && (!shared || invocation->prefers_archives))
            return archive;
        free(archive);
        if (shared)
            return NULL;
    }
    return NULL;
}

/* -static and the like stay: a driver's defaults for the code may depend on them. */
static bool is_kept(enum option_use use)
{
    return use == USE_KEEP || use == USE_LANGUAGE || use == USE_STATIC;
}

char **hf_invocation_recompile(const struct hf_invocation *invocation, size_t i, const char *const *extra,
                               size_t extra_count, const char *output)
{
    char **argv = calloc(invocation->argc + extra_count + 5, sizeof(*argv));
    if (!argv)
        return NULL;

    size_t count = 0;
    argv[count++] = invocation->argv[0];
    for (size_t at = 1; at < invocation->argc;) {
        char *argument = invocation->argv[at];
        if (argument[0] != '-' || argument[1] == '\0') {
            if (at == invocation->sources[i])
                argv[count++] = argument;
            at++;
            continue;
        }
        const struct option *option = option_find(argument);
        bool next = option && option_takes_next(option, argument) && at + 1 < invocation->argc;
        if (!option || is_kept(option->use)) {
            argv[count++] = argument;
            if (next)
                argv[count++] = invocation->argv[at + 1];
        }
        at += next ? 2 : 1;
    }
    for (size_t e = 0; e < extra_count; e++)
        argv[count++] = (char *)extra[e];
    argv[count++] = (char *)"-c";
    argv[count++] = (char *)"-o";
    argv[count++] = (char *)output;
    return argv;
}
