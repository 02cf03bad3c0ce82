/* SPDX-License-Identifier: Apache-2.0 */
/* hotfixctl doctor: what this host lets be done, each with one sentence, and the step that helps where something is in
 * the way. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "shared/audit.h"
#include "truststore.h"
#include "verbs.h"

#define KERNEL_MAJOR 4 /* with PTRACE_O_SUSPEND_SECCOMP, memfds and map_files */
#define KERNEL_MINOR 8

#define CAP_SYS_PTRACE 19
#define CAP_SYS_ADMIN  21

struct doctor {
    struct hf_ctl_report *report;
    size_t found;
    unsigned long long capabilities; /* effective ones */
};

/* The first line of a file in /proc or /sys; false without one. */
static bool read_line(const char *path, char *text, size_t size)
{
    HF_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, text, size - 1) : -1;

    text[got > 0 ? got : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return got > 0;
}

/* step: what helps; NULL where nothing needs help. */
__attribute__((format(printf, 4, 5))) static void tell(struct doctor *doctor, const char *about, const char *step,
                                                       const char *format, ...)
{
    struct hf_ctl_report *report = doctor->report;
    HF_FREE char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    doctor->found += step != NULL;
    hf_ctl_report_line(report, "%s %s: %s%s%s", step ? "!!" : "ok", about, text ? text : "", step ? ": " : "",
                       step ? step : "");
    hf_ctl_report_open(report, NULL, '{');
    hf_ctl_report_text(report, "about", about);
    hf_ctl_report_flag(report, "ok", step == NULL);
    hf_ctl_report_text(report, "found", text);
    hf_ctl_report_text(report, "step", step);
    hf_ctl_report_close(report, '}');
}

static void look_at_kernel(struct doctor *doctor)
{
    struct utsname name;
    unsigned int major = 0, minor = 0;

    uname(&name);
    bool old = sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
               (major < KERNEL_MAJOR || (major == KERNEL_MAJOR && minor < KERNEL_MINOR));
    tell(doctor, "kernel", old ? "a kernel of 4.8 or later is needed" : NULL, "Linux %s", name.release);
}

static unsigned long long read_capabilities(void)
{
    HF_FCLOSE FILE *file = fopen("/proc/self/status", "re");
    unsigned long long value = 0;
    char line[256];

    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "CapEff: %llx", &value) == 1)
            break;
    }
    return value;
}

static bool has(const struct doctor *doctor, int capability)
{
    return doctor->capabilities >> capability & 1;
}

static void look_at_rights(struct doctor *doctor)
{
    if (has(doctor, CAP_SYS_PTRACE))
        tell(doctor, "rights", NULL, "user %u may trace the processes of all users (CAP_SYS_PTRACE)", geteuid());
    else
        tell(doctor, "rights", "run this as root to enter those of others", "user %u may trace its own processes only",
             geteuid());
    if (has(doctor, CAP_SYS_ADMIN))
        tell(doctor, "seccomp", NULL,
             "filters of system calls can be suspended while a process is entered (CAP_SYS_ADMIN)");
    else
        tell(doctor, "seccomp", "run this as root with CAP_SYS_ADMIN to enter those too",
             "processes with a filter of system calls are refused");
}

