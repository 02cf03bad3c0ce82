/* SPDX-License-Identifier: Apache-2.0 */
#include "check/instructions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* -mNAME, and what it brings with it, each followed by a blank. */
static const struct {
    const char *name;
    const char *brings;
} features[] = {
    {"mmx", ""},
    {"3dnow", "mmx "},
    {"3dnowa", "3dnow "},
    {"sse", ""},
    {"sse2", "sse "},
    {"sse3", "sse2 "},
    {"ssse3", "sse3 "},
    {"sse4.1", "ssse3 "},
    {"sse4.2", "sse4.1 popcnt crc32 "},
    {"sse4a", "sse3 "},
    {"avx", "sse4.2 xsave "},
    {"avx2", "avx "},
    {"avxvnni", "avx2 "},
    {"fma", "avx "},
    {"fma4", "avx sse4a "},
    {"f16c", "avx "},
    {"xop", "fma4 "},
    {"avx512f", "avx2 "},
    {"avx512cd", "avx512f "},
    {"avx512er", "avx512f "},
    {"avx512pf", "avx512f "},
    {"avx512bw", "avx512f "},
    {"avx512dq", "avx512f "},
    {"avx512vl", "avx512f "},
    {"avx512ifma", "avx512f "},
    {"avx512vbmi", "avx512bw "},
    {"avx512vbmi2", "avx512bw "},
    {"avx512vnni", "avx512f "},
    {"avx512bitalg", "avx512bw "},
    {"avx512vpopcntdq", "avx512f "},
    {"avx512bf16", "avx512bw "},
    {"avx512fp16", "avx512bw "},
    {"avx512vp2intersect", "avx512f "},
    {"avx5124fmaps", "avx512f "},
    {"avx5124vnniw", "avx512f "},
    {"aes", "sse2 "},
    {"pclmul", "sse2 "},
    {"sha", "sse2 "},
    {"gfni", "sse2 "},
    {"vaes", "avx aes "},
    {"vpclmulqdq", "avx pclmul "},
    {"abm", "lzcnt popcnt "},
    {"xsave", ""},
    {"xsavec", "xsave "},
    {"xsaveopt", "xsave "},
    {"xsaves", "xsave "},
    {"kl", "sse2 "},
    {"widekl", "kl "},
    {"amx-tile", ""},
    {"amx-int8", "amx-tile "},
    {"amx-bf16", "amx-tile "},
    {"adx", ""},
    {"bmi", ""},
    {"bmi2", ""},
    {"cldemote", ""},
    {"clflushopt", ""},
    {"clwb", ""},
    {"clzero", ""},
    {"crc32", ""},
    {"cx16", ""},
    {"enqcmd", ""},
    {"fsgsbase", ""},
    {"fxsr", ""},
    {"hle", ""},
    {"hreset", ""},
    {"invpcid", ""},
    {"lwp", ""},
    {"lzcnt", ""},
    {"movbe", ""},
    {"movdir64b", ""},
    {"movdiri", ""},
    {"mwait", ""},
    {"mwaitx", ""},
    {"pconfig", ""},
    {"pku", ""},
    {"popcnt", ""},
    {"prefetchwt1", ""},
    {"prfchw", ""},
    {"ptwrite", ""},
    {"rdpid", ""},
    {"rdrnd", ""},
    {"rdseed", ""},
    {"rtm", ""},
    {"sahf", ""},
    {"serialize", ""},
    {"sgx", ""},
    {"shstk", ""},
    {"tbm", ""},
    {"tsxldtrk", ""},
    {"uintr", ""},
    {"waitpkg", ""},
    {"wbnoinvd", ""},
};

/* -march=NAME: what an earlier one of the table has and more (gcc 12, `gcc -march=NAME -Q --help=target`). */
static const struct {
    const char *name;
    const char *base;
    const char *more;
} cpus[] = {
    {"x86-64", "", "mmx sse2 fxsr "},
    {"x86-64-v2", "x86-64", "sse4.2 cx16 sahf "},
    {"x86-64-v3", "x86-64-v2", "avx2 bmi bmi2 f16c fma lzcnt movbe "},
    {"x86-64-v4", "x86-64-v3", "avx512bw avx512cd avx512dq avx512vl "},
    {"core2", "x86-64", "ssse3 cx16 sahf "},
    {"nehalem", "x86-64-v2", ""},
    {"westmere", "nehalem", "pclmul "},
    {"sandybridge", "westmere", "avx xsaveopt "},
    {"ivybridge", "sandybridge", "f16c fsgsbase rdrnd "},
    {"haswell", "ivybridge", "avx2 bmi bmi2 fma hle lzcnt movbe "},
    {"broadwell", "haswell", "adx prfchw rdseed "},
    {"skylake", "broadwell", "aes clflushopt sgx xsavec xsaves "},
    {"skylake-avx512", "skylake", "avx512bw avx512cd avx512dq avx512vl clwb pku "},
    {"cascadelake", "skylake-avx512", "avx512vnni "},
    {"icelake-client", "skylake",
     "avx512bw avx512cd avx512dq avx512vl pku avx512bitalg avx512ifma avx512vbmi avx512vbmi2 avx512vnni "
     "avx512vpopcntdq gfni rdpid sha vaes vpclmulqdq "},
    {"icelake-server", "icelake-client", "clwb pconfig wbnoinvd "},
    {"znver1", "x86-64-v3",
     "abm adx aes clflushopt clzero fsgsbase mwaitx pclmul prfchw rdrnd rdseed sha sse4a xsavec xsaveopt xsaves "},
    {"znver2", "znver1", "clwb rdpid wbnoinvd "},
    {"znver3", "znver2", "pku vaes vpclmulqdq "},
};

