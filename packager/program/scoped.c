/* SPDX-License-Identifier: Apache-2.0 */
#include "program/scoped.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "elf/demangle.h"

#define BLANKS    " \t\n\v\f\r" /* as isspace() has them */
#define ANONYMOUS "(anonymous namespace)"
#define ANY       "<*>"

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* A copy with blanks only where words meet, and between "<" and "<", which would be another operator. */
static char *without_blanks(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *end = copy;

    for (const char *at = text; copy && *at; at++) {
        if (!isspace((unsigned char)*at)) {
            *end++ = *at;
            continue;
        }
        const char *next = at + strspn(at, BLANKS);
        bool words = end > copy && in_word(end[-1]) && in_word(*next);
        if (words || (end > copy && end[-1] == '<' && *next == '<'))
            *end++ = ' ';
        at = next - 1;
    }
    if (copy)
        *end = '\0';
    return copy;
}

/* Behind the bracket that closes the one at text[at]; the end of the text when none does. */
static size_t behind(const char *text, size_t at)
{
    char open = text[at], close = open == '(' ? ')' : open == '{' ? '}' : ']';
    unsigned depth = 0;

    for (; text[at]; at++) {
        depth += text[at] == open;
        depth -= text[at] == close;
        if (depth == 0)
            return at + 1;
    }
    return at;
}