static void look_at_yama(struct doctor *doctor)
{
    char text[16];
    int scope = read_line("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) ? atoi(text) : -1;

    if (scope <= 0)
        tell(doctor, "yama", NULL, "%s",
             scope < 0 ? "the kernel has no Yama" : "kernel.yama.ptrace_scope is 0: who may trace is not restricted");
    else if (scope == 3)
        tell(doctor, "yama", "set it to 2 or less where it is set (/etc/sysctl.d), and boot the host anew",
             "kernel.yama.ptrace_scope is 3: nobody may trace, root neither");
    else if (has(doctor, CAP_SYS_PTRACE))
        tell(doctor, "yama", NULL, "kernel.yama.ptrace_scope is %d: CAP_SYS_PTRACE is needed, and there", scope);
    else
        tell(doctor, "yama", "run this as root", "kernel.yama.ptrace_scope is %d: only CAP_SYS_PTRACE may trace",
             scope);
}

/* The mapping of the first namespace of users is that of everybody. */
static void look_at_users(struct doctor *doctor)
{
    unsigned long inside = 0, outside = 0, count = 0;
    char text[128] = "";

    read_line("/proc/self/uid_map", text, sizeof(text));
    if (sscanf(text, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
        count == 4294967295UL)
        tell(doctor, "users", NULL, "this is the host's own user namespace");
    else
        tell(doctor, "users", "run this in the host's, outside of the container, to enter others",
             "this is a user namespace of its own, whose root may trace only processes in it");
}

static void look_at_proc(struct doctor *doctor)
{
    char text[64] = "";

    if (!read_line("/proc/1/comm", text, sizeof(text)))
        tell(doctor, "proc", "mount it as usual (mount -t proc proc /proc), without hidepid for this user",
             "/proc does not show the processes of others");
    else
        tell(doctor, "proc", NULL, "/proc shows all processes of this PID namespace, whose first is %s", text);
    if (read_line("/sys/kernel/security/lockdown", text, sizeof(text)) && strstr(text, "[confidentiality]"))
        tell(doctor, "lockdown", "it ends with the next boot without lockdown=confidentiality",
             "the kernel is locked down, and may forbid to read memory");
}

/* As the library is carried: in a memfd from which code is mapped. */
static void look_at_memfd(struct doctor *doctor)
{
    HF_CLOSE int fd = memfd_create("hotfixctl", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *memory = MAP_FAILED;

    if (fd >= 0 && ftruncate(fd, 4096) == 0)
        memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) {
        const char *why = strerror(errno);
        tell(doctor, "memfd", "allow it: see vm.memfd_noexec, and the policy of SELinux or AppArmor",
             "code cannot be mapped from a memfd, which the library comes in: %s", why);
        return;
    }
    munmap(memory, 4096);
    tell(doctor, "memfd", NULL, "code can be mapped from a memfd, which the library comes in");
}

/* The library is part of this command; what it needs of a process is its C library alone. */
static void look_at_library(struct doctor *doctor)
{
    tell(doctor, "library", NULL,
         "libhotfix " HOTFIX_VERSION " is part of this command: processes need glibc 2.34 or later only");
}

static void look_at_log(struct doctor *doctor)
{
    if (hf_audit_is_heard())
        tell(doctor, "log", NULL, "what is applied and refused is written to the journal or to syslog");
    else
        tell(doctor, "log", "start systemd-journald or a syslog daemon",
             "nobody listens for what is applied and refused");
}

static void look_at_trust(struct doctor *doctor, const char *path)
{
    struct hf_trust_files files = {0};
    struct hf_trust trust = {0};
    struct hotfix_error error;

    if (hf_trust_files_read(path, &files, &error) != 0 || hf_trust_parse(path, &files, &trust, &error) != 0)
        tell(doctor, "trust",
             "put the keys that are believed there, owned by root and writable by nobody else (hotfix-trust(5))", "%s",
             error.message);
    else if (trust.policy.fresh)
        tell(doctor, "trust", "give another store with --trust",
             "%s demands freshness, which hotfixctl cannot keep yet", path);
    else
        tell(doctor, "trust", NULL, "%s can be used: %zu keys or authorities, of which %zu must agree", path,
             trust.count, trust.policy.keys ? trust.policy.keys : (size_t)1);
    hf_trust_deinit(&trust);
    hf_trust_files_deinit(&files);
}

int hf_verb_doctor(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    struct doctor doctor = {.report = report, .capabilities = read_capabilities()};

    (void)err;
    report->list = "findings";
    look_at_kernel(&doctor);
    look_at_rights(&doctor);
    look_at_yama(&doctor);
    look_at_users(&doctor);
    look_at_proc(&doctor);
    look_at_memfd(&doctor);
    look_at_library(&doctor);
    look_at_log(&doctor);
    look_at_trust(&doctor, ctl->trust);
    if (doctor.found > 0)
        hf_ctl_report_not_all(report, "%zu things are in the way", doctor.found);
    return 0;
}
