/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of C++ symbols (Itanium C++ ABI, section 5.1) as people write them: "_ZNK4shop5Order5totalEi" is
 * shop::Order::total(int) const. libiberty reads them.
 *
 * Symbols may be hostile: a short one can demangle to a name larger than memory. So names longer than HF_DEMANGLED_MAX
 * are not demangled, and the symbol is used instead.
 */
#ifndef HF_DEMANGLE_H
#define HF_DEMANGLE_H

#include <stdbool.h>

#define HF_DEMANGLED_MAX 8191 /* bytes of a name, and of a symbol */

enum hf_demangle_form {
    HF_DEMANGLE_SHOWN,    /* for people; marks the variant of a destructor that frees the object */
    HF_DEMANGLE_FUNCTION, /* one text for all variants of a destructor */
    HF_DEMANGLE_NAME      /* without parameters, too: shop::Order::total */
};

/*
 * malloc'ed; NULL when the symbol is none of C++, is too long or cannot be read, and when memory is out. What a
 * compiler appends to symbols of parts and copies (.cold) is shown as "[clone .cold]", and left out of the other forms.
 */
char *hf_demangle(const char *symbol, enum hf_demangle_form form);

/*
 * A copy of a text in which each C++ symbol is replaced by its HF_DEMANGLE_SHOWN form. malloc'ed; NULL when memory is
 * out.
 */
char *hf_demangle_text(const char *text);

/*
 * Does a fnmatch(3) pattern match a symbol, or its name in one of the forms? A pattern that equals the name always
 * matches, even if it contains special characters: "operator[]".
 */
bool hf_demangle_matches(const char *pattern, const char *symbol);

#endif
