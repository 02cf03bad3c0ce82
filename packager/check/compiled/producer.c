/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/producer.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "error.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Options whose operand is the next word. Where it matters, both become one flag. */
static const struct {
    const char *name;
    bool matters;
} operands[] = {
    {"-D", true},         {"-U", true},          {"-include", true},
    {"-imacros", true},   {"-target", true},     {"-Xclang", true},
    {"-mllvm", true},     {"-Xassembler", true}, {"-Xpreprocessor", true},
    {"--param", true},    {"-o", false},         {"-I", false},
    {"-isystem", false},  {"-iquote", false},    {"-idirafter", false},
    {"-isysroot", false}, {"-L", false},         {"-l", false},
    {"-MF", false},       {"-MT", false},        {"-MQ", false},
    {"-MJ", false},       {"-x", false},         {"-Xlinker", false},
    {"-T", false},        {"-z", false},         {"-u", false},
    {"-dumpdir", false},  {"-dumpbase", false},  {"-working-directory", false},
};

/* Flags that add to each other instead of replacing each other. */
static const char *const accumulating[] = {
    "-D*",   "-U*",   "-include *",  "-imacros *",     "-Xclang *", "-mllvm *", "-Xassembler *", "-Xpreprocessor *",
    "-Wa,*", "-Wp,*", "-fsanitize*", "-fno-sanitize*",
};

/*
 * Flags that stand for several, or are part of those: their order among each other counts, as in -ffast-math
 * -fmath-errno. The CPU's own (-mavx2 -mno-avx) are of this kind; those with a value are not.
 */
static const char *const in_order[] = {
    "-m*", "-f*math*", "-f*signed-zeros", "-f*cx-*", "-f*signaling-nans", "-[DU]*",
};

struct words {
    char **items;
    size_t count;
};

static void words_deinit(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->items[i]);
    free(words->items);
}

/* Takes the text over. */
static int words_add(struct words *words, char *text)
{
    char **items = text ? reallocarray(words->items, words->count + 1, sizeof(*items)) : NULL;

    if (items)
        words->items = items;
    if (!items) {
        free(text);
        return -1;
    }
    items[words->count++] = text;
    return 0;
}

