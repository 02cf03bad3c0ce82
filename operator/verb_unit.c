/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotfixctl enable-unit and disable-unit: the drop-in with which a service starts with the agent preloaded. Its helpers
 * (ExecStartPre= and what the program starts) have the agent, too, since systemd knows no environment for one of a
 * unit's commands alone: the agent does nothing in programs for whose build-id nothing is enabled.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "error.h"
#include "file.h"
#include "inside/protocol.h"
#include "process/unitfile.h"
#include "shared/audit.h"
#include "verbs.h"

#define AGENT_NAME "hotfix/libhotfix-agent.so"
#define SYSTEM     "/etc/systemd/system"
#define FIRST_LINE "# Written by hotfixctl enable-unit, taken away by hotfixctl disable-unit.\n"
#define PRELOAD    "LD_PRELOAD="

/* What the agent calls when it applies a bundle, beyond systemd's @default. */
#define CALLS                                                                                                          \
    "access clone close connect fcntl flock fstat ftruncate getdents64 lseek madvise memfd_create newfstatat openat "  \
    "pread64 prctl pwrite64 read readlink readlinkat rt_sigaction rt_sigprocmask sendto socket stat statfs unlink "    \
    "wait4 write"

struct unit {
    const struct hf_ctl *ctl;
    struct hf_ctl_report *report;
    char *name;
    char *directory; /* of its drop-ins */
    char *path;      /* of ours */
    struct hf_unitfile file;
    char agent[PATH_MAX]; /* as the service sees it */
};

static void unit_cleanup(struct unit *unit)
{
    hf_unitfile_deinit(&unit->file);
    free(unit->name);
    free(unit->directory);
    free(unit->path);
}

static int no_memory(struct hotfix_error *err)
{
    return hf_error(err, HOTFIX_MEMORY, "out of memory");
}

static int name_files(struct unit *unit, struct hotfix_error *err)
{
    if (hf_unitfile_name(unit->ctl->operand, &unit->name, err) != 0)
        return -1;
    if (asprintf(&unit->directory, "%s" SYSTEM "/%s.d", unit->ctl->root, unit->name) < 0) {
        unit->directory = NULL;
        return no_memory(err);
    }
    if (asprintf(&unit->path, "%s/" HF_UNITFILE_OWN, unit->directory) < 0) {
        unit->path = NULL;
        return no_memory(err);
    }
    return 0;
}

static bool exists(const char *root, const char *path)
{
    char whole[2 * PATH_MAX];

    snprintf(whole, sizeof(whole), "%s%s", root, path);
    return access(whole, R_OK) == 0;
}

/* Where it is installed beside this command: /usr/bin/hotfixctl has it in /usr/lib. */
static int find_agent(struct unit *unit, struct hotfix_error *err)
{
    static const char *const libraries[] = {"lib/x86_64-linux-gnu", "lib", "lib64"};
    char self[PATH_MAX] = "";

    if (unit->ctl->agent) {
        snprintf(unit->agent, sizeof(unit->agent), "%s", unit->ctl->agent);
        if (unit->agent[0] != '/' || strpbrk(unit->agent, " \t\"'\\%$:\n"))
            return hf_error(err, HOTFIX_USAGE,
                            "--agent %s: an absolute path without blanks, quotes and colons is needed", unit->agent);
        return exists(unit->ctl->root, unit->agent)
                   ? 0
                   : hf_error(err, HOTFIX_IO, "--agent %s: cannot be read%s%s", unit->agent,
                              *unit->ctl->root ? " below " : "", unit->ctl->root);
    }
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0)
        dirname(dirname(self));
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]) && self[0]; i++) {
        if (snprintf(unit->agent, sizeof(unit->agent), "%s/%s/" AGENT_NAME, strcmp(self, "/") == 0 ? "" : self,
                     libraries[i]) < (int)sizeof(unit->agent) &&
            exists(unit->ctl->root, unit->agent))
            return 0;
    }
    return hf_error(err, HOTFIX_IO,
                    "the agent is not installed: install the package hotfix-agent, or give --agent FILE");
}

