/* SPDX-License-Identifier: Apache-2.0 */
#include "types/prototype.h"

#include <ctype.h>
#include <inttypes.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "dwarf/qualified.h"
#include "error.h"

#define MAX_DEPTH      32          /* parameter lists within parameter lists */
#define MAX_STEPS      2000        /* entries looked at for one type; more are damage or loops */
#define MAX_TEXT       (64 * 1024) /* bytes of one type or parameter list */
#define MAX_CHAIN      64          /* typedefs and qualifiers one behind another */
#define MAX_PARAMETERS 512

/*
 * Work for all types of one file: bytes that are written, and STEP_BYTES for an entry that is looked at. Large programs
 * need a hundredth of it; debug information can be written so that it takes for ever, and is unknown from there on.
 */
#define MAX_WORK   (UINT64_C(1) << 30)
#define STEP_BYTES 64

enum { CONST = 1, VOLATILE = 2, RESTRICT = 4, ATOMIC = 8 };

/* The type of a parameter, by the entry that DW_AT_type refers to. */
struct described {
    uint64_t offset;
    struct hf_parameter parameter; /* type is NULL when it is unknown */
};

struct hf_types {
    Dwarf_Debug dwarf;
    struct hf_qualified *names;
    void *known; /* of struct described; see tsearch(3) */
    uint64_t work;
};

/* One type being written. */
struct writer {
    Dwarf_Debug dwarf;
    struct hf_qualified *names; /* NULL: names are written without their scopes */
    bool prototyped;
    bool unknown; /* something of it could not be read */
    unsigned steps;
    unsigned chain; /* typedefs and qualifiers since the last other entry */
    uint64_t *work; /* of all types; NULL: of this one alone */
};

__attribute__((format(printf, 1, 2))) static char *print(const char *format, ...)
{
    va_list arguments;
    char *text;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return text;
}

/* What takes more work than there is becomes unknown. */
static void spend(struct writer *writer, uint64_t work)
{
    if (!writer->work)
        return;
    if (work > MAX_WORK - *writer->work) {
        *writer->work = MAX_WORK;
        writer->unknown = true;
        return;
    }
    *writer->work += work;
}

/* Replaces *text; -1 when out of memory. What grows too long becomes unknown. */
static int become(struct writer *writer, char **text, char *longer)
{
    if (!longer)
        return -1;
    free(*text);
    *text = longer;
    size_t size = strlen(longer);
    if (size > MAX_TEXT)
        writer->unknown = true;
    spend(writer, size);
    return 0;
}

static char *declare(struct writer *writer, Dwarf_Die holder, char *start, unsigned depth);

static int add_parameter(struct writer *writer, Dwarf_Die parameter, Dwarf_Half tag, char **list, unsigned depth)
{
    HF_FREE char *type =
        tag == DW_TAG_unspecified_parameters ? strdup("...") : declare(writer, parameter, strdup(""), depth + 1);

    return type ? become(writer, list, print("%s%s%s", *list, **list ? ", " : "", type)) : -1;
}

static int add_parameters(struct writer *writer, Dwarf_Die function, char **list, unsigned depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while ((more = hf_die_next(writer->dwarf, function, &child)) > 0 && !writer->unknown) {
        Dwarf_Half tag = hf_die_tag(child);
        int failed = 0;
        if (++writer->steps > MAX_STEPS || depth > MAX_DEPTH)
            writer->unknown = true;
        else if (tag == DW_TAG_formal_parameter || tag == DW_TAG_unspecified_parameters)
            failed = add_parameter(writer, child, tag, list, depth);
        else if (tag == DW_TAG_GNU_formal_parameter_pack)
            failed = add_parameters(writer, child, list, depth + 1);
        if (failed)
            return -1;
    }
    if (more < 0)
        writer->unknown = true;
    return 0;
}

/* Parameter types in parentheses: "(int, char *, ...)", "(void)", "()" without a prototype. */
static char *parameter_list(struct writer *writer, Dwarf_Die function, unsigned depth)
{
    HF_FREE char *list = strdup("");

    if (!list || add_parameters(writer, function, &list, depth) != 0)
        return NULL;
    bool prototyped = writer->prototyped || hf_die_has(function, DW_AT_prototyped);
    return print("(%s)", *list || !prototyped ? list : "void");
}