/* Likewise of template arguments, in which "->" and what is in parentheses close nothing. */
static size_t behind_arguments(const char *text, size_t at)
{
    unsigned depth = 0;

    while (text[at]) {
        if (text[at] == '(' || text[at] == '{') {
            at = behind(text, at);
            continue;
        }
        depth += text[at] == '<';
        depth -= text[at] == '>' && text[at - 1] != '-';
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

/* Behind "operator" and what it is the operator of; a conversion's type ends where its parameters begin. */
static size_t behind_operator(const char *text, size_t at)
{
    at += strlen("operator");
    if (strncmp(text + at, "()", 2) == 0 || strncmp(text + at, "[]", 2) == 0)
        return at + 2;
    size_t sign = strspn(text + at, "<>=!+-*/%^&|~,\"");
    if (sign > 0) {
        /* What ends in "<" and does not begin with it has template arguments: operator==<int>. */
        at += sign - (text[at] != '<' && text[at + sign - 1] == '<');
        while (in_word(text[at]) && text[at - 1] == '"') /* operator""_km */
            at++;
        return at;
    }
    while (text[at] && text[at] != '(')
        at = text[at] == '<' ? behind_arguments(text, at) : at + 1;
    return at;
}

/* Behind "const" and the like, which may stand behind parameters. */
static size_t behind_qualifiers(const char *text, size_t at)
{
    static const char *const qualifiers[] = {"const", "volatile", "noexcept", "&"};
    size_t before;

    do {
        before = at;
        for (size_t i = 0; i < sizeof(qualifiers) / sizeof(qualifiers[0]); i++)
            if (strncmp(text + at, qualifiers[i], strlen(qualifiers[i])) == 0)
                at += strlen(qualifiers[i]);
        at += text[at] == ' ';
    } while (at != before);
    return at;
}

static bool is_operator(const char *text, size_t begin, size_t at)
{
    return strncmp(text + at, "operator", strlen("operator")) == 0 && (at == begin || !in_word(text[at - 1])) &&
           !in_word(text[at + strlen("operator")]);
}

/* Reads one part from its beginning. True when the parameters follow, at the part's end. */
static bool read_part(const char *text, struct hf_scoped_part *part)
{
    size_t at = part->begin;

    if (strncmp(text + at, ANONYMOUS, strlen(ANONYMOUS)) == 0)
        at += strlen(ANONYMOUS);
    part->stem = 0;
    part->end = 0;
    while (text[at] && strncmp(text + at, "::", 2) != 0) {
        if (is_operator(text, part->begin, at)) {
            at = behind_operator(text, at);
        } else if (text[at] == '<') {
            part->stem = part->stem ? part->stem : at;
            at = behind_arguments(text, at);
        } else if (text[at] == '(') {
            size_t next = behind_qualifiers(text, behind(text, at));
            if (strncmp(text + next, "::", 2) != 0) {
                part->end = at;
                break;
            }
            part->function = true;
            at = next;
        } else {
            at = text[at] == '{' || text[at] == '[' ? behind(text, at) : at + 1;
        }
    }
    bool parameters = part->end != 0;
    part->end = parameters ? part->end : at;
    part->stem = part->stem ? part->stem : part->end;
    return parameters;
}

static int read_parts(struct hf_scoped *scoped, size_t at)
{
    scoped->parameters = "";
    for (;;) {
        struct hf_scoped_part *longer = reallocarray(scoped->parts, scoped->count + 1, sizeof(*longer));
        if (!longer)
            return -1;
        scoped->parts = longer;
        struct hf_scoped_part *part = &longer[scoped->count++];
        *part = (struct hf_scoped_part){.begin = at};
        bool parameters = read_part(scoped->text, part);
        if (part->end == part->begin)
            return -1;
        if (parameters)
            scoped->parameters = scoped->text + part->end;
        if (parameters || scoped->text[part->end] == '\0')
            return 0;
        at = part->end + 2;
    }
}

/* How long a type's name is: words, scopes and template arguments. */
static size_t type_size(const char *text)
{
    size_t size = 0;

    while (in_word(text[size]) || text[size] == ' ' || strncmp(text + size, "::", 2) == 0 || text[size] == '<')
        size = text[size] == '<' ? behind_arguments(text, size) : size + (text[size] == ':' ? 2 : 1);
    return size;
}

/* "const T" becomes "T const", as demanglers write it, where a parameter or an argument begins. */
static void move_const(char *text)
{
    static const char word[] = "const ", moved[] = " const";
    size_t length = strlen(word);

    for (char *at = text; (at = strstr(at, word)); at++) {
        if (at == text || !strchr("(,<", at[-1]))
            continue;
        size_t size = type_size(at + length);
        memmove(at, at + length, size);
        for (size_t i = 0; i < length; i++)
            at[size + i] = moved[i];
    }
}

/* std::string as the ABI has it, which is what other tools show. */
static void shorten(char *text)
{
    static const char written[] = "std::__cxx11::basic_string<char,std::char_traits<char>,std::allocator<char>>";
    static const char called[] = "std::string";

    for (char *at = text; (at = strstr(at, written));) {
        char *rest = at + strlen(written);
        at = stpcpy(mempcpy(at, called, strlen(called)), in_word(*rest) ? " " : "");
        memmove(at, rest, strlen(rest) + 1);
    }
}

/* The name behind the type of a result, which other tools show for instantiations of templates: "int most<int>(int)".
 */
static const char *behind_result(const char *text)
{
    const char *name = text;
    bool conversion = false;

    for (size_t at = 0; text[at];) {
        if (strncmp(text + at, ANONYMOUS, strlen(ANONYMOUS)) == 0) {
            at += strlen(ANONYMOUS);
        } else if (text[at] == '(') {
            break;
        } else if (text[at] == '<' && !conversion) {
            at = behind_arguments(text, at);
        } else if (isspace((unsigned char)text[at])) {
            at += strspn(text + at, BLANKS);
            name = conversion || strchr("(:", text[at]) ? name : text + at;
        } else {
            conversion = is_operator(text, 0, at) || (conversion && strncmp(text + at, "::", 2) != 0);
            at++;
        }
    }
    return name + strspn(name, "*& ");
}

int hf_scoped_read(const char *text, struct hf_scoped *scoped)
{
    struct hf_scoped read = {.text = without_blanks(behind_result(text))};

    if (read.text) {
        shorten(read.text);
        move_const(read.text);
    }
    read.rooted = read.text && strncmp(read.text, "::", 2) == 0;
    if (!read.text || read_parts(&read, read.rooted ? 2 : 0) != 0) {
        hf_scoped_deinit(&read);
        return -1;
    }
    *scoped = read;
    return 0;
}

int hf_scoped_read_symbol(const char *symbol, struct hf_scoped *scoped)
{
    static const char thunk[] = " thunk to ";
    HF_FREE char *name = hf_demangle(symbol, HF_DEMANGLE_FUNCTION);
    const char *of = name ? strstr(name, thunk) : NULL;

    if (!name)
        return -1;
    /* Of other names that begin with _ZT none is a function's. */
    if (strncmp(symbol, "_ZT", 3) == 0 && !of)
        return -1;
    return hf_scoped_read(of ? of + strlen(thunk) : name, scoped);
}

void hf_scoped_deinit(struct hf_scoped *scoped)
{
    free(scoped->text);
    free(scoped->parts);
    *scoped = (struct hf_scoped){.count = 0};
}

bool hf_scoped_is_wild(const struct hf_scoped *wanted)
{
    return strstr(wanted->text, ANY) != NULL;
}

/* A part's name without template arguments and, where asked, without tags of the ABI. */
static size_t stem_size(const struct hf_scoped *scoped, const struct hf_scoped_part *part, bool tags)
{
    const char *text = scoped->text + part->begin;
    size_t size = part->stem - part->begin;
    const char *tag = memmem(text, size, "[abi:", strlen("[abi:"));

    return tag && !tags ? (size_t)(tag - text) : size;
}

static bool part_means(const struct hf_scoped *wanted, const struct hf_scoped_part *part,
                       const struct hf_scoped *function, const struct hf_scoped_part *other)
{
    const char *text = wanted->text + part->begin, *other_text = function->text + other->begin;
    const char *arguments = wanted->text + part->stem, *other_arguments = function->text + other->stem;
    size_t size = part->end - part->stem, other_size = other->end - other->stem;
    bool tags = memmem(text, part->stem - part->begin, "[abi:", strlen("[abi:")) != NULL;
    size_t stem = stem_size(wanted, part, tags);

    if (stem != stem_size(function, other, tags) || strncmp(text, other_text, stem) != 0)
        return false;
    if (size == 0)
        return true;
    if (size == strlen(ANY) && strncmp(arguments, ANY, size) == 0)
        return other_size > 0;
    return size == other_size && strncmp(arguments, other_arguments, size) == 0;
}

/* Do the parts that a person wrote mean those of the function that end before part number `end`? */
static bool parts_mean(const struct hf_scoped *wanted, const struct hf_scoped *function, size_t end)
{
    if (wanted->count > end || (wanted->rooted && wanted->count != end))
        return false;
    for (size_t i = 0; i < wanted->count; i++)
        if (!part_means(wanted, &wanted->parts[i], function, &function->parts[end - wanted->count + i]))
            return false;
    return true;
}

bool hf_scoped_means(const struct hf_scoped *wanted, const struct hf_scoped *function)
{
    return parts_mean(wanted, function, function->count) &&
           (!*wanted->parameters || strcmp(wanted->parameters, function->parameters) == 0);
}

bool hf_scoped_is_whole(const struct hf_scoped *wanted, const struct hf_scoped *function)
{
    return *wanted->parameters && strcmp(wanted->text + (wanted->rooted ? 2 : 0), function->text) == 0;
}

bool hf_scoped_in_class(const struct hf_scoped *wanted, const struct hf_scoped *function, size_t *count)
{
    for (size_t end = 1; end < function->count && !*wanted->parameters; end++) {
        if ((end + 1 < function->count && !function->parts[end].function) || !parts_mean(wanted, function, end))
            continue;
        *count = end;
        return true;
    }
    return false;
}

bool hf_scoped_below(const struct hf_scoped *wanted, const struct hf_scoped *function, size_t *count)
{
    for (size_t end = 1; end < function->count && !function->parts[end - 1].function && !*wanted->parameters; end++) {
        if (!parts_mean(wanted, function, end))
            continue;
        *count = end;
        return true;
    }
    return false;
}

char *hf_scoped_text(const struct hf_scoped *scoped, size_t count, bool arguments)
{
    char *text = malloc(strlen(scoped->text) + 1), *end = text;

    for (size_t i = 0; text && i < count; i++) {
        const struct hf_scoped_part *part = &scoped->parts[i];
        size_t size = (arguments ? part->end : part->stem) - part->begin;
        end = stpcpy(end, i ? "::" : "");
        end = mempcpy(end, scoped->text + part->begin, size);
    }
    if (text)
        *end = '\0';
    return text;
}