/* What the unit itself preloads, as with jemalloc, is kept: an assignment to a variable takes the place of the one
 * before. "" without one; NULL when out of memory. */
static char *find_preloaded(const struct unit *unit)
{
    HF_FREE char *all = hf_unitfile_value(&unit->file, "Environment");
    char *found = all ? strdup("") : NULL;

    for (char *word = all ? strtok(all, " \t\"'") : NULL; word && found; word = strtok(NULL, " \t\"'")) {
        if (strncmp(word, PRELOAD, strlen(PRELOAD)) != 0)
            continue;
        free(found);
        found = strdup(word + strlen(PRELOAD));
    }
    return found;
}

static bool lists_calls(const char *filter)
{
    return *filter && *filter != '~' && !strstr(filter, "@system-service") && !strstr(filter, "@known");
}

/* Lines of the drop-in beyond the environment: only where the unit has such a setting, since each of them would give
 * other units a namespace, or a filter, that they have not. */
static int write_needed(const struct unit *unit, FILE *out)
{
    HF_FREE char *filter = hf_unitfile_value(&unit->file, "SystemCallFilter");
    bool own_root = hf_unitfile_is_set(&unit->file, "RootDirectory") || hf_unitfile_is_set(&unit->file, "RootImage");
    bool hidden =
        hf_unitfile_is_set(&unit->file, "TemporaryFileSystem") || hf_unitfile_is_set(&unit->file, "InaccessiblePaths");
    char directory[PATH_MAX];

    snprintf(directory, sizeof(directory), "%s", unit->agent);
    dirname(directory);
    if (!filter)
        return -1;
    if (hf_unitfile_is_set(&unit->file, "NoExecPaths"))
        fprintf(out, "ExecPaths=%s\n", directory);
    if (own_root || hidden)
        fprintf(out, "BindReadOnlyPaths=%s -" HF_AGENT_STORE " -" HF_AGENT_TRUST "\n", directory);
    if (lists_calls(filter))
        fprintf(out, "SystemCallFilter=" CALLS "\n");
    return 0;
}

static int write_dropin(const struct unit *unit, struct hotfix_error *err)
{
    HF_FREE char *preloaded = find_preloaded(unit);
    char *text = NULL;
    size_t size = 0;
    FILE *out = preloaded ? open_memstream(&text, &size) : NULL;

    if (!out)
        return no_memory(err);
    fprintf(out, FIRST_LINE "[Service]\nEnvironment=" PRELOAD "%s%s%s\n", preloaded, *preloaded ? ":" : "",
            unit->agent);
    int status = write_needed(unit, out);
    if (fclose(out) != 0 || status != 0)
        status = no_memory(err);
    for (char *slash = unit->directory + strlen(unit->ctl->root); status == 0 && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(unit->directory, 0755) != 0 && errno != EEXIST)
            status = hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", unit->directory);
        *slash = '/';
    }
    if (status == 0 && mkdir(unit->directory, 0755) != 0 && errno != EEXIST)
        status = hf_error_sys(err, HOTFIX_IO, "%s: cannot be made", unit->directory);
    if (status == 0)
        status = hf_file_write(unit->path, text, size, 0644, false, err);
    free(text);
    return status;
}

/* What settings of the unit mean for the agent. */
static const struct {
    const char *setting;
    const char *meaning;
} meanings[] = {
    {"MemoryDenyWriteExecute", "the fix is applied all the same: no memory becomes writable and executable"},
    {"NoNewPrivileges", "the fix is applied all the same"},
    {"PrivateUsers", "the store and the trust store must belong to root or to the unit's user, whom it maps"},
    {"SystemCallFilter", "what the agent calls is in @system-service; a list without that gets these calls added, and "
                         "a list of denied calls ('~') must not have them"},
    {"RootDirectory", "the agent, the store and the trust store are mounted into it; it needs /proc and the C library"},
    {"RootImage", "the agent, the store and the trust store are mounted into it; it needs /proc and the C library"},
    {"TemporaryFileSystem", "the agent, the store and the trust store are mounted over it"},
    {"InaccessiblePaths", "the agent, the store and the trust store are mounted over it"},
    {"NoExecPaths", "the agent's directory is added to ExecPaths="},
    {"DynamicUser", "crashes are not counted, since what its user writes to /dev/shm is removed with each end"},
    {"RemoveIPC", "crashes are not counted, since what its user writes to /dev/shm is removed with each end"},
    {"EnvironmentFile", "where that file sets LD_PRELOAD, the agent must be added to it there"},
};