/* A declarator that is a pointer takes parentheses before what binds stronger: "(*)[3]", "(*)(int)". */
static int append(struct writer *writer, char **declarator, const char *suffix)
{
    const char *sign = strchr("*&", (*declarator)[0]) ? *declarator : strstr(*declarator, "::*");
    bool pointer = (*declarator)[0] && sign;

    return become(writer, declarator, print("%s%s%s%s", pointer ? "(" : "", *declarator, pointer ? ")" : "", suffix));
}

static const char *qualifier_text(unsigned qualifiers, char text[48])
{
    static const char *const words[] = {"const", "volatile", "restrict", "_Atomic"};

    text[0] = '\0';
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!(qualifiers & 1u << i))
            continue;
        if (text[0])
            strcat(text, " ");
        strcat(text, words[i]);
    }
    return text;
}

/* Pointers and references; their qualifiers stand behind the sign: "*const". */
static int add_pointer(struct writer *writer, Dwarf_Die die, const char *sign, unsigned qualifiers, char **declarator)
{
    char words[48];
    const char *container = "", *scope = "";

    if (hf_die_tag(die) == DW_TAG_ptr_to_member_type) {
        HF_DIE Dwarf_Die class = hf_die_refer(writer->dwarf, die, DW_AT_containing_type);
        container = class ? hf_die_text(class, DW_AT_name) : NULL;
        scope = "::";
        if (!container) {
            writer->unknown = true;
            container = "";
        }
    }
    qualifier_text(qualifiers, words);
    return become(
        writer, declarator,
        print("%s%s%s%s%s%s", container, scope, sign, words, words[0] && (*declarator)[0] ? " " : "", *declarator));
}

static int add_array(struct writer *writer, Dwarf_Die die, char **declarator)
{
    HF_FREE char *bounds = strdup("");
    HF_DIE Dwarf_Die child = NULL;
    int more;

    while (bounds && (more = hf_die_next(writer->dwarf, die, &child)) > 0 && !writer->unknown) {
        uint64_t bound;
        if (++writer->steps > MAX_STEPS)
            writer->unknown = true;
        if (hf_die_tag(child) != DW_TAG_subrange_type)
            continue;
        bool known = hf_die_number(child, DW_AT_count, &bound);
        if (!known && hf_die_number(child, DW_AT_upper_bound, &bound)) {
            known = true;
            bound++;
        }
        char *longer = known ? print("%s[%" PRIu64 "]", bounds, bound) : print("%s[]", bounds);
        if (become(writer, &bounds, longer) != 0)
            return -1;
    }
    if (!bounds)
        return -1;
    if (more < 0)
        writer->unknown = true;
    return append(writer, declarator, bounds);
}

static int add_function(struct writer *writer, Dwarf_Die die, char **declarator, unsigned depth)
{
    HF_FREE char *list = parameter_list(writer, die, depth + 1);

    return list ? append(writer, declarator, list) : -1;
}

static unsigned qualifier_of(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_const_type:
        return CONST;
    case DW_TAG_volatile_type:
        return VOLATILE;
    case DW_TAG_restrict_type:
        return RESTRICT;
    case DW_TAG_atomic_type:
        return ATOMIC;
    default:
        return 0;
    }
}

static const char *pointer_sign(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_pointer_type:
    case DW_TAG_ptr_to_member_type:
        return "*";
    case DW_TAG_reference_type:
        return "&";
    case DW_TAG_rvalue_reference_type:
        return "&&";
    default:
        return NULL;
    }
}

/* What stands before the name of a type that ends the chain; NULL for what is no such type. */
static const char *keyword_of(Dwarf_Half tag)
{
    switch (tag) {
    case DW_TAG_base_type:
    case DW_TAG_unspecified_type:
        return "";
    case DW_TAG_structure_type:
    case DW_TAG_class_type: /* C++: the two keywords name the same type */
        return "struct ";
    case DW_TAG_union_type:
        return "union ";
    case DW_TAG_enumeration_type:
        return "enum ";
    default:
        return NULL;
    }
}