static bool matches_any(const char *const *patterns, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (fnmatch(patterns[i], text, 0) == 0)
            return true;
    return false;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join_all(char *const *items, size_t count)
{
    char *text = strdup("");

    for (size_t i = 0; text && i < count; i++) {
        char *longer;
        int size = asprintf(&longer, "%s%s%s", text, *text ? " " : "", items[i]);
        free(text);
        text = size < 0 ? NULL : longer;
    }
    return text;
}

/* Cuts at spaces; a backslash takes the next character as it is. */
static int split(const char *text, struct words *words)
{
    while (*(text += strspn(text, " "))) {
        char *word = malloc(strlen(text) + 1), *end = word;
        if (!word)
            return -1;
        for (; *text && *text != ' '; text++) {
            if (*text == '\\' && text[1])
                text++;
            *end++ = *text;
        }
        *end = '\0';
        if (words_add(words, word) != 0)
            return -1;
    }
    return 0;
}

/* -DNAME and -UNAME stay together; every other operand follows its option behind a space, --param behind '='. */
static char *join(const char *option, const char *operand)
{
    char *text;
    const char *between = strcmp(option, "--param") == 0 ? "=" : option[2] ? " " : "";

    return asprintf(&text, "%s%s%s", option, between, operand) < 0 ? NULL : text;
}

/* The flags in their order, operands joined. */
static int select_flags(const struct words *all, size_t first, struct words *flags)
{
    for (size_t i = first; i < all->count; i++) {
        const char *word = all->items[i];
        size_t k = 0;
        while (k < COUNT(operands) && strcmp(operands[k].name, word) != 0)
            k++;
        char *flag = NULL;
        if (k < COUNT(operands) && i + 1 < all->count) {
            i++;
            if (!operands[k].matters)
                continue;
            flag = join(word, all->items[i]);
        } else if (*word == '-') {
            flag = strdup(strcmp(word, "-O") == 0 ? "-O1" : word);
        } else {
            continue;
        }
        if (words_add(flags, flag) != 0)
            return -1;
    }
    return 0;
}

/* What a flag sets, as far as it must be known to see that a later one sets it again. malloc'ed. */
static char *setting(const char *flag)
{
    const char *rest = flag + 2;
    char kind = flag[1];

    if (matches_any(accumulating, COUNT(accumulating), flag))
        return strdup(flag);
    if (kind == 'O')
        return strdup("-O");
    if (strncmp(flag, "-std=", 5) == 0 || strcmp(flag, "-ansi") == 0)
        return strdup("-std");
    if (strncmp(flag, "--param=", 8) == 0)
        return strndup(flag, 8 + strcspn(flag + 8, "="));
    if (kind != 'f' && kind != 'm')
        return strdup(flag);
    if (strncmp(rest, "no-", 3) == 0)
        rest += 3;
    if (strncmp(rest, "stack-protector", 15) == 0)
        return strdup("-fstack-protector");
    if (strncmp(rest, "unsigned-", 9) == 0) /* as opposed to -fsigned-char */
        rest += 2;
    char *text;
    return asprintf(&text, "-%c%.*s", kind, (int)strcspn(rest, "="), rest) < 0 ? NULL : text;
}

/* Keeps the last flag of each setting. */
static int drop_overridden(struct words *flags)
{
    struct words settings = {0};
    size_t kept = 0;
    int result = 0;

    for (size_t i = 0; result == 0 && i < flags->count; i++)
        result = words_add(&settings, setting(flags->items[i]));
    for (size_t i = 0; result == 0 && i < flags->count; i++) {
        size_t later = i + 1;
        while (later < flags->count && strcmp(settings.items[later], settings.items[i]) != 0)
            later++;
        char *flag = flags->items[i];
        flags->items[i] = NULL;
        if (later < flags->count)
            free(flag);
        else
            flags->items[kept++] = flag;
    }
    if (result == 0)
        flags->count = kept;
    words_deinit(&settings);
    return result;
}

/* Moves what is about position independence out of the flags, and drops what is ignored. */
static int sort_out(struct words *flags, char **pic)
{
    struct words found = {0};
    size_t kept = 0;
    int result = 0;

    for (size_t i = 0; i < flags->count; i++) {
        char *flag = flags->items[i];
        enum hf_flag_class class = hf_flag_class(flag);
        if (class == HF_FLAG_PIC)
            result |= words_add(&found, flag);
        else if (class == HF_FLAG_IGNORED)
            free(flag);
        else
            flags->items[kept++] = flag;
    }
    flags->count = kept;
    *pic = result == 0 ? join_all(found.items, found.count) : NULL;
    words_deinit(&found);
    return *pic ? 0 : -1;
}

static bool has_setting(const struct words *flags, const char *prefix)
{
    for (size_t i = 0; i < flags->count; i++)
        if (strncmp(flags->items[i], prefix, strlen(prefix)) == 0)
            return true;
    return false;
}

/* The standard that gcc names in "GNU C17" where no -std says it: -std=gnu17. */
static int add_defaults(struct words *flags, const char *standard)
{
    char *text;

    if (!has_setting(flags, "-O") && words_add(flags, strdup("-O0")) != 0)
        return -1;
    if (!standard || has_setting(flags, "-std=") || has_setting(flags, "-ansi"))
        return 0;
    if (asprintf(&text, "-std=gnu%s", standard) < 0)
        return -1;
    for (char *at = text; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    return words_add(flags, text);
}

/* How a producer's words divide: the compiler's name and version, then perhaps a driver, then flags. */
struct division {
    size_t compiler; /* words of the compiler */
    bool gcc;
    bool assembler;
};

static struct division divide(const struct words *words)
{
    struct division division = {.compiler = 0};
    size_t i;

    for (i = 0; i + 2 < words->count; i++) {
        if (strcmp(words->items[i], "clang") != 0 || strcmp(words->items[i + 1], "version") != 0)
            continue;
        /* clang version VERSION, then perhaps (REPOSITORY COMMIT) */
        division.compiler = i + 3;
        if (division.compiler < words->count && words->items[division.compiler][0] == '(')
            while (division.compiler < words->count && !strchr(words->items[division.compiler++], ')'))
                ;
        return division;
    }
    while (division.compiler < words->count && words->items[division.compiler][0] != '-')
        division.compiler++;
    division.gcc = division.compiler >= 2 && strcmp(words->items[0], "GNU") == 0;
    division.assembler = division.gcc && strcmp(words->items[1], "AS") == 0;
    return division;
}

/* Where the year begins in gcc's name of a language, "C17" or "C++17"; NULL when there is none. */
static char *find_year(char *language)
{
    size_t size = strspn(language, "C+");
    return size > 0 && isdigit((unsigned char)language[size]) ? language + size : NULL;
}

static int fill(struct words *words, struct words *flags, struct hf_producer *producer)
{
    struct division division = divide(words);
    HF_FREE char *standard = NULL;

    char *year = division.gcc ? find_year(words->items[1]) : NULL;
    if (year) {
        /* C++17 is -std=gnu++17, C17 is -std=gnu17 */
        bool plus = strchr(words->items[1], '+');
        if (asprintf(&standard, "%s%s", plus ? "++" : "", year) < 0)
            return -1;
        *year = '\0';
    }
    producer->compiler = join_all(words->items, division.compiler);
    producer->has_flags = division.compiler < words->count || division.assembler;
    if (!producer->compiler || select_flags(words, division.compiler, flags) != 0 || drop_overridden(flags) != 0 ||
        sort_out(flags, &producer->pic) != 0)
        return -1;
    if (producer->has_flags && !division.assembler && add_defaults(flags, standard) != 0)
        return -1;
    producer->ordered = calloc(flags->count + 1, sizeof(*producer->ordered));
    if (!producer->ordered)
        return -1;
    if (flags->count > 0) {
        memcpy(producer->ordered, flags->items, flags->count * sizeof(*flags->items));
        qsort(flags->items, flags->count, sizeof(*flags->items), compare_text);
    }
    return 0;
}

int hf_producer_parse(const char *text, struct hf_producer *producer, struct hotfix_error *err)
{
    struct words words = {0}, flags = {0};
    struct hf_producer parsed = {0};

    int result = split(text, &words) == 0 ? fill(&words, &flags, &parsed) : -1;
    words_deinit(&words);
    parsed.flags = flags.items;
    parsed.flag_count = flags.count;
    if (result != 0) {
        hf_producer_deinit(&parsed);
        return hf_error(err, HOTFIX_MEMORY, "out of memory");
    }
    *producer = parsed;
    return 0;
}

void hf_producer_deinit(struct hf_producer *producer)
{
    struct words flags = {producer->flags, producer->flag_count};

    words_deinit(&flags);
    free(producer->compiler);
    free(producer->ordered);
    free(producer->pic);
    *producer = (struct hf_producer){0};
}

char *hf_producer_flags(const struct hf_producer *producer)
{
    return join_all(producer->flags, producer->flag_count);
}

char *hf_producer_class(const struct hf_producer *producer, enum hf_flag_class class)
{
    HF_FREE char **found = calloc(producer->flag_count + 1, sizeof(*found));
    size_t count = 0;

    for (size_t i = 0; found && i < producer->flag_count; i++)
        if (hf_flag_class(producer->flags[i]) == class)
            found[count++] = producer->flags[i];
    return found ? join_all(found, count) : NULL;
}

char *hf_producer_sequence(const struct hf_producer *producer, enum hf_flag_class class)
{
    HF_FREE char **found = calloc(producer->flag_count + 1, sizeof(*found));
    size_t count = 0;

    for (size_t i = 0; found && i < producer->flag_count; i++) {
        char *flag = producer->ordered[i];
        if (hf_flag_class(flag) == class && matches_any(in_order, COUNT(in_order), flag) &&
            fnmatch("-m*=*", flag, 0) != 0)
            found[count++] = flag;
    }
    return found ? join_all(found, count) : NULL;
}

char *hf_producer_extra(const struct hf_producer *a, const struct hf_producer *b, enum hf_flag_class class)
{
    HF_FREE char **extra = calloc(a->flag_count + 1, sizeof(*extra));
    size_t count = 0;

    if (!extra)
        return NULL;
    for (size_t i = 0; i < a->flag_count; i++)
        if (hf_flag_class(a->flags[i]) == class &&
            (b->flag_count == 0 || !bsearch(&a->flags[i], b->flags, b->flag_count, sizeof(*b->flags), compare_text)))
            extra[count++] = a->flags[i];
    return join_all(extra, count);
}

char *hf_producer_command(const struct hf_producer *producer)
{
    bool clang = strstr(producer->compiler, "clang");
    bool plus = strstr(producer->compiler, "C++");
    HF_FREE char *flags = hf_producer_flags(producer);
    char *command;

    if (!flags)
        return NULL;
    const char *name = plus ? "g++" : strncmp(producer->compiler, "GNU", 3) == 0 ? "gcc" : "cc";
    return asprintf(&command, "%s %s%s-g -fPIC -shared%s", clang ? "clang" : name, flags, *flags ? " " : "",
                    clang ? " -grecord-command-line" : "") < 0
               ? NULL
               : command;
}
