/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text that comes from elsewhere, made safe to show; and the nearest name to a mistyped one. What goes to people as a
 * line or as lines has symbols of C++ demangled.
 */
#ifndef HF_TEXT_H
#define HF_TEXT_H

#include <stddef.h>

/*
 * A copy for people: characters that could deceive a reader (hf_utf8_is_hidden(): controls, direction, no width) and
 * bytes that are not UTF-8 become \xNN. malloc'ed; NULL when out of memory.
 */
char *hf_text_printable(const char *text);

/* For text of several lines that people read: newlines stay. */
char *hf_text_lines(const char *text);

/*
 * For a line of output: what a CI runner would take as a command ("::error::" at its beginning,
 * "##[error]" anywhere) is broken up by \xNN as well.
 */
char *hf_text_line(const char *text);

/* For part of a line of output: every run of blanks is one space, and it is cut to limit characters and "...". */
char *hf_text_folded(const char *text, size_t limit);

/*
 * The same JSON document with hidden characters written as \uNNNN, so that readers get the text itself and whoever
 * looks at the document sees them; likewise what a CI runner would take as a command. malloc'ed; NULL when out of
 * memory.
 */
char *hf_text_json(const char *json);

/* A copy in which every byte that is not part of valid UTF-8 became U+FFFD. malloc'ed; NULL when out of memory. */
char *hf_text_utf8(const char *text);

/* The one of count names that needs the fewest edits to become word, NULL when none is near enough to be meant. */
const char *hf_text_nearest(const char *word, const char *const *names, size_t count);

#endif