/* The last word: "const struct order" and the declarator behind it. */
static char *finish(struct writer *writer, Dwarf_Die die, const char *alias, unsigned qualifiers,
                    const char *declarator)
{
    char words[48];
    const char *keyword = die ? keyword_of(hf_die_tag(die)) : "";
    const char *name = die ? hf_die_text(die, DW_AT_name) : "void";

    if (!keyword) {
        writer->unknown = true;
        keyword = "";
    }
    const char *scoped = die && name && writer->names ? hf_qualified_name(writer->names, die) : NULL;
    if (scoped && *keyword)
        name = scoped;
    if (!name) {
        keyword = alias ? "" : keyword;
        name = alias ? alias : "<unnamed>";
    }
    qualifier_text(qualifiers, words);
    return print("%s%s%s%s%s%s", words, words[0] ? " " : "", keyword, name, declarator[0] ? " " : "", declarator);
}

/* Follows DW_AT_type. 1: *type is the next entry (NULL before; given back); 0: there is none, the type is void. */
static int step(struct writer *writer, Dwarf_Die holder, Dwarf_Die *type)
{
    Dwarf_Die from = *type ? *type : holder;
    bool has = hf_die_has(from, DW_AT_type);
    Dwarf_Die next = has ? hf_die_refer(writer->dwarf, from, DW_AT_type) : NULL;
    Dwarf_Half tag = next ? hf_die_tag(next) : 0;

    writer->chain = tag == DW_TAG_typedef || qualifier_of(tag) ? writer->chain + 1 : 0;
    if (has && (!next || ++writer->steps > MAX_STEPS || writer->chain > MAX_CHAIN))
        writer->unknown = true;
    spend(writer, STEP_BYTES);
    if (*type)
        dwarf_dealloc_die(*type);
    *type = next;
    return next && !writer->unknown;
}

/*
 * The type that holder refers to, written around a declarator, which it frees: C's declarators are read from the inside
 * out, so each entry on the way to the last one extends the declarator. malloc'ed; NULL when out of memory.
 */
static char *declare(struct writer *writer, Dwarf_Die holder, char *start, unsigned depth)
{
    HF_FREE char *declarator = start;
    HF_DIE Dwarf_Die type = NULL;
    const char *alias = NULL;
    unsigned qualifiers = 0;

    if (!declarator)
        return NULL;
    while (step(writer, holder, &type)) {
        Dwarf_Half tag = hf_die_tag(type);
        const char *sign = pointer_sign(tag);
        int failed = 0;
        if (qualifier_of(tag)) {
            qualifiers |= qualifier_of(tag);
            continue;
        }
        if (tag == DW_TAG_typedef) {
            alias = hf_die_text(type, DW_AT_name);
            continue;
        }
        alias = sign || tag == DW_TAG_array_type || tag == DW_TAG_subroutine_type ? NULL : alias;
        if (sign)
            failed = add_pointer(writer, type, sign, qualifiers, &declarator);
        else if (tag == DW_TAG_array_type)
            failed = add_array(writer, type, &declarator);
        else if (tag == DW_TAG_subroutine_type)
            failed = add_function(writer, type, &declarator, depth);
        else
            break;
        if (failed)
            return NULL;
        qualifiers = tag == DW_TAG_array_type ? qualifiers : 0; /* a const array is one of const elements */
    }
    return finish(writer, type, alias, qualifiers, declarator);
}

/* What a picker may call the parameter's type: the first name behind at most one pointer, and the tag at the very end.
 */
static int name_parameter(struct hf_types *types, Dwarf_Die die, struct hf_parameter *parameter)
{
    struct writer writer = {.dwarf = types->dwarf, .work = &types->work};
    HF_DIE Dwarf_Die type = NULL;
    const char *named = NULL, *tag_name = NULL, *alias = NULL;
    unsigned pointers = 0, named_pointers = 0;

    while (step(&writer, die, &type)) {
        Dwarf_Half tag = hf_die_tag(type);
        const char *name = hf_die_text(type, DW_AT_name);
        if (pointer_sign(tag)) {
            pointers++;
            alias = NULL;
            continue;
        }
        if (qualifier_of(tag))
            continue;
        if (name && !named) {
            named = name;
            named_pointers = pointers;
        }
        if (tag != DW_TAG_typedef) {
            tag_name = keyword_of(tag) ? (name ? name : alias) : NULL;
            break;
        }
        alias = name;
    }
    parameter->pointer = named && named_pointers == 1;
    parameter->named = strdup(named && named_pointers <= 1 ? named : "");
    parameter->tag_pointer = tag_name && pointers == 1;
    parameter->tag = strdup(tag_name && pointers <= 1 ? tag_name : "");
    return parameter->named && parameter->tag ? 0 : -1;
}