static void tell_settings(const struct unit *unit)
{
    struct hf_ctl_report *report = unit->report;

    hf_ctl_report_open(report, "settings", '[');
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (!hf_unitfile_is_set(&unit->file, meanings[i].setting))
            continue;
        hf_ctl_report_line(report, "  %s=: %s", meanings[i].setting, meanings[i].meaning);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "setting", meanings[i].setting);
        hf_ctl_report_text(report, "meaning", meanings[i].meaning);
        hf_ctl_report_close(report, '}');
    }
    hf_ctl_report_close(report, ']');
}

static void audit(const struct hf_ctl *ctl, const char *result, const struct hotfix_error *error)
{
    hf_audit_write(&(struct hf_audit){.verb = ctl->verb,
                                      .operand = ctl->operand,
                                      .result = error ? "refused" : result,
                                      .message = error ? error->message : NULL});
}

static int enable(struct unit *unit, struct hotfix_error *err)
{
    if (name_files(unit, err) != 0 || hf_unitfile_read(unit->ctl->root, unit->name, &unit->file, err) != 0 ||
        find_agent(unit, err) != 0 || write_dropin(unit, err) != 0)
        return -1;
    hf_ctl_report_line(
        unit->report,
        "%s starts with the agent from its next start on: systemctl daemon-reload && systemctl restart %s", unit->name,
        unit->name);
    hf_ctl_report_open(unit->report, NULL, '{');
    hf_ctl_report_text(unit->report, "unit", unit->name);
    hf_ctl_report_text(unit->report, "file", unit->path);
    tell_settings(unit);
    hf_ctl_report_close(unit->report, '}');
    return 0;
}

int hf_verb_enable_unit(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    __attribute__((cleanup(unit_cleanup))) struct unit unit = {.ctl = ctl, .report = report};
    struct hotfix_error error;

    report->list = "units";
    int status = enable(&unit, &error);
    audit(ctl, "enabled", status == 0 ? NULL : &error);
    if (status != 0 && err)
        *err = error;
    return status;
}

/* A file of the administrator's stays. */
static int remove_dropin(struct unit *unit, struct hotfix_error *err)
{
    HF_FREE uint8_t *text = NULL;
    struct hotfix_error error;
    size_t size = 0;

    if (name_files(unit, err) != 0)
        return -1;
    if (hf_file_read(unit->path, PATH_MAX, &text, &size, &error) != 0) {
        if (error.sys_errno == ENOENT)
            return hf_error(err, HOTFIX_NOT_APPLIED, "%s does not start with the agent", unit->name);
        if (err)
            *err = error;
        return -1;
    }
    if (strncmp((const char *)text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
        return hf_error(err, HOTFIX_IO, "%s was not written by hotfixctl: remove it yourself", unit->path);
    if (unlink(unit->path) != 0)
        return hf_error_sys(err, HOTFIX_IO, "%s: cannot be removed", unit->path);
    rmdir(unit->directory); /* which only an empty one permits */
    return 0;
}

int hf_verb_disable_unit(const struct hf_ctl *ctl, struct hf_ctl_report *report, struct hotfix_error *err)
{
    __attribute__((cleanup(unit_cleanup))) struct unit unit = {.ctl = ctl, .report = report};
    struct hotfix_error error;

    report->list = "units";
    int status = remove_dropin(&unit, &error);
    if (status == 0) {
        hf_ctl_report_line(report, "%s starts without the agent from its next start on: systemctl daemon-reload",
                           unit.name);
        hf_ctl_report_open(report, NULL, '{');
        hf_ctl_report_text(report, "unit", unit.name);
        hf_ctl_report_close(report, '}');
    }
    audit(ctl, "disabled", status == 0 ? NULL : &error);
    if (status != 0 && err)
        *err = error;
    return status;
}
