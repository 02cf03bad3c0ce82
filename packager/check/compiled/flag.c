/* SPDX-License-Identifier: Apache-2.0 */
#include "check/compiled/flag.h"

#include <fnmatch.h>
#include <stddef.h>

#include "check/compiled/instructions.h"

/* fnmatch(3) patterns; the first that matches counts. */
static const struct {
    const char *pattern;
    enum hf_flag_class class;
} classes[] = {
    {"-Wa,*", HF_FLAG_SEMANTIC}, /* the assembler's options */
    {"-Wp,*", HF_FLAG_SEMANTIC}, /* the preprocessor's: macros */
    {"-W*", HF_FLAG_IGNORED},    /* warnings, and the linker's options */
    {"-w", HF_FLAG_IGNORED},
    {"-pedantic*", HF_FLAG_IGNORED},
    {"-g*", HF_FLAG_IGNORED}, /* debug information */
    {"-fdebug-types-section", HF_FLAG_IGNORED},
    {"-f*eliminate-unused-debug-*", HF_FLAG_IGNORED},
    {"-f*var-tracking*", HF_FLAG_IGNORED},
    {"-f*record-*-switches", HF_FLAG_IGNORED},
    {"-f*record-command-line", HF_FLAG_IGNORED},
    {"-f*ident", HF_FLAG_IGNORED},
    {"-f*verbose-asm", HF_FLAG_IGNORED},
    {"-fmax-errors=*", HF_FLAG_IGNORED}, /* diagnostics */
    {"-ferror-limit=*", HF_FLAG_IGNORED},
    {"-f*diagnostics*", HF_FLAG_IGNORED},
    {"-fmessage-length=*", HF_FLAG_IGNORED},
    {"-f*ansi-escape-codes", HF_FLAG_IGNORED},
    {"-f*show-*", HF_FLAG_IGNORED},
    {"-ftrack-macro-expansion*", HF_FLAG_IGNORED},
    {"-f*macro-backtrace-limit=*", HF_FLAG_IGNORED},
    {"-f*template-backtrace-limit=*", HF_FLAG_IGNORED},
    {"-ftime-report*", HF_FLAG_IGNORED},
    {"-fmem-report*", HF_FLAG_IGNORED},
    {"-fstack-usage", HF_FLAG_IGNORED},
    {"-fdump-*", HF_FLAG_IGNORED},
    {"-save-temps*", HF_FLAG_IGNORED},
    {"-frandom-seed=*", HF_FLAG_IGNORED}, /* names of symbols that no one sees */
    {"-f*-prefix-map=*", HF_FLAG_IGNORED},
    {"-femit-class-debug-always", HF_FLAG_IGNORED},
    {"-fstandalone-debug", HF_FLAG_IGNORED},
    {"-ffunction-sections", HF_FLAG_IGNORED}, /* where code goes, not what it is */
    {"-fno-function-sections", HF_FLAG_IGNORED},
    {"-fdata-sections", HF_FLAG_IGNORED},
    {"-fno-data-sections", HF_FLAG_IGNORED},
    {"-f*unique-section-names", HF_FLAG_IGNORED},
    {"-f*gnu-unique", HF_FLAG_IGNORED}, /* how symbols are bound: that is looked at */
    {"-mtune=*", HF_FLAG_IGNORED},      /* what is fast where, not what is done */
    {"--param=l[12]-cache-*", HF_FLAG_IGNORED},
    {"-[cSEv]", HF_FLAG_IGNORED}, /* what the driver is to do, and where things are (clang records all of it) */
    {"-###", HF_FLAG_IGNORED},
    {"-pipe", HF_FLAG_IGNORED},
    {"-pthread", HF_FLAG_IGNORED}, /* defines _REENTRANT, as gcc records no other macro either */
    {"-quiet", HF_FLAG_IGNORED},
    {"-shared", HF_FLAG_IGNORED},
    {"-static*", HF_FLAG_IGNORED},
    {"-pie", HF_FLAG_IGNORED},
    {"-no-pie", HF_FLAG_IGNORED},
    {"-nopie", HF_FLAG_IGNORED},
    {"-rdynamic", HF_FLAG_IGNORED},
    {"-nostdlib", HF_FLAG_IGNORED},
    {"-nostartfiles", HF_FLAG_IGNORED},
    {"-nodefaultlibs", HF_FLAG_IGNORED},
    {"-M*", HF_FLAG_IGNORED},
    {"-x*", HF_FLAG_IGNORED},
    {"-I*", HF_FLAG_IGNORED},
    {"-L*", HF_FLAG_IGNORED},
    {"-l*", HF_FLAG_IGNORED},
    {"-o*", HF_FLAG_IGNORED},
    {"-fuse-ld=*", HF_FLAG_IGNORED},
    {"-B*", HF_FLAG_IGNORED},
    {"-dump*", HF_FLAG_IGNORED},
    {"-f*lto-partition=*", HF_FLAG_IGNORED},

    {"-fno-lto", HF_FLAG_IGNORED}, /* the defaults, once nothing before them counts any more */
    {"-fno-wrapv*", HF_FLAG_IGNORED},
    {"-fno-trapv", HF_FLAG_IGNORED},
    {"-fno-short-enums", HF_FLAG_IGNORED},
    {"-fno-short-wchar", HF_FLAG_IGNORED},
    {"-fno-pack-struct", HF_FLAG_IGNORED},
    {"-fno-stack-protector", HF_FLAG_IGNORED},
    {"-fno-stack-clash-protection", HF_FLAG_IGNORED},
    {"-fcf-protection=none", HF_FLAG_IGNORED},
    {"-mbranch-protection=none", HF_FLAG_IGNORED},
    {"-fno-profile-arcs", HF_FLAG_IGNORED},
    {"-fno-test-coverage", HF_FLAG_IGNORED},

    {"-fPI[CE]", HF_FLAG_PIC},
    {"-fpi[ce]", HF_FLAG_PIC},
    {"-fno-PI[CE]", HF_FLAG_PIC},
    {"-fno-pi[ce]", HF_FLAG_PIC},
    {"-f*plt", HF_FLAG_PIC},
    {"-f*semantic-interposition", HF_FLAG_PIC},
    {"-m*direct-extern-access", HF_FLAG_PIC},
    {"-f*direct-access-external-data", HF_FLAG_PIC},

    {"-f*stack-protector*", HF_FLAG_HARDENING},
    {"-f*stack-clash-protection", HF_FLAG_HARDENING},
    {"-f*stack-check*", HF_FLAG_HARDENING},
    {"-fcf-protection*", HF_FLAG_HARDENING},
    {"-mbranch-protection=*", HF_FLAG_HARDENING},
    {"-msign-return-address=*", HF_FLAG_HARDENING},
    {"-mstack-protector-guard*", HF_FLAG_ABI},
    {"-mindirect-branch*", HF_FLAG_HARDENING},
    {"-mfunction-return=*", HF_FLAG_HARDENING},
    {"-m*retpoline*", HF_FLAG_HARDENING},
    {"-m*speculative-load-hardening", HF_FLAG_HARDENING},
    {"-mharden-sls=*", HF_FLAG_HARDENING},
    {"-m*mitigate-rop", HF_FLAG_HARDENING},
    {"-ftrivial-auto-var-init=*", HF_FLAG_HARDENING},
    {"-fzero-call-used-regs=*", HF_FLAG_HARDENING},
    {"-f*harden-*", HF_FLAG_HARDENING},

    {"-f*short-enums", HF_FLAG_ABI},
    {"-f*short-wchar", HF_FLAG_ABI},
    {"-fpack-struct*", HF_FLAG_ABI},
    {"-f*signed-char", HF_FLAG_ABI},
    {"-f*unsigned-char", HF_FLAG_ABI},
    {"-f*signed-bitfields", HF_FLAG_ABI},
    {"-f*unsigned-bitfields", HF_FLAG_ABI},
    {"-ftls-model=*", HF_FLAG_ABI},
    {"-fabi-version=*", HF_FLAG_ABI},
    {"-f*pcc-struct-return", HF_FLAG_ABI},
    {"-f*reg-struct-return", HF_FLAG_ABI},
    {"-fcall*", HF_FLAG_ABI},
    {"-ffixed-*", HF_FLAG_ABI},
    {"-f*leading-underscore", HF_FLAG_ABI},
    {"-f*split-stack", HF_FLAG_ABI},
    {"-target*", HF_FLAG_ABI},
    {"--target=*", HF_FLAG_ABI},

    {"-f*wrapv*", HF_FLAG_SEMANTIC},
    {"-f*trapv", HF_FLAG_SEMANTIC},
    {"-f*strict-aliasing", HF_FLAG_SEMANTIC},
    {"-f*strict-overflow", HF_FLAG_SEMANTIC},
    {"-f*strict-enums", HF_FLAG_SEMANTIC},
    {"-f*strict-volatile-bitfields", HF_FLAG_SEMANTIC},
    {"-f*delete-null-pointer-checks", HF_FLAG_SEMANTIC},
    {"-f*math*", HF_FLAG_SEMANTIC},
    {"-f*signed-zeros", HF_FLAG_SEMANTIC},
    {"-f*cx-*", HF_FLAG_SEMANTIC},
    {"-f*signaling-nans", HF_FLAG_SEMANTIC},
    {"-fexcess-precision=*", HF_FLAG_SEMANTIC},
    {"-ffp-contract=*", HF_FLAG_SEMANTIC},
    {"-ffp-model=*", HF_FLAG_SEMANTIC},
    {"-ffp-*", HF_FLAG_SEMANTIC},
    {"-f*float-store", HF_FLAG_SEMANTIC},
    {"-f*single-precision-constant", HF_FLAG_SEMANTIC},
    {"-mfpmath=*", HF_FLAG_SEMANTIC},
    {"-m*ieee-fp", HF_FLAG_SEMANTIC},
    {"-m*recip*", HF_FLAG_SEMANTIC},
    {"-mpc[368]*", HF_FLAG_SEMANTIC},
    {"-f*exceptions", HF_FLAG_SEMANTIC},
    {"-f*unwind-tables", HF_FLAG_SEMANTIC},
    {"-f*common", HF_FLAG_SEMANTIC},
    {"-f*builtin*", HF_FLAG_SEMANTIC},
    {"-f*freestanding", HF_FLAG_SEMANTIC},
    {"-f*hosted", HF_FLAG_SEMANTIC},
    {"-f*gnu89-inline", HF_FLAG_SEMANTIC},
    {"-f*ms-extensions", HF_FLAG_SEMANTIC},
    {"-f*plan9-extensions", HF_FLAG_SEMANTIC},
    {"-fvisibility*", HF_FLAG_SEMANTIC},
    {"-f*charset=*", HF_FLAG_SEMANTIC},
    {"-f*rtti", HF_FLAG_SEMANTIC},
    {"-f*permissive", HF_FLAG_IGNORED},
    {"-f*openmp*", HF_FLAG_SEMANTIC},

    {"-O*", HF_FLAG_OPTIMISATION},
    {"-p", HF_FLAG_OPTIMISATION},
    {"-pg", HF_FLAG_OPTIMISATION},
    {"-m*fentry", HF_FLAG_OPTIMISATION},
    {"-m*mcount", HF_FLAG_OPTIMISATION},
    {"-m*stv", HF_FLAG_OPTIMISATION},
    {"-m*vzeroupper", HF_FLAG_OPTIMISATION},
    {"-mprefer-vector-width=*", HF_FLAG_OPTIMISATION},
    {"-m*split-unaligned-*", HF_FLAG_OPTIMISATION},
    {"-m*inline-*stringops*", HF_FLAG_OPTIMISATION},
    {"-mmem*-strategy=*", HF_FLAG_OPTIMISATION},
    {"-mbranch-cost=*", HF_FLAG_OPTIMISATION},
    {"-m*omit-leaf-frame-pointer", HF_FLAG_OPTIMISATION},
    {"-mllvm *", HF_FLAG_OPTIMISATION},
    {"--param=*", HF_FLAG_OPTIMISATION},
    {"--coverage", HF_FLAG_OPTIMISATION},
    {"-coverage", HF_FLAG_OPTIMISATION},
    {"-f*", HF_FLAG_OPTIMISATION},
};

enum hf_flag_class hf_flag_class(const char *flag)
{
    if (hf_instructions_flag(flag))
        return HF_FLAG_INSTRUCTIONS;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (fnmatch(classes[i].pattern, flag, 0) == 0)
            return classes[i].class;
    return flag[0] == '-' && flag[1] == 'm' ? HF_FLAG_ABI : HF_FLAG_SEMANTIC;
}