static void free_described(void *where)
{
    struct described *described = where;

    free((char *)described->parameter.type);
    free((char *)described->parameter.named);
    free((char *)described->parameter.tag);
    free(described);
}

static int compare_described(const void *a, const void *b)
{
    const struct described *first = a, *second = b;

    return first->offset < second->offset ? -1 : first->offset > second->offset;
}

static struct described *describe_type(struct hf_types *types, Dwarf_Die holder, bool prototyped)
{
    struct writer writer = {
        .dwarf = types->dwarf, .names = types->names, .work = &types->work, .prototyped = prototyped};
    struct described *described = calloc(1, sizeof(*described));

    if (!described)
        return NULL;
    char *text = declare(&writer, holder, strdup(""), 0);
    if (!text || name_parameter(types, holder, &described->parameter) != 0) {
        free(text);
        free_described(described);
        return NULL;
    }
    if (writer.unknown)
        free(text);
    else
        described->parameter.type = text;
    return described;
}

/* What tells the type that an entry refers to from every other; those in type units have no offset in .debug_info. */
static uint64_t type_key(Dwarf_Debug dwarf, Dwarf_Die holder)
{
    uint64_t offset = hf_die_reference(holder, DW_AT_type);

    if (offset != HF_DIE_NONE || !hf_die_has(holder, DW_AT_type))
        return offset;
    HF_DIE Dwarf_Die type = hf_die_refer(dwarf, holder, DW_AT_type);
    return type ? hf_die_offset(type) | 1ull << 63 : HF_DIE_NONE - 1;
}

/* The type that an entry refers to, described before or now; NULL when out of memory. */
static const struct hf_parameter *find_type(struct hf_types *types, Dwarf_Die holder, bool prototyped)
{
    struct described key = {.offset = type_key(types->dwarf, holder)};
    struct described **known = tfind(&key, &types->known, compare_described);

    if (known)
        return &(*known)->parameter;
    struct described *described = describe_type(types, holder, prototyped);
    if (!described)
        return NULL;
    described->offset = key.offset;
    if (!tsearch(described, &types->known, compare_described)) {
        free_described(described);
        return NULL;
    }
    return &described->parameter;
}

struct composition {
    struct hf_types *types;
    struct hf_prototype *prototype;
    char *list; /* texts of the parameters */
    bool prototyped;
    bool unknown;
};

static int compose_parameter(struct composition *composition, Dwarf_Die die)
{
    struct hf_prototype *prototype = composition->prototype;
    const struct hf_parameter *parameter = find_type(composition->types, die, composition->prototyped);
    struct hf_parameter *parameters =
        reallocarray(prototype->parameters, prototype->parameter_count + 1, sizeof(*parameters));

    if (parameters)
        prototype->parameters = parameters;
    if (!parameters || !parameter)
        return -1;
    parameters[prototype->parameter_count++] = *parameter;
    if (!parameter->type) {
        parameters[prototype->parameter_count - 1].type = "";
        composition->unknown = true;
        return 0;
    }
    char *longer = print("%s%s%s", composition->list, *composition->list ? ", " : "", parameter->type);
    if (!longer)
        return -1;
    free(composition->list);
    composition->list = longer;
    return 0;
}

