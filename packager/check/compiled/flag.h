/* SPDX-License-Identifier: Apache-2.0 */
/* Classes of compiler flags: each class has its own check. */
#ifndef HF_FLAG_H
#define HF_FLAG_H

enum hf_flag_class {
    HF_FLAG_IGNORED,      /* does not affect code, or in a way that need not match */
    HF_FLAG_PIC,          /* position independence: a patch is a shared object, whatever its target is */
    HF_FLAG_ABI,          /* layout of types, calls, thread-local storage */
    HF_FLAG_SEMANTIC,     /* what source text means: overflow, aliasing, floating point, language, macros */
    HF_FLAG_INSTRUCTIONS, /* instructions that may be used */
    HF_FLAG_OPTIMISATION, /* optimisation, and instrumentation by sanitizers, coverage and profiling */
    HF_FLAG_HARDENING     /* stack protection, control flow protection */
};

/* The class of a flag, its operand joined to it ("-include x.h", "--param=x=1"). */
enum hf_flag_class hf_flag_class(const char *flag);

#endif
