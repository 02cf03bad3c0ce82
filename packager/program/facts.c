/* SPDX-License-Identifier: Apache-2.0 */
#include "program/facts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What gcc has for each kind of fact. Where all are off, functions of a unit know nothing of each other. */
static const struct {
    const char *flag;
    int since; /* version of gcc */
} gcc_facts[] = {
    {"ipa-ra", 5},  {"ipa-pure-const", 0}, {"ipa-reference", 0},       {"ipa-cp", 0},
    {"ipa-sra", 0}, {"ipa-modref", 11},    {"ipa-stack-alignment", 9},
};

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* The next word of a text; its length, 0 at the end. */
static size_t next_word(const char **text)
{
    *text += strspn(*text, " ");
    return strcspn(*text, " ");
}

/* The last word that is `prefix`, or begins with it when `more`; NULL when there is none. */
static const char *last_word(const char *producer, const char *prefix, bool more)
{
    const char *found = NULL;
    size_t size;

    for (const char *word = producer; (size = next_word(&word)) > 0; word += size)
        if (begins(word, prefix) && (more || size == strlen(prefix)))
            found = word;
    return found;
}

/* 1: -fNAME is the last word on it, 0: -fno-NAME, -1: neither stands there. */
static int flag_state(const char *producer, const char *name)
{
    int state = -1;
    size_t size;

    for (const char *word = producer; (size = next_word(&word)) > 0; word += size) {
        bool no = begins(word, "-fno-");
        size_t skip = no ? strlen("-fno-") : strlen("-f");
        if (begins(word, "-f") && size == skip + strlen(name) && begins(word + skip, name))
            state = !no;
    }
    return state;
}

static bool is_gcc(const char *producer)
{
    return begins(producer, "GNU ");
}

static bool is_clang(const char *producer)
{
    return strstr(producer, "clang version") != NULL;
}

static int gcc_version(const char *producer)
{
    size_t size;

    for (const char *word = producer; (size = next_word(&word)) > 0; word += size)
        if (*word >= '0' && *word <= '9')
            return (int)strtol(word, NULL, 10);
    return 0;
}

/* "-O0", or no -O at all. */
static bool is_plain(const char *producer)
{
    const char *level = last_word(producer, "-O", true);

    return !level || (level[2] == '0' && (level[3] == ' ' || level[3] == '\0'));
}

static enum hf_facts gcc_facts_used(const char *producer)
{
    const char *live = last_word(producer, "-flive-patching", true);
    bool used = false;

    if (is_plain(producer))
        return HF_FACTS_NONE;
    if (live && begins(live, "-flive-patching=inline-only-static"))
        return HF_FACTS_NONE;
    if (live)
        return HF_FACTS_CLONES;
    for (size_t i = 0; i < sizeof(gcc_facts) / sizeof(gcc_facts[0]); i++)
        used = used || (gcc_version(producer) >= gcc_facts[i].since && flag_state(producer, gcc_facts[i].flag) != 0);
    return used || flag_state(producer, "ipa-pta") == 1 ? HF_FACTS_ALL : HF_FACTS_NONE;
}

enum hf_facts hf_facts_used(const char *producer)
{
    if (!producer)
        return HF_FACTS_ALL;
    if (is_gcc(producer))
        return gcc_facts_used(producer);
    /* clang records its command line only when it is told to. */
    return is_clang(producer) && strstr(producer, " -") && is_plain(producer) ? HF_FACTS_NONE : HF_FACTS_ALL;
}

bool hf_facts_spare_interposable(const char *producer)
{
    if (!producer || !is_gcc(producer) || flag_state(producer, "semantic-interposition") == 0)
        return false;
    const char *level = last_word(producer, "-O", true);
    return !level || !begins(level, "-Ofast") || flag_state(producer, "semantic-interposition") == 1;
}

bool hf_facts_whole_program(const char *producer)
{
    if (!producer)
        return false;
    /* Of a unit that says -flto, gcc compiles the code into another one, of this name. */
    if (begins(producer, "GNU GIMPLE"))
        return true;
    if (is_gcc(producer))
        return flag_state(producer, "whole-program") == 1;
    const char *on = last_word(producer, "-flto", true);
    const char *off = last_word(producer, "-fno-lto", false);
    return on && (!off || off < on);
}

bool hf_facts_clone(const char *name)
{
    static const char *const marks[] = {".isra.", ".constprop.", ".part."};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (strstr(name, marks[i]))
            return true;
    return false;
}