static int compose_parameters(struct composition *composition, Dwarf_Die die, unsigned depth)
{
    HF_DIE Dwarf_Die child = NULL;
    int more, failed = 0;

    while (!failed && (more = hf_die_next(composition->types->dwarf, die, &child)) > 0) {
        Dwarf_Half tag = hf_die_tag(child);
        if (tag == DW_TAG_formal_parameter && composition->prototype->parameter_count < MAX_PARAMETERS) {
            failed = compose_parameter(composition, child);
        } else if (tag == DW_TAG_formal_parameter || (tag == DW_TAG_GNU_formal_parameter_pack && depth > MAX_DEPTH)) {
            composition->unknown = true;
        } else if (tag == DW_TAG_GNU_formal_parameter_pack) {
            failed = compose_parameters(composition, child, depth + 1);
        } else if (tag == DW_TAG_unspecified_parameters) {
            char *longer = print("%s%s...", composition->list, *composition->list ? ", " : "");
            failed = longer ? 0 : -1;
            free(composition->list);
            composition->list = longer;
        }
    }
    if (!failed && more < 0)
        composition->unknown = true;
    return failed;
}

static int write_prototype(struct composition *composition, Dwarf_Die result, bool prototyped)
{
    struct writer writer = {.dwarf = composition->types->dwarf,
                            .names = composition->types->names,
                            .work = &composition->types->work,
                            .prototyped = composition->prototyped};
    const char *inner = *composition->list || !prototyped ? composition->list : "void";
    HF_FREE char *text = declare(&writer, result, print("(%s)", inner), 0);

    if (!text)
        return -1;
    if (!composition->unknown && !writer.unknown)
        composition->prototype->text = hf_move(text);
    return 0;
}

int hf_types_describe(struct hf_types *types, Dwarf_Die subprogram, Dwarf_Die declaration, bool prototyped,
                      struct hf_prototype *prototype, struct hotfix_error *err)
{
    struct composition composition = {
        .types = types, .prototype = prototype, .list = strdup(""), .prototyped = prototyped};
    bool declared = prototyped || hf_die_has(subprogram, DW_AT_prototyped) ||
                    (declaration && hf_die_has(declaration, DW_AT_prototyped));
    Dwarf_Die result = declaration && !hf_die_has(subprogram, DW_AT_type) ? declaration : subprogram;

    int failed = composition.list ? compose_parameters(&composition, subprogram, 0) : -1;
    if (!failed && prototype->parameter_count == 0 && !*composition.list && declaration)
        failed = compose_parameters(&composition, declaration, 0);
    if (!failed)
        failed = write_prototype(&composition, result, declared);
    free(composition.list);
    return failed ? hf_error(err, HOTFIX_MEMORY, "out of memory") : 0;
}

char *hf_type_text(Dwarf_Debug dwarf, Dwarf_Die holder)
{
    struct writer writer = {.dwarf = dwarf};

    return declare(&writer, holder, strdup(""), 0);
}

struct hf_types *hf_types_create(Dwarf_Debug dwarf)
{
    struct hf_types *types = calloc(1, sizeof(*types));

    if (types) {
        types->dwarf = dwarf;
        types->names = hf_qualified_create(dwarf);
    }
    if (!types || types->names)
        return types;
    free(types);
    return NULL;
}

void hf_types_destroy(struct hf_types *types)
{
    if (types) {
        tdestroy(types->known, free_described);
        hf_qualified_destroy(types->names);
    }
    free(types);
}

/* Bytes of a qualifier and the blank around it that a text begins with; 0 without. */
static size_t qualifier_size(const char *text)
{
    static const char *const words[] = {"const", "volatile", "restrict"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t size = strlen(words[i]);
        if (strncmp(text, words[i], size) == 0 && !isalnum((unsigned char)text[size]) && text[size] != '_')
            return size + (text[size] == ' ');
    }
    return 0;
}

/* Qualifiers that a text has in front of a word and the other one has not. */
static void skip_added(const char *begin, const char **text, const char *other)
{
    while (*text == begin || (!isalnum((unsigned char)(*text)[-1]) && (*text)[-1] != '_')) {
        size_t size = qualifier_size(*text);
        if (size == 0 || (qualifier_size(other) == size && strncmp(other, *text, size) == 0))
            break;
        *text += size;
    }
}

bool hf_prototypes_agree(const char *before, const char *after)
{
    const char *left = before, *right = after;

    for (;; left++, right++) {
        skip_added(after, &right, left);
        if (*left != *right || !*left)
            return *left == *right;
    }
}