/* An instruction set: has[i] of features[i]. */
struct set {
    bool has[COUNT(features)];
};

/* Index of a feature, COUNT(features) when it is none. */
static size_t find_feature(const char *name, size_t size)
{
    size_t i = 0;

    while (i < COUNT(features) && (strlen(features[i].name) != size || strncmp(features[i].name, name, size) != 0))
        i++;
    return i;
}

static bool brings(size_t i, const char *name)
{
    size_t size = strlen(name);

    for (const char *at = features[i].brings; *at; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == size && strncmp(at, name, size) == 0)
            return true;
    return false;
}

/* Takes in features, and what those that are there bring, until nothing is new. */
static void add(struct set *set, const char *names)
{
    for (const char *at = names; *at; at += strcspn(at, " ") + 1) {
        size_t i = find_feature(at, strcspn(at, " "));
        if (i < COUNT(features) && !set->has[i]) {
            set->has[i] = true;
            add(set, features[i].brings);
        }
    }
}

static void take_away(struct set *set, size_t feature)
{
    set->has[feature] = false;
    for (size_t i = 0; i < COUNT(features); i++)
        if (set->has[i] && brings(i, features[feature].name))
            take_away(set, i);
}

static bool add_cpu(struct set *set, const char *name)
{
    for (size_t i = 0; i < COUNT(cpus); i++) {
        if (strcmp(cpus[i].name, name) != 0)
            continue;
        add(set, cpus[i].more);
        return *cpus[i].base ? add_cpu(set, cpus[i].base) : true;
    }
    return false;
}

/* The name behind -m or -mno-. */
static const char *name_of(const char *flag, bool *on)
{
    *on = strncmp(flag, "-mno-", 5) != 0;
    const char *name = flag + (*on ? 2 : 5);
    /* -msse4 stands for the last of them, -mno-sse4 for the first. */
    return strcmp(name, "sse4") == 0 ? *on ? "sse4.2" : "sse4.1" : name;
}

bool hf_instructions_flag(const char *flag)
{
    bool on;

    if (strncmp(flag, "-m", 2) != 0)
        return false;
    const char *name = name_of(flag, &on);
    return strncmp(flag, "-march=", 7) == 0 || find_feature(name, strlen(name)) < COUNT(features);
}

static const char *march(char *const *flags, size_t count)
{
    const char *found = "x86-64";

    for (size_t i = 0; i < count; i++)
        if (strncmp(flags[i], "-march=", 7) == 0)
            found = flags[i] + 7;
    return found;
}

static void add_flags(struct set *set, char *const *flags, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool on;
        const char *name = name_of(flags[i], &on);
        size_t feature = find_feature(name, strlen(name));
        if (feature < COUNT(features) && on) {
            set->has[feature] = true;
            add(set, features[feature].brings);
        } else if (feature < COUNT(features)) {
            take_away(set, feature);
        }
    }
}

/* What `patch` has and `target` has not. */
static char *difference(const struct set *patch, const struct set *target)
{
    char *text = strdup("");

    for (size_t i = 0; text && i < COUNT(features); i++) {
        if (!patch->has[i] || target->has[i])
            continue;
        char *longer;
        int size = asprintf(&longer, "%s%s%s", text, *text ? ", " : "", features[i].name);
        free(text);
        text = size < 0 ? NULL : longer;
    }
    return text;
}

static bool same(char *const *target, size_t target_count, char *const *patch, size_t patch_count)
{
    size_t i = 0;

    while (i < target_count && i < patch_count && strcmp(target[i], patch[i]) == 0)
        i++;
    return i == target_count && i == patch_count;
}

enum hf_instructions_relation hf_instructions_compare(char *const *target, size_t target_count, char *const *patch,
                                                      size_t patch_count, char **beyond)
{
    struct set target_set = {{false}}, patch_set = {{false}};
    const char *target_cpu = march(target, target_count), *patch_cpu = march(patch, patch_count);

    bool known = add_cpu(&target_set, target_cpu);
    known = add_cpu(&patch_set, patch_cpu) && known;
    add_flags(&target_set, target, target_count);
    add_flags(&patch_set, patch, patch_count);
    *beyond = difference(&patch_set, &target_set);
    /* native is whatever machine it was compiled on. */
    if (strcmp(patch_cpu, "native") == 0 || (!known && !same(target, target_count, patch, patch_count)))
        return HF_INSTRUCTIONS_UNKNOWN;
    return *beyond && **beyond ? HF_INSTRUCTIONS_BEYOND : HF_INSTRUCTIONS_WITHIN;
}
