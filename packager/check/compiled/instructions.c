/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/instructions.h"

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
    /* arm64, each with the sign that stands in front of it in -march=; none of x86-64 has one. */
    {"+fp", ""},
    {"+simd", "+fp "},
    {"+fp16", "+fp "},
    {"+fp16fml", "+fp16 "},
    {"+crc", ""},
    {"+lse", ""},
    {"+rdma", "+simd "},
    {"+rcpc", ""},
    {"+dotprod", "+simd "},
    {"+aes", "+simd "},
    {"+sha2", "+simd "},
    {"+crypto", "+aes +sha2 "},
    {"+sha3", "+sha2 "},
    {"+sm4", "+simd "},
    {"+flagm", ""},
    {"+pauth", ""},
    {"+memtag", ""},
    {"+rng", ""},
    {"+sb", ""},
    {"+ssbs", ""},
    {"+predres", ""},
    {"+profile", ""},
    {"+tme", ""},
    {"+ls64", ""},
    {"+i8mm", "+simd "},
    {"+bf16", "+simd "},
    {"+sve", "+simd +fp16 "},
    {"+f32mm", "+sve "},
    {"+f64mm", "+sve "},
    {"+sve2", "+sve "},
    {"+sve2-aes", "+sve2 +aes "},
    {"+sve2-bitperm", "+sve2 "},
    {"+sve2-sha3", "+sve2 +sha3 "},
    {"+sve2-sm4", "+sve2 +sm4 "},
    /* Versions of the architecture. */
    {"+v8.1", "+crc +lse +rdma "},
    {"+v8.2", "+v8.1 "},
    {"+v8.3", "+v8.2 +pauth +rcpc "},
    {"+v8.4", "+v8.3 +dotprod +flagm "},
    {"+v8.5", "+v8.4 +sb +ssbs +predres "},
    {"+v8.6", "+v8.5 +i8mm +bf16 "},
    {"+v8.7", "+v8.6 "},
    {"+v8.8", "+v8.7 "},
    {"+v9", "+v8.5 +sve2 "},
};

/* -march=NAME: what an earlier one of the table has and more (gcc 12, `gcc -march=NAME -Q --help=target`, and for arm64
 * gcc's manual, "AArch64 Options"). */
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
    {"cooperlake", "cascadelake", "avx512bf16 "},
    {"cannonlake", "skylake", "avx512bw avx512cd avx512dq avx512ifma avx512vbmi avx512vl pku sha "},
    {"icelake-client", "skylake",
     "avx512bw avx512cd avx512dq avx512vl pku avx512bitalg avx512ifma avx512vbmi avx512vbmi2 avx512vnni "
     "avx512vpopcntdq gfni rdpid sha vaes vpclmulqdq "},
    {"icelake-server", "icelake-client", "clwb pconfig wbnoinvd "},
    {"tigerlake", "icelake-client", "avx512vp2intersect clwb movdir64b movdiri widekl "},
    {"sapphirerapids", "icelake-server",
     "amx-bf16 amx-int8 avx512bf16 avx512fp16 avx512vp2intersect avxvnni cldemote enqcmd movdir64b movdiri ptwrite "
     "serialize tsxldtrk uintr waitpkg "},
    {"znver1", "x86-64-v3",
     "abm adx aes clflushopt clzero fsgsbase mwaitx pclmul prfchw rdrnd rdseed sha sse4a xsavec xsaveopt xsaves "},
    {"znver2", "znver1", "clwb rdpid wbnoinvd "},
    {"znver3", "znver2", "pku vaes vpclmulqdq "},
    {"armv8-a", "", "+simd "},
    {"armv8.1-a", "armv8-a", "+v8.1 "},
    {"armv8.2-a", "armv8-a", "+v8.2 "},
    {"armv8.3-a", "armv8-a", "+v8.3 "},
    {"armv8.4-a", "armv8-a", "+v8.4 "},
    {"armv8.5-a", "armv8-a", "+v8.5 "},
    {"armv8.6-a", "armv8-a", "+v8.6 "},
    {"armv8.7-a", "armv8-a", "+v8.7 "},
    {"armv8.8-a", "armv8-a", "+v8.8 "},
    {"armv9-a", "armv8-a", "+v9 "},
    {"generic", "armv8-a", ""},
    {"cortex-a53", "armv8-a", "+crc "},
    {"cortex-a57", "armv8-a", "+crc "},
    {"cortex-a72", "armv8-a", "+crc "},
    {"cortex-a73", "armv8-a", "+crc "},
    {"cortex-a76", "armv8.2-a", "+fp16 +rcpc +dotprod "},
    {"neoverse-n1", "armv8.2-a", "+fp16 +rcpc +dotprod +profile "},
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

