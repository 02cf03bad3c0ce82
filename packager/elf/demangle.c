/* SPDX-License-Identifier: Apache-2.0 */
#include "elf/demangle.h"

#include <ctype.h>
#include <fnmatch.h>
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* What the ABI writes out, and what people call it. */
#define STRING_WRITTEN "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >"
#define STRING_CALLED  "std::string"

struct output {
    char text[HF_DEMANGLED_MAX + 1];
    size_t size;
    jmp_buf too_long;
};

/*
 * libiberty does not ask whether to go on, and what it writes may grow exponentially with the symbol; it owns nothing
 * but stack while it calls this, so that it can be left.
 */
static void collect(const char *piece, size_t size, void *arg)
{
    struct output *output = arg;

    if (size > HF_DEMANGLED_MAX - output->size)
        longjmp(output->too_long, 1);
    memcpy(output->text + output->size, piece, size);
    output->size += size;
}

static void shorten(char *text)
{
    for (char *at = text; (at = strstr(at, STRING_WRITTEN));) {
        char *rest = at + strlen(STRING_WRITTEN);
        at = mempcpy(at, STRING_CALLED, strlen(STRING_CALLED));
        memmove(at, rest, strlen(rest) + 1);
    }
}

static bool demangle(const char *symbol, int options, struct output *output)
{
    output->size = 0;
    if (setjmp(output->too_long) != 0)
        return false;
    if (!cplus_demangle_v3_callback(symbol, options, collect, output))
        return false;
    output->text[output->size] = '\0';
    shorten(output->text);
    return true;
}

/* Constructors and destructors have a symbol for each variant (section 5.1.4.3) and one name. Those for whole objects
 * and for bases are mostly one function; what also frees the object never is. */
static const char *variant_of(const char *symbol)
{
    return is_gnu_v3_mangled_dtor(symbol) == gnu_v3_deleting_dtor ? " [deleting]" : "";
}

char *hf_demangle(const char *symbol, enum hf_demangle_form form)
{
    static const int options[] = {
        [HF_DEMANGLE_SHOWN] = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP,
        [HF_DEMANGLE_FUNCTION] = DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP,
        [HF_DEMANGLE_NAME] = DMGL_NO_OPTS,
    };
    bool shown = form == HF_DEMANGLE_SHOWN;
    char *text;

    /* libiberty also reads what gcc names constructors of whole programs after; these are no functions of the source.
     */
    if (strncmp(symbol, "_Z", 2) != 0 || strlen(symbol) > HF_DEMANGLED_MAX)
        return NULL;
    HF_FREE struct output *output = malloc(sizeof(*output));
    HF_FREE char *stem = shown ? strdup(symbol) : strndup(symbol, strcspn(symbol, "."));
    if (!output || !stem || !demangle(stem, options[form], output))
        return NULL;
    if (asprintf(&text, "%s%s", output->text, shown ? variant_of(stem) : "") < 0)
        return NULL;
    return text;
}

static bool in_symbol(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Does a symbol begin here? Not within a word, and not in a path. */
static bool begins(const char *text, const char *at)
{
    return strncmp(at, "_Z", 2) == 0 && (at == text || (!in_symbol(at[-1]) && at[-1] != '/'));
}

/* A symbol with what compilers append to it; the full stop of a sentence is no part. */
static size_t symbol_size(const char *at)
{
    size_t size = 0;

    while (in_symbol(at[size]) || (at[size] == '.' && in_symbol(at[size + 1])))
        size++;
    return size;
}

char *hf_demangle_text(const char *text)
{
    HF_FREE char *made = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&made, &size);

    if (!stream)
        return NULL;
    for (const char *at = text; *at;) {
        size_t length = begins(text, at) ? symbol_size(at) : 1;
        HF_FREE char *symbol = length > 1 ? strndup(at, length) : NULL;
        HF_FREE char *name = symbol ? hf_demangle(symbol, HF_DEMANGLE_SHOWN) : NULL;
        if (name)
            fputs(name, stream);
        else
            fwrite(at, 1, length, stream);
        at += length;
    }
    bool failed = ferror(stream) != 0;
    return fclose(stream) == 0 && !failed ? hf_move(made) : NULL;
}

static bool matches(const char *pattern, const char *name)
{
    return strcmp(pattern, name) == 0 || fnmatch(pattern, name, 0) == 0;
}

bool hf_demangle_matches(const char *pattern, const char *symbol)
{
    static const enum hf_demangle_form forms[] = {HF_DEMANGLE_SHOWN, HF_DEMANGLE_FUNCTION, HF_DEMANGLE_NAME};
    bool found = matches(pattern, symbol);

    for (size_t i = 0; !found && i < sizeof(forms) / sizeof(forms[0]); i++) {
        HF_FREE char *name = hf_demangle(symbol, forms[i]);
        found = name && matches(pattern, name);
    }
    return found;
}
