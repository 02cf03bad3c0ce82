/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the `hotfix` command: one cmd_<verb>.c each. */
#ifndef HF_COMMAND_H
#define HF_COMMAND_H

struct hf_command {
    const char *name;
    const char *summary; /* one line for `hotfix --help` */
    /* argv[0] is the verb's name, argv[argc] is NULL. Returns the exit status, that of hf_report_finish(). */
    int (*run)(int argc, char **argv);
};

int hf_cmd_keygen(int argc, char **argv);
int hf_cmd_build(int argc, char **argv);
int hf_cmd_check(int argc, char **argv);
int hf_cmd_pack(int argc, char **argv);
int hf_cmd_sign(int argc, char **argv);
int hf_cmd_verify(int argc, char **argv);
int hf_cmd_show(int argc, char **argv);

int hf_cmd_cache(int argc, char **argv);
int hf_cmd_cc(int argc, char **argv);

/* The command under a compiler's name: runs that compiler and records what it made. Returns the compiler's exit status.
 */
int hf_cc_shim(int argc, char **argv);

#endif