/* +NAME and +noNAME, in their order. */
static bool add_extensions(struct set *set, const char *text)
{
    while (*text) {
        size_t size = 1 + strcspn(text + 1, "+");
        bool off = strncmp(text, "+no", 3) == 0;
        char name[32];
        snprintf(name, sizeof(name), "+%.*s", (int)(off ? size - 3 : size - 1), text + (off ? 3 : 1));
        size_t feature = find_feature(name, strlen(name));
        if (feature == COUNT(features))
            return false;
        if (off) {
            take_away(set, feature);
        } else {
            set->has[feature] = true;
            add(set, features[feature].brings);
        }
        text += size;
    }
    return true;
}

/* Index of a CPU, without its extensions; COUNT(cpus) when it is not known. */
static size_t find_cpu(const char *name)
{
    size_t i = 0, size = strcspn(name, "+");

    while (i < COUNT(cpus) && (strlen(cpus[i].name) != size || strncmp(cpus[i].name, name, size) != 0))
        i++;
    return i;
}

static bool add_cpu(struct set *set, const char *name)
{
    size_t i = find_cpu(name);

    if (i == COUNT(cpus))
        return false;
    if (*cpus[i].base)
        add_cpu(set, cpus[i].base);
    add(set, cpus[i].more);
    return add_extensions(set, name + strcspn(name, "+"));
}

/* The name behind -m or -mno-. */
static const char *name_of(const char *flag, bool *on)
{
    *on = strncmp(flag, "-mno-", 5) != 0;
    const char *name = flag + (*on ? 2 : 5);
    /* -msse4 stands for the last of them, -mno-sse4 for the first. */
    return strcmp(name, "sse4") == 0 ? *on ? "sse4.2" : "sse4.1" : name;
}

/* The CPU that a flag names, or NULL. -mcpu= is one of arm64 compilers; those of x86-64 take it for -mtune=. */
static const char *cpu_of(const char *flag)
{
    if (strncmp(flag, "-march=", 7) == 0)
        return flag + 7;
    return strncmp(flag, "-mcpu=", 6) == 0 ? flag + 6 : NULL;
}

bool hf_instructions_flag(const char *flag)
{
    bool on;

    if (strncmp(flag, "-m", 2) != 0)
        return false;
    const char *name = name_of(flag, &on);
    return cpu_of(flag) || find_feature(name, strlen(name)) < COUNT(features);
}

/* The CPU that the flags name last, -march= before -mcpu=; NULL when they name none. */
static const char *named_cpu(char *const *flags, size_t count)
{
    const char *found = NULL;
    bool arch = false;

    for (size_t i = 0; i < count; i++) {
        const char *cpu = cpu_of(flags[i]);
        bool is_arch = strncmp(flags[i], "-march=", 7) == 0;
        if (!cpu || (arch && !is_arch))
            continue;
        found = cpu;
        arch = is_arch;
    }
    return found;
}

/* What compilers take where no CPU is named, while the other side names one. */
static const char *default_cpu(const char *other)
{
    const char *found = "x86-64";

    for (size_t i = find_cpu(other ? other : found); i < COUNT(cpus); i = find_cpu(cpus[i].base))
        found = cpus[i].name;
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
    const char *target_cpu = named_cpu(target, target_count), *patch_cpu = named_cpu(patch, patch_count);

    target_cpu = target_cpu ? target_cpu : default_cpu(patch_cpu);
    patch_cpu = patch_cpu ? patch_cpu : default_cpu(target_cpu);
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
